"""`x[...]` and the boxes of Keras: getitem, slice, slice_update."""

from __future__ import annotations

import builtins
import functools

import numpy as np

from fastnn.graph.symbolic import accepts_symbolic
from fastnn.graph.value import Value
from fastnn.ops import elementwise as ew
from fastnn.ops import logic
from fastnn.ops.boxes import slice_update_op, strided_slice_op
from fastnn.ops.gather import take, take_op
from fastnn.ops.layout import contiguous_strides, reshape_op, transpose_op
from fastnn.ops.record import as_array, as_operand, dtype_of, shape_of


@accepts_symbolic
def getitem(x, key):
    """`x[key]`: ints, slices, None, Ellipsis, and arrays of integers, as in NumPy.

    A mask, whose result has no static shape, is possible only on arrays, outside compiled functions.

    Raises:
        IndexError: when an int is out of bounds or there are too many.

    Example:
        >>> getitem(np.array([[1, 2], [3, 4]]), np.s_[:, 1])
        array([2, 4])
    """
    static = _static_keys(key if isinstance(key, tuple) else (key,))
    if static is not None:
        return _boxed(x, *_box_of(shape_of(x), static))
    keys = list(key) if isinstance(key, tuple) else [key]
    keys = [as_array(k) if isinstance(k, (list, np.generic)) and not isinstance(k, np.integer) else k for k in keys]
    if any(_is_mask(k) for k in keys):
        if isinstance(x, Value) or any(isinstance(k, Value) for k in keys):
            raise TypeError(
                "A mask as an index gives a shape that depends on the numbers; inside a compiled function use "
                "fastnn.ops.where instead."
            )
        return as_array(x)[tuple(as_array(k) if _is_mask(k) else k for k in keys)]
    keys = _expanded(keys, shape_of(x))
    box, sizes, keys = _cut(keys, shape_of(x))
    if all(k is None or isinstance(k, (int, builtins.slice)) for k in keys):
        return _boxed(x, box, _kept_shape(keys, sizes))
    return _gathered(_boxed(x, box), keys)


def _static_keys(keys: tuple) -> tuple | None:
    """Ints, slices, None and Ellipsis as what can be hashed; None where there are others."""
    static = []
    for key in keys:
        if isinstance(key, builtins.slice):
            key = (key.start, key.stop, key.step)
            if not {*map(type, key)} <= {int, type(None)}:
                return None
        elif isinstance(key, np.integer):
            key = int(key)
        elif type(key) is not int and key is not None and key is not Ellipsis:
            return None
        static.append(key)
    return tuple(static)


@functools.lru_cache(maxsize=1024)
def _box_of(sizes: tuple[int, ...], static: tuple) -> tuple[dict | None, tuple[int, ...]]:
    """What `_boxed` makes of an array of `sizes`."""
    keys = [builtins.slice(*key) if type(key) is tuple else key for key in static]
    box, sizes, keys = _cut(_expanded(keys, sizes), sizes)
    return box, _kept_shape(keys, sizes)


def _boxed(x, box: dict | None, shape: tuple[int, ...] | None = None):
    """A box of `x`, reshaped to `shape`."""
    if box is not None:
        x = strided_slice_op(x, **box)
    return x if shape is None or shape == shape_of(x) else reshape_op(x, newshape=shape)


def _is_mask(key) -> bool:
    return isinstance(key, bool) or (hasattr(key, "dtype") and dtype_of(key) == "bool")


def _expanded(keys: list, sizes) -> list:
    """The keys with Ellipsis written out, so that each axis of `sizes` has one; None stays between them."""
    used = sum(k is not None and k is not Ellipsis for k in keys)
    dots = [i for i, k in enumerate(keys) if k is Ellipsis]
    if used > len(sizes) or len(dots) > 1:
        raise IndexError(
            f"{used} indices {'and more than one Ellipsis ' * (len(dots) > 1)}for an array of shape {sizes}."
        )
    rest = [builtins.slice(None)] * (len(sizes) - used)
    return [*keys[: dots[0]], *rest, *keys[dots[0] + 1 :]] if dots else [*keys, *rest]


def _cut(keys: list, sizes: tuple[int, ...]):
    """The box that slices and ints leave of an array of `sizes`, as parameters of `strided_slice_op`, its sizes, and
    the keys into it: ints become 0 and slices run over all that is left. None for the whole as it is."""
    starts, lengths, steps, left = [], [], [], []
    axis = 0
    for key in keys:
        if key is None:
            left.append(None)
            continue
        n = sizes[axis]
        if isinstance(key, builtins.slice):
            start, stop, step = key.indices(n)
            count = len(range(start, stop, step))
            starts.append(start if count else 0)
            lengths.append(count)
            steps.append(step if count else 1)
            left.append(builtins.slice(None))
        elif isinstance(key, (int, np.integer)):
            if not -n <= key < n:
                raise IndexError(f"index {key} is out of bounds for axis {axis} of shape {sizes}.")
            starts.append(int(key) % n)
            lengths.append(1)
            steps.append(1)
            left.append(0)
        else:
            starts.append(0)
            lengths.append(n)
            steps.append(1)
            left.append(key)
        axis += 1
    is_whole = not any(
        s or n != size or step < 0 for s, n, step, size in zip(starts, lengths, steps, sizes, strict=True)
    )
    box = None if is_whole else {"starts": tuple(starts), "sizes": tuple(lengths), "steps": tuple(steps)}
    return box, tuple(lengths), left


def _kept_shape(keys: list, sizes: tuple[int, ...]) -> tuple[int, ...]:
    """`sizes` without the axes of ints and with those of None."""
    rest = iter(sizes)
    shape = []
    for key in keys:
        if key is None:
            shape.append(1)
        elif isinstance(key, builtins.slice):
            shape.append(next(rest))
        else:
            next(rest)
    return tuple(shape)


def _gathered(x, keys: list):
    """Integer arrays: the axes they index are brought together and taken as one, by the position in C order."""
    # As in NumPy an int beside an array is an array; its axis has been cut to size 1 and adds nothing to the position.
    slots = [i for i, k in enumerate(keys) if k is not None and not isinstance(k, builtins.slice)]
    is_together = all(
        keys[i] is not None and not isinstance(keys[i], builtins.slice) for i in range(slots[0], slots[-1])
    )
    axes = [sum(k is not None for k in keys[:i]) for i in slots]
    sizes = shape_of(x)
    rest = [a for a in range(len(sizes)) if a not in axes]
    x = transpose_op(x, axes=(*axes, *rest)) if axes != list(range(len(axes))) else x
    indexed = tuple(sizes[a] for a in axes)
    index = _position([keys[i] for i in slots], indexed)
    x = reshape_op(x, newshape=(int(np.prod(indexed)), *(sizes[a] for a in rest)))
    x = take_op(x, index, axis=0)
    ndim = len(shape_of(index))
    before = sum(1 for k in keys[: slots[0]] if k is not None) if is_together else 0
    order = [*range(ndim, ndim + before), *range(ndim), *range(ndim + before, len(shape_of(x)))]
    if order != list(range(len(order))):
        x = transpose_op(x, axes=tuple(order))
    stay = [i for i in range(len(keys)) if i not in slots]
    at = sum(i < slots[0] for i in stay) if is_together else 0
    placed = [keys[i] for i in stay[:at]] + [builtins.slice(None)] * ndim + [keys[i] for i in stay[at:]]
    return _boxed(x, None, _kept_shape(placed, shape_of(x)))


def _position(indices: list, sizes):
    """One array of positions, in C order in an array of shape `sizes`, from an array of indices for each axis."""
    strides = contiguous_strides(sizes)
    axes = [(k, n, stride) for k, n, stride in zip(indices, sizes, strides, strict=True) if not isinstance(k, int)]
    if len(axes) == 1:
        return axes[0][0]
    total = None
    for index, n, stride in axes:
        counted = ew.multiply(logic.where(logic.less(index, 0), ew.add(index, n), index), stride)
        total = counted if total is None else ew.add(total, counted)
    return total


def get_item(x, key):
    """`x[key]`; see `getitem`.

    Example:
        >>> get_item(np.array([1, 2, 3]), 1)
        array(2)
    """
    if isinstance(key, list) and any(k is None or k is Ellipsis or isinstance(k, builtins.slice) for k in key):
        key = tuple(key)  # as Keras's files write it
    return getitem(x, key)


@accepts_symbolic
def slice(inputs, start_indices, shape):
    """The box of `shape` that starts at `start_indices`.

    Args:
        inputs: array.
        start_indices: a number for each axis; they may be traced values.
        shape: a size for each axis; -1 is what is left.

    Raises:
        ValueError: when the box does not lie inside.

    Example:
        >>> slice(np.array([[1, 2], [3, 4]]), (0, 1), (2, 1))
        array([[2],
               [4]])
    """
    sizes = shape_of(inputs)
    starts = _starts(start_indices, len(sizes))
    if not len(starts) == len(shape) == len(sizes):
        raise ValueError(
            f"slice: `start_indices` and `shape` need {len(sizes)} numbers, got {len(starts)}, {len(shape)}."
        )
    if any(isinstance(s, Value) for s in starts):
        for axis, (start, count) in enumerate(zip(starts, shape, strict=True)):
            inputs = take(inputs, ew.add(np.arange(count, dtype=np.int32), start), axis=axis)
        return inputs
    lengths = tuple(n - s if count == -1 else int(count) for n, s, count in zip(sizes, starts, shape, strict=True))
    return strided_slice_op(inputs, starts=starts, sizes=lengths, steps=(1,) * len(sizes))


def _starts(start_indices, ndim: int) -> tuple:
    if isinstance(start_indices, Value):
        return tuple(getitem(start_indices, k) for k in range(ndim))
    return tuple(s if isinstance(s, Value) else int(s) for s in start_indices)


@accepts_symbolic
def slice_update(inputs, start_indices, updates):
    """`inputs` with the box that starts at `start_indices` replaced by `updates`.

    Raises:
        ValueError: when the box does not lie inside.

    Example:
        >>> slice_update(np.zeros(3), (1,), np.ones(2))
        array([0., 1., 1.])
    """
    starts = _starts(start_indices, len(shape_of(inputs)))
    updates = ew.cast(as_operand(updates), dtype_of(inputs))
    if any(isinstance(s, Value) for s in starts):
        return _updated_at(inputs, starts, updates)
    return slice_update_op(inputs, updates, starts=starts, steps=(1,) * len(starts))


def _updated_at(inputs, starts, updates):
    """`inputs` with `updates` where each position, less the traced start, lies in them; a box that would stand out is
    moved inside."""
    is_inside = True
    sizes, counts = shape_of(inputs), shape_of(updates)
    for axis, (start, n, count) in enumerate(zip(starts, sizes, counts, strict=True)):
        first = ew.clip(start if isinstance(start, Value) else np.int32(start), 0, n - count)
        place = ew.subtract(np.arange(n, dtype=np.int32), first)
        updates = take(updates, ew.clip(place, 0, count - 1), axis=axis)
        inside = logic.logical_and(logic.greater_equal(place, 0), logic.less(place, count))
        along = [1] * len(sizes)
        along[axis] = n
        is_inside = logic.logical_and(reshape_op(inside, newshape=tuple(along)), is_inside)
    return logic.where(is_inside, updates, inputs)
