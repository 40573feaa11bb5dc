"""Counts of true and false positives and negatives at thresholds, and the metrics made of them.

Axes: `t` thresholds, `n` samples (all axes of the data flattened), `l` labels of a multi-label AUC.
"""

import math

import numpy as np

from fastnn import config, ops
from fastnn.losses.reduction import as_tensor, same_rank
from fastnn.metrics.metric import Metric
from fastnn.ops.gather import take_grad_op
from fastnn.ops.reduce import cumsum_op
from fastnn.plan.function import as_one_plan_of_arrays

# Scores that are not among the top k: below any threshold.
_LOWEST = -1e10


@as_one_plan_of_arrays
def confusion_counts(y_true, y_pred, thresholds, sample_weight=None, top_k=None, class_id=None, from_logits=False):
    """Weighted counts of what is predicted positive (y_pred > threshold) at each threshold, as (t,) arrays.

    Args:
        y_true: labels, (n, ...); what is not 0 is positive.
        y_pred: scores, (n, ...).
        thresholds: t floats; or t itself, at least 2, for those of `_spread`.
        sample_weight: broadcasts against y_true.
        top_k: only the k highest scores along the last axis can be positive.
        class_id: only this entry of the last axis counts.
        from_logits: y_pred are scores to be squashed by the sigmoid first.

    Returns:
        (true positives, false positives, true negatives, false negatives).
    """
    prepared = _prepared(y_true, y_pred, sample_weight, top_k, class_id, from_logits)
    if isinstance(thresholds, int):
        columns = (ops.reshape(x, (-1, 1)) for x in prepared)
        return tuple(counts[:, 0] for counts in _counts_by_bin(*columns, thresholds))
    is_true, y_pred, weights = (ops.reshape(x, (-1,)) for x in prepared)
    positive = is_true * weights
    negative = weights - positive
    if len(thresholds) == 1:  # sums in one pass over what is read
        above = ops.cast(ops.greater(y_pred, float(thresholds[0])), "float32")
        tp, fp = (ops.reshape(ops.sum(above * x), (1,)) for x in (positive, negative))
    else:  # (t, n) @ (n, 2): what is above each threshold, split by label
        levels = np.asarray(thresholds, "float32")[:, None]
        above = ops.cast(ops.greater(ops.expand_dims(y_pred, 0), levels), "float32")
        found = ops.matmul(above, ops.stack([positive, negative], axis=1))
        tp, fp = found[:, 0], found[:, 1]
    return tp, fp, ops.sum(negative) - fp, ops.sum(positive) - tp


@as_one_plan_of_arrays
def label_counts(y_true, y_pred, thresholds, sample_weight=None, from_logits=False):
    """As `confusion_counts`, apart for each label of y_true and y_pred (n, l): (t, l) arrays."""
    is_true, y_pred, weights = _prepared(y_true, y_pred, sample_weight, None, None, from_logits)
    if isinstance(thresholds, int):
        return _counts_by_bin(is_true, y_pred, weights, thresholds)
    levels = np.asarray(thresholds, "float32")[:, None, None]
    above = ops.cast(ops.greater(ops.expand_dims(y_pred, 0), levels), "float32")
    positive = is_true * weights
    negative = weights - positive
    tp = ops.sum(above * ops.expand_dims(positive, 0), axis=1)
    fp = ops.sum(above * ops.expand_dims(negative, 0), axis=1)
    return tp, fp, ops.sum(negative, axis=0) - fp, ops.sum(positive, axis=0) - tp


def _counts_by_bin(is_true, y_pred, weights, t: int):
    """The same of (n, l) arrays, at t thresholds that are evenly spaced: each score adds its weight to one bin, and
    what is above a threshold is in the bins behind it. Sums are float64: a bin may get all the weights."""
    labels = y_pred.shape[1]
    # How many thresholds are below a score: as many as this (2^-21 is more than all roundings, and with up to 2^21
    # thresholds not a step) or one more.
    near = ops.ceil(ops.clip(y_pred, 0.0, 1.0) * ((t - 1) * (1 - 2**-21)))
    near = ops.cast(ops.where(ops.isnan(y_pred), 0.0, near), "int32")
    is_above = ops.greater(y_pred, ops.take(_spread(t).astype("float32"), near))
    bins = near + ops.cast(is_above, "int32") + ops.cast(is_true, "int32") * (t + 1)
    if labels > 1:
        bins = bins * labels + np.arange(labels, dtype="int32")
    # A sum over what is equal is the gradient of take.
    weights, bins = ops.reshape(ops.cast(weights, "float64"), (-1,)), ops.reshape(bins, (-1,))
    sums = take_grad_op(weights, bins, shape=(2 * (t + 1) * labels,), axis=0)
    behind = ops.cast(cumsum_op(ops.reshape(sums, (2, t + 1, labels)), axis=1, reverse=True), "float32")
    fp, tp = behind[0, 1:], behind[1, 1:]
    return tp, fp, behind[0, 0] - fp, behind[1, 0] - tp


def _prepared(y_true, y_pred, sample_weight, top_k, class_id, from_logits):
    """Labels as 0 and 1, scores and weights, all float32 in one shape."""
    y_pred = as_tensor(y_pred, "float32")
    is_true = ops.cast(ops.not_equal(as_tensor(y_true), 0), "float32")
    y_pred, is_true = same_rank(y_pred, is_true)
    if tuple(y_pred.shape) != tuple(is_true.shape):
        raise ValueError(f"Shapes {tuple(y_pred.shape)} of y_pred and {tuple(is_true.shape)} of y_true differ.")
    if from_logits:
        y_pred = ops.sigmoid(y_pred)
    if top_k is not None:
        lowest_kept = ops.top_k(y_pred, top_k)[0][..., top_k - 1 : top_k]
        y_pred = ops.where(ops.greater_equal(y_pred, lowest_kept), y_pred, ops.zeros_like(y_pred) + _LOWEST)
    if sample_weight is None:
        weights = ops.ones_like(is_true)
    else:
        weights = as_tensor(sample_weight, "float32")
        while len(weights.shape) < len(is_true.shape):
            weights = ops.expand_dims(weights, -1)
        weights = ops.broadcast_to(weights, tuple(is_true.shape))
    if class_id is not None:
        is_true, y_pred, weights = is_true[..., class_id], y_pred[..., class_id], weights[..., class_id]
    return is_true, y_pred, weights


def _checked_thresholds(thresholds, default):
    """`thresholds` as a list; `default` for None."""
    if thresholds is None:
        return [default]
    thresholds = list(thresholds) if hasattr(thresholds, "__iter__") else [thresholds]
    bad = [t for t in thresholds if t is None or not 0 <= t <= 1]
    if bad:
        raise ValueError(f"Threshold values must be in [0, 1]. Received: {bad}")
    return thresholds


def _spread(num_thresholds: int) -> np.ndarray:
    """Evenly spaced thresholds from just below 0 to just above 1, so that the ends take all and none; float64."""
    thresholds = np.arange(num_thresholds) / (num_thresholds - 1)
    thresholds[[0, -1]] = -config.epsilon(), 1.0 + config.epsilon()
    return thresholds


class _Count(Metric):
    """One of the four counts at each threshold."""

    _which = 0  # in what `confusion_counts` returns

    def __init__(self, thresholds=None, name=None, dtype=None):
        super().__init__(dtype, name)
        self.init_thresholds = thresholds
        self.thresholds = _checked_thresholds(thresholds, 0.5)
        self.accumulator = self.add_variable((len(self.thresholds),), name="accumulator")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Counts labels and predictions (n, ...)."""
        counts = confusion_counts(y_true, y_pred, tuple(self.thresholds), sample_weight)
        self.accumulator.assign_add(counts[self._which])

    def result(self):
        return self.accumulator[0] if len(self.thresholds) == 1 else ops.cast(self.accumulator, self.dtype)

    def get_config(self):
        return {**super().get_config(), "thresholds": self.init_thresholds}


class TruePositives(_Count):
    """How many positive labels are predicted positive.

    Args:
        thresholds: a float or a list in [0, 1]: predictions above are positive; 0.5.
        name, dtype: as in `Metric`.

    Example:
        >>> float(TruePositives()([0, 1, 1], [0.9, 0.8, 0.1]))
        1.0
    """

    _which = 0


class FalsePositives(_Count):
    """How many negative labels are predicted positive.

    Args:
        thresholds: a float or a list in [0, 1]: predictions above are positive; 0.5.
        name, dtype: as in `Metric`.

    Example:
        >>> float(FalsePositives()([0, 1, 1], [0.9, 0.8, 0.1]))
        1.0
    """

    _which = 1


class TrueNegatives(_Count):
    """How many negative labels are predicted negative.

    Args:
        thresholds: a float or a list in [0, 1]: predictions above are positive; 0.5.
        name, dtype: as in `Metric`.

    Example:
        >>> float(TrueNegatives()([0, 1, 1], [0.9, 0.8, 0.1]))
        0.0
    """

    _which = 2


class FalseNegatives(_Count):
    """How many positive labels are predicted negative.

    Args:
        thresholds: a float or a list in [0, 1]: predictions above are positive; 0.5.
        name, dtype: as in `Metric`.

    Example:
        >>> float(FalseNegatives()([0, 1, 1], [0.9, 0.8, 0.1]))
        1.0
    """

    _which = 3


class _Rate(Metric):
    """True positives over (true positives + one kind of error) at each threshold."""

    _error = 1  # in what `confusion_counts` returns
    _error_name = "false_positives"

    def __init__(self, thresholds=None, top_k=None, class_id=None, name=None, dtype=None):
        super().__init__(dtype, name)
        self.init_thresholds, self.top_k, self.class_id = thresholds, top_k, class_id
        self.thresholds = _checked_thresholds(thresholds, 0.5 if top_k is None else _LOWEST)
        self.true_positives = self.add_variable((len(self.thresholds),), name="true_positives")
        self.errors = self.add_variable((len(self.thresholds),), name=self._error_name)
        setattr(self, self._error_name, self.errors)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Counts labels and predictions (n, ...)."""
        thresholds = tuple(self.thresholds)
        counts = confusion_counts(y_true, y_pred, thresholds, sample_weight, self.top_k, self.class_id)
        self.true_positives.assign_add(counts[0])
        self.errors.assign_add(counts[self._error])

    def result(self):
        rate = ops.divide_no_nan(self.true_positives, self.true_positives + self.errors)
        return rate[0] if len(self.thresholds) == 1 else rate

    def get_config(self):
        own = {"thresholds": self.init_thresholds, "top_k": self.top_k, "class_id": self.class_id}
        return {**super().get_config(), **own}


class Precision(_Rate):
    """Which share of what is predicted positive is positive: tp / (tp + fp).

    Args:
        thresholds: a float or a list in [0, 1]: predictions above are positive; 0.5 (none with `top_k`).
        top_k: only the k highest scores along the last axis can be positive.
        class_id: only this class counts.
        name, dtype: as in `Metric`.

    Raises:
        ValueError: for a threshold outside [0, 1].

    Example:
        >>> float(Precision()([0, 1, 1], [0.9, 0.8, 0.1]))
        0.5
    """


class Recall(_Rate):
    """Which share of what is positive is predicted positive: tp / (tp + fn).

    Args:
        thresholds: a float or a list in [0, 1]: predictions above are positive; 0.5 (none with `top_k`).
        top_k: only the k highest scores along the last axis can be positive.
        class_id: only this class counts.
        name, dtype: as in `Metric`.

    Raises:
        ValueError: for a threshold outside [0, 1].

    Example:
        >>> float(Recall()([0, 1, 1], [0.9, 0.8, 0.1]))
        0.5
    """

    _error = 3
    _error_name = "false_negatives"


class _Curve(Metric):
    """The four counts at each of many thresholds."""

    def _add_counts(self, shape):
        self.true_positives = self.add_variable(shape, name="true_positives")
        self.false_positives = self.add_variable(shape, name="false_positives")
        self.true_negatives = self.add_variable(shape, name="true_negatives")
        self.false_negatives = self.add_variable(shape, name="false_negatives")

    def _assign_add(self, counts):
        tp, fp, tn, fn = counts
        self.true_positives.assign_add(tp)
        self.false_positives.assign_add(fp)
        self.true_negatives.assign_add(tn)
        self.false_negatives.assign_add(fn)

    def _recall(self):
        return ops.divide_no_nan(self.true_positives, self.true_positives + self.false_negatives)

    def _precision(self):
        return ops.divide_no_nan(self.true_positives, self.true_positives + self.false_positives)

    def _specificity(self):
        return ops.divide_no_nan(self.true_negatives, self.true_negatives + self.false_positives)


class _BestAt(_Curve):
    """The best of one rate among the thresholds where another rate is high enough."""

    _argument = ""

    def __init__(self, value, num_thresholds=200, class_id=None, name=None, dtype=None):
        if not 0 <= value <= 1:
            raise ValueError(f"Argument `{self._argument}` must be in the range [0, 1]. Received: {value}")
        if num_thresholds <= 0:
            raise ValueError(f"Argument `num_thresholds` must be an integer > 0. Received: {num_thresholds}")
        super().__init__(dtype, name)
        setattr(self, self._argument, value)
        self.value, self.num_thresholds, self.class_id = value, num_thresholds, class_id
        self._add_counts((num_thresholds,))
        self.thresholds = [0.5] if num_thresholds == 1 else _spread(num_thresholds).tolist()

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Counts labels and predictions (n, ...)."""
        thresholds = self.num_thresholds if self.num_thresholds > 1 else (0.5,)
        self._assign_add(confusion_counts(y_true, y_pred, thresholds, sample_weight, None, self.class_id))

    def _best(self, wanted, bounded):
        return ops.max(ops.where(ops.greater_equal(bounded, self.value), wanted, ops.zeros_like(wanted)))

    def get_config(self):
        own = {self._argument: self.value, "num_thresholds": self.num_thresholds, "class_id": self.class_id}
        return {**super().get_config(), **own}


class SensitivityAtSpecificity(_BestAt):
    """The best recall among the thresholds whose specificity tn / (tn + fp) is at least `specificity`.

    Args:
        specificity: in [0, 1].
        num_thresholds: how many are tried; 200.
        class_id: only this class counts.
        name, dtype: as in `Metric`.

    Raises:
        ValueError: for numbers out of range.

    Example:
        >>> float(SensitivityAtSpecificity(0.5)([0, 0, 1, 1], [0.1, 0.6, 0.7, 0.9]))
        1.0
    """

    _argument = "specificity"

    def __init__(self, specificity, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(specificity, num_thresholds, class_id, name, dtype)

    def result(self):
        return self._best(self._recall(), self._specificity())


class SpecificityAtSensitivity(_BestAt):
    """The best specificity tn / (tn + fp) among the thresholds whose recall is at least `sensitivity`.

    Args:
        sensitivity: in [0, 1].
        num_thresholds: how many are tried; 200.
        class_id: only this class counts.
        name, dtype: as in `Metric`.

    Raises:
        ValueError: for numbers out of range.

    Example:
        >>> float(SpecificityAtSensitivity(0.5)([0, 0, 1, 1], [0.1, 0.6, 0.7, 0.9]))
        1.0
    """

    _argument = "sensitivity"

    def __init__(self, sensitivity, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)

    def result(self):
        return self._best(self._specificity(), self._recall())


class PrecisionAtRecall(_BestAt):
    """The best precision among the thresholds whose recall is at least `recall`.

    Args:
        recall: in [0, 1].
        num_thresholds: how many are tried; 200.
        class_id: only this class counts.
        name, dtype: as in `Metric`.

    Raises:
        ValueError: for numbers out of range.

    Example:
        >>> float(PrecisionAtRecall(0.5)([0, 0, 1, 1], [0.1, 0.6, 0.7, 0.9]))
        1.0
    """

    _argument = "recall"

    def __init__(self, recall, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(recall, num_thresholds, class_id, name, dtype)

    def result(self):
        return self._best(self._precision(), self._recall())


class RecallAtPrecision(_BestAt):
    """The best recall among the thresholds whose precision is at least `precision`.

    Args:
        precision: in [0, 1].
        num_thresholds: how many are tried; 200.
        class_id: only this class counts.
        name, dtype: as in `Metric`.

    Raises:
        ValueError: for numbers out of range.

    Example:
        >>> float(RecallAtPrecision(0.5)([0, 0, 1, 1], [0.1, 0.6, 0.7, 0.9]))
        1.0
    """

    _argument = "precision"

    def __init__(self, precision, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(precision, num_thresholds, class_id, name, dtype)

    def result(self):
        return self._best(self._recall(), self._precision())


class AUC(_Curve):
    """The area under the ROC, precision-recall or precision-recall-gain curve, by a Riemann sum over thresholds.

    Args:
        num_thresholds: 200.
        curve: "ROC", "PR" or "PRGAIN" (Flach and Kull, 2015).
        summation_method: "interpolation" (the trapezoid rule; Davis and Goadrich's for PR), "minoring" or "majoring".
        name, dtype: as in `Metric`.
        thresholds: floats in [0, 1] instead of evenly spaced ones; 0 and 1 are added.
        multi_label: y is (n, l) and the area is averaged over the l labels.
        num_labels: l; known after the first batch otherwise.
        label_weights: l weights of that average (or of the labels in the counts, without `multi_label`).
        from_logits: y_pred are scores to be squashed by the sigmoid first.

    Raises:
        ValueError: for an unknown curve or method, thresholds outside [0, 1], or fewer than 2.

    Example:
        >>> round(float(AUC()([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9])), 3)
        0.75
    """

    def __init__(
        self, num_thresholds=200, curve="ROC", summation_method="interpolation", name=None, dtype=None, thresholds=None,
        multi_label=False, num_labels=None, label_weights=None, from_logits=False,
    ):  # fmt: skip
        super().__init__(dtype, name)
        self.curve, self.summation_method = str(curve).upper(), str(summation_method).lower()
        if self.curve not in ("ROC", "PR", "PRGAIN"):
            raise ValueError(f'Invalid `curve` argument value "{curve}". Expected one of: ["ROC", "PR", "PRGAIN"]')
        if self.summation_method not in ("interpolation", "minoring", "majoring"):
            raise ValueError(
                f'Invalid `summation_method` argument value "{summation_method}". '
                'Expected one of: ["interpolation", "minoring", "majoring"]'
            )
        self._given_thresholds = thresholds
        if thresholds is not None:
            inner = sorted(_checked_thresholds(thresholds, None))
            self.num_thresholds = len(inner) + 2
            self._thresholds = np.array([-config.epsilon(), *inner, 1.0 + config.epsilon()])
        else:
            if num_thresholds <= 1:
                raise ValueError(f"Argument `num_thresholds` must be an integer > 1. Received: {num_thresholds}")
            self.num_thresholds = num_thresholds
            self._thresholds = _spread(num_thresholds)
        self.multi_label, self.num_labels, self._from_logits = multi_label, num_labels, from_logits
        self.label_weights = None if label_weights is None else np.asarray(label_weights, self.dtype)
        self._built = False
        if not multi_label or num_labels:
            self._build(num_labels)

    @property
    def thresholds(self) -> list[float]:
        return self._thresholds.tolist()

    def _build(self, num_labels):
        self._add_counts((self.num_thresholds, num_labels) if self.multi_label else (self.num_thresholds,))
        self._built = True

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Counts labels and predictions, (n, ...) or (n, l) with `multi_label`."""
        y_pred = as_tensor(y_pred)
        if not self._built:
            self._build(y_pred.shape[-1])
        thresholds = self.num_thresholds if self._given_thresholds is None else tuple(self.thresholds)
        if self.multi_label:
            self._assign_add(label_counts(y_true, y_pred, thresholds, sample_weight, self._from_logits))
            return
        if self.label_weights is not None:
            weights = 1.0 if sample_weight is None else ops.expand_dims(as_tensor(sample_weight, self.dtype), -1)
            sample_weight = ops.broadcast_to(weights * self.label_weights, tuple(y_pred.shape))
        self._assign_add(confusion_counts(y_true, y_pred, thresholds, sample_weight, from_logits=self._from_logits))

    def result(self):
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self._averaged(self._pr_increments())
        recall = self._recall()
        if self.curve == "ROC":
            x, y = ops.divide_no_nan(self.false_positives, self.false_positives + self.true_negatives), recall
        elif self.curve == "PRGAIN":
            x, y = self._gains()
        else:
            x, y = recall, self._precision()
        if self.summation_method == "interpolation":
            heights = (y[:-1] + y[1:]) / 2.0
        elif self.summation_method == "minoring":
            heights = ops.minimum(y[:-1], y[1:])
        else:
            heights = ops.maximum(y[:-1], y[1:])
        return self._averaged((x[:-1] - x[1:]) * heights)

    def _pr_increments(self):
        """Davis and Goadrich, 2006: between thresholds, tp is linear in p = tp + fp, which makes precision a curve."""
        tp, fp, fn = (
            ops.cast(v, self.dtype) for v in (self.true_positives, self.false_positives, self.false_negatives)
        )
        p = tp + fp
        dtp, dp = tp[:-1] - tp[1:], p[:-1] - p[1:]
        slope = ops.divide_no_nan(dtp, ops.maximum(dp, 0.0))
        intercept = tp[1:] - slope * p[1:]
        has_both = ops.logical_and(ops.greater(p[:-1], 0.0), ops.greater(p[1:], 0.0))
        ratio = ops.where(has_both, ops.divide_no_nan(p[:-1], ops.maximum(p[1:], 0.0)), ops.ones_like(dp))
        return ops.divide_no_nan(slope * (dtp + intercept * ops.log(ratio)), ops.maximum(tp[1:] + fn[1:], 0.0))

    def _gains(self):
        """Recall gain, at least 0, and precision gain: 1 - o fn / tp and 1 - o fp / tp with the positives' odds o."""
        tp = self.true_positives
        odds = ops.divide_no_nan(tp + self.false_negatives, self.false_positives + self.true_negatives)
        recall, precision = (
            1.0 - odds * ops.divide_no_nan(errors, tp) for errors in (self.false_negatives, self.false_positives)
        )
        return ops.where(ops.greater(tp, 0), ops.maximum(recall, 0.0), 0.0), precision

    def _averaged(self, increments):
        areas = ops.sum(increments, axis=0)
        if not self.multi_label:
            return areas
        if self.label_weights is None:
            return ops.mean(areas)
        return ops.sum(areas * self.label_weights) / math.fsum(self.label_weights.tolist())

    def get_config(self):
        own = {
            "num_thresholds": self.num_thresholds,
            "curve": self.curve,
            "summation_method": self.summation_method,
            "multi_label": self.multi_label,
            "num_labels": self.num_labels,
            "label_weights": None if self.label_weights is None else self.label_weights.tolist(),
            "from_logits": self._from_logits,
        }
        if self._given_thresholds is not None:
            own["thresholds"] = self.thresholds[1:-1]
        return {**super().get_config(), **own}
