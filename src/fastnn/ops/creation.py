"""New arrays: filled, counted, triangular; and the way between NumPy and the engine.

What depends on nothing traced is a plain NumPy array, also inside a trace, where it becomes a constant.
"""

import numpy as np

from fastnn import config
from fastnn.graph.dtypes import as_float, promote, standardize_dtype
from fastnn.graph.symbolic import accepts_symbolic
from fastnn.graph.trace import state
from fastnn.graph.value import Operators, Value
from fastnn.graph.variable import Variable
from fastnn.ops import elementwise as ew
from fastnn.ops import logic, reduce
from fastnn.ops.boxes import place_op
from fastnn.ops.gather import take
from fastnn.ops.layout import broadcast_to, copy_op, moveaxis, reshape
from fastnn.ops.record import as_array, as_operand, dtype_of, joined, shape_of
from fastnn.ops.reduce import normalize_axis
from fastnn.plan.function import as_one_plan, is_watched

# ---- filled ----


def _shape(shape) -> tuple[int, ...]:
    return (int(shape),) if isinstance(shape, (int, np.integer)) else tuple(int(n) for n in shape)


def zeros(shape, dtype=None):
    """An array of `shape` full of 0; `floatx` by default.

    Example:
        >>> zeros((2,))
        array([0., 0.], dtype=float32)
    """
    return np.zeros(_shape(shape), standardize_dtype(dtype))


def ones(shape, dtype=None):
    """An array of `shape` full of 1; `floatx` by default.

    Example:
        >>> ones((2,))
        array([1., 1.], dtype=float32)
    """
    return np.ones(_shape(shape), standardize_dtype(dtype))


def empty(shape, dtype=None):
    """An array of `shape` with any contents (here: 0).

    Example:
        >>> empty((2, 3)).shape
        (2, 3)
    """
    return zeros(shape, dtype)


def full(shape, fill_value, dtype=None):
    """An array of `shape` full of `fill_value`, which may be an array that broadcasts to it; `floatx` by default.

    Example:
        >>> full((2,), 3)
        array([3., 3.], dtype=float32)
    """
    fill_value = as_operand(fill_value)
    return broadcast_to(ew.cast(fill_value, standardize_dtype(dtype)), _shape(shape))


@accepts_symbolic
def full_like(x, fill_value, dtype=None):
    """An array full of `fill_value` with the shape of `x`, and its dtype unless `dtype` is given.

    Example:
        >>> full_like(np.zeros(2), 3)
        array([3., 3.])
    """
    dtype = dtype_of(x) if dtype is None else standardize_dtype(dtype)
    return full(shape_of(x), fill_value, dtype)


def zeros_like(x, dtype=None):
    """0 in the shape of `x`, and its dtype unless `dtype` is given.

    Example:
        >>> zeros_like(np.ones(2))
        array([0., 0.])
    """
    return _filled_like(np.zeros, x, 0, dtype)


def ones_like(x, dtype=None):
    """1 in the shape of `x`, and its dtype unless `dtype` is given.

    Example:
        >>> ones_like(np.zeros(2))
        array([1., 1.])
    """
    return _filled_like(np.ones, x, 1, dtype)


def _filled_like(make, x, number, dtype):
    if type(x) is np.ndarray and not is_watched():  # without a step on the way
        return make(x.shape, x.dtype if dtype is None else standardize_dtype(dtype))
    return full_like(x, number, dtype)


def empty_like(x, dtype=None):
    """An array with the shape and dtype of `x` and any contents (here: 0).

    Example:
        >>> empty_like(np.ones(2)).shape
        (2,)
    """
    return zeros_like(x, dtype)


# ---- counted ----


def arange(start, stop=None, step=None, dtype=None):
    """Numbers from `start` (0 when only one number is given) to `stop`, not included, by `step`.

    Args:
        start, stop, step: numbers.
        dtype: by default int32 for integers, `floatx` for floats.

    Example:
        >>> arange(3)
        array([0, 1, 2], dtype=int32)
    """
    if stop is None:
        start, stop = 0, start
    step = 1 if step is None else step
    if dtype is None:
        is_whole = all(isinstance(n, (int, np.integer)) for n in (start, stop, step))
        dtype = "int32" if is_whole else config.floatx()
    return np.arange(start, stop, step, dtype=standardize_dtype(dtype))


def _is_known(*xs) -> bool:
    """Whether these are numbers that nobody asks the gradient of."""
    return not state.tapes and not any(isinstance(x, (Value, Variable)) for x in xs)


def _spread(start, stop, num, endpoint, axis):
    """`start` to `stop` as two sums of products, of traced values too."""
    if num < 0:
        raise ValueError(f"linspace: `num` must be at least 0, got {num}.")
    start, stop = (as_operand(x) for x in (start, stop))
    dtype = as_float(promote((dtype_of(start), dtype_of(stop))))
    rank = len(np.broadcast_shapes(shape_of(start), shape_of(stop)))
    part = np.linspace(0, 1, num, endpoint).astype(dtype).reshape(-1, *(1,) * rank)
    y = ew.add(ew.multiply(ew.cast(start, dtype), 1 - part), ew.multiply(ew.cast(stop, dtype), part))
    return moveaxis(y, 0, axis)


@accepts_symbolic
def linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0):
    """`num` numbers at equal distances from `start` to `stop` (included when `endpoint`).

    Args:
        start, stop: numbers or arrays.
        num: int.
        endpoint: bool.
        retstep: whether the distance is returned too.
        dtype: of the result; `floatx` by default, float64 for float64 arrays.
        axis: of the numbers in the result, when `start` or `stop` is an array.

    Raises:
        ValueError: for `num` < 0.

    Example:
        >>> linspace(0, 1, 3)
        array([0. , 0.5, 1. ], dtype=float32)
    """
    if _is_known(start, stop):
        start, stop = as_array(start), as_array(stop)
        wanted = standardize_dtype(dtype or as_float(promote((start.dtype.name, stop.dtype.name))))
        numbers, step = np.linspace(start, stop, num, endpoint, retstep=True, dtype=wanted, axis=axis)
        return (numbers, np.asarray(step, as_float(wanted))) if retstep else numbers
    y = _spread(start, stop, num, endpoint, axis)
    y = y if dtype is None else ew.cast(y, dtype)
    return (y, ew.divide(ew.subtract(stop, start), max(num - bool(endpoint), 1))) if retstep else y


@accepts_symbolic
def logspace(start, stop, num=50, endpoint=True, base=10, dtype=None, axis=0):
    """`base` to the power of `num` numbers at equal distances from `start` to `stop`.

    Args:
        start, stop: numbers or arrays, the first and the last exponent.
        num: int.
        endpoint: whether `stop` is included.
        base: number or array.
        dtype: of the result; `floatx` by default.
        axis: of the numbers in the result, when `start` or `stop` is an array.

    Example:
        >>> logspace(0, 2, 3)
        array([  1.,  10., 100.], dtype=float32)
    """
    return _power_of(base, linspace(start, stop, num, endpoint, axis=axis), dtype)


def _power_of(base, exponents, dtype):
    """In float64 where nothing is traced, so that whole powers stay whole."""
    if _is_known(base, exponents):
        exponents = np.asarray(exponents)
        wanted = exponents.dtype if dtype is None else standardize_dtype(dtype)
        return np.power(np.float64(as_array(base)), exponents.astype(np.float64)).astype(wanted)
    y = ew.power(ew.cast(base, dtype_of(exponents)), exponents)
    return y if dtype is None else ew.cast(y, dtype)


@accepts_symbolic
def geomspace(start, stop, num=50, endpoint=True, dtype=None, axis=0):
    """`num` numbers from `start` to `stop`, each the one before times the same factor.

    Args:
        start, stop: numbers or arrays, not 0 and of one sign.
        num: int.
        endpoint: whether `stop` is included.
        dtype: of the result; `floatx` by default.
        axis: of the numbers in the result, when `start` or `stop` is an array.

    Raises:
        ValueError: when a number is 0.

    Example:
        >>> geomspace(1, 8, 4)
        array([1., 2., 4., 8.], dtype=float32)
    """
    if _is_known(start, stop):
        start, stop = as_array(start), as_array(stop)
        wanted = standardize_dtype(dtype or as_float(promote((start.dtype.name, stop.dtype.name))))
        with np.errstate(invalid="ignore"):
            return np.geomspace(start, stop, num, endpoint, axis=axis).real.astype(wanted)
    exponents = linspace(ew.log(ew.absolute(start)), ew.log(ew.absolute(stop)), num, endpoint, axis=axis)
    signs = linspace(ew.sign(start), ew.sign(stop), num, endpoint, axis=axis)
    y = ew.multiply(signs, ew.exp(exponents))
    return y if dtype is None else ew.cast(y, dtype)


@accepts_symbolic
def meshgrid(*x, indexing="xy"):
    """Coordinate arrays of the grid that vectors span.

    Args:
        x: vectors or scalars.
        indexing: "xy" (the first vector runs along axis 1) or "ij" (along axis 0).

    Example:
        >>> meshgrid(np.array([1, 2]), np.array([3, 4, 5]))[0]
        array([[1, 2],
               [1, 2],
               [1, 2]])
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing {indexing!r} is neither 'xy' nor 'ij'.")
    xs = [reshape(part, (-1,)) for part in x]
    order = list(range(len(xs)))
    if indexing == "xy" and len(xs) > 1:
        order[:2] = [1, 0]
    sizes = [shape_of(xs[k])[0] for k in order]
    return [
        broadcast_to(reshape(part, [-1 if order[k] == j else 1 for k in range(len(xs))]), sizes)
        for j, part in enumerate(xs)
    ]


# ---- triangular and diagonal ----


def eye(N, M=None, k=0, dtype=None):
    """An `N` by `M` (`N` by default) matrix with 1 on the diagonal `k` and 0 elsewhere.

    Example:
        >>> eye(2)
        array([[1., 0.],
               [0., 1.]], dtype=float32)
    """
    return np.eye(N, M, k, standardize_dtype(dtype))


def identity(n, dtype=None):
    """The `n` by `n` identity matrix.

    Example:
        >>> identity(1)
        array([[1.]], dtype=float32)
    """
    return eye(n, dtype=dtype)


def tri(N, M=None, k=0, dtype=None):
    """An `N` by `M` matrix with 1 on and below the diagonal `k` and 0 above.

    Example:
        >>> tri(2)
        array([[1., 0.],
               [1., 1.]], dtype=float32)
    """
    return np.tri(N, M, k, standardize_dtype(dtype))


@as_one_plan
@accepts_symbolic
def tril(x, k=0):
    """The last two axes of `x` with 0 above the diagonal `k`.

    Example:
        >>> tril(np.ones((2, 2)))
        array([[1., 0.],
               [1., 1.]])
    """
    return logic.where(np.tri(*shape_of(x)[-2:], k, dtype=bool), x, np.zeros((), dtype_of(x)))


@as_one_plan
@accepts_symbolic
def triu(x, k=0):
    """The last two axes of `x` with 0 below the diagonal `k`.

    Example:
        >>> triu(np.ones((2, 2)))
        array([[1., 1.],
               [0., 1.]])
    """
    return logic.where(np.tri(*shape_of(x)[-2:], k - 1, dtype=bool), np.zeros((), dtype_of(x)), x)


@as_one_plan
@accepts_symbolic
def diagonal(x, offset=0, axis1=0, axis2=1):
    """The diagonal `offset` of the plane of two axes, as the last axis of the result.

    Example:
        >>> diagonal(np.array([[1, 2], [3, 4]]))
        array([1, 4])
    """
    sizes = shape_of(x)
    axis1, axis2 = normalize_axis("diagonal", axis1, len(sizes)), normalize_axis("diagonal", axis2, len(sizes))
    if axis1 == axis2:
        raise ValueError(f"diagonal: axis1 and axis2 are both {axis1}.")
    positions = np.arange(int(np.prod(sizes))).reshape(sizes)
    return take(x, np.ascontiguousarray(np.diagonal(positions, offset, axis1, axis2)))


@as_one_plan
@accepts_symbolic
def diag(x, k=0):
    """A matrix with the vector `x` on its diagonal `k`; or the diagonal `k` of the matrix `x`.

    Example:
        >>> diag(np.array([1, 2]))
        array([[1, 0],
               [0, 2]])
    """
    sizes = shape_of(x)
    if len(sizes) == 2:
        return diagonal(x, offset=k)
    if len(sizes) != 1:
        raise ValueError(f"diag: `x` must have one or two dimensions, not shape {sizes}.")
    n = sizes[0] + abs(k)
    # In the flattened matrix the elements of a diagonal are n + 1 apart.
    first = k if k >= 0 else -k * n
    flat = place_op(x, shape=(n * n,), starts=(first if sizes[0] else 0,), steps=(n + 1,), value=0)
    return reshape(flat, (n, n))


def diagflat(x, k=0):
    """A matrix with the elements of `x` on its diagonal `k`.

    Example:
        >>> diagflat(np.array([[1, 2]]))
        array([[1, 0],
               [0, 2]])
    """
    return diag(reshape(x, (-1,)), k)


@as_one_plan
@accepts_symbolic
def trace(x, offset=0, axis1=0, axis2=1):
    """The sum of the diagonal `offset` of the plane of two axes.

    Example:
        >>> trace(np.array([[1, 2], [3, 4]]))
        array(5)
    """
    return reduce.sum(diagonal(x, offset, axis1, axis2), axis=-1)


# ---- between NumPy and the engine ----


def convert_to_tensor(x, dtype=None, sparse=None, ragged=None):
    """`x` as an array: lists and scalars become `floatx` or int32, arrays keep their dtype unless `dtype` is given.

    Args:
        x: array, Variable, traced value, list or scalar.
        dtype: name, or None.
        sparse, ragged: must be false; there are no sparse or ragged arrays here.

    Example:
        >>> convert_to_tensor([1.0, 2.0])
        array([1., 2.], dtype=float32)
    """
    if sparse or ragged:
        raise ValueError("convert_to_tensor: sparse and ragged arrays are not supported.")
    x = joined(x)
    if isinstance(x, Variable):
        x = copy_op(x)  # later assignments must not change it, and a tape must see it
    elif not isinstance(x, (np.ndarray, Operators)):
        x = as_array(x)
    return x if dtype is None else ew.cast(x, dtype)


def array(x, dtype=None):
    """`x` as an array; see `convert_to_tensor`.

    Example:
        >>> array([1, 2])
        array([1, 2], dtype=int32)
    """
    return convert_to_tensor(x, dtype)


def convert_to_numpy(x):
    """`x` as a plain NumPy array.

    Example:
        >>> convert_to_numpy([1, 2])
        array([1, 2])
    """
    if isinstance(x, Variable):
        return x.array.copy()
    return as_array(x) if hasattr(x, "shape") else np.asarray(x)


def dtype(x):
    """The name of the dtype of an array, a Variable or a traced value.

    Example:
        >>> dtype(np.zeros(2, "int32"))
        'int32'
    """
    return dtype_of(x)


def is_tensor(x):
    """Whether `x` is an array or a traced value.

    Example:
        >>> is_tensor(np.zeros(2)), is_tensor([0, 0])
        (True, False)
    """
    return isinstance(x, (np.ndarray, Value))
