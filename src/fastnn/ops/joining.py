"""Functions composed of the records in `layout.py` and `gather.py`: stack, split, pad, tile, repeat."""

import itertools

import numpy as np

from fastnn.graph.symbolic import accepts_symbolic
from fastnn.ops.boxes import concatenate, flip, in_one_dtype, place_op, slice_axis
from fastnn.ops.gather import take
from fastnn.ops.layout import broadcast_to, copy, expand_dims, reshape, squeeze, swapaxes, transpose
from fastnn.ops.pieces import take_pieces
from fastnn.ops.record import shape_of
from fastnn.ops.reduce import normalize_axis
from fastnn.plan.function import as_one_plan, as_one_plan_of_parts, is_watched

# ---- turning ----


def rot90(array, k=1, axes=(0, 1)):
    """`array` turned by `k` quarters in the plane of two axes, from the first toward the second.

    Example:
        >>> rot90(np.array([[1, 2], [3, 4]]))
        array([[2, 4],
               [1, 3]])
    """
    rank = len(shape_of(array))
    first, second = (normalize_axis("rot90", a, rank) for a in axes)
    if first == second:
        raise ValueError(f"rot90: axes {axes} are the same.")
    k %= 4
    if k == 0:
        return copy(array)
    if k == 2:
        return flip(array, (first, second))
    turned = swapaxes(flip(array, second) if k == 1 else array, first, second)
    return turned if k == 1 else flip(turned, second)


def fliplr(x):
    """`x` in reverse order along axis 1.

    Example:
        >>> fliplr(np.array([[1, 2]]))
        array([[2, 1]])
    """
    return flip(x, 1)


def flipud(x):
    """`x` in reverse order along axis 0.

    Example:
        >>> flipud(np.array([1, 2]))
        array([2, 1])
    """
    return flip(x, 0)


# ---- joining ----


def append(x1, x2, axis=None):
    """`x2` behind `x1` along `axis`; both flattened by default.

    Example:
        >>> append(np.array([1, 2]), np.array([3]))
        array([1, 2, 3])
    """
    return concatenate([x1, x2], axis=axis)


@as_one_plan_of_parts
@accepts_symbolic
def stack(x, axis=0):
    """Arrays of one shape, side by side along a new `axis`.

    Example:
        >>> stack([np.zeros(3), np.ones(3)], axis=1).shape
        (3, 2)
    """
    xs = in_one_dtype(x)
    if len({tuple(shape_of(part)) for part in xs}) > 1:
        raise ValueError(f"stack: all arrays must have one shape, got {[tuple(shape_of(part)) for part in xs]}.")
    return concatenate([expand_dims(part, axis) for part in xs], axis=axis)


@accepts_symbolic
def vstack(xs):
    """Arrays one below another: along axis 0, vectors as rows.

    Example:
        >>> vstack([np.zeros(3), np.ones(3)]).shape
        (2, 3)
    """
    return concatenate([reshape(x, (1, -1)) if len(shape_of(x)) < 2 else x for x in xs], axis=0)


@accepts_symbolic
def hstack(xs):
    """Arrays side by side: along axis 1, vectors along axis 0.

    Example:
        >>> hstack([np.zeros(3), np.ones(1)]).shape
        (4,)
    """
    xs = [reshape(x, (1,)) if len(shape_of(x)) == 0 else x for x in xs]
    return concatenate(xs, axis=0 if len(shape_of(xs[0])) == 1 else 1)


@accepts_symbolic
def dstack(xs):
    """Arrays behind each other: along axis 2.

    Example:
        >>> dstack([np.zeros((2, 3)), np.ones((2, 3))]).shape
        (2, 3, 2)
    """

    def in_3d(x):
        sizes = shape_of(x)
        return x if len(sizes) > 2 else reshape(x, (1, -1, 1) if len(sizes) < 2 else (*sizes, 1))

    return concatenate([in_3d(x) for x in xs], axis=2)


# ---- cutting ----


def _cut(name, x, cuts, axis):
    n = shape_of(x)[axis]
    edges = [0, *(min(max(c + n if c < 0 else c, 0), n) for c in cuts), n]
    return [slice_axis(x, axis, a, max(a, b)) for a, b in itertools.pairwise(edges)]


@accepts_symbolic
def split(x, indices_or_sections, axis=0):
    """`x` cut along `axis`, a list.

    Args:
        x: array.
        indices_or_sections: how many equal parts, or the positions of the cuts.
        axis: int.

    Raises:
        ValueError: when the parts would not be equal.

    Example:
        >>> [part.shape for part in split(np.zeros((6, 2)), 3)]
        [(2, 2), (2, 2), (2, 2)]
    """
    axis = normalize_axis("split", axis, len(shape_of(x)))
    n = shape_of(x)[axis]
    if isinstance(indices_or_sections, (int, np.integer)):
        if n % indices_or_sections:
            raise ValueError(f"split: axis {axis} of shape {shape_of(x)} has no {indices_or_sections} equal parts.")
        each = n // indices_or_sections
        indices_or_sections = [each * k for k in range(1, indices_or_sections)]
    return _cut("split", x, [int(i) for i in indices_or_sections], axis)


@accepts_symbolic
def array_split(x, indices_or_sections, axis=0):
    """As `split`, but parts may differ by one element.

    Example:
        >>> [part.shape for part in array_split(np.zeros(5), 2)]
        [(3,), (2,)]
    """
    axis = normalize_axis("array_split", axis, len(shape_of(x)))
    if isinstance(indices_or_sections, (int, np.integer)):
        each, longer = divmod(shape_of(x)[axis], indices_or_sections)
        indices_or_sections = [each * k + min(k, longer) for k in range(1, indices_or_sections)]
    return _cut("array_split", x, [int(i) for i in indices_or_sections], axis)


def hsplit(x, indices_or_sections):
    """`split` along axis 1 (axis 0 of a vector).

    Example:
        >>> len(hsplit(np.zeros((2, 4)), 2))
        2
    """
    return split(x, indices_or_sections, axis=0 if len(shape_of(x)) == 1 else 1)


def vsplit(x, indices_or_sections):
    """`split` along axis 0.

    Example:
        >>> len(vsplit(np.zeros((2, 4)), 2))
        2
    """
    return split(x, indices_or_sections, axis=0)


def dsplit(x, indices_or_sections):
    """`split` along axis 2.

    Example:
        >>> len(dsplit(np.zeros((2, 3, 4)), 2))
        2
    """
    return split(x, indices_or_sections, axis=2)


@accepts_symbolic
def unstack(x, num=None, axis=0):
    """The slices of `x` along `axis`, without that axis.

    Example:
        >>> [part.shape for part in unstack(np.zeros((2, 3)))]
        [(3,), (3,)]
    """
    axis = normalize_axis("unstack", axis, len(shape_of(x)))
    n = shape_of(x)[axis]
    if num is not None and num != n:
        raise ValueError(f"unstack: axis {axis} of shape {shape_of(x)} has size {n}, not num={num}.")
    if type(x) is np.ndarray and not is_watched():
        return [x[(slice(None),) * axis + (k, ...)].copy() for k in range(n)]
    return [squeeze(slice_axis(x, axis, k, k + 1), axis) for k in range(n)]


# ---- padding and repeating ----


@accepts_symbolic
def pad(x, pad_width, mode="constant", constant_values=None):
    """`x` with elements added around it.

    Args:
        x: array.
        pad_width: `(before, after)` for each axis; one pair for all; or one int for all.
        mode: "constant", "edge", "reflect" (the edge itself is not repeated) or "symmetric" (it is).
        constant_values: what is added in mode "constant", 0 by default.

    Raises:
        ValueError: for another mode, or `constant_values` with a mode that takes none.

    Example:
        >>> pad(np.array([1, 2]), (1, 2))
        array([0, 1, 2, 0, 0])
    """
    sizes = shape_of(x)
    widths = [(int(a), int(b)) for a, b in np.broadcast_to(np.asarray(pad_width), (len(sizes), 2))]
    if mode == "constant":
        value = 0 if constant_values is None else np.asarray(constant_values).item()
        return place_op(
            x, shape=tuple(n + a + b for n, (a, b) in zip(sizes, widths, strict=True)),
            starts=tuple(a for a, _ in widths), steps=(1,) * len(sizes), value=value,
        )  # fmt: skip
    if constant_values is not None:
        raise ValueError(f"pad: `constant_values` can only be given with mode='constant'; got mode={mode!r}.")
    if mode not in ("edge", "reflect", "symmetric"):
        raise ValueError(f"pad: mode {mode!r} is none of 'constant', 'edge', 'reflect', 'symmetric'.")
    return take_pieces(
        x,
        [
            np.pad(np.arange(n), width, mode=mode) if any(width) else None
            for n, width in zip(sizes, widths, strict=True)
        ],
    )


@as_one_plan
@accepts_symbolic
def tile(x, repeats):
    """`x` repeated as a whole, `repeats` times along each axis.

    Args:
        x: array.
        repeats: an int (for the last axis), or one for each axis; missing ones, in front, are 1.

    Example:
        >>> tile(np.array([1, 2]), 2)
        array([1, 2, 1, 2])
    """
    times = [int(repeats)] if isinstance(repeats, (int, np.integer)) else [int(r) for r in repeats]
    sizes = list(shape_of(x))
    rank = max(len(times), len(sizes))
    times = [1] * (rank - len(times)) + times
    sizes = [1] * (rank - len(sizes)) + sizes
    apart = reshape(x, [n for size in sizes for n in (1, size)])
    wide = broadcast_to(apart, [n for pair in zip(times, sizes, strict=True) for n in pair])
    return reshape(wide, [t * n for t, n in zip(times, sizes, strict=True)])


@as_one_plan
@accepts_symbolic
def repeat(x, repeats, axis=None):
    """`x` with each element along `axis` repeated.

    Args:
        x: array.
        repeats: an int, or one for each element of the axis.
        axis: int; None repeats the elements of the flattened array.

    Example:
        >>> repeat(np.array([1, 2]), 2)
        array([1, 1, 2, 2])
    """
    if axis is None:
        return repeat(reshape(x, (-1,)), repeats, axis=0)
    sizes = shape_of(x)
    axis = normalize_axis("repeat", axis, len(sizes))
    counts = np.asarray(repeats)
    if counts.size != 1:
        return take(x, np.repeat(np.arange(sizes[axis]), counts), axis=axis)
    count = int(counts.reshape(()))
    wide = broadcast_to(expand_dims(x, axis + 1), (*sizes[: axis + 1], count, *sizes[axis + 1 :]))
    return reshape(wide, (*sizes[:axis], sizes[axis] * count, *sizes[axis + 1 :]))


# ---- space and depth ----


def _check_blocks(name, sizes, block_size, is_divisible):
    if not is_divisible:
        raise ValueError(f"{name}: blocks of {block_size} do not divide images of shape {sizes}.")


@accepts_symbolic
def space_to_depth(x, block_size, data_format="channels_last"):
    """Each block of `block_size` by `block_size` pixels as one pixel with their channels.

    Args:
        x: images, shape (n, h, w, c), or (n, c, h, w) when `data_format` is "channels_first".
        block_size: int that divides h and w.
        data_format: see `x`. The channels of a result are those of the block's pixels, row by row; when channels are
            first, each channel's pixels stand together.

    Raises:
        ValueError: when `block_size` does not divide the images.

    Example:
        >>> space_to_depth(np.arange(4).reshape(1, 2, 2, 1), 2)
        array([[[[0, 1, 2, 3]]]])
    """
    sizes, b = shape_of(x), block_size
    if data_format == "channels_first":
        _check_blocks("space_to_depth", sizes, b, len(sizes) == 4 and sizes[2] % b == sizes[3] % b == 0)
        n, c, h, w = sizes
        blocks = transpose(reshape(x, (n, c, h // b, b, w // b, b)), (0, 1, 3, 5, 2, 4))
        return reshape(blocks, (n, c * b * b, h // b, w // b))
    _check_blocks("space_to_depth", sizes, b, len(sizes) == 4 and sizes[1] % b == sizes[2] % b == 0)
    n, h, w, c = sizes
    blocks = transpose(reshape(x, (n, h // b, b, w // b, b, c)), (0, 1, 3, 2, 4, 5))
    return reshape(blocks, (n, h // b, w // b, b * b * c))


@accepts_symbolic
def depth_to_space(x, block_size, data_format="channels_last"):
    """The inverse of `space_to_depth`: the channels of each pixel as a block of pixels.

    Args:
        x: images, shape (n, h, w, c), or (n, c, h, w) when `data_format` is "channels_first".
        block_size: int whose square divides c.
        data_format: see `x`.

    Raises:
        ValueError: when the square of `block_size` does not divide the channels.

    Example:
        >>> depth_to_space(np.arange(4).reshape(1, 1, 1, 4), 2)[0, :, :, 0]
        array([[0, 1],
               [2, 3]])
    """
    sizes, b = shape_of(x), block_size
    if data_format == "channels_first":
        _check_blocks("depth_to_space", sizes, b, len(sizes) == 4 and sizes[1] % (b * b) == 0)
        n, c, h, w = sizes
        pixels = transpose(reshape(x, (n, c // (b * b), b, b, h, w)), (0, 1, 4, 2, 5, 3))
        return reshape(pixels, (n, c // (b * b), h * b, w * b))
    _check_blocks("depth_to_space", sizes, b, len(sizes) == 4 and sizes[-1] % (b * b) == 0)
    n, h, w, c = sizes
    pixels = transpose(reshape(x, (n, h, w, b, b, c // (b * b))), (0, 1, 3, 2, 4, 5))
    return reshape(pixels, (n, h * b, w * b, c // (b * b)))
