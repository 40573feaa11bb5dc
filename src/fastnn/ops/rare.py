"""Elementwise functions that networks rarely use: compositions, and records that only their references compute."""

import math

import numpy as np

from fastnn.graph.dtypes import is_float, is_inexact
from fastnn.ops import logic, reduce
from fastnn.ops import trigonometry as trig
from fastnn.ops.elementwise import (
    absolute,
    cast,
    divide,
    elementwise,
    exp,
    exp2,
    logaddexp,
    maximum,
    minimum,
    multiply,
    negative,
    square,
    subtract,
)
from fastnn.ops.record import as_array, as_operand, dtype_of, uniform
from fastnn.plan.function import as_one_plan, as_one_plan_of_arrays

TWO_OVER_SQRT_PI = 2 / math.sqrt(math.pi)


def _by_lane(function):
    return lambda x: np.fromiter(map(function, x.ravel().tolist()), x.dtype, x.size).reshape(x.shape)


def _erfinv(x: float) -> float:
    """The normal quantile, and one step of Newton's method for the digits that (x + 1) / 2 loses near 0."""
    if not -1 < x < 1:
        return math.copysign(math.inf, x) if abs(x) == 1 else math.nan
    import statistics  # slow to import, and seldom wanted

    y = statistics.NormalDist().inv_cdf((x + 1) / 2) / math.sqrt(2)
    return y - (math.erf(y) - x) / (TWO_OVER_SQRT_PI * math.exp(-y * y))


erfc_op = elementwise(
    "erfc", _by_lane(math.erfc),
    lambda dy, y, x: multiply(dy, multiply(exp(negative(square(x))), -TWO_OVER_SQRT_PI)), dtype="float",
)  # fmt: skip
erfinv_op = elementwise(
    "erfinv", _by_lane(_erfinv), lambda dy, y, x: multiply(dy, multiply(exp(square(y)), 1 / TWO_OVER_SQRT_PI)),
    dtype="float", domain=uniform(-0.9, 0.9),
)  # fmt: skip
signbit_op = elementwise("signbit", lambda x: np.signbit(x) if x.dtype.kind == "f" else x < 0, dtype="bool")
nextafter_op = elementwise("nextafter", np.nextafter, dtype="float")


def _fextreme_grad(dy, y, x1, x2):
    """To the one that is `y`, and half to each where both are: NaN is not."""
    shared = logic.where(logic.equal(x1, x2), multiply(dy, 0.5), dy)
    return logic.where(logic.equal(x1, y), shared, 0), logic.where(logic.equal(x2, y), shared, 0)


def _fextreme(name, reference, without_nan):
    simplify = lambda node: None if is_inexact(node.outputs[0].dtype) else without_nan(*node.inputs)  # noqa: E731
    return elementwise(name, reference, _fextreme_grad, simplify=simplify)


fmax_op = _fextreme("fmax", np.fmax, maximum)
fmin_op = _fextreme("fmin", np.fmin, minimum)
# The second input holds integers, as floats.
ldexp_op = elementwise(
    "ldexp", lambda x, n: np.ldexp(x, np.clip(n, -9999, 9999).astype(np.int32)),
    lambda dy, y, x, n: (ldexp_op(dy, n), None), dtype="float",
)  # fmt: skip


def _reference_i1(x):
    from scipy.special import i1

    return i1(x)


# The derivatives of i0 and i1; that of i1 at 0 is 1/2.
i1_op = elementwise("i1", _reference_i1, lambda dy, y, x: multiply(dy, _i1_derivative(y, x)), dtype="float")
i0_op = elementwise("i0", np.i0, lambda dy, y, x: multiply(dy, i1_op(x)), dtype="float")


def _i1_derivative(y, x):
    is_zero = logic.equal(x, 0)
    return subtract(i0_op(x), logic.where(is_zero, 0.5, divide(y, logic.where(is_zero, 1, x))))


gcd_op = elementwise("gcd", np.gcd)
lcm_op = elementwise("lcm", np.lcm)
bitwise_and_op = elementwise("bitwise_and", np.bitwise_and)
bitwise_or_op = elementwise("bitwise_or", np.bitwise_or)
bitwise_xor_op = elementwise("bitwise_xor", np.bitwise_xor)
bitwise_not_op = elementwise("bitwise_not", np.bitwise_not)
left_shift_op = elementwise("left_shift", np.left_shift)
right_shift_op = elementwise("right_shift", np.right_shift)


def erfc(x):
    """`1 - erf(x)`, accurate where that is small.

    Example:
        >>> erfc(np.array([0.0]))
        array([1.])
    """
    return erfc_op(x)


def erfinv(x):
    """The number whose error function is `x`, in (-1, 1).

    Example:
        >>> erfinv(np.array([0.0, 1.0]))
        array([ 0., inf])
    """
    return erfinv_op(x)


def signbit(x):
    """Whether the sign bit is set: for negative numbers and -0.

    Example:
        >>> signbit(np.array([-1.0, 1.0]))
        array([ True, False])
    """
    return signbit_op(x)


def nextafter(x1, x2):
    """The next number after `x1` in the direction of `x2`.

    Example:
        >>> bool(nextafter(np.array([1.0]), 2.0)[0] > 1)
        True
    """
    return nextafter_op(x1, x2)


def i0(x):
    """The modified Bessel function of the first kind and order 0.

    Example:
        >>> i0(np.array([0.0]))
        array([1.])
    """
    return i0_op(x)


def gcd(x1, x2):
    """The greatest common divisor of integers.

    Example:
        >>> gcd(np.array([12, 9]), 6)
        array([6, 3])
    """
    return gcd_op(x1, x2)


def lcm(x1, x2):
    """The least common multiple of integers.

    Example:
        >>> lcm(np.array([4, 9]), 6)
        array([12, 18])
    """
    return lcm_op(x1, x2)


def _as_input(x):
    """Unlike in arithmetic, a Python number counts as int32 here."""
    return x if hasattr(x, "shape") and not isinstance(x, np.generic) else as_array(x)


def bitwise_and(x, y):
    """The bits that both integers have.

    Example:
        >>> bitwise_and(np.array([5, 6]), 4)
        array([4, 4])
    """
    return bitwise_and_op(_as_input(x), _as_input(y))


def bitwise_or(x, y):
    """The bits that either integer has.

    Example:
        >>> bitwise_or(np.array([5, 2]), 4)
        array([5, 6])
    """
    return bitwise_or_op(_as_input(x), _as_input(y))


def bitwise_xor(x, y):
    """The bits that one integer has and not the other.

    Example:
        >>> bitwise_xor(np.array([5, 2]), 4)
        array([1, 6])
    """
    return bitwise_xor_op(_as_input(x), _as_input(y))


def bitwise_not(x):
    """The other bits.

    Example:
        >>> bitwise_not(np.array([0, 5]))
        array([-1, -6])
    """
    return bitwise_not_op(x)


bitwise_invert = bitwise_not


def left_shift(x, y):
    """`x` with its bits moved left by `y`.

    Example:
        >>> left_shift(np.array([1, 3]), 2)
        array([ 4, 12])
    """
    return left_shift_op(x, y)


def right_shift(x, y):
    """`x` with its bits moved right by `y`.

    Example:
        >>> right_shift(np.array([4, 13]), 2)
        array([1, 3])
    """
    return right_shift_op(x, y)


bitwise_left_shift, bitwise_right_shift = left_shift, right_shift


def deg2rad(x):
    """Degrees in radians.

    Example:
        >>> deg2rad(np.array([180.0]))
        array([3.14159265])
    """
    return multiply(x, math.pi / 180)


def rad2deg(x):
    """Radians in degrees.

    Example:
        >>> rad2deg(np.array([np.pi]))
        array([180.])
    """
    return multiply(x, 180 / math.pi)


def fabs(x):
    """The absolute value, as a float.

    Example:
        >>> fabs(np.array([-2.0]))
        array([2.])
    """
    return absolute(x if np.dtype(dtype_of(x)).kind == "f" else cast(x, None))


def fmax(x1, x2):
    """The larger of two, and the other where one is NaN.

    Example:
        >>> fmax(np.array([1.0, np.nan]), 0.0)
        array([1., 0.])
    """
    return fmax_op(x1, x2)


def fmin(x1, x2):
    """The smaller of two, and the other where one is NaN.

    Example:
        >>> fmin(np.array([1.0, np.nan]), 0.0)
        array([0., 0.])
    """
    return fmin_op(x1, x2)


@as_one_plan_of_arrays
def heaviside(x1, x2):
    """0 where `x1` is negative, 1 where it is positive, `x2` where it is 0.

    Example:
        >>> heaviside(np.array([-1.0, 0.0, 2.0]), 0.5)
        array([0. , 0.5, 1. ])
    """
    step = logic.where(logic.greater(x1, 0), 1.0, logic.where(logic.less(x1, 0), 0.0, x1))
    return logic.where(logic.equal(x1, 0), x2, step)


def ldexp(x1, x2):
    """`x1` times 2 to the power `x2`.

    Example:
        >>> ldexp(np.array([0.5, 3.0]), 2)
        array([ 2., 12.])
    """
    return _ldexp(x1, as_operand(x2))


@as_one_plan_of_arrays
def _ldexp(x1, x2):
    exponent = cast(x2, dtype_of(fabs(x1)))
    return multiply(x1, exp2(exponent)) if is_float(dtype_of(x2)) else ldexp_op(x1, exponent)


@as_one_plan_of_arrays
def logaddexp2(x1, x2):
    """`log2(2**x1 + 2**x2)` without overflow.

    Example:
        >>> logaddexp2(np.array([3.0]), np.array([3.0]))
        array([4.])
    """
    ln2 = math.log(2)
    return divide(logaddexp(multiply(x1, ln2), multiply(x2, ln2)), ln2)


@as_one_plan
def sinc(x):
    """`sin(pi x) / (pi x)`, and 1 at 0.

    Example:
        >>> sinc(np.array([0.0, 0.5]))
        array([1.        , 0.63661977])
    """
    is_zero = logic.equal(x, 0)
    angle = multiply(logic.where(is_zero, 1, x), math.pi)
    return logic.where(is_zero, 1, divide(trig.sin(angle), angle))


@as_one_plan_of_arrays
def allclose(x1, x2, rtol=1e-5, atol=1e-8, equal_nan=False):
    """Whether all elements are close, as of `isclose`.

    Example:
        >>> bool(allclose(np.array([1.0]), 1.000001))
        True
    """
    return reduce.all(logic.isclose(x1, x2, rtol, atol, equal_nan))
