"""Losses between numbers: y_true and y_pred are (n, ..., d), the loss of a sample is a mean over d: (n, ...)."""

import math

from fastnn import config, ops
from fastnn.losses.loss import LossFunctionWrapper, l2_normalized, matched
from fastnn.losses.reduction import as_tensor
from fastnn.plan.function import as_one_plan_of_arrays


@as_one_plan_of_arrays
def mean_squared_error(y_true, y_pred):
    """mean((y_true - y_pred)^2, axis=-1).

    Example:
        >>> mean_squared_error([[0.0, 1.0]], [[2.0, 1.0]])
        array([2.], dtype=float32)
    """
    y_true, y_pred = matched(y_true, y_pred)
    return ops.mean(ops.square(y_true - y_pred), axis=-1)


@as_one_plan_of_arrays
def mean_absolute_error(y_true, y_pred):
    """mean(|y_true - y_pred|, axis=-1).

    Example:
        >>> mean_absolute_error([[0.0, 1.0]], [[2.0, 1.0]])
        array([1.], dtype=float32)
    """
    y_true, y_pred = matched(y_true, y_pred)
    return ops.mean(ops.abs(y_true - y_pred), axis=-1)


@as_one_plan_of_arrays
def mean_absolute_percentage_error(y_true, y_pred):
    """100 mean(|y_true - y_pred| / max(|y_true|, epsilon), axis=-1).

    Example:
        >>> mean_absolute_percentage_error([[2.0, 4.0]], [[1.0, 4.0]])
        array([25.], dtype=float32)
    """
    y_true, y_pred = matched(y_true, y_pred)
    return 100.0 * ops.mean(ops.abs((y_true - y_pred) / ops.maximum(ops.abs(y_true), config.epsilon())), axis=-1)


@as_one_plan_of_arrays
def mean_squared_logarithmic_error(y_true, y_pred):
    """mean((log(y_true + 1) - log(y_pred + 1))^2, axis=-1), both bounded below by epsilon.

    Example:
        >>> float(mean_squared_logarithmic_error([[0.0]], [[1.0]])[0]).__round__(4)
        0.4805
    """
    y_true, y_pred = matched(y_true, y_pred)
    log_true = ops.log(ops.maximum(y_true, config.epsilon()) + 1.0)
    log_pred = ops.log(ops.maximum(y_pred, config.epsilon()) + 1.0)
    return ops.mean(ops.square(log_true - log_pred), axis=-1)


@as_one_plan_of_arrays
def huber(y_true, y_pred, delta=1.0):
    """The mean over the last axis of e^2 / 2 where |e| <= delta and delta |e| - delta^2 / 2 elsewhere.

    Example:
        >>> huber([[0.0, 0.0]], [[0.5, 3.0]])
        array([1.3125], dtype=float32)
    """
    y_true, y_pred = matched(y_true, y_pred)
    error = ops.abs(y_pred - y_true)
    return ops.mean(ops.where(error <= delta, 0.5 * ops.square(error), delta * error - 0.5 * delta * delta), axis=-1)


@as_one_plan_of_arrays
def log_cosh(y_true, y_pred):
    """mean(log(cosh(y_pred - y_true)), axis=-1), without overflow.

    Example:
        >>> log_cosh([[0.0]], [[0.0]])
        array([0.], dtype=float32)
    """
    y_true, y_pred = matched(y_true, y_pred)
    error = y_pred - y_true
    # log((e^x + e^-x) / 2) = x + log(1 + e^-2x) - log 2
    return ops.mean(error + ops.softplus(error * -2.0) - math.log(2.0), axis=-1)


@as_one_plan_of_arrays
def cosine_similarity(y_true, y_pred, axis=-1):
    """-sum(l2_normalized(y_true) l2_normalized(y_pred), axis): -1 for equal directions, 1 for opposite ones.

    Example:
        >>> cosine_similarity([[1.0, 0.0]], [[3.0, 0.0]])
        array([-1.], dtype=float32)
    """
    y_true, y_pred = matched(y_true, y_pred)
    return -ops.sum(l2_normalized(y_true, axis) * l2_normalized(y_pred, axis), axis=axis)


@as_one_plan_of_arrays
def poisson(y_true, y_pred):
    """mean(y_pred - y_true log(y_pred + epsilon), axis=-1).

    Example:
        >>> poisson([[0.0, 1.0]], [[1.0, 1.0]]).round(3)
        array([1.], dtype=float32)
    """
    y_pred = as_tensor(y_pred)
    y_true = as_tensor(y_true, str(y_pred.dtype))
    return ops.mean(y_pred - y_true * ops.log(y_pred + config.epsilon()), axis=-1)


class MeanSquaredError(LossFunctionWrapper):
    """The mean of (y_true - y_pred)^2.

    Args:
        reduction, name, dtype: as in `Loss`.

    Example:
        >>> float(MeanSquaredError()([[0.0, 1.0]], [[2.0, 1.0]]))
        2.0
    """

    def __init__(self, reduction="sum_over_batch_size", name="mean_squared_error", dtype=None):
        super().__init__(mean_squared_error, reduction, name, dtype)


class MeanAbsoluteError(LossFunctionWrapper):
    """The mean of |y_true - y_pred|.

    Args:
        reduction, name, dtype: as in `Loss`.

    Example:
        >>> float(MeanAbsoluteError()([[0.0, 1.0]], [[2.0, 1.0]]))
        1.0
    """

    def __init__(self, reduction="sum_over_batch_size", name="mean_absolute_error", dtype=None):
        super().__init__(mean_absolute_error, reduction, name, dtype)


class MeanAbsolutePercentageError(LossFunctionWrapper):
    """100 times the mean of |y_true - y_pred| / max(|y_true|, epsilon).

    Args:
        reduction, name, dtype: as in `Loss`.

    Example:
        >>> float(MeanAbsolutePercentageError()([[2.0, 4.0]], [[1.0, 4.0]]))
        25.0
    """

    def __init__(self, reduction="sum_over_batch_size", name="mean_absolute_percentage_error", dtype=None):
        super().__init__(mean_absolute_percentage_error, reduction, name, dtype)


class MeanSquaredLogarithmicError(LossFunctionWrapper):
    """The mean of (log(y_true + 1) - log(y_pred + 1))^2.

    Args:
        reduction, name, dtype: as in `Loss`.

    Example:
        >>> float(MeanSquaredLogarithmicError()([[1.0]], [[1.0]]))
        0.0
    """

    def __init__(self, reduction="sum_over_batch_size", name="mean_squared_logarithmic_error", dtype=None):
        super().__init__(mean_squared_logarithmic_error, reduction, name, dtype)


class Huber(LossFunctionWrapper):
    """Squared near zero, linear beyond `delta`: less moved by outliers than the squared error.

    Args:
        delta: where it becomes linear; 1.0.
        reduction, name, dtype: as in `Loss`.

    Example:
        >>> float(Huber()([[0.0]], [[3.0]]))
        2.5
    """

    def __init__(self, delta=1.0, reduction="sum_over_batch_size", name="huber_loss", dtype=None):
        super().__init__(huber, reduction, name, dtype, delta=delta)


class LogCosh(LossFunctionWrapper):
    """The mean of log(cosh(y_pred - y_true)).

    Args:
        reduction, name, dtype: as in `Loss`.

    Example:
        >>> float(LogCosh()([[1.0]], [[1.0]]))
        0.0
    """

    def __init__(self, reduction="sum_over_batch_size", name="log_cosh", dtype=None):
        super().__init__(log_cosh, reduction, name, dtype)


class CosineSimilarity(LossFunctionWrapper):
    """Minus the cosine of the angle between y_true and y_pred.

    Args:
        axis: along which they are vectors; -1.
        reduction, name, dtype: as in `Loss`.

    Example:
        >>> float(CosineSimilarity()([[1.0, 0.0]], [[0.0, 3.0]]))
        -0.0
    """

    def __init__(self, axis=-1, reduction="sum_over_batch_size", name="cosine_similarity", dtype=None):
        super().__init__(cosine_similarity, reduction, name, dtype, axis=axis)


class Poisson(LossFunctionWrapper):
    """The mean of y_pred - y_true log(y_pred): counts y_true against the rate y_pred.

    Args:
        reduction, name, dtype: as in `Loss`.

    Example:
        >>> float(Poisson()([[0.0]], [[1.0]]))
        1.0
    """

    def __init__(self, reduction="sum_over_batch_size", name="poisson", dtype=None):
        super().__init__(poisson, reduction, name, dtype)
