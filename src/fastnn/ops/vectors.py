"""Products and differences of vectors: cross, kron, correlate, corrcoef, diff, trapezoid, vander. All compositions."""

import numpy as np

from fastnn.graph.dtypes import as_float, is_complex
from fastnn.graph.symbolic import accepts_symbolic
from fastnn.ops import elementwise as ew
from fastnn.ops import logic, reduce
from fastnn.ops.boxes import slice_axis
from fastnn.ops.complex_numbers import conj
from fastnn.ops.convolution import conv
from fastnn.ops.creation import diagonal
from fastnn.ops.gather import take
from fastnn.ops.joining import pad, stack
from fastnn.ops.layout import expand_dims, moveaxis, reshape, transpose
from fastnn.ops.matmul import in_one_dtype, matmul
from fastnn.ops.record import as_operand, dtype_of, shape_of
from fastnn.ops.reduce import mean, normalize_axis
from fastnn.plan.function import as_one_plan, is_watched


def _as_input(x):
    return as_operand(x)


def _as_float(x):
    x = _as_input(x)
    return ew.cast(x, as_float(dtype_of(x)))


@as_one_plan
@accepts_symbolic
def cross(x1, x2, axisa=-1, axisb=-1, axisc=-1, axis=None):
    """The cross product of vectors of two or three elements.

    Args:
        x1: array.
        x2: array; its shape without the vectors' axis broadcasts with that of `x1`.
        axisa: where the vectors of `x1` lie.
        axisb: where those of `x2` lie.
        axisc: where those of the result lie. Of two vectors of two elements the result is the third component alone.
        axis: all three at once.

    Raises:
        ValueError: when the vectors have another size.

    Example:
        >>> cross(np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0]))
        array([0., 0., 1.])
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    parts = []
    for x, where in ((_as_input(x1), axisa), (_as_input(x2), axisb)):
        where = normalize_axis("cross", where, len(shape_of(x)))
        size = shape_of(x)[where]
        if size not in (2, 3):
            raise ValueError(f"cross: vectors have 2 or 3 elements, not {size} (axis {where} of shape {shape_of(x)}).")
        rest = tuple(n for k, n in enumerate(shape_of(x)) if k != where)
        parts.append([reshape(slice_axis(x, where, k, k + 1), rest) for k in range(size)])
    a, b = parts

    def component(i, j):
        """a_i b_j - a_j b_i, where an element that a vector lacks is 0."""
        products = [ew.multiply(a[p], b[q]) if p < len(a) and q < len(b) else None for p, q in ((i, j), (j, i))]
        if products[1] is None:
            return products[0]
        return ew.negative(products[1]) if products[0] is None else ew.subtract(*products)

    last = component(0, 1)
    if len(a) == len(b) == 2:
        return last
    return moveaxis(stack([component(1, 2), component(2, 0), last], axis=-1), -1, axisc)


@as_one_plan
@accepts_symbolic
def kron(x1, x2):
    """The Kronecker product: each element of `x1` times the whole of `x2`, side by side.

    Args:
        x1: array.
        x2: array; the one of lower rank gets axes of size 1 in front.

    Returns:
        Array whose sizes are the products of theirs.

    Example:
        >>> kron(np.array([1, 10]), np.array([1, 2, 3]))
        array([ 1,  2,  3, 10, 20, 30])
    """
    a, b = shape_of(x1), shape_of(x2)
    rank = max(len(a), len(b))
    a, b = (1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b
    wide = ew.multiply(
        reshape(x1, [n for size in a for n in (size, 1)]), reshape(x2, [n for size in b for n in (1, size)])
    )
    return reshape(wide, [m * n for m, n in zip(a, b, strict=True)])


@as_one_plan
@accepts_symbolic
def correlate(x1, x2, mode="valid"):
    """The cross-correlation of two vectors, `y[k] = sum_n x1[n + k] x2[n]`, a float also for integers.

    Args:
        x1: vector.
        x2: vector.
        mode: "valid", where the shorter lies wholly inside the longer; "same", as many as the longer has elements; or
            "full", wherever they overlap.

    Raises:
        ValueError: for another mode, or arrays that are empty or no vectors.

    Example:
        >>> correlate(np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0]))
        array([2., 3.])
    """
    x1, x2 = in_one_dtype(_as_float(x1), _as_float(x2))
    sizes = shape_of(x1), shape_of(x2)
    if len(sizes[0]) != 1 or len(sizes[1]) != 1 or 0 in (*sizes[0], *sizes[1]):
        raise ValueError(f"correlate: vectors that are not empty are needed, got shapes {sizes[0]} and {sizes[1]}.")
    (long,), (short,) = sizes
    before = {"valid": 0, "same": short // 2, "full": short - 1}
    if mode not in before:
        raise ValueError(f"correlate: mode {mode!r} is none of 'valid', 'same', 'full'.")
    if short > long:
        return correlate(conj(x2), conj(x1), mode)[::-1]
    padded = pad(x1, (before[mode], {"valid": 0, "same": short - short // 2 - 1, "full": short - 1}[mode]))
    if not is_complex(dtype_of(x1)):
        return reshape(conv(reshape(padded, (1, -1, 1)), reshape(x2, (-1, 1, 1)), data_format="channels_last"), (-1,))
    starts = np.arange(shape_of(padded)[0] - short + 1, dtype=np.int32)
    windows = take(padded, starts[:, None] + np.arange(short, dtype=np.int32))
    return matmul(windows, conj(x2))


@as_one_plan
@accepts_symbolic
def corrcoef(x):
    """Pearson's correlation coefficients of the rows of `x`.

    Args:
        x: shape (variables, observations), or (observations,) for one variable.

    Returns:
        Shape (variables, variables); a number for one variable.

    Raises:
        ValueError: when `x` has more than two axes.

    Example:
        >>> corrcoef(np.array([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]]))
        array([[ 1., -1.],
               [-1.,  1.]])
    """
    x = _as_float(x)
    if len(shape_of(x)) > 2:
        raise ValueError(f"corrcoef: `x` must have at most two dimensions, not shape {shape_of(x)}.")
    rows = reshape(x, (-1, shape_of(x)[-1])) if shape_of(x) else reshape(x, (1, 1))
    apart = ew.subtract(rows, mean(rows, axis=1, keepdims=True))
    products = matmul(apart, transpose(conj(apart)))
    size = ew.sqrt(diagonal(products))
    y = ew.divide(ew.divide(products, expand_dims(size, 1)), size)
    return y if len(shape_of(x)) == 2 else reshape(y, ())


_FEW = 4096


@accepts_symbolic
def diff(a, n=1, axis=-1):
    """The differences of neighbours along an axis, `n` times over; of bools, whether they differ.

    Args:
        a: array.
        n: int, at least 0.
        axis: int.

    Raises:
        ValueError: for a scalar, or n < 0.

    Example:
        >>> diff(np.array([1, 4, 9]))
        array([3, 5])
    """
    a = _as_input(a)
    if n < 0:
        raise ValueError(f"diff: order n must be at least 0, got {n}.")
    axis = normalize_axis("diff", axis, len(shape_of(a)))
    # The parts of a large one are contiguous where they lie. A plan for each `n` and shape costs less of small ones.
    if axis == 0 and type(a) is np.ndarray and a.size > _FEW and not is_watched():
        for _ in range(n):
            a = _apart(a[1:], a[: max(len(a) - 1, 0)])
        return a
    return _differences(a, n, axis)


def _apart(x1, x2):
    return logic.not_equal(x1, x2) if dtype_of(x1) == "bool" else ew.subtract(x1, x2)


@as_one_plan
def _differences(a, n, axis):
    # Those of two or three times over are made of parts of `a` itself: elementwise kernels read them where they lie.
    while n:
        size, times = shape_of(a)[axis], min(n, MOST_AT_ONCE)
        left = max(size - times, 0)
        parts = [slice_axis(a, axis, min(k, size), min(k, size) + left) for k in range(times + 1)]
        while len(parts) > 1:
            parts = [_apart(x1, x2) for x1, x2 in zip(parts[1:], parts[:-1], strict=True)]
        (a,), n = parts, n - times
    return a


MOST_AT_ONCE = 3  # more than the differences that are needed are computed: 6 for 3


@as_one_plan
@accepts_symbolic
def trapezoid(y, x=None, dx=1.0, axis=-1):
    """The integral of samples along an axis, by the trapezoidal rule.

    Args:
        y: samples.
        x: where they were taken: the shape of `y`, or a vector along `axis`; None for equal distances.
        dx: the distance of neighbours where `x` is None.
        axis: int.

    Example:
        >>> trapezoid(np.array([1.0, 2.0, 3.0]))
        array(4.)
    """
    y = _as_float(y)
    axis = normalize_axis("trapezoid", axis, len(shape_of(y)))
    size = shape_of(y)[axis]
    is_last = axis == len(shape_of(y)) - 1
    if x is None and is_last and size > 1 and type(dx) in (int, float) and dtype_of(y) in ("float32", "float64"):
        weights = np.full(size, dx, dtype_of(y))  # a product reads y once
        weights[[0, -1]] *= 0.5
        return matmul(y, weights)
    width = dx
    if x is not None:
        x = _as_float(x)
        is_vector = len(shape_of(x)) == 1
        width = diff(x, axis=-1 if is_vector else axis)
        if is_vector:
            width = reshape(width, [-1 if k == axis else 1 for k in range(len(shape_of(y)))])
    pairs = ew.add(slice_axis(y, axis, min(1, size), size), slice_axis(y, axis, 0, max(size - 1, 0)))
    return reduce.sum(ew.multiply(ew.multiply(pairs, 0.5), width), axis=axis)


@as_one_plan
@accepts_symbolic
def vander(x, N=None, increasing=False):
    """The Vandermonde matrix: the powers of each element of a vector, in a row.

    Args:
        x: vector.
        N: number of powers; by default as many as `x` has elements.
        increasing: whether the powers begin with 0, instead of ending there.

    Raises:
        ValueError: when `x` is no vector, or N < 0.

    Example:
        >>> vander(np.array([1, 2, 3]))
        array([[1, 1, 1],
               [4, 2, 1],
               [9, 3, 1]])
    """
    x = _as_input(x)
    if len(shape_of(x)) != 1:
        raise ValueError(f"vander: `x` must be a vector, not of shape {shape_of(x)}.")
    count = shape_of(x)[0] if N is None else N
    if count < 0:
        raise ValueError(f"vander: N must be at least 0, got {N}.")
    powers = np.arange(count, dtype=dtype_of(x))
    return ew.power(expand_dims(x, 1), powers if increasing else powers[::-1])
