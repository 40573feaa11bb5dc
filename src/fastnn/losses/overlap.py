"""Losses of segmentation: how much two masks overlap. y_true and y_pred are (n, ..., c) with values in [0, 1]."""

from fastnn import config, ops
from fastnn.losses.loss import LossFunctionWrapper
from fastnn.losses.reduction import as_tensor
from fastnn.plan.function import as_one_plan_of_arrays


@as_one_plan_of_arrays
def dice(y_true, y_pred, axis=None):
    """1 - 2 sum(y_true y_pred) / (sum(y_true) + sum(y_pred) + epsilon), the sums over `axis` (all by default).

    Example:
        >>> float(dice([[1.0, 0.0]], [[1.0, 0.0]]).round(3))
        0.0
    """
    y_pred = as_tensor(y_pred)
    y_true = as_tensor(y_true, str(y_pred.dtype))
    overlap = ops.sum(y_true * y_pred, axis=axis)
    total = ops.sum(y_true, axis=axis) + ops.sum(y_pred, axis=axis)
    return 1.0 - ops.divide(2.0 * overlap, total + config.epsilon())


@as_one_plan_of_arrays
def tversky(y_true, y_pred, alpha=0.5, beta=0.5, axis=None):
    """1 - tp / (tp + alpha fn + beta fp + epsilon), the counts over `axis` (all by default).

    Example:
        >>> float(tversky([[1.0, 0.0]], [[1.0, 0.0]]).round(3))
        0.0
    """
    y_pred = as_tensor(y_pred)
    y_true = as_tensor(y_true, str(y_pred.dtype))
    overlap = ops.sum(y_true * y_pred, axis=axis)
    false_positive = ops.sum((1.0 - y_true) * y_pred, axis=axis)
    false_negative = ops.sum(y_true * (1.0 - y_pred), axis=axis)
    return 1.0 - ops.divide(overlap, overlap + alpha * false_negative + beta * false_positive + config.epsilon())


class Dice(LossFunctionWrapper):
    """1 minus the Dice coefficient of two masks.

    Args:
        reduction, name, dtype: as in `Loss`.
        axis: over which the sums run; all axes by default.

    Example:
        >>> float(Dice()([[1.0, 0.0]], [[1.0, 0.0]]).round(3))
        0.0
    """

    def __init__(self, reduction="sum_over_batch_size", name="dice", axis=None, dtype=None):
        super().__init__(dice, reduction, name, dtype, axis=axis)


class Tversky(LossFunctionWrapper):
    """1 minus the Tversky index of two masks: false negatives weigh alpha, false positives beta.

    Args:
        alpha: 0.5.
        beta: 0.5.
        reduction, name, dtype: as in `Loss`.
        axis: over which the sums run; all axes by default.

    Example:
        >>> float(Tversky()([[1.0, 0.0]], [[1.0, 0.0]]).round(3))
        0.0
    """

    def __init__(self, alpha=0.5, beta=0.5, reduction="sum_over_batch_size", name="tversky", axis=None, dtype=None):
        super().__init__(tversky, reduction, name, dtype, alpha=alpha, beta=beta, axis=axis)
