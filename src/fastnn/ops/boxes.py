"""Boxes of an array: several joined, one cut out, one in an array of a single value, one replaced.

Calls of the strided copy, as those of `layout.py`; a step may be negative, so that `flip` is one.
"""

from __future__ import annotations

import numpy as np

from fastnn.graph.dtypes import promote
from fastnn.graph.row_rules import of_kept_axes
from fastnn.graph.symbolic import accepts_symbolic
from fastnn.ops import elementwise as ew
from fastnn.ops.layout import copy_step, reshape
from fastnn.ops.record import Op, Spec, as_operand, dtype_of, shape_of, uniform
from fastnn.ops.reduce import normalize_axes, normalize_axis
from fastnn.plan.copying import contiguous_strides, copy_part, is_window


def element_bits(value, dtype: str) -> int:
    """The bytes of one element of `dtype` as an integer, which is how `copy` takes what to fill with."""
    raw = np.asarray(value, dtype).tobytes()
    return int.from_bytes(raw.ljust(8, b"\0"), "little", signed=True)


def _concatenate_shape(*xs, axis):
    first = xs[0]
    for x in xs[1:]:
        if len(x.shape) != len(first.shape) or any(
            a != b for k, (a, b) in enumerate(zip(x.shape, first.shape, strict=True)) if k != axis
        ):
            raise ValueError(
                f"concatenate: shapes {', '.join(str(x.shape) for x in xs)} differ on another axis than {axis}."
            )
    sizes = list(first.shape)
    sizes[axis] = sum(x.shape[axis] for x in xs)
    return Spec(tuple(sizes), first.dtype)


def _concatenate_grad(dy, y, *xs, axis):
    parts, start = [], 0
    for x in xs:
        parts.append(slice_axis(dy, axis, start, start + x.shape[axis]))
        start += x.shape[axis]
    return tuple(parts)


def _concatenate_lower(node, b):
    y, axis = node.outputs[0], node.params["axis"]
    buffer_of = {x: k for k, x in enumerate(dict.fromkeys(node.inputs), start=1)}
    strides = contiguous_strides(y.shape)
    parts, start = [], 0
    for x in node.inputs:
        own = b.windows.get(x) or contiguous_strides(x.shape)
        parts.append(copy_part(0, buffer_of[x], x.shape, strides, own, dst_offset=start * strides[axis]))
        start += x.shape[axis]
    return copy_step(b, [y, *buffer_of], y.dtype, parts)


def _concatenate_rows(node, axes, _rows):
    return None not in axes and len(set(axes)) == 1 and axes[0] < node.params["axis"]


concatenate_op = Op(
    "concatenate",
    shape=_concatenate_shape,
    reference=lambda *xs, axis: np.concatenate(xs, axis),
    grad=_concatenate_grad,
    lower=_concatenate_lower,
    simplify=lambda node: node.inputs[0] if len(node.inputs) == 1 else None,
    joins_windows=True,
    domain=uniform(-3, 3),
    rows=_concatenate_rows,
)


def _box(starts, sizes, steps) -> tuple[slice, ...]:
    """The slices of the box that starts at `starts` and has `sizes` elements `steps` apart (negative: backwards)."""

    def one(start, size, step):
        stop = start + size * step
        return slice(start, None if stop < 0 else stop, step) if size else slice(0, 0)

    return tuple(one(*axis) for axis in zip(starts, sizes, steps, strict=True))


def box_offset(starts, strides) -> int:
    return sum(start * stride for start, stride in zip(starts, strides, strict=True))


def _strided_slice_shape(x, starts, sizes, steps):
    for axis, (n, start, size, step) in enumerate(zip(x.shape, starts, sizes, steps, strict=True)):
        last = start + (size - 1) * step
        if size < 0 or (size and not (0 <= start < n and 0 <= last < n)):
            raise ValueError(
                f"slice: {size} elements from {start} by steps of {step} do not lie in axis {axis} of shape {x.shape}."
            )
    return Spec(tuple(sizes), x.dtype)


def _strided_slice_lower(node, b):
    x, y, p = node.inputs[0], node.outputs[0], node.params
    strides = contiguous_strides(x.shape)
    part = copy_part(
        0, 1, y.shape, contiguous_strides(y.shape), [s * step for s, step in zip(strides, p["steps"], strict=True)],
        src_offset=box_offset(p["starts"], strides),
    )  # fmt: skip
    return copy_step(b, [y, x], x.dtype, [part])


def _strided_slice_window(node):
    x, y, p = node.inputs[0], node.outputs[0], node.params
    strides = contiguous_strides(x.shape)
    steps = [s * step for s, step in zip(strides, p["steps"], strict=True)]
    return (box_offset(p["starts"], strides), steps) if is_window(y.shape, steps) else None


def _simplify_box(node):
    """A box that is everything, in order; one of a box."""
    x, y, p = node.inputs[0], node.outputs[0], node.params
    if x.shape == y.shape and all(step > 0 or n <= 1 for step, n in zip(p["steps"], x.shape, strict=True)):
        return x
    if node.op is not strided_slice_op or x.node.op is not strided_slice_op or not y.size:
        return None
    first, steps = x.node.params, x.node.params["steps"]
    starts = [a + step * b for a, step, b in zip(first["starts"], steps, p["starts"], strict=True)]
    steps = [a * b for a, b in zip(steps, p["steps"], strict=True)]
    return strided_slice_op(x.node.inputs[0], starts=tuple(starts), sizes=p["sizes"], steps=tuple(steps))


# x[start : : step], `sizes` elements of it, on every axis; steps may be negative.
strided_slice_op = Op(
    "strided_slice",
    shape=_strided_slice_shape,
    reference=lambda x, starts, sizes, steps: x[_box(starts, sizes, steps)].copy(),
    grad=lambda dy, y, x, starts, sizes, steps: place_op(dy, shape=x.shape, starts=starts, steps=steps, value=0),
    lower=_strided_slice_lower,
    simplify=_simplify_box,
    window=_strided_slice_window,
    domain=uniform(-3, 3),
    rows=of_kept_axes,
)


def slice_axis(x, axis: int, start: int, stop: int):
    """`x[start:stop]` along one axis, within bounds."""
    sizes = shape_of(x)
    starts = tuple(start if k == axis else 0 for k in range(len(sizes)))
    return strided_slice_op(
        x, starts=starts, sizes=(*sizes[:axis], stop - start, *sizes[axis + 1 :]), steps=(1,) * len(sizes)
    )


def _place_reference(x, shape, starts, steps, value):
    y = np.full(shape, value, x.dtype)
    y[_box(starts, x.shape, steps)] = x
    return y


def _place_grad(dy, y, x, shape, starts, steps, value):
    return strided_slice_op(dy, starts=starts, sizes=x.shape, steps=steps)


def _place_lower(node, b):
    """The box itself, and what surrounds it: two boxes an axis, or with gaps the whole output in a call before."""
    x, y, p = node.inputs[0], node.outputs[0], node.params
    strides = contiguous_strides(y.shape)
    bits = element_bits(p["value"], x.dtype)
    box_strides = [s * step for s, step in zip(strides, p["steps"], strict=True)]
    box = copy_part(
        0, 1, x.shape, box_strides, contiguous_strides(x.shape), dst_offset=box_offset(p["starts"], strides)
    )  # fmt: skip
    is_dense = x.size and all(step == 1 or n == 1 for step, n in zip(p["steps"], x.shape, strict=True))
    if not is_dense:
        everything = copy_part(0, -1, y.shape, strides, [0] * y.ndim, src_offset=bits)
        if box is None or everything is None:
            return False
        copy_step(b, [y], x.dtype, [everything])
        if box:
            copy_step(b, [y, x], x.dtype, [box])
        return True
    parts = [box]
    low, high = [0] * y.ndim, list(y.shape)  # the box whose filling is left to do
    for axis in range(y.ndim):
        start, stop = p["starts"][axis], p["starts"][axis] + x.shape[axis]
        for first, last in ((low[axis], start), (stop, high[axis])):
            sizes = [h - lo for lo, h in zip(low, high, strict=True)]
            sizes[axis] = last - first
            corner = [*low[:axis], first, *low[axis + 1 :]]
            parts.append(
                copy_part(0, -1, sizes, strides, [0] * y.ndim, dst_offset=box_offset(corner, strides), src_offset=bits)
            )
        low[axis], high[axis] = start, stop
    return copy_step(b, [y, x], x.dtype, parts)


# An array of `shape` that is `value` everywhere but in a box, where it is `x`.
place_op = Op(
    "place",
    shape=lambda x, shape, starts, steps, value: Spec(tuple(shape), x.dtype),
    reference=_place_reference,
    grad=_place_grad,
    lower=_place_lower,
    simplify=_simplify_box,
    domain=uniform(-3, 3),
    rows=of_kept_axes,
)


def _slice_update_reference(x, updates, starts, steps):
    y = x.copy()
    y[_box(starts, updates.shape, steps)] = updates
    return y


def _slice_update_shape(x, updates, starts, steps):
    _strided_slice_shape(x, starts, updates.shape, steps)
    return x


def _slice_update_grad(dy, y, x, updates, starts, steps):
    dx = slice_update_op(dy, np.zeros(updates.shape, dy.dtype), starts=starts, steps=steps)
    return dx, strided_slice_op(dy, starts=starts, sizes=updates.shape, steps=steps)


def _slice_update_lower(node, b):
    x, updates, y, p = *node.inputs, node.outputs[0], node.params
    strides = contiguous_strides(x.shape)
    box = copy_part(
        0, 1, updates.shape, [s * step for s, step in zip(strides, p["steps"], strict=True)],
        contiguous_strides(updates.shape), dst_offset=box_offset(p["starts"], strides),
    )  # fmt: skip
    if box is None:
        return False
    copy_step(b, [y, x], x.dtype, [copy_part(0, 1, (x.size,), (1,), (1,))])
    if box:
        copy_step(b, [y, updates], x.dtype, [box])
    return True


# x with a box of it replaced.
slice_update_op = Op(
    "slice_update",
    shape=_slice_update_shape,
    reference=_slice_update_reference,
    grad=_slice_update_grad,
    lower=_slice_update_lower,
    domain=uniform(-3, 3),
)


@accepts_symbolic
def flip(x, axis=None):
    """`x` in reverse order along `axis` (an int or several), or along all.

    Example:
        >>> flip(np.array([1, 2, 3]))
        array([3, 2, 1])
    """
    sizes = shape_of(x)
    axes = normalize_axes("flip", axis, len(sizes))
    starts = tuple(max(n - 1, 0) if k in axes else 0 for k, n in enumerate(sizes))
    steps = tuple(-1 if k in axes else 1 for k in range(len(sizes)))
    return strided_slice_op(x, starts=starts, sizes=sizes, steps=steps)


def in_one_dtype(xs):
    """The arrays of `xs` in one dtype."""
    if {*map(type, xs)} == {np.ndarray} and len({x.dtype for x in xs}) == 1:
        return xs
    dtype = promote(tuple(dtype_of(x) for x in xs))
    return [ew.cast(as_operand(x), dtype) for x in xs]


@accepts_symbolic
def concatenate(xs, axis=0):
    """The arrays `xs` one after another along `axis` (None: flattened).

    Raises:
        ValueError: when the shapes differ on another axis.

    Example:
        >>> concatenate([np.zeros((2, 3)), np.ones((2, 1))], axis=1)
        array([[0., 0., 0., 1.],
               [0., 0., 0., 1.]])
    """
    xs = in_one_dtype(xs)
    if axis is None:
        xs, axis = [reshape(x, (-1,)) for x in xs], 0
    return concatenate_op(*xs, axis=normalize_axis("concatenate", axis, len(shape_of(xs[0]))))
