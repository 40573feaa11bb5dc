"""Elements at positions that are data: take, scatter, segments, one-hot.

`take` and its gradient, a scatter-add of rows, have kernels in `_kernels/gather.c`. An index may count from the end
(-1 is the last); one that lies outside raises IndexError, also from inside a compiled step.
"""

import math

import numpy as np

from fastnn import _kernels, config
from fastnn.graph.dtypes import is_float, standardize_dtype
from fastnn.graph.symbolic import accepts_symbolic
from fastnn.graph.value import Value
from fastnn.ops import elementwise as ew
from fastnn.ops import logic, reduce
from fastnn.ops.layout import broadcast_to, contiguous_strides, expand_dims, moveaxis, reshape
from fastnn.ops.record import Op, Spec, always, as_array, as_operand, dtype_of, shape_of
from fastnn.ops.reduce import normalize_axis, split_at
from fastnn.plan.function import as_one_plan


def _as_index(indices):
    """`indices` as an array of integers; floats are truncated, as in Keras."""
    indices = as_operand(indices)
    is_index = not is_float(dtype_of(indices)) and dtype_of(indices) != "bool"
    return indices if is_index else ew.cast(indices, "int32")


def check_index(name: str, indices: np.ndarray, n: int) -> np.ndarray:
    """`indices` counted from 0.

    Raises:
        IndexError: when one is not in [-n, n).
    """
    outside = (indices < -n) | (indices >= n)
    if outside.any():
        raise IndexError(f"{name}: index {indices[outside].flat[0]} is out of bounds for an axis of size {n}.")
    return np.where(indices < 0, indices + n, indices).astype(np.int64)


# ---- take ----


def _take_shape(x, indices, axis):
    return Spec((*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]), x.dtype)


def _take_lower(node, b):
    x, indices = node.inputs
    outer, n, inner = split_at(x.shape, node.params["axis"])
    b.step(
        "take", [x, indices, node.outputs[0]],
        [np.dtype(x.dtype).itemsize, outer, n, inner, indices.size, _kernels.DTYPE_CODE[indices.dtype]],
    )  # fmt: skip


take_op = Op(
    "take",
    shape=_take_shape,
    reference=lambda x, indices, axis: np.take(x, check_index("take", indices, x.shape[axis]), axis),
    grad=lambda dy, y, x, indices, axis: (take_grad_op(dy, indices, shape=x.shape, axis=axis), None),
    lower=_take_lower,
    reduced=lambda *nodes: _sum_of_taken(*nodes),
    rows=lambda node, axes, _rows: axes[0] is None and node.params["axis"] == 0,
)


def _take_grad_reference(dy, indices, shape, axis):
    outer, n, inner = split_at(shape, axis)
    dx = np.zeros((outer, n, inner), dy.dtype)
    np.add.at(dx, (slice(None), check_index("take", indices, n).ravel()), dy.reshape(outer, indices.size, inner))
    return dx.reshape(shape)


_LONGEST_TILE = 1 << 16  # elements of a row of dx that is kept in scratch until the epilogue has read it


def _take_grad_lower(node, b):
    dy, indices = node.inputs
    if b.suffix(dy) is None:
        return False
    outer, n, inner = split_at(node.params["shape"], node.params["axis"])
    cols = node.params["shape"][-1]
    is_by_rows = inner % cols == 0 if cols else False  # else a row of dx is a part of a column of the epilogue's space
    b.step(
        f"take_grad_{b.suffix(dy)}", [dy, indices, node.outputs[0]],
        [outer, n, inner, indices.size, _kernels.DTYPE_CODE[indices.dtype], 0, cols],
        epilogue_at=5 if is_by_rows and inner <= _LONGEST_TILE else None,
    )  # fmt: skip
    return True


# dx[..., indices[j], ...] += dy[..., j, ...], in the order of j.
take_grad_op = Op(
    "take_grad",
    shape=lambda dy, indices, shape, axis: Spec(tuple(shape), dy.dtype),
    reference=_take_grad_reference,
    grad=lambda ddy, dx, dy, indices, shape, axis: (take_op(ddy, indices, axis=axis), None),
    lower=_take_grad_lower,
    epilogue=always,
    keeps_tile=always,
)


@accepts_symbolic
def take(x, indices, axis=None):
    """The slices of `x` at `indices` along `axis`: an embedding is `take(table, ids, 0)`.

    Args:
        x: array.
        indices: integers of any shape; negative ones count from the end.
        axis: int; None takes elements of the flattened array.

    Returns:
        The shape of `x` with `axis` replaced by the shape of `indices`.

    Raises:
        IndexError: when an index is out of bounds.

    Example:
        >>> take(np.array([10, 20, 30]), [2, 0])
        array([30, 10])
    """
    if axis is None:
        x, axis = x if len(shape_of(x)) == 1 else reshape(x, (-1,)), 0
    return take_op(x, _as_index(indices), axis=normalize_axis("take", axis, len(shape_of(x))))


# ---- take_sum: y[b] = sum over j of x[indices[b, j]] * weights[b, j] ----


def _weighted(rows, weights):
    """`rows` (..., m, *inner) times `weights` (..., m), if there are any."""
    for w in weights:
        rows = rows * reshape(w, (*w.shape, *(1 for _ in rows.shape[w.ndim :])))
    return rows


def _take_sum_grad(dy, y, x, indices, *weights):
    dy = expand_dims(dy, indices.ndim - 1)
    rows = _weighted(broadcast_to(dy, (*indices.shape, *x.shape[1:])), weights)
    dx = take_grad_op(rows, indices, shape=x.shape, axis=0)
    inner = tuple(range(indices.ndim, rows.ndim))
    return dx, None, *(reduce.sum(ew.multiply(take_op(x, indices, axis=0), dy), axis=inner) for _ in weights)


def _take_sum_lower(node, b):
    x, indices, *weights = node.inputs
    m = indices.shape[-1]
    b.step(
        f"take_sum_{b.suffix(x)}", [x, indices, *(weights or [None]), node.outputs[0]],
        [x.shape[0], math.prod(x.shape[1:]), math.prod(indices.shape[:-1]), m, _kernels.DTYPE_CODE[indices.dtype]],
    )  # fmt: skip
    return True


# An embedding that is pooled: the rows are never in memory.
take_sum_op = Op(
    "take_sum",
    shape=lambda x, indices, *weights: Spec((*indices.shape[:-1], *x.shape[1:]), x.dtype),
    reference=lambda x, indices, *weights: _weighted(take_op.reference(x, indices, axis=0), weights).sum(
        indices.ndim - 1
    ),
    grad=_take_sum_grad,
    lower=_take_sum_lower,
    rows=lambda node, axes, _rows: axes[0] is None and len({*axes[1:]}) == 1 and axes[1] < node.inputs[1].ndim - 1,
)


_LEAST_SUMMED = 16  # elements of a row: to take shorter ones first and then to add them is as fast


def _sum_of_taken(node, reduction, product):
    """The sum over a last axis of the indices, of rows with a weight each or without, needs no rows in memory."""
    x, indices = node.inputs
    is_sum = reduction.op is reduce.sum_op and reduction.params["axis"] == (indices.ndim - 1,)
    has_kernel = x.dtype in ("float32", "float64") and math.prod(x.shape[1:]) >= _LEAST_SUMMED
    if not (is_sum and has_kernel and node.params["axis"] == 0) or (product and product.op is not ew.multiply_op):
        return None
    weights = [v for v in product.inputs if v.node is not node] if product else []
    if any(w.shape != (*indices.shape, *(1 for _ in x.shape[1:])) or w.dtype != x.dtype for w in weights):
        return None
    y = take_sum_op(x, indices, *(reshape(w, indices.shape) for w in weights))
    return reshape(y, reduction.outputs[0].shape)


# ---- take_along_axis ----


def _along_shape(x, indices, axis):
    rest = [n for k, n in enumerate(x.shape) if k != axis]
    if rest != [n for k, n in enumerate(indices.shape) if k != axis]:
        raise ValueError(
            f"take_along_axis: indices of shape {indices.shape} must have the shape of `x`, {x.shape}, but along axis "
            f"{axis}."
        )
    return Spec(indices.shape, x.dtype)


def _along_grad_reference(dy, indices, shape, axis):
    dx = np.zeros(shape, dy.dtype)
    where = [np.arange(n).reshape([-1 if j == k else 1 for j in range(dy.ndim)]) for k, n in enumerate(dy.shape)]
    where[axis] = check_index("take_along_axis", indices, shape[axis])
    np.add.at(dx, tuple(where), dy)
    return dx


def _along_lower(node, b):
    x, indices = node.inputs
    if np.dtype(x.dtype).itemsize > 8:
        return False
    outer, n, inner = split_at(x.shape, node.params["axis"])
    b.step(
        "take_along_axis", [x, indices, node.outputs[0]],
        [np.dtype(x.dtype).itemsize, outer, n, inner, indices.shape[node.params["axis"]],
         _kernels.DTYPE_CODE[indices.dtype]],
    )  # fmt: skip
    return None


def _along_grad_lower(node, b):
    dy, indices = node.inputs
    if b.suffix(dy) is None:
        return False
    outer, n, inner = split_at(node.params["shape"], node.params["axis"])
    b.step(
        f"take_along_axis_grad_{b.suffix(dy)}", [dy, indices, node.outputs[0]],
        [outer, n, inner, indices.shape[node.params["axis"]], _kernels.DTYPE_CODE[indices.dtype]],
    )  # fmt: skip
    return None


def _along_rows(node, axes, _rows):
    return axes[0] == axes[1] and axes[0] < node.params["axis"]


take_along_axis_op = Op(
    "take_along_axis",
    shape=_along_shape,
    reference=lambda x, indices, axis: np.take_along_axis(
        x, check_index("take_along_axis", indices, x.shape[axis]), axis
    ),
    grad=lambda dy, y, x, indices, axis: (take_along_axis_grad_op(dy, indices, shape=x.shape, axis=axis), None),
    lower=_along_lower,
    rows=_along_rows,
)
take_along_axis_grad_op = Op(
    "take_along_axis_grad",
    shape=lambda dy, indices, shape, axis: Spec(tuple(shape), dy.dtype),
    reference=_along_grad_reference,
    grad=lambda ddy, dx, dy, indices, shape, axis: (take_along_axis_op(ddy, indices, axis=axis), None),
    lower=_along_grad_lower,
    rows=_along_rows,
)


@accepts_symbolic
def take_along_axis(x, indices, axis=None):
    """`y[i, j] = x[indices[i, j], j]` for axis 0, and so on: one index for each element of the result.

    Args:
        x: array.
        indices: integers with the shape of `x` on all axes but `axis` (where sizes broadcast).
        axis: int; None works on the flattened arrays.

    Raises:
        IndexError: when an index is out of bounds.

    Example:
        >>> take_along_axis(np.array([[1, 2], [3, 4]]), np.array([[1], [0]]), axis=1)
        array([[2],
               [3]])
    """
    indices = _as_index(indices)
    if axis is None:
        return take(reshape(x, (-1,)), reshape(indices, (-1,)), 0)
    axis = normalize_axis("take_along_axis", axis, len(shape_of(x)))
    x_shape, index_shape = list(shape_of(x)), list(shape_of(indices))
    if len(x_shape) != len(index_shape):
        raise ValueError(f"take_along_axis: indices of shape {shape_of(indices)} need as many axes as {shape_of(x)}.")
    along = x_shape[axis], index_shape[axis]
    x_shape[axis] = index_shape[axis] = 1
    if x_shape != index_shape:
        common = list(np.broadcast_shapes(tuple(x_shape), tuple(index_shape)))
        x = broadcast_to(x, [*common[:axis], along[0], *common[axis + 1 :]])
        indices = broadcast_to(indices, [*common[:axis], along[1], *common[axis + 1 :]])
    return take_along_axis_op(x, indices, axis=axis)


# ---- scatter ----


def _scatter_reference(x, indices, updates, reduction):
    y = x.copy()
    rows = check_index("scatter", indices, x.shape[0])
    if reduction is None:
        y[rows] = updates
    else:
        ufunc = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}[reduction]
        ufunc.at(y, rows, updates)
    return y


def _scatter_grad(dy, y, x, indices, updates, reduction):
    if reduction == "add":
        return dy, None, take_op(dy, indices, axis=0)
    if reduction is None:
        nothing = np.zeros(updates.shape, dy.dtype)
        return scatter_op(dy, indices, nothing, reduction=None), None, take_op(dy, indices, axis=0)
    if reduction == "mul":
        return _scatter_product_grad(dy, x, indices, updates)
    # max and min: shared equally by all that are equal to the result.
    is_x = ew.cast(logic.equal(x, y), x.dtype)
    is_update = ew.cast(logic.equal(updates, take_op(y, indices, axis=0)), x.dtype)
    share = ew.divide(dy, ew.maximum(scatter_op(is_x, indices, is_update, reduction="add"), 1))
    return ew.multiply(share, is_x), None, ew.multiply(take_op(share, indices, axis=0), is_update)


def _scatter_product_grad(dy, x, indices, updates):
    """The product of the others: the quotient where nothing is 0; where one factor is 0, it alone has a gradient."""
    zero_x, zero_updates = (ew.cast(logic.equal(z, 0), x.dtype) for z in (x, updates))
    factor_x, factor_updates = ew.add(x, zero_x), ew.add(updates, zero_updates)  # 1 in place of 0
    zeros = scatter_op(zero_x, indices, zero_updates, reduction="add")
    product = scatter_op(factor_x, indices, factor_updates, reduction="mul")

    def others(zeros, own, product, factor):
        return logic.where(logic.equal(ew.subtract(zeros, own), 0), ew.divide(product, factor), 0)

    dx = ew.multiply(dy, others(zeros, zero_x, product, factor_x))
    at = [take_op(z, indices, axis=0) for z in (dy, zeros, product)]
    return dx, None, ew.multiply(at[0], others(at[1], zero_updates, at[2], factor_updates))


def _scatter_lower(node, b):
    x, indices, updates = node.inputs
    reduction = node.params["reduction"]
    if reduction is not None and x.dtype not in reduce.KERNEL_TYPES:
        return False
    kernel = "scatter" if reduction is None else f"scatter_{reduction}_{reduce.KERNEL_TYPES[x.dtype]}"
    ints = [*x.shape, indices.size, _kernels.DTYPE_CODE[indices.dtype], np.dtype(x.dtype).itemsize]
    b.step(kernel, [x, indices, updates, node.outputs[0]], ints)
    return None


# x (n, inner) with rows `indices` (m) replaced by, or combined with, `updates` (m, inner); for a row that is named
# twice the last update counts.
scatter_op = Op(
    "scatter",
    shape=lambda x, indices, updates, reduction: x,
    reference=_scatter_reference,
    grad=_scatter_grad,
    lower=_scatter_lower,
    inplace=True,
)


@accepts_symbolic
def scatter_update(inputs, indices, updates, reduction=None):
    """`inputs` with the elements (or slices) at `indices` replaced by `updates`, or combined with them.

    Args:
        inputs: array of any rank.
        indices: integers, shape `(..., k)`: each last-axis vector is a position along the first k axes.
        updates: array of shape `indices.shape[:-1] + inputs.shape[k:]`.
        reduction: None (replace; of several updates of one position the last counts), "add", "mul", "max" or "min".

    Raises:
        IndexError: when an index is out of bounds.

    Example:
        >>> scatter_update(np.zeros(3), [[2], [0]], np.array([5.0, 6.0]))
        array([6., 0., 5.])
    """
    if reduction not in (None, "add", "mul", "max", "min"):
        raise ValueError(f"scatter_update: reduction {reduction!r} is none of None, 'add', 'mul', 'max', 'min'.")
    indices = _as_index(indices)
    sizes = shape_of(inputs)
    depth = shape_of(indices)[-1]
    rows = _linear_index(indices, sizes[:depth])
    count = math.prod(shape_of(indices)[:-1])
    inner = math.prod(sizes[depth:])
    flat = reshape(inputs, (math.prod(sizes[:depth]), inner))
    updates = reshape(ew.cast(as_operand(updates), dtype_of(inputs)), (count, inner))
    return reshape(scatter_op(flat, rows, updates, reduction=reduction), sizes)


def _linear_index(indices, sizes):
    """Positions, in C order in an array of shape `sizes`, of the vectors on the last axis of `indices`; flattened."""
    strides = np.asarray(contiguous_strides(sizes), dtype_of(indices))
    count = math.prod(shape_of(indices)[:-1])
    vectors = reshape(indices, (count, len(sizes)))
    vectors = logic.where(logic.less(vectors, 0), ew.add(vectors, np.asarray(sizes, dtype_of(indices))), vectors)
    return reduce.sum(ew.multiply(vectors, strides), axis=1)


def scatter(indices, values, shape):
    """An array of zeros of `shape` in which `values` are added at `indices`.

    Example:
        >>> scatter([[0], [2], [0]], np.array([1.0, 2.0, 3.0]), (4,))
        array([4., 0., 2., 0.])
    """
    zeros = broadcast_to(np.zeros((), dtype_of(values)), shape)
    return scatter_update(zeros, indices, values, reduction="add")


# ---- segments ----


def _segments(reduction, data, segment_ids, num_segments):
    ids = _as_index(segment_ids)
    if num_segments is None:
        num_segments = int(as_array(ids).max()) + 1 if shape_of(ids)[0] else 0
    return _of_segments(reduction, data, ids, num_segments)


@as_one_plan
def _of_segments(reduction, data, ids, num_segments):
    rest = shape_of(data)[1:]
    # One segment more than wanted takes the rows whose number is outside, which do not count.
    is_inside = logic.logical_and(logic.greater_equal(ids, 0), logic.less(ids, num_segments))
    ids = logic.where(is_inside, ids, np.asarray(num_segments, dtype_of(ids)))
    if reduction == "sum":
        return take_grad_op(data, ids, shape=(num_segments + 1, *rest), axis=0)[:num_segments]
    dtype = dtype_of(data)
    rows = broadcast_to(np.asarray(_STARTS[reduction](dtype), dtype), (num_segments + 1, math.prod(rest)))
    flat = reshape(data, (shape_of(data)[0], math.prod(rest)))
    return reshape(scatter_op(rows, ids, flat, reduction=reduction)[:num_segments], (num_segments, *rest))


_STARTS = {  # what an empty segment has
    "max": lambda dtype: -np.inf if is_float(dtype) else np.iinfo(dtype).min,
    "min": lambda dtype: np.inf if is_float(dtype) else np.iinfo(dtype).max,
    "mul": lambda dtype: 1,
}


@accepts_symbolic
def segment_sum(data, segment_ids, num_segments=None, sorted=False):
    """For each segment, the sum of the rows of `data` that belong to it.

    Args:
        data: array, shape (rows, ...).
        segment_ids: the segment of each row, integers of shape (rows,); rows with another number do not count.
        num_segments: int; one more than the largest id by default (not inside a compiled function).
        sorted: accepted for Keras's sake.

    Example:
        >>> segment_sum(np.array([1.0, 2.0, 3.0]), np.array([0, 2, 0]), 3)
        array([4., 0., 2.])
    """
    return _segments("sum", data, segment_ids, num_segments)


@accepts_symbolic
def segment_max(data, segment_ids, num_segments=None, sorted=False):
    """For each segment, the largest of its rows; -inf (or the least integer) where it has none. See `segment_sum`.

    Example:
        >>> segment_max(np.array([1.0, 2.0, 3.0]), np.array([0, 1, 0]), 2)
        array([3., 2.])
    """
    return _segments("max", data, segment_ids, num_segments)


@accepts_symbolic
def segment_min(data, segment_ids, num_segments=None, sorted=False):
    """For each segment, the least of its rows; inf (or the greatest integer) where it has none. See `segment_sum`.

    Example:
        >>> segment_min(np.array([1.0, 2.0, 3.0]), np.array([0, 1, 0]), 2)
        array([1., 2.])
    """
    return _segments("min", data, segment_ids, num_segments)


@accepts_symbolic
def segment_prod(data, segment_ids, num_segments=None, sorted=False):
    """For each segment, the product of its rows; 1 where it has none. See `segment_sum`.

    Example:
        >>> segment_prod(np.array([1.0, 2.0, 3.0]), np.array([0, 1, 0]), 2)
        array([3., 2.])
    """
    return _segments("mul", data, segment_ids, num_segments)


# ---- what has no static shape: arrays only ----


def nonzero(x):
    """The positions of the elements that are not 0: one int32 vector for each axis. Not inside a compiled function.

    Example:
        >>> nonzero(np.array([0, 5, 6]))
        (array([1, 2], dtype=int32),)
    """
    return tuple(axis.astype(np.int32) for axis in np.nonzero(as_array(x)))


def unique(x, sorted=True, return_index=False, return_inverse=False, return_counts=False, axis=None, size=None,
           fill_value=None):  # fmt: skip
    """The distinct elements of `x`, sorted. Not inside a compiled function.

    Args:
        x: array.
        sorted: accepted for Keras's sake; the result is always sorted.
        return_index, return_inverse, return_counts: what else to return, as in NumPy.
        axis: compares slices along an axis instead of elements.
        size: pads the result with `fill_value` (its least element by default), or cuts it, to this size.
        fill_value: see `size`.

    Example:
        >>> unique(np.array([3, 1, 3]))
        array([1, 3])
    """
    results = np.unique(
        as_array(x), return_index=return_index, return_inverse=return_inverse, return_counts=return_counts, axis=axis
    )
    several = isinstance(results, tuple)
    values, *others = results if several else (results,)
    if size is not None:
        along = 0 if axis is None else axis
        values = np.take(values, np.arange(min(size, values.shape[along])), along)
        missing = size - values.shape[along]
        if missing > 0:
            fill = values.min() if fill_value is None else fill_value
            widths = [(0, missing if k == along else 0) for k in range(values.ndim)]
            values = np.pad(values, widths, constant_values=fill)
    return (values, *others) if several else values


# ---- one-hot ----


@as_one_plan
@accepts_symbolic
def one_hot(x, num_classes, axis=-1, dtype=None, sparse=False):
    """1 at the class and 0 elsewhere, along a new `axis` of size `num_classes`.

    Args:
        x: integers of any shape. A class outside [0, num_classes) gives zeroes.
        num_classes: int.
        axis: where the new axis goes.
        dtype: of the result, `floatx` by default.
        sparse: must be false.

    Example:
        >>> one_hot([0, 2], 3)
        array([[1., 0., 0.],
               [0., 0., 1.]], dtype=float32)
    """
    if sparse:
        raise ValueError("one_hot: sparse arrays are not supported.")
    x = as_operand(x)
    rank = len(shape_of(x)) + 1
    axis = normalize_axis("one_hot", axis, rank)
    dtype = standardize_dtype(dtype or config.floatx())
    # In a plan they are compared as what the result is, which then needs no conversion. float32 has these classes, and
    # rounds no other integer to one of them. By themselves the steps are faster as they are.
    has_classes = dtype == "float64" or (dtype == "float32" and num_classes <= 1 << 24)
    if has_classes and isinstance(x, Value) and not is_float(dtype_of(x)):
        x = ew.cast(x, dtype)
    classes = np.arange(num_classes, dtype=dtype_of(x)).reshape([-1 if k == axis else 1 for k in range(rank)])
    return ew.cast(logic.equal(expand_dims(x, axis), classes), dtype)


@accepts_symbolic
def multi_hot(inputs, num_classes=None, axis=-1, dtype=None, sparse=False, **kwargs):
    """1 at every class that occurs along the last axis of `inputs`, and 0 elsewhere.

    Args:
        inputs: integers, shape (n,) or (rows, n).
        num_classes: int (also accepted as `num_tokens`).
        axis: where the classes go in the result.
        dtype: of the result, `floatx` by default.
        sparse: must be false.

    Example:
        >>> multi_hot([0, 2], 3)
        array([1., 0., 1.], dtype=float32)
    """
    num_classes = kwargs.pop("num_tokens", num_classes)
    if num_classes is None:
        raise ValueError("multi_hot: `num_classes` must be given.")
    if kwargs:
        raise TypeError(f"multi_hot: unknown arguments {sorted(kwargs)}.")
    if sparse:
        raise ValueError("multi_hot: sparse arrays are not supported.")
    inputs = as_operand(inputs)
    classes = _as_index(inputs)
    is_class = logic.logical_and(logic.greater_equal(classes, 0), logic.less(classes, num_classes))
    if classes is not inputs:  # a float may lie between two classes
        is_class = logic.logical_and(is_class, logic.equal(classes, inputs))
    places = logic.where(is_class, classes, np.zeros((), dtype_of(classes)))
    shape = (*shape_of(inputs)[:-1], int(num_classes))
    counts = take_along_axis_grad_op(ew.cast(is_class, "float32"), places, shape=shape, axis=len(shape) - 1)
    result = ew.cast(ew.minimum(counts, 1), standardize_dtype(dtype or config.floatx()))
    return moveaxis(result, -1, axis)
