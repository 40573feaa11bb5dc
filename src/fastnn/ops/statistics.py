"""Variances and other statistics: compositions of the reductions in `reduce.py`."""

from fastnn.graph.dtypes import is_complex
from fastnn.graph.value import Operators
from fastnn.ops import elementwise as ew
from fastnn.ops import logic
from fastnn.ops.elementwise import stop_gradient
from fastnn.ops.record import dtype_of, shape_of
from fastnn.ops.reduce import as_floats, max, mean, min, normalize_axes, normalize_axis, sum
from fastnn.plan.function import as_one_plan


@as_one_plan
def var(x, axis=None, keepdims=False):
    """The variance over axes, the mean of the squared distance to the mean (two passes).

    Example:
        >>> var(np.array([1.0, 2.0, 3.0, 4.0]))
        array(1.25)
    """
    distance = ew.subtract(as_floats(x), mean(x, axis, keepdims=True))
    return mean(ew.square(ew.absolute(distance) if is_complex(dtype_of(x)) else distance), axis, keepdims)


@as_one_plan
def std(x, axis=None, keepdims=False):
    """The standard deviation over axes, `sqrt(var(x))`.

    Example:
        >>> std(np.array([1.0, 3.0]))
        array(1.)
    """
    return ew.sqrt(var(x, axis, keepdims))


@as_one_plan
def moments(x, axes, keepdims=False, synchronized=False):
    """The mean and the variance over `axes`.

    Args:
        x: array.
        axes: an axis or several.
        keepdims: whether the axes stay, with size 1.
        synchronized: only False: there is one process.

    Raises:
        NotImplementedError: for `synchronized=True`.

    Example:
        >>> moments(np.array([1.0, 3.0]), axes=0)
        (array(2.), array(1.))
    """
    if synchronized:
        raise NotImplementedError("Argument synchronized=True is not supported: fastnn runs in one process.")
    return mean(x, axes, keepdims), var(x, axes, keepdims)


@as_one_plan
def average(x, axis=None, weights=None):
    """The mean over axes, weighted when `weights` are given.

    Args:
        x: array.
        axis: an axis, several, or None for all.
        weights: array of the shape of `x`, or of its size along the one `axis`.

    Raises:
        ValueError: when the shapes do not fit.

    Example:
        >>> average(np.array([1.0, 3.0]), weights=np.array([3.0, 1.0]))
        array(1.5)
    """
    if weights is None:
        return mean(x, axis)
    shape, weights_shape = shape_of(x), shape_of(weights)
    if weights_shape != shape:
        if not isinstance(axis, int) or len(weights_shape) != 1 or weights_shape[0] != shape[axis]:
            raise ValueError(f"average: weights of shape {weights_shape} fit neither {shape} nor axis {axis} of it.")
        index = normalize_axis("average", axis, len(shape))
        weights = Operators.functions["reshape"](weights, (-1,) + (1,) * (len(shape) - index - 1))
    total = ew.multiply(as_floats(x), weights)
    everywhere = ew.multiply(Operators.functions["ones_like"](total), weights)
    return ew.divide(sum(total, axis), sum(everywhere, axis))


@as_one_plan
def logsumexp(x, axis=None, keepdims=False):
    """`log(sum(exp(x)))` over axes, without overflow.

    Example:
        >>> logsumexp(np.array([1000.0, 1000.0]))
        array(1000.69314718)
    """
    x = as_floats(x)
    largest = max(x, axis, keepdims=True)
    # Without a finite largest, x - largest would be NaN where the sum is 0 or infinite.
    offset = stop_gradient(logic.where(logic.isfinite(largest), largest, 0))
    total = ew.log(sum(ew.exp(ew.subtract(x, offset)), axis, keepdims))
    axes = normalize_axes("logsumexp", axis, len(shape_of(x)))
    return ew.add(total, offset if keepdims else Operators.functions["squeeze"](offset, axis=axes))


@as_one_plan
def count_nonzero(x, axis=None):
    """The number of elements that are not zero, int32.

    Example:
        >>> count_nonzero(np.array([1, 0, 2]))
        array(2, dtype=int32)
    """
    return sum(x if dtype_of(x) == "bool" else logic.not_equal(x, 0), axis)


@as_one_plan
def ptp(x, axis=None, keepdims=False):
    """The largest minus the least element over axes.

    Example:
        >>> ptp(np.array([1.0, 4.0]))
        array(3.)
    """
    return ew.subtract(max(x, axis, keepdims), min(x, axis, keepdims))
