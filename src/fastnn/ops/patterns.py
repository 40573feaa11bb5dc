"""rearrange: axes named, joined and split by a pattern in the notation of einops."""

import math
import re

from fastnn.graph.symbolic import accepts_symbolic
from fastnn.ops.layout import reshape, transpose
from fastnn.ops.record import as_array, shape_of


def _groups(side: str, pattern: str) -> list[list[str]]:
    """The axes of one side of a pattern, each as the names that it joins."""
    groups = [match.strip("()").split() for match in re.findall(r"\([^()]*\)|[^\s()]+", side)]
    names = [name for group in groups for name in group]
    if not all(name.isidentifier() for name in names) or len(set(names)) < len(names):
        raise ValueError(f"rearrange: each axis of {side.strip()!r} in {pattern!r} needs a name of its own.")
    return groups


def _sizes(groups, shape, known: dict[str, int], pattern: str) -> dict[str, int]:
    """The size of each name; in each group one may be left to find out."""
    if len(groups) != len(shape):
        raise ValueError(f"rearrange: {pattern!r} names {len(groups)} axes of an array of shape {shape}.")
    sizes = {}
    for group, size in zip(groups, shape, strict=True):
        given = {name: known[name] for name in group if name in known}
        missing = [name for name in group if name not in known]
        product = math.prod(given.values())
        if len(missing) == 1 and product and size % product == 0:
            given[missing[0]] = size // product
        if len(missing) > 1 or math.prod(given.values()) != size:
            raise ValueError(f"rearrange: ({' '.join(group)}) of {pattern!r} with {known} is no axis of size {size}.")
        sizes.update(given)
    return sizes


@accepts_symbolic
def rearrange(tensor, pattern, **axes_lengths):
    """`tensor` with its axes in another order, joined and split as a pattern says.

    Args:
        tensor: array.
        pattern: such as "b (h p) c -> b c h p": a name for each axis, before and after; names in parentheses are one
            axis together.
        axes_lengths: sizes of names that the shape does not tell.

    Raises:
        ValueError: when the pattern does not fit the shape.

    Example:
        >>> rearrange(np.arange(6).reshape(2, 3), "a b -> (b a)")
        array([0, 3, 1, 4, 2, 5])
    """
    tensor = tensor if hasattr(tensor, "shape") else as_array(tensor)
    before, arrow, after = pattern.partition("->")
    if not arrow:
        raise ValueError(f"rearrange: {pattern!r} has no '->'.")
    sources, targets = _groups(before, pattern), _groups(after, pattern)
    names = [name for group in sources for name in group]
    order = [name for group in targets for name in group]
    if sorted(names) != sorted(order):
        raise ValueError(f"rearrange: both sides of {pattern!r} must have the same names.")
    sizes = _sizes(sources, shape_of(tensor), axes_lengths, pattern)
    apart = transpose(reshape(tensor, [sizes[name] for name in names]), [names.index(name) for name in order])
    return reshape(apart, [math.prod(sizes[name] for name in group) for group in targets])


__all__ = ["rearrange"]
