"""Reductions over axes, positions of extremes, running sums, and what is made of them.

Records of kind "reduce" have the parameters `axis`, a sorted tuple of axes from 0, and `keepdims`. Their kernels are
in `_kernels/reduce.c`; the planner may take a full reduction into the elementwise program that makes its input.
"""

import math

import numpy as np

from fastnn.graph.dtypes import as_float, is_inexact
from fastnn.graph.value import Operators
from fastnn.ops import elementwise as ew
from fastnn.ops import logic
from fastnn.ops.elementwise import quiet
from fastnn.ops.record import Op, Spec, dtype_of, shape_of, uniform
from fastnn.plan.copying import FEWEST_COLUMNS


def normalize_axes(name: str, axis, ndim: int) -> tuple[int, ...]:
    """`axis` (None, an int or several) as a sorted tuple of axes from 0.

    Raises:
        numpy.exceptions.AxisError: for an axis that is not there; it is a ValueError.
        ValueError: for one that is named twice.
    """
    if axis is None:
        return tuple(range(ndim))
    if type(axis) is int and -ndim <= axis < ndim:
        return (axis % ndim,)
    axes = (axis,) if isinstance(axis, (int, np.integer)) else tuple(axis)
    return tuple(sorted(_checked(name, axes, ndim)))


def split_at(shape, axis) -> tuple[int, int, int]:
    """Elements before, along and behind `axis`."""
    return math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])


def normalize_axis(name: str, axis: int, ndim: int) -> int:
    """`axis` counted from 0."""
    if type(axis) is int and -ndim <= axis < ndim:
        return axis % ndim
    return _checked(name, (axis,), ndim)[0]


def _checked(name, axes, ndim) -> list[int]:
    found = [int(a) + ndim if a < 0 else int(a) for a in axes]
    if not set(found) <= set(range(ndim)):
        raise np.exceptions.AxisError(f"{name}: axis {axes} does not fit an array of {ndim} dimensions.")
    if len(set(found)) < len(found):
        raise ValueError(f"{name}: axis {axes} names one of {ndim} dimensions twice.")
    return found


def reduced_shape(shape, axis: tuple[int, ...], keepdims: bool) -> tuple[int, ...]:
    """`shape` without the axes `axis`, or with 1 in their place."""
    return tuple(1 if k in axis else size for k, size in enumerate(shape) if keepdims or k not in axis)


def _spread(dy, x, axis: tuple[int, ...]):
    """`dy`, in the shape of a reduction of `x`, back in the shape of `x` with ones at `axis`: it broadcasts."""
    return Operators.functions["reshape"](dy, reduced_shape(x.shape, axis, True))


def sum_grad(dy, y, x, axis, keepdims):
    dx = _spread(dy, x, axis) if dy.shape else dy
    return dx if dx.shape == x.shape else Operators.functions["broadcast_to"](dx, x.shape)


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


# Where reduced axes lie on both sides of a kept one, those before it are reduced first if the last make runs shorter
# than so many bytes and the others have at least so many elements: vectors then run along rows, not within short runs.
LONG_RUN, FEWEST_FIRST = 4096, 4


def _before_transpose(node):
    """A reduction of a transposed array is one of the array itself, whose result is transposed: sums and products are
    taken in the order of memory, whose blocks bound their errors alike."""
    x, y, axis = node.inputs[0], node.outputs[0], node.params["axis"]
    if x.node.op.name != "transpose":
        return None
    order = x.node.params["axes"]
    kept = [order[k] for k in range(x.ndim) if k not in axis]
    found = node.op(x.node.inputs[0], axis=tuple(sorted(order[k] for k in axis)), keepdims=False)
    turned = Operators.functions["transpose"](found, [sorted(kept).index(k) for k in kept])
    return Operators.functions["reshape"](turned, y.shape)


# What stands in the place of NaN where a reduction is of numbers alone.
STARTS = {"sum": 0.0, "max": -math.inf, "min": math.inf}


def _of_numbers(node):
    """A reduction of an array, as it is given, with its start in the place of NaN: of its numbers, by one kernel."""
    x, start = node.inputs[0], STARTS.get(node.op.name)
    if x.node.op.name != "where" or start is None or x.dtype not in ("float32", "float64"):
        return None
    condition, number, source = x.node.inputs
    if condition.node.op.name != "isnan" or condition.node.inputs[0] is not source or source.spec != x.spec:
        return None
    is_start = number.node.op.name == "constant" and number.size == 1 and number.node.params["array"] == start
    is_given = source.node.op.kind == "leaf" or source.node.op.name == "transpose"
    return OF_NUMBERS[node.op.name](source, **node.params) if is_start and is_given else None


def _simplify_reduce(node):
    """A reduction over no axis, or over axes of size 1, is a reshape; one over short runs is taken in two steps."""
    x, y = node.inputs[0], node.outputs[0]
    for rule in (_before_transpose, _of_numbers):
        if (better := rule(node)) is not None:
            return better
    if node.op.name == "sum" and y.dtype == "int32" != x.dtype and not _is_count(x, node.params["axis"]):
        return node.op(ew.cast(x, "int32"), **node.params)
    if x.dtype != y.dtype or x.size == 0:
        return None
    reshape = Operators.functions["reshape"]
    if x.size == y.size:
        return reshape(x, y.shape)
    axis = node.params["axis"]
    if len(axis) == x.ndim and x.node.op.name == "reshape":
        x = x.node.inputs[0]
        return reshape(node.op(x, axis=tuple(range(x.ndim)), keepdims=False), y.shape)
    kept = [k for k, size in enumerate(x.shape) if k not in axis and size > 1]
    first = tuple(k for k in axis if kept and k < kept[-1])
    run, before = (math.prod(x.shape[k] for k in axes) for axes in (set(axis) - set(first), first))
    if x.dtype not in _TYPES or run == 1 or before < FEWEST_FIRST or run * np.dtype(x.dtype).itemsize >= LONG_RUN:
        return None
    return reshape(node.op(node.op(x, axis=first, keepdims=True), axis=axis, keepdims=True), y.shape)


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


KERNEL_TYPES = {"float32": "f32", "float64": "f64", "int32": "i32"}
_TYPES = KERNEL_TYPES | {"int64": "i64"}  # of reductions and along an axis


def _is_count(x, axis: tuple[int, ...]) -> bool:
    """Whether the sum of `x` over `axis` counts what is true in rows, of which each lies in one piece."""
    return x.dtype == "bool" and axis == tuple(range(x.ndim - len(axis), x.ndim))


def _kernel_of_numbers(node) -> str | None:
    """The kernel for the types of `node`, of which those of truths have none."""
    x, y = node.inputs[0], node.outputs[0]
    return f"{node.op.name}_{_TYPES[x.dtype]}" if x.dtype in _TYPES and x.dtype == y.dtype else None


def _lower_reduce(node, b):
    x, y = node.inputs[0], node.outputs[0]
    name = node.op.name
    if name == "sum" and _is_count(x, node.params["axis"]):
        b.step("count", [x, y], [y.size, math.prod(x.shape[k] for k in node.params["axis"])])
        return None
    if name in ("any", "all"):
        kernel = name if x.dtype == "bool" else None
    else:
        kernel = _kernel_of_numbers(node)
    if kernel is None:
        return False
    ints = reduction_ints(x.shape, node.params["axis"])
    if x in b.windows:  # as `_reads_columns` has them
        ints = [x.shape[1], 0, 1, x.shape[0], b.windows[x][0]]
    b.step(kernel, [x, y], ints)
    return None


def _lower_along_axis(node, b):
    """argmax, argmin, cumsum, cumprod: the axis with what is outside and inside of it."""
    x = node.inputs[0]
    if x.dtype not in _TYPES:
        return False
    ints = [*split_at(x.shape, node.params["axis"]), node.params.get("reverse", False)]
    b.step(f"{node.op.name}_{_TYPES[x.dtype]}", [x, node.outputs[0]], ints)
    return None


def _reads_columns(node, strides) -> bool:
    """Whether `node` reduces the rows of a matrix, which may lie farther apart than they are long."""
    x = node.inputs[0]
    is_of_rows = x.ndim == 2 and node.params["axis"] == (0,) and _kernel_of_numbers(node) is not None
    return is_of_rows and strides[1] == 1 and strides[0] >= x.shape[1] >= FEWEST_COLUMNS and x.shape[0] > 1


def _reduction(name, reference, grad=None, dtype=lambda dtype: dtype, domain=None, simplify=_simplify_reduce) -> Op:
    return Op(
        name, kind="reduce", grad=grad, domain=domain or uniform(-3, 3), simplify=simplify, lower=_lower_reduce,
        reads_window=_reads_columns,
        shape=lambda x, axis, keepdims: Spec(reduced_shape(x.shape, axis, keepdims), dtype(x.dtype)),
        reference=quiet(lambda x, axis, keepdims: reference(x, axis=axis, keepdims=keepdims)),
    )  # fmt: skip


def _sum_dtype(dtype: str) -> str:
    """Small integers and bools are summed in 32 bits, as in Keras."""
    return {"bool": "int32", "int8": "int32", "int16": "int32", "uint8": "uint32", "uint16": "uint32"}.get(dtype, dtype)


sum_op = _reduction(
    "sum", lambda x, axis, keepdims: np.sum(x, axis, dtype=_sum_dtype(x.dtype.name), keepdims=keepdims), sum_grad,
    _sum_dtype,
)  # fmt: skip
prod_op = _reduction(
    "prod", lambda x, axis, keepdims: np.prod(x, axis, dtype=_sum_dtype(x.dtype.name), keepdims=keepdims), _prod_grad,
    _sum_dtype,
)  # fmt: skip
max_op = _reduction("max", np.max, _extreme_grad)
min_op = _reduction("min", np.min, _extreme_grad)


# The same of what is not NaN: what `_of_numbers` makes, after gradients. The result is its start where all are NaN.
OF_NUMBERS = {
    "sum": _reduction("sum_numbers", np.nansum, simplify=_before_transpose),
    "max": _reduction(
        "max_numbers",
        lambda x, axis, keepdims: np.fmax.reduce(x, axis, keepdims=keepdims, initial=-math.inf),
        simplify=_before_transpose,
    ),
    "min": _reduction(
        "min_numbers",
        lambda x, axis, keepdims: np.fmin.reduce(x, axis, keepdims=keepdims, initial=math.inf),
        simplify=_before_transpose,
    ),
}


def _simplify_logical(node):
    """Kernels see bools alone."""
    x = node.inputs[0]
    return _before_transpose(node) if x.dtype == "bool" else node.op(ew.cast(x, "bool"), **node.params)


any_op = _reduction("any", np.any, dtype=lambda dtype: "bool", simplify=_simplify_logical)
all_op = _reduction("all", np.all, dtype=lambda dtype: "bool", simplify=_simplify_logical)


def apply_reduction(op, x, axis, keepdims):
    ndim = x.ndim if type(x) is np.ndarray else len(shape_of(x))
    return op(x, axis=normalize_axes(op.name, axis, ndim), keepdims=bool(keepdims))


def _require_elements(name, x, axis):
    if type(x) is np.ndarray and x.size:
        return
    shape = shape_of(x)
    if 0 in shape and 0 in (shape[k] for k in normalize_axes(name, axis, len(shape))):
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
    return apply_reduction(sum_op, x, axis, keepdims)


def _count(x, axis) -> int:
    """Number of elements that each result of a reduction is made of."""
    shape = shape_of(x)
    return math.prod(shape[k] for k in normalize_axes("mean", axis, len(shape)))


def as_floats(x):
    """`x`, or integers as the floats that a mean of them is."""
    dtype = dtype_of(x)
    return x if is_inexact(dtype) else ew.cast(x, as_float(dtype))


def _mean_grad(dy, y, x, axis, keepdims):
    dx, count = sum_grad(dy, y, x, axis, keepdims), _count(x, axis)
    return dx if count == 1 else ew.divide(dx, float(count))


# A mean divides by a number of elements that a symbolic shape does not know: it needs a record of its own to be
# called on KerasTensors; traced, it is a sum and a division.
mean_op = Op(
    "mean",
    kind="plain",
    shape=lambda x, axis, keepdims: Spec(reduced_shape(x.shape, axis, keepdims), as_float(x.dtype)),
    reference=quiet(lambda x, axis, keepdims: np.mean(x, axis, dtype=as_float(x.dtype.name), keepdims=keepdims)),
    grad=_mean_grad,
    simplify=lambda node: ew.divide(
        sum(as_floats(node.inputs[0]), **node.params), float(_count(node.inputs[0], node.params["axis"]))
    ),
    domain=uniform(-3, 3),
)
mean_op.turns = sum_op.turns  # as reductions, it has `axis` and `keepdims`


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
    return apply_reduction(mean_op, x, axis, keepdims)


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
    return apply_reduction(prod_op, x if dtype is None else ew.cast(x, dtype), axis, keepdims)


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
        return apply_reduction(op, x, axis, keepdims)
    shape = shape_of(x)
    axes = normalize_axes(op.name, axis, len(shape))
    if 0 in (shape[k] for k in axes):
        return Operators.functions["full"](reduced_shape(shape, axes, keepdims), initial, dtype=dtype_of(x))
    return pair(apply_reduction(op, x, axis, keepdims), initial)


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
    return apply_reduction(any_op, x, axis, keepdims)


def all(x, axis=None, keepdims=False):
    """Whether no element over axes is zero.

    Example:
        >>> all(np.array([[True, True], [True, False]]), axis=1)
        array([ True, False])
    """
    return apply_reduction(all_op, x, axis, keepdims)


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


def _lower_same_argmax(node, b):
    a, c = node.inputs
    if a.dtype not in KERNEL_TYPES:
        return False
    b.step(f"same_argmax_{KERNEL_TYPES[a.dtype]}", [a, c, node.outputs[0]], [a.size // a.shape[-1], a.shape[-1], 1, 0])
    return None


# What the comparison of two argmax along the last axis becomes (see `logic.equal_op`): the accuracies' one kernel call.
same_argmax_op = Op(
    "same_argmax",
    shape=lambda a, b: Spec(a.shape[:-1], "bool"),
    reference=lambda a, b: np.argmax(a, axis=-1) == np.argmax(b, axis=-1),
    lower=_lower_same_argmax,
    domain=uniform(-3, 3),
)


def _apply_position(op, x, axis, keepdims):
    ndim = len(shape_of(x))
    _require_elements(op.name, x, axis)
    if axis is None and ndim != 1:
        index = op(Operators.functions["reshape"](x, (-1,)), axis=0, keepdims=False)
        return Operators.functions["reshape"](index, (1,) * ndim) if keepdims else index
    return op(x, axis=normalize_axis(op.name, axis or 0, ndim), keepdims=bool(keepdims))


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


def _recurrence_reference(a, b, axis, reverse):
    y, (a, b) = np.zeros_like(b), (np.moveaxis(z, axis, 0) for z in (a, b))
    steps, last = range(len(b)), 0
    for k in reversed(steps) if reverse else steps:
        last = np.moveaxis(y, axis, 0)[k] = b[k] + a[k] * last
    return y


def _beside(x, axis, reverse, value=0):
    """For each element the one before it along `axis`, or behind it with `reverse`; `value` where there is none."""
    n = x.shape[axis]
    stays, width = [slice(None)] * x.ndim, [(0, 0)] * x.ndim
    stays[axis] = slice(1, n) if reverse else slice(0, n - 1)
    width[axis] = (0, 1) if reverse else (1, 0)
    return Operators.functions["pad"](x[tuple(stays)], width, constant_values=value)


def _recurrence_grad(dy, y, a, b, axis, reverse):
    """The gradient runs back: that of y[i] is dy[i], and a[i + 1] times that of y[i + 1]."""
    db = linear_recurrence_op(_beside(a, axis, not reverse), dy, axis=axis, reverse=not reverse)
    return ew.multiply(db, _beside(y, axis, reverse)), db


def _recurrence_lower(node, b):
    if b.suffix(node.outputs[0]) is None:
        return False
    x = node.inputs[0]
    ints = [*split_at(x.shape, node.params["axis"]), node.params["reverse"]]
    b.step(f"linear_recurrence_{b.suffix(x)}", [*node.inputs, node.outputs[0]], ints)
    return None


# y[i] = b[i] + a[i] y[i - 1] along an axis, from 0; with `reverse` y[i + 1].
linear_recurrence_op = Op(
    "linear_recurrence",
    shape=lambda a, b, axis, reverse: b,
    reference=_recurrence_reference,
    grad=_recurrence_grad,
    lower=_recurrence_lower,
    domain=uniform(-1, 1),
)


def _cumprod_grad(dy, y, x, axis):
    """x[i] is in y[i], y[i + 1] = y[i] x[i + 1], ...: its gradient is y[i - 1] times r[i] = dy[i] + x[i + 1] r[i + 1].
    Nothing is divided by: y / x is not the product of the others where x is 0."""
    r = linear_recurrence_op(_beside(ew.cast(x, y.dtype), axis, True), dy, axis=axis, reverse=True)
    return ew.multiply(_beside(y, axis, False, 1), r)


cumprod_op = Op(
    "cumprod",
    shape=lambda x, axis: Spec(x.shape, _running_dtype(x.dtype)),
    reference=lambda x, axis: np.cumprod(x, axis, dtype=_running_dtype(x.dtype.name)),
    lower=_lower_along_axis,
    grad=_cumprod_grad,
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
    """The product of all elements up to each, along an axis.

    Example:
        >>> cumprod(np.array([1.0, 2.0, 3.0]))
        array([1., 2., 6.])
    """
    return _running(cumprod_op, x, axis, dtype)
