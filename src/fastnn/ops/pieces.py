"""Arrays put together from pieces of one: roll, and `pad` with what is near the edge. By `_kernels/layout.c`.

The pieces of an axis are a tuple of (start, step, count): `count` elements from `start` on, by steps of 1 or -1.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from fastnn.graph.symbolic import accepts_symbolic
from fastnn.graph.value import Value
from fastnn.ops.boxes import box_offset
from fastnn.ops.gather import take, take_grad_op
from fastnn.ops.layout import copy, copy_step, reshape
from fastnn.ops.record import Op, Spec, shape_of, uniform
from fastnn.ops.reduce import normalize_axis
from fastnn.plan.copying import contiguous_strides, copy_part
from fastnn.plan.function import as_one_plan

_MOST_PARTS = 64  # of a copy; with more, an axis at a time is taken


def _positions(pieces) -> np.ndarray:
    """Where the elements of an axis come from."""
    return np.concatenate([start + step * np.arange(count) for start, step, count in pieces])


def _pieces_of(index) -> tuple[tuple[int, int, int], ...]:
    """The longest runs of neighbours in `index`, up or down."""
    index = np.asarray(index, np.int64)
    steps = np.diff(index)
    ends = np.append(np.flatnonzero(np.diff(steps)) + 1, len(steps))  # of equal steps
    pieces, first = [], 0
    while first < len(index):
        step = int(steps[first]) if first < len(steps) else 1
        last = int(ends[np.searchsorted(ends, first, side="right")]) + 1 if first < len(steps) else first + 1
        if abs(step) != 1:
            step, last = 1, first + 1
        pieces.append((int(index[first]), step, last - first))
        first = last
    return tuple(pieces)


def _reference(x, pieces):
    for axis, own in enumerate(pieces):
        x = x if own is None else np.take(x, _positions(own), axis)
    return x.copy()


def _grad(dy, y, x, pieces):
    """That of a permutation is its inverse; else those of an element are added up, an axis at a time."""
    index = [None if own is None else _positions(own) for own in pieces]
    if x.shape == y.shape and all(i is None or np.unique(i).size == i.size for i in index):
        return pieces_op(dy, pieces=tuple(None if i is None else _pieces_of(np.argsort(i)) for i in index))
    for axis, i in enumerate(index):
        if i is not None:
            dy = take_grad_op(dy, i, shape=(*dy.shape[:axis], x.shape[axis], *dy.shape[axis + 1 :]), axis=axis)
    return dy


def _lower(node, b):
    x, y = node.inputs[0], node.outputs[0]
    x_strides, y_strides = contiguous_strides(x.shape), contiguous_strides(y.shape)
    axes = []
    for n, own in zip(x.shape, node.params["pieces"], strict=True):
        own = ((0, 1, n),) if own is None else own
        places = itertools.accumulate((count for _, _, count in own[:-1]), initial=0)
        axes.append([(*piece, place) for piece, place in zip(own, places, strict=True)])
    parts = []
    for chosen in itertools.product(*axes):
        starts, steps, counts, places = zip(*chosen, strict=True)
        parts.append(
            copy_part(
                0, 1, counts, y_strides, [s * step for s, step in zip(x_strides, steps, strict=True)],
                dst_offset=box_offset(places, y_strides), src_offset=box_offset(starts, x_strides),
            )
        )  # fmt: skip
    return copy_step(b, [y, x], x.dtype, parts)


# The pieces of each axis one behind the other; None for an axis that stays as it is.
pieces_op = Op(
    "pieces",
    shape=lambda x, pieces: Spec(
        tuple(n if own is None else sum(count for _, _, count in own) for n, own in zip(x.shape, pieces, strict=True)),
        x.dtype,
    ),
    reference=_reference,
    grad=_grad,
    lower=_lower,
    domain=uniform(-3, 3),
    rows=lambda node, axes, _rows: not any(node.params["pieces"][: axes[0] + 1]),
)


def take_pieces(x, index):
    """`x` with the elements at `index[axis]` along each axis; None for an axis that stays.

    Args:
        x: array.
        index: for each axis a vector of positions, known now, that are runs of neighbours; or None.
    """
    pieces = [None if own is None else _pieces_of(own) for own in index]
    if math.prod(len(own) for own in pieces if own is not None) > _MOST_PARTS:
        for axis, own in enumerate(index):
            x = x if own is None else take(x, own, axis=axis)
        return x
    return pieces_op(x, pieces=tuple(pieces)) if any(pieces) else x


@as_one_plan
@accepts_symbolic
def roll(x, shift, axis=None):
    """`x` moved along `axis` by `shift` places; what leaves at one end comes in at the other.

    Args:
        x: array.
        shift: an int, or one for each axis.
        axis: an int or several; None rolls the flattened array.

    Example:
        >>> roll(np.array([1, 2, 3]), 1)
        array([3, 1, 2])
    """
    sizes = shape_of(x)
    if axis is None:
        return reshape(roll(reshape(x, (-1,)), shift, 0), sizes)
    axes = (axis,) if isinstance(axis, (int, np.integer)) else tuple(axis)
    shifts = (shift,) * len(axes) if isinstance(shift, (int, np.integer)) else tuple(shift)
    index = [None] * len(sizes)
    for a, by in zip(axes, shifts, strict=True):
        a = normalize_axis("roll", a, len(sizes))
        if sizes[a] and by % sizes[a]:
            index[a] = np.roll(np.arange(sizes[a]) if index[a] is None else index[a], by)
    y = take_pieces(x, index)
    return copy(y) if y is x and not isinstance(x, Value) else y
