"""Norms of vectors and matrices, and distances."""

import numpy as np

from fastnn.graph.dtypes import as_float, is_complex
from fastnn.graph.symbolic import accepts_symbolic
from fastnn.ops import elementwise as ew
from fastnn.ops import logic, reduce
from fastnn.ops.factorizations import svd
from fastnn.ops.layout import expand_dims, moveaxis, squeeze
from fastnn.ops.matmul import in_one_dtype
from fastnn.ops.record import as_operand, dtype_of, shape_of
from fastnn.ops.reduce import mean, normalize_axis
from fastnn.plan.function import as_one_plan, is_watched

_OF_SINGULAR_VALUES = {"nuc": reduce.sum, 2: reduce.max, -2: reduce.min}


def _float(x):
    x = as_operand(x)
    return ew.cast(x, as_float(dtype_of(x)))


@as_one_plan
@accepts_symbolic
def norm(x, ord=None, axis=None, keepdims=False):
    """The norm of vectors, or of matrices.

    Args:
        x: array.
        ord: None (the square root of the sum of squares); for vectors inf and -inf (the largest and the least absolute
            value), 0 (the number of elements that are not 0) or a number p (the p-th root of the sum of powers); for
            matrices "fro" (as None), "nuc" (the sum of the singular values), 2 and -2 (the largest and the least of
            them), 1 and -1 (the largest and the least sum of absolute values of a column), inf and -inf (of a row).
        axis: one axis: vectors; two: matrices. None: the whole of `x`, a vector or a matrix, with `ord=None` of any
            rank.
        keepdims: whether the axes stay, with size 1.

    Raises:
        ValueError: for another `ord`, or for more than two axes.

    Example:
        >>> norm(np.array([3.0, 4.0]))
        array(5.)
    """
    x = _float(x)
    ndim = len(shape_of(x))
    size = ew.absolute(x) if is_complex(dtype_of(x)) else x
    if axis is None and ord is None:
        return ew.sqrt(reduce.sum(ew.square(size), None, keepdims))
    axes = tuple(range(ndim)) if axis is None else (axis,) if isinstance(axis, (int, np.integer)) else tuple(axis)
    axes = tuple(normalize_axis("norm", a, ndim) for a in axes)
    if len(axes) not in (1, 2):
        raise ValueError(f"norm: vectors have one axis and matrices two, got {len(axes)} of shape {shape_of(x)}.")
    if ord is None or (ord == "fro" and len(axes) == 2) or (ord == 2 and len(axes) == 1):
        return ew.sqrt(reduce.sum(ew.square(size), axes, keepdims))
    return (_vector_norm if len(axes) == 1 else _matrix_norm)(x, ord, axes, keepdims)


def _vector_norm(x, ord, axes, keepdims):
    if isinstance(ord, str):
        raise ValueError(f"norm: `ord` {ord!r} is not known for vectors.")
    size = ew.absolute(x)
    if ord in (np.inf, -np.inf):
        return (reduce.max if ord > 0 else reduce.min)(size, axes, keepdims)
    if ord == 0:
        return reduce.sum(ew.cast(logic.not_equal(size, 0), dtype_of(size)), axes, keepdims)
    if ord == 1:
        return reduce.sum(size, axes, keepdims)
    return ew.power(reduce.sum(ew.power(size, ord), axes, keepdims), 1 / ord)


def _matrix_norm(x, ord, axes, keepdims):
    if ord in _OF_SINGULAR_VALUES:
        values = svd(moveaxis(x, axes, (-2, -1)), compute_uv=False)
        y = _OF_SINGULAR_VALUES[ord](values, axis=-1)
        return expand_dims(y, axes) if keepdims else y
    if ord not in (1, -1, np.inf, -np.inf):
        raise ValueError(f"norm: `ord` {ord!r} is not known for matrices.")
    along, across = axes if ord in (1, -1) else axes[::-1]
    totals = reduce.sum(ew.absolute(x), along, keepdims=True)
    y = (reduce.max if ord > 0 else reduce.min)(totals, across, keepdims=True)
    return y if keepdims else squeeze(y, axes)


_AT_ONCE = 1 << 18  # elements, of what a cache holds


@accepts_symbolic
def cdist(x, y):
    """The Euclidean distance of each row of `x` to each row of `y`.

    Args:
        x: shape (..., m, d).
        y: shape (..., n, d).

    Returns:
        Shape (..., m, n).

    Raises:
        ValueError: when one has less than two axes, or the last axes differ.

    Example:
        >>> cdist(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0], [0.0, 1.0]]))
        array([[5., 1.]])
    """
    if type(x) is type(y) is np.ndarray and x.ndim > 1 and not is_watched():
        rows = max(1, _AT_ONCE // max(1, y.size))
        if x.shape[-2] > rows:
            parts = [_distances(x[..., k : k + rows, :], y) for k in range(0, x.shape[-2], rows)]
            return np.concatenate(parts, axis=-2)
    return _distances(x, y)


@as_one_plan
def _distances(x, y):
    x, y = in_one_dtype(_float(x), _float(y))
    x_shape, y_shape = shape_of(x), shape_of(y)
    if min(len(x_shape), len(y_shape)) < 2 or x_shape[-1] != y_shape[-1]:
        raise ValueError(f"cdist: rows of one size are needed, got shapes {x_shape} and {y_shape}.")
    between = ew.subtract(expand_dims(x, -2), expand_dims(y, -3))
    return ew.sqrt(reduce.sum(ew.square(between), axis=-1))


@as_one_plan
@accepts_symbolic
def psnr(x1, x2, max_val):
    """The peak signal-to-noise ratio of two images, in decibels: `20 log10(max_val) - 10 log10(mse)`.

    Args:
        x1: array.
        x2: array of the same shape.
        max_val: the largest value that a pixel can have.

    Raises:
        ValueError: when the shapes differ.

    Example:
        >>> psnr(np.array([0.0, 10.0]), np.array([1.0, 9.0]), 10.0)
        array(20.)
    """
    if shape_of(x1) != shape_of(x2):
        raise ValueError(f"psnr: both arrays must have one shape, got {shape_of(x1)} and {shape_of(x2)}.")
    error = mean(ew.square(ew.subtract(x1, x2)))
    return ew.subtract(ew.multiply(ew.log10(ew.cast(max_val, dtype_of(error))), 20), ew.multiply(ew.log10(error), 10))
