"""Reductions that leave NaN out."""

import numpy as np

from fastnn.graph.dtypes import is_float
from fastnn.ops import elementwise as ew
from fastnn.ops import logic, reduce
from fastnn.ops.record import dtype_of
from fastnn.plan.function import as_one_plan, is_watched

LARGE = 1 << 15  # elements: of fewer, to look at the result costs as much as a pass


def _filled(x, number):
    """`x` with `number` in place of NaN."""
    return logic.where(logic.isnan(x), number, x)


def _numbers(x, axis, keepdims):
    """How many elements are not NaN, in the float dtype of a mean."""
    present = ew.cast(logic.logical_not(logic.isnan(x)), dtype_of(reduce.mean(x, axis)))
    return reduce.sum(present, axis, keepdims)


@as_one_plan
def nansum(x, axis=None, keepdims=False):
    """The sum over axes of what is not NaN.

    Args:
        x: array.
        axis: an axis, several, or None for all.
        keepdims: whether the axes stay, with size 1.

    Example:
        >>> nansum(np.array([1.0, np.nan, 2.0]))
        array(3.)
    """
    return reduce.sum(_filled(x, 0), axis, keepdims)


@as_one_plan
def nanprod(x, axis=None, keepdims=False):
    """The product over axes of what is not NaN.

    Example:
        >>> nanprod(np.array([3.0, np.nan, 2.0]))
        array(6.)
    """
    return reduce.prod(_filled(x, 1), axis, keepdims)


def nanmax(x, axis=None, keepdims=False):
    """The largest element over axes that is not NaN; NaN where all are.

    Example:
        >>> nanmax(np.array([1.0, np.nan, 2.0]))
        array(2.)
    """
    return _nan_extreme("max", "-inf", x, axis, keepdims)


def nanmin(x, axis=None, keepdims=False):
    """The least element over axes that is not NaN; NaN where all are.

    Example:
        >>> nanmin(np.array([1.0, np.nan, 2.0]))
        array(1.)
    """
    return _nan_extreme("min", "inf", x, axis, keepdims)


def _nan_extreme(name, start, x, axis, keepdims):
    """Of large arrays first by one pass over them, of which a result that is `start` may be of NaN alone."""
    if type(x) is np.ndarray and x.size >= LARGE and is_float(dtype_of(x)) and not is_watched():
        found = _filled_extreme(name, start, x, axis, keepdims)
        if not (found == float(start)).any():
            return found
    return _nan_extreme_of_any(name, start, x, axis, keepdims)


@as_one_plan
def _filled_extreme(name, start, x, axis, keepdims):
    return getattr(reduce, name)(_filled(x, float(start)), axis, keepdims)


@as_one_plan
def _nan_extreme_of_any(name, start, x, axis, keepdims):
    extreme = getattr(reduce, name)
    if not is_float(dtype_of(x)):
        return extreme(x, axis, keepdims)
    is_nan = logic.isnan(x)
    found = extreme(logic.where(is_nan, float(start), x), axis, keepdims)
    return logic.where(reduce.all(is_nan, axis, keepdims), float("nan"), found)


def _nan_position(position, start, x, axis, keepdims):
    if not is_float(dtype_of(x)):
        return position(x, axis, keepdims)
    is_nan = logic.isnan(x)
    found = position(logic.where(is_nan, float(start), x), axis, keepdims)
    return logic.where(reduce.all(is_nan, axis, keepdims), np.int32(-1), found)


@as_one_plan
def nanargmax(x, axis=None, keepdims=False):
    """The index of the largest element along an axis that is not NaN, int32; -1 where all are.

    Args:
        x: array.
        axis: an axis; None looks at `x` as one long row.
        keepdims: whether the axis stays, with size 1.

    Example:
        >>> nanargmax(np.array([1.0, np.nan, 2.0]))
        array(2, dtype=int32)
    """
    return _nan_position(reduce.argmax, "-inf", x, axis, keepdims)


@as_one_plan
def nanargmin(x, axis=None, keepdims=False):
    """The index of the least element along an axis that is not NaN, int32; -1 where all are.

    Args:
        x: array.
        axis: an axis; None looks at `x` as one long row.
        keepdims: whether the axis stays, with size 1.

    Example:
        >>> nanargmin(np.array([1.0, np.nan, 2.0]))
        array(0, dtype=int32)
    """
    return _nan_position(reduce.argmin, "inf", x, axis, keepdims)


@as_one_plan
def nanmean(x, axis=None, keepdims=False):
    """The mean over axes of what is not NaN; NaN where all are.

    Example:
        >>> nanmean(np.array([1.0, np.nan, 3.0]))
        array(2.)
    """
    return ew.divide(nansum(x, axis, keepdims), _numbers(x, axis, keepdims))


@as_one_plan
def nanvar(x, axis=None, keepdims=False):
    """The variance over axes of what is not NaN; NaN where all are.

    Example:
        >>> nanvar(np.array([1.0, np.nan, 3.0]))
        array(1.)
    """
    distance = logic.where(logic.isnan(x), 0.0, ew.subtract(x, nanmean(x, axis, keepdims=True)))
    return ew.divide(reduce.sum(ew.square(distance), axis, keepdims), _numbers(x, axis, keepdims))


@as_one_plan
def nanstd(x, axis=None, keepdims=False):
    """The standard deviation over axes of what is not NaN; NaN where all are.

    Example:
        >>> nanstd(np.array([1.0, np.nan, 3.0]))
        array(1.)
    """
    return ew.sqrt(nanvar(x, axis, keepdims))


@as_one_plan
def nancumsum(x, axis=None, dtype=None):
    """The sum of all elements up to each that are not NaN, along an axis.

    Example:
        >>> nancumsum(np.array([1.0, np.nan, 2.0]))
        array([1., 1., 3.])
    """
    return reduce.cumsum(_filled(x, 0), axis, dtype)


@as_one_plan
def nancumprod(x, axis=None, dtype=None):
    """The product of all elements up to each that are not NaN, along an axis.

    Example:
        >>> nancumprod(np.array([3.0, np.nan, 2.0]))
        array([3., 3., 6.])
    """
    return reduce.cumprod(_filled(x, 1), axis, dtype)
