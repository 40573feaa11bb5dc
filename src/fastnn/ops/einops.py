"""rearrange: reshape, transpose, reshape, written as one pattern."""

import math
import re

from fastnn.graph.symbolic import accepts_symbolic
from fastnn.ops.layout import reshape, transpose
from fastnn.ops.record import shape_of


@accepts_symbolic
def rearrange(tensor, pattern, **axes_lengths):
    """`tensor` with its axes split, moved and merged as `pattern` says.

    Args:
        tensor: an array.
        pattern: names of the axes before and after, such as "b (h w) c -> b h w c": names in brackets are one axis,
            the last of them varies fastest.
        **axes_lengths: sizes of named axes; of those in one bracket, one may be left out.

    Raises:
        ValueError: when the two sides name different axes, or the sizes do not fit the shape of `tensor`.

    Reference: Rogozhnikov, "Einops: Clear and Reliable Tensor Manipulations with Einstein-like Notation" (2022).

    Example:
        >>> rearrange(np.arange(6), "(a b) -> b a", a=2)
        array([[0, 3],
               [1, 4],
               [2, 5]])
    """
    sides = pattern.split("->")
    if len(sides) != 2:
        raise ValueError(f"rearrange: `pattern` needs one '->'. Received: pattern={pattern!r}")
    before, after = (_groups(side, pattern) for side in sides)
    names = [name for group in before for name in group]
    wanted = [name for group in after for name in group]
    if sorted(names) != sorted(wanted) or len(set(names)) != len(names):
        raise ValueError(f"rearrange: both sides of {pattern!r} must name the same axes, each once.")
    if unknown := sorted(set(axes_lengths) - set(names)):
        raise ValueError(f"rearrange: {unknown} are not in pattern {pattern!r}.")
    shape = shape_of(tensor)
    if len(shape) != len(before):
        raise ValueError(f"rearrange: {pattern!r} wants {len(before)} axes, the tensor has shape {shape}.")
    sizes = {name: int(size) for name, size in axes_lengths.items()}
    for group, size in zip(before, shape, strict=True):
        _fill(group, size, sizes, pattern)
    split = reshape(tensor, tuple(sizes[name] for name in names))
    moved = transpose(split, tuple(names.index(name) for name in wanted)) if names else split
    return reshape(moved, tuple(math.prod(sizes[name] for name in group) for group in after))


def _groups(side: str, pattern: str) -> list[list[str]]:
    """The axes of one side, each a list of the names that it is made of."""
    tokens = re.findall(r"\([^()]*\)|[^\s()]+", side)
    if "".join(tokens).replace(" ", "") != side.replace(" ", ""):
        raise ValueError(f"rearrange: the brackets of {pattern!r} do not match.")
    groups = [token.strip("()").split() for token in tokens]
    for name in (name for group in groups for name in group):
        if not name.isidentifier():
            raise ValueError(f"rearrange: {name!r} in pattern {pattern!r} is not a name.")
    return groups


def _fill(group: list[str], size: int, sizes: dict[str, int], pattern: str) -> None:
    """Finds the one size of `group` that was not given, and checks the product."""
    open_names = [name for name in group if name not in sizes]
    if len(open_names) > 1:
        raise ValueError(f"rearrange: of {group} in {pattern!r} all sizes but one must be given.")
    known = math.prod(sizes[name] for name in group if name in sizes)
    if open_names:
        sizes[open_names[0]] = size // known if known else 0
    if math.prod(sizes[name] for name in group) != size:
        raise ValueError(f"rearrange: an axis of size {size} does not split into {group} of sizes {sizes}.")
