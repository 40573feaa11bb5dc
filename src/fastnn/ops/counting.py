"""Which elements there are, where they belong, and how many: bincount, histogram, digitize, isin, unravel_index."""

import math

import numpy as np

from fastnn import _kernels
from fastnn.graph import trace
from fastnn.graph.dtypes import as_float, is_integer
from fastnn.ops.gather import take_grad_op
from fastnn.ops.layout import reshape
from fastnn.ops.record import Op, Spec, as_array, as_operand, dtype_of, shape_of
from fastnn.ops.reduce import normalize_axis
from fastnn.ops.sorting import searchsorted
from fastnn.plan.function import is_watched


def _as_input(x):
    return as_operand(x)


def _bincount_lower(node, b):
    (x, *weights), y = node.inputs, node.outputs[0]
    if x.dtype not in ("int32", "int64") or (weights and b.suffix(y) is None):
        return False
    kernel = f"bincount_{b.suffix(y)}" if weights else "bincount"
    b.step(kernel, [x, y, *weights], [x.size, y.size, _kernels.DTYPE_CODE[x.dtype]])
    return None


# Of numbers from 0 to `length` - 1, and their weights.
bincount_op = Op(
    "bincount",
    shape=lambda x, *weights, length: Spec((length,), weights[0].dtype if weights else "int32"),
    reference=lambda x, *weights, length: np.bincount(x, *weights, minlength=length).astype(
        weights[0].dtype if weights else np.int32
    ),
    lower=_bincount_lower,
)
FEWEST_COUNTED = 1 << 14  # of fewer numbers a plan for each length of the result would cost more than it saves


def bincount(x, weights=None, minlength=0, sparse=False):
    """How often each of the numbers 0, 1, ... occurs; or the sum of the weights of where it does.

    The length of the result depends on the numbers: `x` must be an array, also inside a compiled function.

    Args:
        x: integers that are not negative, shape (n,); or (rows, n), counted row by row.
        weights: array of the shape of `x`.
        minlength: the least length of the result.
        sparse: must be false; there are no sparse arrays here.

    Returns:
        int32, or the dtype of `weights`; shape (length,) or (rows, length), where the length is one more than the
        largest number.

    Raises:
        ValueError: for negative numbers, weights of another shape, or `sparse=True`.
        TypeError: when `x` is not of integers.

    Example:
        >>> bincount(np.array([1, 1, 3]))
        array([0, 2, 0, 1], dtype=int32)
    """
    if sparse:
        raise ValueError("bincount: sparse=True is not supported; there are no sparse arrays here.")
    if type(x) is np.ndarray and x.size < FEWEST_COUNTED and x.dtype.char in "il" and not is_watched():
        counts = _counts_of_few(x, weights, minlength)
        if counts is not None:
            return counts
    x = as_array(x)
    if not (is_integer(x.dtype.name) or x.dtype == bool):
        raise TypeError(f"bincount: `x` must be of integers, not {x.dtype.name}.")
    largest = _largest(x)
    if largest < 0:
        raise ValueError(f"bincount: `x` must not be negative, got {x.min()}.")
    if x.ndim not in (1, 2):
        raise ValueError(f"bincount: `x` must have one axis or two, not shape {x.shape}.")
    length = max(int(minlength), largest + 1 if x.size else 0)
    if weights is not None and shape_of(weights) != x.shape:
        raise ValueError(f"bincount: weights of shape {shape_of(weights)} must have the shape of `x`, {x.shape}.")
    if weights is None and x.ndim == 1:
        return _counts(x, length)
    is_large = x.ndim == 1 and x.size >= FEWEST_COUNTED and type(weights) is np.ndarray
    if is_large and weights.dtype.char in "fd" and not is_watched():
        return bincount_op(_as_places(x), weights, length=length)
    rows, places = 1, x
    if x.ndim == 2:
        rows = len(x)
        places = x.astype(np.int64) + length * np.arange(rows)[:, None]
    if weights is None:
        return _counts(places.ravel(), rows * length).reshape(*x.shape[:-1], length)
    # A sum over what is equal is the gradient of take.
    flat = reshape(_as_input(weights), (x.size,))
    return reshape(take_grad_op(flat, places.ravel(), shape=(rows * length,), axis=0), (*x.shape[:-1], length))


def _counts_of_few(x, weights, minlength):
    """What NumPy counts in a vector; None where it says that it cannot, or another way gives other bits."""
    is_weighed = weights is not None
    if is_weighed and (type(weights) is not np.ndarray or weights.dtype.char not in "fd" or weights.shape != x.shape):
        return None
    try:
        counts = np.bincount(x, weights, minlength)
    except (TypeError, ValueError):
        return None
    return counts.astype(weights.dtype if is_weighed else np.int32)


def _counts(places, length):
    if places.size < FEWEST_COUNTED or trace.current() is not None:  # which could not give them as an array
        return np.bincount(places, minlength=length).astype(np.int32)
    return bincount_op(_as_places(places), length=length)


def _as_places(x: np.ndarray) -> np.ndarray:
    return x if x.dtype in (np.int32, np.int64) else x.astype(np.int64)


def _largest(x: np.ndarray) -> int:
    """The largest number, by one pass: a negative one where there is one, which is beyond all others without signs."""
    if not x.size:
        return 0
    if x.dtype.kind != "i":
        return int(x.max())
    return int(np.asarray(x.view(f"{x.dtype.byteorder}u{x.dtype.itemsize}").max()).astype(x.dtype))


histogram_op = Op(
    "histogram",
    shape=lambda x, bins, range: (Spec((bins,), "int64"), Spec((bins + 1,), as_float(x.dtype))),
    reference=lambda x, bins, range: np.histogram(x, bins=bins, range=range),
)


def histogram(x, bins=10, range=None):
    """How many numbers of a vector fall into each of `bins` intervals of one length. It has no gradient.

    Args:
        x: vector.
        bins: int, the number of intervals; each but the last leaves its upper edge out.
        range: `(low, high)`; by default the least and the largest number.

    Returns:
        `(counts, edges)`, int64 of shape (bins,) and floats of shape (bins + 1,).

    Raises:
        TypeError: when `bins` is no int.
        ValueError: when `bins` is not positive, `range` is no rising pair, or `x` no vector.

    Example:
        >>> histogram(np.array([0.0, 1.0, 1.5, 4.0]), bins=2)
        (array([3, 1]), array([0., 2., 4.]))
    """
    if not isinstance(bins, int):
        raise TypeError(f"histogram: `bins` must be an int, got {bins!r}.")
    if bins <= 0:
        raise ValueError(f"histogram: `bins` must be positive, got {bins}.")
    if range and (len(range) != 2 or range[0] > range[1]):
        raise ValueError(f"histogram: `range` must be (low, high) with low <= high, got {range}.")
    x = _as_input(x)
    if len(shape_of(x)) != 1:
        raise ValueError(f"histogram: `x` must be a vector, not of shape {shape_of(x)}.")
    return histogram_op(x, bins=bins, range=tuple(range) if range else None)


def _digitize_shape(x, bins):
    if len(bins.shape) != 1:
        raise ValueError(f"digitize: `bins` must be a vector, not of shape {bins.shape}.")
    return Spec(x.shape, "int32")


digitize_op = Op("digitize", shape=_digitize_shape, reference=np.digitize)


def digitize(x, bins):
    """The number of edges that lie at or below each element: the bin that it belongs to, int32.

    Args:
        x: array.
        bins: vector of edges that rise (or fall: then the edges above each element are counted).

    Raises:
        ValueError: when `bins` is no vector, or neither rises nor falls.

    Example:
        >>> digitize(np.array([0.5, 1.0, 3.0]), np.array([0.0, 1.0, 2.0]))
        array([1, 2, 3], dtype=int32)
    """
    x, bins = _as_input(x), _as_input(bins)
    if type(bins) is np.ndarray and bins.ndim == 1 and np.all(bins[:-1] <= bins[1:]):
        edges = _least_from(bins, dtype_of(x))
        if edges is not None:
            return searchsorted(edges, x, side="right")
    return digitize_op(x, bins)


def _least_from(edges: np.ndarray, dtype: str) -> np.ndarray | None:
    """The least numbers of `dtype` that are not below the edges: what is compared with these is compared with the
    edges; None where they are not known."""
    if edges.dtype == dtype:
        return edges
    if (edges.dtype, dtype) != ("float64", "float32"):
        return None
    with np.errstate(over="ignore"):
        near = edges.astype(dtype)
    return np.where(near < edges, np.nextafter(near, near.dtype.type(np.inf)), near)


isin_op = Op(
    "isin",
    shape=lambda x1, x2, assume_unique, invert: Spec(x1.shape, "bool"),
    reference=lambda x1, x2, assume_unique, invert: np.isin(x1, x2, assume_unique=assume_unique, invert=invert),
)


def isin(x1, x2, assume_unique=False, invert=False):
    """Whether each element of `x1` is among the elements of `x2`.

    Args:
        x1: array.
        x2: array.
        assume_unique: a promise that neither has equal elements, which makes it faster.
        invert: whether to say which are not among them instead.

    Returns:
        bool, the shape of `x1`.

    Example:
        >>> isin(np.array([1, 2, 3]), np.array([2, 4]))
        array([False,  True, False])
    """
    return isin_op(_as_input(x1), _as_input(x2), assume_unique=bool(assume_unique), invert=bool(invert))


unravel_index_op = Op(
    "unravel_index",
    shape=lambda indices, shape: (indices,) * len(shape),
    reference=lambda indices, shape: tuple(np.unravel_index(indices, shape)),
)


def unravel_index(indices, shape):
    """The positions along each axis, of positions in the flattened array.

    Args:
        indices: integers.
        shape: of the array.

    Returns:
        For each axis, an array of the shape and dtype of `indices`.

    Raises:
        ValueError: when an index lies outside.

    Example:
        >>> unravel_index(np.array([1, 5], "int32"), (2, 3))
        (array([0, 1], dtype=int32), array([1, 2], dtype=int32))
    """
    sizes = (int(shape),) if isinstance(shape, (int, np.integer)) else tuple(int(n) for n in shape)
    y = unravel_index_op(_as_input(indices), shape=sizes)
    return y if len(sizes) > 1 else (y,)


argpartition_op = Op(
    "argpartition",
    shape=lambda x, kth, axis: Spec(x.shape, "int32"),
    reference=lambda x, kth, axis: np.argpartition(x, kth, axis).astype(np.int32),
)


def argpartition(x, kth, axis=-1):
    """Indices (int32) in an order in which element `kth` stands where sorting puts it, smaller ones before it.

    Args:
        x: array.
        kth: int; negative ones count from the end.
        axis: int; None flattens `x`.

    Raises:
        ValueError: when `kth` lies outside.

    Example:
        >>> argpartition(np.array([7, 1, 5]), 1)
        array([1, 2, 0], dtype=int32)
    """
    x = _as_input(x)
    if axis is None:
        x, axis = reshape(x, (math.prod(shape_of(x)),)), 0
    axis = normalize_axis("argpartition", axis, len(shape_of(x)))
    return argpartition_op(x, kth=kth if isinstance(kth, int) else tuple(int(k) for k in kth), axis=axis)
