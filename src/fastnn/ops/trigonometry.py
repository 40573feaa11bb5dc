"""Trigonometric and hyperbolic functions and their inverses, element by element."""

import numpy as np

from fastnn.ops.elementwise import add, divide, elementwise, multiply, negative, rsqrt, square, subtract
from fastnn.ops.record import uniform


def _unit_rsqrt(x):
    """1 / sqrt(1 - x^2), as a product: 1 - x^2 itself cancels near 1."""
    return rsqrt(multiply(subtract(1, x), add(1, x)))


def _arctan2_grad(dy, y, x1, x2):
    scaled = divide(dy, add(square(x1), square(x2)))
    return multiply(scaled, x2), negative(multiply(scaled, x1))


sin_op = elementwise("sin", np.sin, lambda dy, y, x: multiply(dy, cos(x)), dtype="float")
cos_op = elementwise("cos", np.cos, lambda dy, y, x: negative(multiply(dy, sin(x))), dtype="float")
tan_op = elementwise(
    "tan", np.tan, lambda dy, y, x: multiply(dy, add(1, square(y))), dtype="float", domain=uniform(-1.2, 1.2)
)
arcsin_op = elementwise(
    "arcsin", np.arcsin, lambda dy, y, x: multiply(dy, _unit_rsqrt(x)), dtype="float", domain=uniform(-0.9, 0.9)
)
arccos_op = elementwise(
    "arccos", np.arccos, lambda dy, y, x: negative(multiply(dy, _unit_rsqrt(x))), dtype="float",
    domain=uniform(-0.9, 0.9),
)  # fmt: skip
arctan_op = elementwise("arctan", np.arctan, lambda dy, y, x: divide(dy, add(1, square(x))), dtype="float")
arctan2_op = elementwise("arctan2", np.arctan2, _arctan2_grad, dtype="float", domain=uniform(0.2, 3))
sinh_op = elementwise("sinh", np.sinh, lambda dy, y, x: multiply(dy, cosh(x)), dtype="float")
cosh_op = elementwise("cosh", np.cosh, lambda dy, y, x: multiply(dy, sinh(x)), dtype="float")
arcsinh_op = elementwise("arcsinh", np.arcsinh, lambda dy, y, x: multiply(dy, rsqrt(add(square(x), 1))), dtype="float")
arccosh_op = elementwise(
    "arccosh", np.arccosh, lambda dy, y, x: multiply(dy, rsqrt(multiply(subtract(x, 1), add(x, 1)))), dtype="float",
    domain=uniform(1.1, 4),
)  # fmt: skip
arctanh_op = elementwise(
    "arctanh", np.arctanh, lambda dy, y, x: divide(dy, multiply(subtract(1, x), add(1, x))), dtype="float",
    domain=uniform(-0.9, 0.9),
)  # fmt: skip


def sin(x):
    """The sine of `x` radians.

    Example:
        >>> sin(np.array([0.0, np.pi / 2]))
        array([0., 1.])
    """
    return sin_op(x)


def cos(x):
    """The cosine of `x` radians.

    Example:
        >>> cos(np.array([0.0, np.pi]))
        array([ 1., -1.])
    """
    return cos_op(x)


def tan(x):
    """The tangent of `x` radians.

    Example:
        >>> tan(np.array([0.0]))
        array([0.])
    """
    return tan_op(x)


def arcsin(x):
    """The angle in [-pi/2, pi/2] whose sine is `x`.

    Example:
        >>> arcsin(np.array([0.0, 1.0]))
        array([0.        , 1.57079633])
    """
    return arcsin_op(x)


def arccos(x):
    """The angle in [0, pi] whose cosine is `x`.

    Example:
        >>> arccos(np.array([1.0, -1.0]))
        array([0.        , 3.14159265])
    """
    return arccos_op(x)


def arctan(x):
    """The angle in (-pi/2, pi/2) whose tangent is `x`.

    Example:
        >>> arctan(np.array([0.0, 1.0]))
        array([0.        , 0.78539816])
    """
    return arctan_op(x)


def arctan2(x1, x2):
    """The angle in (-pi, pi] of the point with ordinate `x1` and abscissa `x2`.

    Example:
        >>> arctan2(np.array([1.0]), np.array([-1.0]))
        array([2.35619449])
    """
    return arctan2_op(x1, x2)


def sinh(x):
    """The hyperbolic sine.

    Example:
        >>> sinh(np.array([0.0, 1.0]))
        array([0.        , 1.17520119])
    """
    return sinh_op(x)


def cosh(x):
    """The hyperbolic cosine.

    Example:
        >>> cosh(np.array([0.0, 1.0]))
        array([1.        , 1.54308063])
    """
    return cosh_op(x)


def arcsinh(x):
    """The inverse hyperbolic sine.

    Example:
        >>> arcsinh(np.array([0.0, 1.0]))
        array([0.        , 0.88137359])
    """
    return arcsinh_op(x)


def arccosh(x):
    """The inverse hyperbolic cosine, for `x` from 1.

    Example:
        >>> arccosh(np.array([1.0, 2.0]))
        array([0.        , 1.3169579])
    """
    return arccosh_op(x)


def arctanh(x):
    """The inverse hyperbolic tangent, for `x` in (-1, 1).

    Example:
        >>> arctanh(np.array([0.0, 0.5]))
        array([0.        , 0.54930614])
    """
    return arctanh_op(x)
