"""Reductions over axes, positions of extremes, running sums, and what is made of them.

Records of kind "reduce" have the parameters `axis`, a sorted tuple of axes from 0, and `keepdims`. Their kernels are
in `_kernels/reduce.c`; the planner may take a full reduction into the elementwise program that makes its input.
"""

import math

import numpy as np

from fastnn import config
from fastnn.graph.dtypes import as_float, is_float
from fastnn.graph.value import Operators
from fastnn.ops import elementwise as ew
from fastnn.ops import logic
from fastnn.ops.elementwise import quiet
from fastnn.ops.record import Op, Spec, dtype_of, shape_of, uniform


def normalize_axes(name: str, axis, ndim: int) -> tuple[int, ...]:
    """`axis` (None, an int or several) as a sorted tuple of axes from 0.

    Raises:
        ValueError: for an axis that is not there, or is named twice.
    """
    if axis is None:
        return tuple(range(ndim))
    axes = (axis,) if isinstance(axis, (int, np.integer)) else tuple(axis)
    return tuple(sorted(_checked(name, axes, ndim)))


def normalize_axis(name: str, axis: int, ndim: int) -> int:
    """`axis` counted from 0."""
    return _checked(name, (axis,), ndim)[0]


def _checked(name, axes, ndim) -> list[int]:
    found = [int(a) + ndim if a < 0 else int(a) for a in axes]
    if len(set(found) & set(range(ndim))) < len(found):
        raise ValueError(f"{name}: axis {axes} does not fit an array of {ndim} dimensions.")
    return found


def reduced_shape(shape, axis: tuple[int, ...], keepdims: bool) -> tuple[int, ...]:
    """`shape` without the axes `axis`, or with 1 in their place."""
    return tuple(1 if k in axis else size for k, size in enumerate(shape) if keepdims or k not in axis)


def _spread(dy, x, axis: tuple[int, ...]):
    """`dy`, in the shape of a reduction of `x`, back in the shape of `x` with ones at `axis`: it broadcasts."""
    return Operators.functions["reshape"](dy, reduced_shape(x.shape, axis, True))


def _sum_grad(dy, y, x, axis, keepdims):
    return Operators.functions["broadcast_to"](_spread(dy, x, axis), x.shape)


def _prod_grad(dy, y, x, axis, keepdims):
    """The product of the others: y / x where nothing is 0; where one element is 0, it alone has a gradient."""
    is_zero = logic.equal(x, 0)
    zeros = sum(ew.cast(is_zero, x.dtype), axis=axis, keepdims=True)
    nonzero = logic.where(is_zero, 1, x)
    others = ew.divide(prod_op(nonzero, axis=axis, keepdims=True), nonzero)
    counts = logic.equal(ew.subtract(zeros, ew.cast(is_zero, x.dtype)), 0)  # no zero among the others
    return ew.multiply(_spread(dy, x, axis), logic.where(counts, others, 0))


def _extreme_grad(dy, y, x, axis, keepdims):
    """Shared equally by those that are equal to the extreme."""
    hit = ew.cast(logic.equal(x, _spread(y, x, axis)), x.dtype)
    return ew.multiply(hit, ew.divide(_spread(dy, x, axis), sum(hit, axis=axis, keepdims=True)))


def _simplify_reduce(node):
    """A reduction over no axis, or over axes of size 1, is a reshape."""
    x, y = node.inputs[0], node.outputs[0]
    if x.dtype == y.dtype and x.size == y.size > 0:
        return Operators.functions["reshape"](x, y.shape)
    return None


def reduction_ints(shape, axis: tuple[int, ...]) -> list[int]:
    """`shape` reduced over `axis`, as the kernels of `_kernels/reduce.c` want it: neighbouring dimensions of one kind
    merged, those of size 1 left out."""
    merged: list[tuple[bool, int]] = []
    for k, size in enumerate(shape):
        if size == 1:
            continue
        if merged and merged[-1][0] == (k in axis):
            merged[-1] = (k in axis, merged[-1][1] * size)
        else:
            merged.append((k in axis, size))
    cols = merged.pop()[1] if merged and not merged[-1][0] else 1
    kept, reduced, stride = [], [], cols
    for is_reduced, size in reversed(merged):
        (reduced if is_reduced else kept).insert(0, (size, stride))
        stride *= size
    reduced = reduced or [(1, cols)]
    return [
        cols,
        len(kept),
        len(reduced),
        *(n for dims in (kept, reduced) for column in zip(*dims, strict=True) for n in column),
    ]


_KERNEL_TYPES = {"float32": "f32", "float64": "f64", "int32": "i32"}


def _lower_reduce(node, b):
    x, y = node.inputs[0], node.outputs[0]
    name = node.op.name
    if name in ("any", "all"):
        kernel = name if x.dtype == "bool" else None
    else:
        kernel = f"{name}_{_KERNEL_TYPES[x.dtype]}" if x.dtype in _KERNEL_TYPES and x.dtype == y.dtype else None
    if kernel is None:
        return False
    b.step(kernel, [x, y], reduction_ints(x.shape, node.params["axis"]))
    return None


def _lower_along_axis(node, b):
    """argmax, argmin, cumsum: the axis with what is outside and inside of it."""
    x = node.inputs[0]
    axis = node.params["axis"]
    if x.dtype not in _KERNEL_TYPES:
        return False
    ints = [math.prod(x.shape[:axis]), x.shape[axis], math.prod(x.shape[axis + 1 :]), node.params.get("reverse", False)]
    b.step(f"{node.op.name}_{_KERNEL_TYPES[x.dtype]}", [x, node.outputs[0]], ints)
    return None


def _reduction(name, reference, grad=None, dtype=lambda dtype: dtype, domain=None, simplify=_simplify_reduce) -> Op:
    return Op(
        name, kind="reduce", grad=grad, domain=domain or uniform(-3, 3), simplify=simplify, lower=_lower_reduce,
        shape=lambda x, axis, keepdims: Spec(reduced_shape(x.shape, axis, keepdims), dtype(x.dtype)),
        reference=quiet(lambda x, axis, keepdims: reference(x, axis=axis, keepdims=keepdims)),
    )  # fmt: skip


def _sum_dtype(dtype: str) -> str:
    """Small integers and bools are summed in 32 bits, as in Keras."""
    return {"bool": "int32", "int8": "int32", "int16": "int32", "uint8": "uint32", "uint16": "uint32"}.get(dtype, dtype)


sum_op = _reduction(
    "sum", lambda x, axis, keepdims: np.sum(x, axis, dtype=_sum_dtype(x.dtype.name), keepdims=keepdims), _sum_grad,
    _sum_dtype,
)  # fmt: skip
prod_op = _reduction(
    "prod", lambda x, axis, keepdims: np.prod(x, axis, dtype=_sum_dtype(x.dtype.name), keepdims=keepdims), _prod_grad,
    _sum_dtype,
)  # fmt: skip
max_op = _reduction("max", np.max, _extreme_grad)
min_op = _reduction("min", np.min, _extreme_grad)


def _simplify_logical(node):
    """Kernels see bools alone."""
    x = node.inputs[0]
    return None if x.dtype == "bool" else node.op(ew.cast(x, "bool"), **node.params)


any_op = _reduction("any", np.any, dtype=lambda dtype: "bool", simplify=_simplify_logical)
all_op = _reduction("all", np.all, dtype=lambda dtype: "bool", simplify=_simplify_logical)


def _apply(op, x, axis, keepdims):
    return op(x, axis=normalize_axes(op.name, axis, len(shape_of(x))), keepdims=bool(keepdims))


def _require_elements(name, x, axis):
    shape = shape_of(x)
    if 0 in (shape[k] for k in normalize_axes(name, axis, len(shape))):
        raise ValueError(f"{name} of nothing: `x` has shape {shape} and the reduction is over axis {axis}.")


def sum(x, axis=None, keepdims=False):
    """The sum over axes. Integers of fewer than 32 bits, and bools, are summed in 32.

    Float32 sums of contiguous data are taken in blocks, so that the error grows with the block and not with the
    number of elements; see `_kernels/reduce.c`.

    Args:
        x: array.
        axis: an axis, several, or None for all.
        keepdims: whether the axes stay, with size 1.

    Example:
        >>> sum(np.array([[1.0, 2.0], [3.0, 4.0]]), axis=0)
        array([4., 6.])
    """
    return _apply(sum_op, x, axis, keepdims)


def prod(x, axis=None, keepdims=False, dtype=None):
    """The product over axes.

    Args:
        x: array.
        axis: an axis, several, or None for all.
        keepdims: whether the axes stay, with size 1.
        dtype: of the result; by default that of `x`, or 32 bits for smaller integers.

    Example:
        >>> prod(np.array([[1.0, 2.0], [3.0, 4.0]]), axis=0)
        array([3., 8.])
    """
    return _apply(prod_op, x if dtype is None else ew.cast(x, dtype), axis, keepdims)


def max(x, axis=None, keepdims=False, initial=None):
    """The largest element over axes; NaN if there is one. Equal ones share the gradient.

    Args:
        x: array.
        axis: an axis, several, or None for all.
        keepdims: whether the axes stay, with size 1.
        initial: a number that takes part too; the result when there are no elements.

    Raises:
        ValueError: when there are no elements and no `initial`.

    Example:
        >>> max(np.array([[1.0, 2.0], [3.0, 4.0]]), axis=0)
        array([3., 4.])
    """
    return _extreme(max_op, ew.maximum, x, axis, keepdims, initial)


def min(x, axis=None, keepdims=False, initial=None):
    """The least element over axes; NaN if there is one. Arguments as of `max`.

    Example:
        >>> min(np.array([[1.0, 2.0], [3.0, 4.0]]), axis=0)
        array([1., 2.])
    """
    return _extreme(min_op, ew.minimum, x, axis, keepdims, initial)


def _extreme(op, pair, x, axis, keepdims, initial):
    if initial is None:
        _require_elements(op.name, x, axis)
        return _apply(op, x, axis, keepdims)
    shape = shape_of(x)
    axes = normalize_axes(op.name, axis, len(shape))
    if 0 in (shape[k] for k in axes):
        return Operators.functions["full"](reduced_shape(shape, axes, keepdims), initial, dtype=dtype_of(x))
    return pair(_apply(op, x, axis, keepdims), initial)


def amax(x, axis=None, keepdims=False):
    """The same as `max`.

    Example:
        >>> amax(np.array([1.0, 2.0]))
        array(2.)
    """
    return max(x, axis, keepdims)


def amin(x, axis=None, keepdims=False):
    """The same as `min`.

    Example:
        >>> amin(np.array([1.0, 2.0]))
        array(1.)
    """
    return min(x, axis, keepdims)


def any(x, axis=None, keepdims=False):
    """Whether any element over axes is not zero.

    Example:
        >>> any(np.array([[True, False], [False, False]]), axis=1)
        array([ True, False])
    """
    return _apply(any_op, x, axis, keepdims)


def all(x, axis=None, keepdims=False):
    """Whether no element over axes is zero.

    Example:
        >>> all(np.array([[True, True], [True, False]]), axis=1)
        array([ True, False])
    """
    return _apply(all_op, x, axis, keepdims)


def _count(x, axis) -> int:
    """Number of elements that each result of a reduction is made of."""
    shape = shape_of(x)
    return math.prod(shape[k] for k in normalize_axes("mean", axis, len(shape)))


def _float(x):
    dtype = dtype_of(x)
    return x if is_float(dtype) else ew.cast(x, as_float(dtype))


# A mean divides by a number of elements that a symbolic shape does not know: it needs a record of its own to be
# called on KerasTensors; traced, it is a sum and a division.
mean_op = Op(
    "mean",
    kind="plain",
    shape=lambda x, axis, keepdims: Spec(reduced_shape(x.shape, axis, keepdims), as_float(x.dtype)),
    reference=quiet(lambda x, axis, keepdims: np.mean(x, axis, dtype=as_float(x.dtype.name), keepdims=keepdims)),
    grad=lambda dy, y, x, axis, keepdims: ew.divide(_sum_grad(dy, y, x, axis, keepdims), float(_count(x, axis))),
    simplify=lambda node: ew.divide(
        sum(_float(node.inputs[0]), **node.params), float(_count(node.inputs[0], node.params["axis"]))
    ),
    domain=uniform(-3, 3),
)


def mean(x, axis=None, keepdims=False):
    """The mean over axes, a float also for integers; NaN of nothing.

    Args:
        x: array.
        axis: an axis, several, or None for all.
        keepdims: whether the axes stay, with size 1.

    Example:
        >>> mean(np.array([[1.0, 2.0], [3.0, 4.0]]), axis=0)
        array([2., 3.])
    """
    return _apply(mean_op, x, axis, keepdims)


def var(x, axis=None, keepdims=False):
    """The variance over axes, the mean of the squared distance to the mean (two passes).

    Example:
        >>> var(np.array([1.0, 2.0, 3.0, 4.0]))
        array(1.25)
    """
    return mean(ew.square(ew.subtract(_float(x), mean(x, axis, keepdims=True))), axis, keepdims)


def std(x, axis=None, keepdims=False):
    """The standard deviation over axes, `sqrt(var(x))`.

    Example:
        >>> std(np.array([1.0, 3.0]))
        array(1.)
    """
    return ew.sqrt(var(x, axis, keepdims))


def moments(x, axes, keepdims=False, synchronized=False):
    """The mean and the variance over `axes`.

    Args:
        x: array.
        axes: an axis or several.
        keepdims: whether the axes stay, with size 1.
        synchronized: only False: there is one process.

    Raises:
        NotImplementedError: for `synchronized=True`.

    Example:
        >>> moments(np.array([1.0, 3.0]), axes=0)
        (array(2.), array(1.))
    """
    if synchronized:
        raise NotImplementedError("Argument synchronized=True is not supported: fastnn runs in one process.")
    return mean(x, axes, keepdims), var(x, axes, keepdims)


def average(x, axis=None, weights=None):
    """The mean over axes, weighted when `weights` are given.

    Args:
        x: array.
        axis: an axis, several, or None for all.
        weights: array of the shape of `x`, or of its size along the one `axis`.

    Raises:
        ValueError: when the shapes do not fit.

    Example:
        >>> average(np.array([1.0, 3.0]), weights=np.array([3.0, 1.0]))
        array(1.5)
    """
    if weights is None:
        return mean(x, axis)
    shape, weights_shape = shape_of(x), shape_of(weights)
    if weights_shape != shape:
        if not isinstance(axis, int) or len(weights_shape) != 1 or weights_shape[0] != shape[axis]:
            raise ValueError(f"average: weights of shape {weights_shape} fit neither {shape} nor axis {axis} of it.")
        index = normalize_axis("average", axis, len(shape))
        weights = Operators.functions["reshape"](weights, (-1,) + (1,) * (len(shape) - index - 1))
    total = ew.multiply(_float(x), weights)
    everywhere = ew.multiply(Operators.functions["ones_like"](total), weights)
    return ew.divide(sum(total, axis), sum(everywhere, axis))


def logsumexp(x, axis=None, keepdims=False):
    """`log(sum(exp(x)))` over axes, without overflow.

    Example:
        >>> logsumexp(np.array([1000.0, 1000.0]))
        array(1000.69314718)
    """
    x = _float(x)
    largest = max(x, axis, keepdims=True)
    # Without a finite largest, x - largest would be NaN where the sum is 0 or infinite.
    offset = stop_gradient(logic.where(logic.isfinite(largest), largest, 0))
    total = ew.log(sum(ew.exp(ew.subtract(x, offset)), axis, keepdims))
    axes = normalize_axes("logsumexp", axis, len(shape_of(x)))
    return ew.add(total, offset if keepdims else Operators.functions["squeeze"](offset, axis=axes))


def count_nonzero(x, axis=None):
    """The number of elements that are not zero, int32.

    Example:
        >>> count_nonzero(np.array([1, 0, 2]))
        array(2, dtype=int32)
    """
    return sum(ew.cast(logic.not_equal(x, 0), "int32"), axis)


def ptp(x, axis=None, keepdims=False):
    """The largest minus the least element over axes.

    Example:
        >>> ptp(np.array([1.0, 4.0]))
        array(3.)
    """
    return ew.subtract(max(x, axis, keepdims), min(x, axis, keepdims))


def norm(x, ord=None, axis=None, keepdims=False):
    """The norm of a vector, or of a matrix along two axes.

    Args:
        x: array.
        ord: None (square root of the sum of squares), "fro", inf, -inf, 0 or a positive number for vectors; "fro", inf,
            -inf, 1, -1 for matrices.
        axis: one axis: vectors; two: matrices; None: all of `x`.
        keepdims: whether the axes stay, with size 1.

    Raises:
        ValueError: for another `ord`.

    Example:
        >>> norm(np.array([3.0, 4.0]))
        array(5.)
    """
    x = _float(x)
    ndim = len(shape_of(x))
    axes = tuple(range(ndim)) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
    axes = tuple(normalize_axis("norm", a, ndim) for a in axes)
    if ord is None or (ord == "fro" and len(axes) == 2) or (ord == 2 and len(axes) == 1):
        return ew.sqrt(sum(ew.square(x), axes, keepdims))
    size = ew.absolute(x)
    if len(axes) == 1:
        return _vector_norm(size, ord, axes, keepdims)
    if len(axes) == 2 and ord in (1, -1, np.inf, -np.inf):
        along, across = axes if ord in (1, -1) else axes[::-1]
        totals = sum(size, along, keepdims=True)
        largest = (max if ord > 0 else min)(totals, across, keepdims=True)
        return largest if keepdims else Operators.functions["squeeze"](largest, axis=axes)
    raise ValueError(f"norm: `ord` {ord!r} is not known for {len(axes)} axes.")


def _vector_norm(size, ord, axes, keepdims):
    if ord == np.inf:
        return max(size, axes, keepdims)
    if ord == -np.inf:
        return min(size, axes, keepdims)
    if ord == 0:
        return sum(ew.cast(logic.not_equal(size, 0), dtype_of(size)), axes, keepdims)
    if isinstance(ord, str):
        raise ValueError(f"norm: `ord` {ord!r} is not known for vectors.")
    return ew.power(sum(ew.power(size, ord), axes, keepdims), 1 / ord)


# ---- positions of extremes ----


def _position(name, reference) -> Op:
    return Op(
        name,
        shape=lambda x, axis, keepdims: Spec(reduced_shape(x.shape, (axis,), keepdims), "int32"),
        reference=lambda x, axis, keepdims: reference(x, axis=axis, keepdims=keepdims).astype("int32"),
        lower=_lower_along_axis,
        domain=uniform(-3, 3),
    )


argmax_op = _position("argmax", np.argmax)
argmin_op = _position("argmin", np.argmin)


def _apply_position(op, x, axis, keepdims):
    ndim = len(shape_of(x))
    _require_elements(op.name, x, axis)
    if axis is None:
        index = op(Operators.functions["reshape"](x, (-1,)), axis=0, keepdims=False)
        return Operators.functions["reshape"](index, (1,) * ndim) if keepdims else index
    return op(x, axis=normalize_axis(op.name, axis, ndim), keepdims=bool(keepdims))


def argmax(x, axis=None, keepdims=False):
    """The index of the largest element along an axis, int32: the first of equals, or the first NaN.

    Args:
        x: array.
        axis: an axis; None looks at `x` as one long row.
        keepdims: whether the axis stays, with size 1.

    Example:
        >>> argmax(np.array([[1.0, 5.0], [3.0, 2.0]]), axis=1)
        array([1, 0], dtype=int32)
    """
    return _apply_position(argmax_op, x, axis, keepdims)


def argmin(x, axis=None, keepdims=False):
    """The index of the least element along an axis, int32: the first of equals, or the first NaN.

    Example:
        >>> argmin(np.array([[1.0, 5.0], [3.0, 2.0]]), axis=1)
        array([0, 1], dtype=int32)
    """
    return _apply_position(argmin_op, x, axis, keepdims)


# ---- running sums and products ----


def _running_dtype(dtype: str) -> str:
    """Unlike a sum, a running sum keeps small integers, as in Keras."""
    return "int32" if dtype == "bool" else dtype


def _reference_cumsum(x, axis, reverse):
    if reverse:
        return np.flip(np.cumsum(np.flip(x, axis), axis, dtype=_running_dtype(x.dtype.name)), axis)
    return np.cumsum(x, axis, dtype=_running_dtype(x.dtype.name))


cumsum_op = Op(
    "cumsum",
    shape=lambda x, axis, reverse: Spec(x.shape, _running_dtype(x.dtype)),
    reference=_reference_cumsum,
    lower=_lower_along_axis,
    grad=lambda dy, y, x, axis, reverse: cumsum_op(dy, axis=axis, reverse=not reverse),
    domain=uniform(-3, 3),
)
# The gradient divides by x: it is not finite where x is 0.
cumprod_op = Op(
    "cumprod",
    shape=lambda x, axis: Spec(x.shape, _running_dtype(x.dtype)),
    reference=lambda x, axis: np.cumprod(x, axis, dtype=_running_dtype(x.dtype.name)),
    grad=lambda dy, y, x, axis: ew.divide(cumsum_op(ew.multiply(dy, y), axis=axis, reverse=True), x),
    domain=uniform(0.5, 2),
)


def _running(op, x, axis, dtype, **params):
    if dtype is not None:
        x = ew.cast(x, dtype)
    if axis is None:
        x, axis = Operators.functions["reshape"](x, (-1,)), 0
    return op(x, axis=normalize_axis(op.name, axis, len(shape_of(x))), **params)


def cumsum(x, axis=None, dtype=None):
    """The sum of all elements up to each, along an axis.

    Args:
        x: array.
        axis: an axis; None makes `x` one long row first.
        dtype: of the result; by default that of `x`, int32 for bools.

    Example:
        >>> cumsum(np.array([1.0, 2.0, 3.0]))
        array([1., 3., 6.])
    """
    return _running(cumsum_op, x, axis, dtype, reverse=False)


def cumprod(x, axis=None, dtype=None):
    """The product of all elements up to each, along an axis. Its gradient is not finite where `x` is 0.

    Example:
        >>> cumprod(np.array([1.0, 2.0, 3.0]))
        array([1., 2., 6.])
    """
    return _running(cumprod_op, x, axis, dtype)


# ---- order statistics, by the reference alone ----


def _quantile_shape(x, q, axis, keepdims, method):
    return Spec(q.shape + reduced_shape(x.shape, axis, keepdims), as_float(x.dtype))


quantile_op = Op(
    "quantile",
    shape=_quantile_shape,
    reference=lambda x, q, axis, keepdims, method: np.quantile(
        x.astype(np.float64), q, axis, keepdims=keepdims, method=method
    ),
    domain=uniform(0, 1),
)


def quantile(x, q, axis=None, method="linear", keepdims=False):
    """Quantiles over axes. It has no gradient.

    Args:
        x: array.
        q: number or vector of numbers in [0, 1]; a vector adds a first axis to the result.
        axis: an axis, several, or None for all.
        method: between two elements: "linear", "lower", "higher", "midpoint" or "nearest".
        keepdims: whether the axes stay, with size 1.

    Example:
        >>> quantile(np.array([0.0, 1.0, 2.0]), 0.25)
        array(0.5)
    """
    axes = normalize_axes("quantile", axis, len(shape_of(x)))
    return quantile_op(x, ew.cast(np.asarray(q), config.floatx()), axis=axes, keepdims=bool(keepdims), method=method)


def median(x, axis=None, keepdims=False):
    """The median over axes. It has no gradient.

    Example:
        >>> median(np.array([3.0, 1.0, 2.0]))
        array(2.)
    """
    return quantile(x, 0.5, axis, keepdims=keepdims)


# ---- a stop for gradients ----

stop_gradient_op = Op(
    "stop_gradient", kind="view", shape=lambda x: x, reference=lambda x: x, simplify=lambda node: node.inputs[0],
    domain=uniform(-3, 3),
)  # fmt: skip


def stop_gradient(variable):
    """`variable`, as a constant for differentiation.

    Example:
        >>> stop_gradient(np.array([1.0]))
        array([1.])
    """
    return stop_gradient_op(variable)


__all__ = [
    "all", "amax", "amin", "any", "argmax", "argmin", "average", "count_nonzero", "cumprod", "cumsum", "logsumexp",
    "max", "mean", "median", "min", "moments", "norm", "prod", "ptp", "quantile", "std", "stop_gradient", "sum", "var",
]  # fmt: skip
