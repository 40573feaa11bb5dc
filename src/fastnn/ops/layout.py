"""Where the elements of an array lie: reshape, transpose, join, cut, pad and repeat.

The records, and the functions that apply one of them. `reshape` is a view; the others (`transpose`, `broadcast_to`,
`concatenate`, `strided_slice`, its inverse `place`, and `slice_update`) are calls of one kernel, the strided copy of
`_kernels/layout.c`. What is composed of them is in `joining.py`, new arrays are in `creation.py`, `x[...]` in
`indexing.py`, positions given by data in `gather.py`.
"""

from __future__ import annotations

import math

import numpy as np

from fastnn.graph.dtypes import promote
from fastnn.graph.rows import of_kept_axes
from fastnn.graph.symbolic import IndivisibleError, accepts_symbolic
from fastnn.ops import elementwise as ew
from fastnn.ops import reduce
from fastnn.ops.record import Op, Spec, as_array, dtype_of, shape_of, uniform
from fastnn.ops.reduce import normalize_axes, normalize_axis
from fastnn.plan.copying import MAX_BYTES, contiguous_strides, copy_part

# ---- calls of the copy kernel ----


def copy_step(b, buffers, dtype: str, parts) -> bool:
    """Emits a call of `copy` with the `parts` (of `copy_part`); False when one of them does not fit the kernel."""
    if any(part is None for part in parts) or np.dtype(dtype).itemsize > MAX_BYTES:
        return False
    parts = [part for part in parts if part]
    b.step("copy", buffers, [np.dtype(dtype).itemsize, len(parts), *(i for part in parts for i in part)])
    return True


def element_bits(value, dtype: str) -> int:
    """The bytes of one element of `dtype` as an integer, which is how `copy` takes what to fill with."""
    raw = np.asarray(value, dtype).tobytes()
    return int.from_bytes(raw.ljust(8, b"\0"), "little", signed=True)


# ---- the records ----


def _reshape_simplify(node):
    x, y = node.inputs[0], node.outputs[0]
    if x.shape == y.shape:
        return x
    return reshape_op(x.node.inputs[0], newshape=y.shape) if x.node.op is reshape_op else None


reshape_op = Op(
    "reshape",
    kind="view",
    shape=lambda x, newshape: Spec(newshape, x.dtype),
    reference=lambda x, newshape: x.reshape(newshape),
    grad=lambda dy, y, x, newshape: reshape_op(dy, newshape=x.shape),
    simplify=_reshape_simplify,
    domain=uniform(-3, 3),
)


def _copy_lower(node, b):
    x, y = node.inputs[0], node.outputs[0]
    return copy_step(b, [y, x], x.dtype, [copy_part(0, 1, (x.size,), (1,), (1,))])


copy_op = Op(
    "copy",
    shape=lambda x: x,
    reference=np.copy,
    grad=lambda dy, y, x: dy,
    simplify=lambda node: node.inputs[0],
    lower=_copy_lower,
    domain=uniform(-3, 3),
)


def _transpose_lower(node, b):
    x, y, axes = node.inputs[0], node.outputs[0], node.params["axes"]
    strides = contiguous_strides(x.shape)
    part = copy_part(0, 1, y.shape, contiguous_strides(y.shape), [strides[a] for a in axes])
    return copy_step(b, [y, x], x.dtype, [part])


def _transpose_simplify(node):
    """The identity; two transposes in a row; one that moves only axes of size 1, which is a reshape."""
    x, axes = node.inputs[0], node.params["axes"]
    if axes == tuple(range(x.ndim)):
        return x
    moved = [a for a in axes if x.shape[a] != 1]
    if moved == sorted(moved):
        return reshape_op(x, newshape=node.outputs[0].shape)
    if x.node.op is transpose_op:
        first = x.node.params["axes"]
        return transpose_op(x.node.inputs[0], axes=tuple(first[a] for a in axes))
    return None


def _transpose_rows(node, axes, _rows):
    return tuple(node.params["axes"])[: axes[0] + 1] == tuple(range(axes[0] + 1))


transpose_op = Op(
    "transpose",
    shape=lambda x, axes: Spec(tuple(x.shape[a] for a in axes), x.dtype),
    reference=lambda x, axes: np.ascontiguousarray(x.transpose(axes)),
    grad=lambda dy, y, x, axes: transpose_op(dy, axes=tuple(int(a) for a in np.argsort(axes))),
    lower=_transpose_lower,
    simplify=_transpose_simplify,
    domain=uniform(-3, 3),
    rows=_transpose_rows,
)


def _broadcast_shape(x, shape):
    try:
        fits = np.broadcast_shapes(x.shape, shape) == tuple(shape)
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"broadcast_to: shape {x.shape} does not broadcast to {tuple(shape)}.")
    return Spec(tuple(shape), x.dtype)


def _broadcast_grad(dy, y, x, shape):
    lead = len(shape) - x.ndim
    axes = tuple(range(lead)) + tuple(lead + k for k, n in enumerate(x.shape) if n == 1 and shape[lead + k] != 1)
    return reshape_op(reduce.sum(dy, axis=axes), newshape=x.shape) if axes else dy


def _broadcast_lower(node, b):
    x, y = node.inputs[0], node.outputs[0]
    lead = y.ndim - x.ndim
    strides = [0] * lead + [0 if n == 1 else s for n, s in zip(x.shape, contiguous_strides(x.shape), strict=True)]
    return copy_step(b, [y, x], x.dtype, [copy_part(0, 1, y.shape, contiguous_strides(y.shape), strides)])


def _broadcast_simplify(node):
    x, y = node.inputs[0], node.outputs[0]
    if x.shape == y.shape:
        return x
    return reshape_op(x, newshape=y.shape) if x.size == y.size else None


broadcast_to_op = Op(
    "broadcast_to",
    shape=_broadcast_shape,
    reference=lambda x, shape: np.broadcast_to(x, shape).copy(),
    grad=_broadcast_grad,
    lower=_broadcast_lower,
    simplify=_broadcast_simplify,
    domain=uniform(-3, 3),
    rows=of_kept_axes,
)


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
        own = contiguous_strides(x.shape)
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


def _simplify_box(node):
    """A box that is everything, in order."""
    x, y, p = node.inputs[0], node.outputs[0], node.params
    is_all = x.shape == y.shape and all(step > 0 or n <= 1 for step, n in zip(p["steps"], x.shape, strict=True))
    return x if is_all else None


# x[start : : step], `sizes` elements of it, on every axis; steps may be negative.
strided_slice_op = Op(
    "strided_slice",
    shape=_strided_slice_shape,
    reference=lambda x, starts, sizes, steps: x[_box(starts, sizes, steps)].copy(),
    grad=lambda dy, y, x, starts, sizes, steps: place_op(dy, shape=x.shape, starts=starts, steps=steps, value=0),
    lower=_strided_slice_lower,
    simplify=_simplify_box,
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


# ---- shape ----


def shape(x):
    """The shape of `x`, a tuple.

    Example:
        >>> shape(np.zeros((2, 3)))
        (2, 3)
    """
    return shape_of(x)


def ndim(x):
    """The number of dimensions of `x`.

    Example:
        >>> ndim(np.zeros((2, 3)))
        2
    """
    return len(shape_of(x))


def size(x):
    """The number of elements of `x`; None when a dimension is not known.

    Example:
        >>> size(np.zeros((2, 3)))
        6
    """
    sizes = shape_of(x)
    return None if None in sizes else math.prod(sizes)


@accepts_symbolic
def reshape(x, newshape):
    """The same elements in another shape.

    Args:
        x: array.
        newshape: an int or a tuple; one -1 stands for what is left.

    Raises:
        ValueError: when the number of elements differs.

    Example:
        >>> reshape(np.arange(6), (2, -1))
        array([[0, 1, 2],
               [3, 4, 5]])
    """
    old = shape_of(x)
    new = [int(n) for n in ((newshape,) if isinstance(newshape, (int, np.integer)) else newshape)]
    total = math.prod(old)
    known = math.prod(n for n in new if n != -1)
    if new.count(-1) == 1 and known > 0 and total % known == 0:
        new[new.index(-1)] = total // known
    elif known == 0 and new.count(-1) == 1 and total == 0:
        new[new.index(-1)] = 0
    if any(n < 0 for n in new) or math.prod(new) != total:
        message = f"reshape: shape {old} has {total} elements and does not become {tuple(newshape)}."
        if new.count(-1) == 1 and known > 0:
            raise IndivisibleError(message, known // math.gcd(known, total))
        raise ValueError(message)
    return reshape_op(x, newshape=tuple(new))


def ravel(x):
    """`x` in one dimension.

    Example:
        >>> ravel(np.zeros((2, 3))).shape
        (6,)
    """
    return reshape(x, (-1,))


@accepts_symbolic
def expand_dims(x, axis):
    """`x` with axes of size 1 added; `axis` (an int or several) counts in the result.

    Example:
        >>> expand_dims(np.zeros((2, 3)), -1).shape
        (2, 3, 1)
    """
    old = shape_of(x)
    axes = (axis,) if isinstance(axis, (int, np.integer)) else tuple(axis)
    rank = len(old) + len(axes)
    where = normalize_axes("expand_dims", axes, rank)
    rest = iter(old)
    return reshape_op(x, newshape=tuple(1 if k in where else next(rest) for k in range(rank)))


@accepts_symbolic
def squeeze(x, axis=None):
    """`x` without axes of size 1: all of them, or `axis` (an int or several).

    Raises:
        ValueError: when an axis has another size.

    Example:
        >>> squeeze(np.zeros((1, 3, 1))).shape
        (3,)
    """
    old = shape_of(x)
    if axis is None:
        gone = tuple(k for k, n in enumerate(old) if n == 1)
    else:
        gone = normalize_axes("squeeze", axis, len(old))
    for k in gone:
        if old[k] != 1:
            raise ValueError(f"squeeze: axis {k} of shape {old} has size {old[k]}, not 1.")
    return reshape_op(x, newshape=tuple(n for k, n in enumerate(old) if k not in gone))


def copy(x):
    """A copy of `x`.

    Example:
        >>> copy(np.ones(2))
        array([1., 1.])
    """
    return copy_op(x)


# ---- order of axes ----


def transpose(x, axes=None):
    """`x` with its axes in the order `axes`; reversed by default.

    Raises:
        ValueError: when `axes` is no permutation.

    Example:
        >>> transpose(np.zeros((2, 3, 4)), (0, 2, 1)).shape
        (2, 4, 3)
    """
    rank = len(shape_of(x))
    if axes is None:
        axes = tuple(range(rank))[::-1]
    else:
        axes = tuple(int(a) + rank if a < 0 else int(a) for a in axes)
    if sorted(axes) != list(range(rank)):
        raise ValueError(f"transpose: axes {axes} are no permutation of the {rank} axes of shape {shape_of(x)}.")
    return transpose_op(x, axes=axes)


def moveaxis(x, source, destination):
    """`x` with the axes `source` (an int or several) at `destination` and the others in their order.

    Example:
        >>> moveaxis(np.zeros((2, 3, 4)), 0, -1).shape
        (3, 4, 2)
    """
    rank = len(shape_of(x))

    def positions(axis):
        axes = (axis,) if isinstance(axis, (int, np.integer)) else tuple(axis)
        return [normalize_axis("moveaxis", a, rank) for a in axes]

    sources, targets = positions(source), positions(destination)
    if len(sources) != len(targets):
        raise ValueError(f"moveaxis: {len(sources)} source axes and {len(targets)} destinations.")
    order = [k for k in range(rank) if k not in sources]
    for target, k in sorted(zip(targets, sources, strict=True)):
        order.insert(target, k)
    return transpose(x, order)


def swapaxes(x, axis1, axis2):
    """`x` with two axes exchanged.

    Example:
        >>> swapaxes(np.zeros((2, 3, 4)), 0, 2).shape
        (4, 3, 2)
    """
    rank = len(shape_of(x))
    axis1, axis2 = normalize_axis("swapaxes", axis1, rank), normalize_axis("swapaxes", axis2, rank)
    order = list(range(rank))
    order[axis1], order[axis2] = axis2, axis1
    return transpose(x, order)


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


# ---- joining ----


def in_one_dtype(xs):
    """The arrays of `xs` in one dtype."""
    dtype = promote(tuple(dtype_of(x) for x in xs))
    return [ew.cast(x if hasattr(x, "shape") else as_array(x), dtype) for x in xs]


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


def broadcast_to(x, shape):
    """`x` repeated to `shape` along axes that it lacks or in which it has size 1.

    Raises:
        ValueError: when it does not broadcast.

    Example:
        >>> broadcast_to(np.array([1, 2]), (2, 2))
        array([[1, 2],
               [1, 2]])
    """
    return broadcast_to_op(x, shape=tuple(int(n) for n in shape))
