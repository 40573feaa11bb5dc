"""Where the elements of an array lie: reshape, transpose and repeat.

The records, and the functions that apply one of them. `reshape` is a view; the others (`transpose`, `broadcast_to`, and
`concatenate`, `strided_slice`, its inverse `place`, and `slice_update` of `boxes.py`) are calls of one kernel, the
strided copy of `_kernels/layout.c`. What is composed of them is in `joining.py`, new arrays are in `creation.py`,
`x[...]` in `indexing.py`, positions given by data in `gather.py`.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from fastnn.graph.row_rules import of_kept_axes
from fastnn.graph.symbolic import IndivisibleError, accepts_symbolic
from fastnn.ops import reduce
from fastnn.ops.record import Op, Spec, shape_of, uniform
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
    axes = (axis,) if isinstance(axis, (int, np.integer)) else tuple(axis)
    return reshape_op(x, newshape=_with_axes(shape_of(x), axes))


@functools.lru_cache(maxsize=256)
def _with_axes(old: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    rank = len(old) + len(axes)
    where = normalize_axes("expand_dims", axes, rank)
    rest = iter(old)
    return tuple(1 if k in where else next(rest) for k in range(rank))


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
