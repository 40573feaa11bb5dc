"""Rounding, element by element. None of it has a gradient."""

import numpy as np

from fastnn.graph.dtypes import is_inexact
from fastnn.ops.elementwise import cast, divide, elementwise, multiply
from fastnn.ops.record import dtype_of
from fastnn.plan.function import as_one_plan

floor_op = elementwise("floor", np.floor, dtype="float")
ceil_op = elementwise("ceil", np.ceil, dtype="float")
round_op = elementwise("round", np.round)
trunc_op = elementwise("trunc", np.trunc)
# What a plan has in place of a cast of float32 to a half and back.
ROUND_TO_HALF = tuple(
    elementwise(f"round_to_{dtype}", lambda x, dtype=dtype: x.astype(dtype).astype(x.dtype))
    for dtype in ("float16", "bfloat16")
)


def floor(x):
    """The largest integer not above `x`, as a float.

    Example:
        >>> floor(np.array([1.5, -1.5]))
        array([ 1., -2.])
    """
    return floor_op(x)


def ceil(x):
    """The least integer not below `x`, as a float.

    Example:
        >>> ceil(np.array([1.5, -1.5]))
        array([ 2., -1.])
    """
    return ceil_op(x)


def trunc(x):
    """`x` without its fraction.

    Example:
        >>> trunc(np.array([1.5, -1.5]))
        array([ 1., -1.])
    """
    return trunc_op(x) if is_inexact(dtype_of(x)) else cast(x, dtype_of(x))


def round(x, decimals=0):
    """The nearest multiple of `10**-decimals`, of two the even one.

    Example:
        >>> round(np.array([0.5, 1.5, 2.26]))
        array([0., 2., 2.])
    """
    if is_inexact(dtype_of(x)):
        return _round_to(x, decimals) if decimals else round_op(x)
    return cast(x if decimals >= 0 else round(cast(x, "float64"), decimals), dtype_of(x))


@as_one_plan
def _round_to(x, decimals):
    if decimals < 0:
        return multiply(round_op(divide(x, 10.0**-decimals)), 10.0**-decimals)
    return divide(round_op(multiply(x, 10.0**decimals)), 10.0**decimals)
