"""Order: sort, argsort, top-k, and where values belong in a sorted vector. Kernels are in `_kernels/sort.c`."""

import numpy as np

from fastnn import _kernels
from fastnn.graph.symbolic import accepts_symbolic
from fastnn.ops import reduce
from fastnn.ops.gather import take_along_axis, take_along_axis_grad_op
from fastnn.ops.layout import reshape
from fastnn.ops.record import Op, Spec, dtype_of, shape_of
from fastnn.ops.reduce import normalize_axis, split_at


def _argsort_reference(x, axis):
    return np.argsort(x, axis=axis, kind="stable").astype(np.int32)


def _order_step(b, x, axis, order, values, k, is_largest_first):
    ints = [*split_at(x.shape, axis), _kernels.DTYPE_CODE[x.dtype]]
    b.step("argsort", [x, order, values], [*ints, is_largest_first, k])


def _argsort_lower(node, b):
    x, axis = node.inputs[0], node.params["axis"]
    if x.dtype not in _kernels.DTYPE_CODE:
        return False
    _order_step(b, x, axis, node.outputs[0], None, x.shape[axis], False)
    return None


argsort_op = Op(
    "argsort",
    shape=lambda x, axis: Spec(x.shape, "int32"),
    reference=_argsort_reference,
    lower=_argsort_lower,
)


def argsort(x, axis=-1):
    """The indices (int32) that sort `x` along `axis` (None: flattened), smallest first; equal elements in their order.

    Example:
        >>> argsort(np.array([3, 1, 2]))
        array([1, 2, 0], dtype=int32)
    """
    if axis is None:
        x, axis = reshape(x, (-1,)), 0
    return argsort_op(x, axis=normalize_axis("argsort", axis, len(shape_of(x))))


def _sort_lower(node, b):
    x = node.inputs[0]
    if x.shape[node.params["axis"]] > np.iinfo("int32").max:
        return False
    b.step("sort", [x, node.outputs[0]], [*split_at(x.shape, node.params["axis"]), _kernels.DTYPE_CODE[x.dtype]])
    return None


sort_op = Op(  # of a dtype that kernels have: what moves no positions along; of others it is the order that tells
    "sort",
    shape=lambda x, axis: x,
    reference=lambda x, axis: np.sort(x, axis),
    grad=lambda dy, y, x, axis: (take_along_axis_grad_op(dy, argsort_op(x, axis=axis), shape=x.shape, axis=axis),),
    lower=_sort_lower,
)


@accepts_symbolic
def sort(x, axis=-1):
    """`x` sorted along `axis` (None: flattened), smallest first.

    Example:
        >>> sort(np.array([3, 1, 2]))
        array([1, 2, 3])
    """
    if axis is None:
        x, axis = reshape(x, (-1,)), 0
    axis = normalize_axis("sort", axis, len(shape_of(x)))
    return sort_op(x, axis=axis) if dtype_of(x) in _kernels.DTYPE_CODE else take_along_axis(x, argsort(x, axis), axis)


def _select_lower(node, b):
    x, places = node.inputs
    if b.suffix(x) is None or places.dtype != "int32" or x.shape[-1] > np.iinfo("int32").max:
        return False
    n, k = x.shape[-1], places.shape[-1]
    b.step(f"select_{b.suffix(x)}", [x, places, node.outputs[0]], [x.size // n if n else 0, n, k])
    return None


# What would stand at `places` of rows of floats if these were sorted, NaN last: of few of them, without sorting.
select_op = Op(
    "select",
    shape=lambda x, places: Spec((*x.shape[:-1], places.shape[-1]), x.dtype),
    reference=lambda x, places: np.take_along_axis(np.sort(x, -1), places, -1),
    grad=lambda dy, y, x, places: (
        take_along_axis_grad_op(
            dy, take_along_axis(argsort_op(x, axis=x.ndim - 1), places, -1), shape=x.shape, axis=x.ndim - 1
        ),
        None,
    ),
    lower=_select_lower,
)


def _top_k_reference(x, k):
    order = np.argsort(-x if x.dtype.kind == "f" else -x.astype(np.int64), axis=-1, kind="stable")[..., :k]
    return np.take_along_axis(x, order, -1), order.astype(np.int32)


def _top_k_shape(x, k):
    if not x.shape or not 0 <= k <= x.shape[-1]:
        raise ValueError(f"top_k: the last axis of shape {x.shape} has no {k} elements.")
    sizes = (*x.shape[:-1], k)
    return Spec(sizes, x.dtype), Spec(sizes, "int32")


_MOST_KEPT = 128  # of more, moving those behind a new one takes longer than sorting all


def _top_k_lower(node, b):
    x, k = node.inputs[0], node.params["k"]
    if x.dtype not in _kernels.DTYPE_CODE:
        return False
    if x.dtype not in reduce.KERNEL_TYPES or not 0 < k <= _MOST_KEPT:
        _order_step(b, x, x.ndim - 1, node.outputs[1], node.outputs[0], k, True)
        return None
    n = x.shape[-1]
    b.step(f"top_k_{reduce.KERNEL_TYPES[x.dtype]}", [x, *node.outputs], [x.size // n, n, 1, k])
    return None


top_k_op = Op(
    "top_k",
    shape=_top_k_shape,
    lower=_top_k_lower,
    reference=_top_k_reference,
    grad=lambda dy, y, x, k: take_along_axis_grad_op(dy[0], y[1], shape=x.shape, axis=x.ndim - 1),
)


def top_k(x, k, sorted=True):
    """The `k` largest elements of the last axis, largest first, and their indices (int32).

    Args:
        x: array, at least one dimension.
        k: int.
        sorted: accepted for Keras's sake; the result is always sorted.

    Example:
        >>> values, indices = top_k(np.array([3, 1, 2]), 2)
        >>> values, indices
        (array([3, 2]), array([0, 2], dtype=int32))
    """
    return top_k_op(x, k=int(k))


def _searchsorted_lower(node, b):
    sequence, values = node.inputs
    if sequence.dtype != values.dtype or sequence.dtype not in reduce.KERNEL_TYPES:
        return False
    ints = [sequence.size, values.size, node.params["side"] == "right"]
    b.step(f"searchsorted_{reduce.KERNEL_TYPES[values.dtype]}", [sequence, values, node.outputs[0]], ints)
    return None


searchsorted_op = Op(
    "searchsorted",
    shape=lambda sequence, values, side: Spec(values.shape, "int32"),
    reference=lambda sequence, values, side: np.searchsorted(sequence, values, side).astype(np.int32),
    lower=_searchsorted_lower,
)


def searchsorted(sorted_sequence, values, side="left"):
    """Where each of `values` would go into a sorted vector (int32): before equal elements, or behind (`side="right"`).

    Example:
        >>> searchsorted(np.array([1, 3, 5]), np.array([3, 4]))
        array([1, 2], dtype=int32)
    """
    if len(shape_of(sorted_sequence)) != 1:
        raise ValueError(f"searchsorted: the sequence must be a vector, not of shape {shape_of(sorted_sequence)}.")
    return searchsorted_op(sorted_sequence, values, side=side)
