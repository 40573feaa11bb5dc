"""Losses as metrics: the running mean of a loss function, and metrics derived from one."""

from fastnn import ops
from fastnn.losses import crossentropy, margin, regression
from fastnn.losses.loss import l2_normalized, matched, same_rank
from fastnn.losses.reduction import as_tensor
from fastnn.metrics.mean import Mean, MeanMetricWrapper


def cosine_similarity(y_true, y_pred, axis=-1):
    """The cosine of the angle between y_true and y_pred (the loss of this name is its negative)."""
    return -regression.cosine_similarity(y_true, y_pred, axis)


def pearson_correlation(y_true, y_pred, axis=-1):
    """The correlation of y_true and y_pred along `axis`, in [-1, 1].

    Example:
        >>> pearson_correlation([[0.0, 1.0, 2.0]], [[0.0, 2.0, 4.0]]).round(3)
        array([1.], dtype=float32)
    """
    y_true, y_pred = matched(y_true, y_pred)
    true = y_true - ops.mean(y_true, axis=axis, keepdims=True)
    pred = y_pred - ops.mean(y_pred, axis=axis, keepdims=True)
    return ops.sum(l2_normalized(true, axis) * l2_normalized(pred, axis), axis=axis)


def concordance_correlation(y_true, y_pred, axis=-1):
    """2 cov / (var_true + var_pred + (difference of the means)^2) along `axis` (Lin, 1989).

    Example:
        >>> concordance_correlation([[0.0, 1.0, 2.0]], [[0.0, 1.0, 2.0]]).round(3)
        array([1.], dtype=float32)
    """
    y_true, y_pred = matched(y_true, y_pred)
    mean_true = ops.mean(y_true, axis=axis, keepdims=True)
    mean_pred = ops.mean(y_pred, axis=axis, keepdims=True)
    true, pred = y_true - mean_true, y_pred - mean_pred
    covariance = ops.mean(true * pred, axis=axis)
    spread = ops.mean(ops.square(true), axis=axis) + ops.mean(ops.square(pred), axis=axis)
    gap = ops.squeeze(ops.square(mean_true - mean_pred), axis)
    return 2.0 * covariance / (spread + gap + 1e-7)


def _metric(class_name: str, fn, name: str, summary: str):
    """A metric class that averages `fn`; for those without arguments of their own."""

    def __init__(self, name=name, dtype=None):
        MeanMetricWrapper.__init__(self, fn, name, dtype)

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}

    doc = (
        f"{summary}\n\n    Args:\n        name: {name!r}.\n        dtype: as in `Metric`.\n\n    Example:\n"
        f"        >>> m = {class_name}(); m.update_state([[0.0, 1.0]], [[0.5, 0.5]]); float(m.result()) >= -1\n"
        "        True\n    "
    )
    return type(
        class_name, (MeanMetricWrapper,),
        {"__init__": __init__, "get_config": get_config, "__doc__": doc, "__module__": __name__},
    )  # fmt: skip


MeanSquaredError = _metric(
    "MeanSquaredError", regression.mean_squared_error, "mean_squared_error", "The mean of (y_true - y_pred)^2."
)
MeanAbsoluteError = _metric(
    "MeanAbsoluteError", regression.mean_absolute_error, "mean_absolute_error", "The mean of |y_true - y_pred|."
)
MeanAbsolutePercentageError = _metric(
    "MeanAbsolutePercentageError", regression.mean_absolute_percentage_error, "mean_absolute_percentage_error",
    "100 times the mean of |y_true - y_pred| / max(|y_true|, epsilon).",
)  # fmt: skip
MeanSquaredLogarithmicError = _metric(
    "MeanSquaredLogarithmicError", regression.mean_squared_logarithmic_error, "mean_squared_logarithmic_error",
    "The mean of (log(y_true + 1) - log(y_pred + 1))^2.",
)  # fmt: skip
LogCoshError = _metric("LogCoshError", regression.log_cosh, "logcosh", "The mean of log(cosh(y_pred - y_true)).")
Poisson = _metric("Poisson", regression.poisson, "poisson", "The mean of y_pred - y_true log(y_pred).")
KLDivergence = _metric("KLDivergence", crossentropy.kl_divergence, "kl_divergence", "sum(y_true log(y_true / y_pred)).")
Hinge = _metric("Hinge", margin.hinge, "hinge", "The mean of max(1 - y_true y_pred, 0).")
SquaredHinge = _metric(
    "SquaredHinge", margin.squared_hinge, "squared_hinge", "The mean of max(1 - y_true y_pred, 0)^2."
)
CategoricalHinge = _metric(
    "CategoricalHinge", margin.categorical_hinge, "categorical_hinge",
    "max(1 + (highest score of a wrong class) - (score of the right class), 0).",
)  # fmt: skip


class CosineSimilarity(MeanMetricWrapper):
    """The cosine of the angle between y_true and y_pred.

    Args:
        name: "cosine_similarity".
        dtype: as in `Metric`.
        axis: along which they are vectors; -1.

    Example:
        >>> float(CosineSimilarity()([[1.0, 0.0]], [[3.0, 0.0]]))
        1.0
    """

    def __init__(self, name="cosine_similarity", dtype=None, axis=-1):
        super().__init__(cosine_similarity, name, dtype, axis=axis)
        self.axis = axis

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}


class PearsonCorrelation(MeanMetricWrapper):
    """The mean correlation of y_true and y_pred.

    Args:
        name: "pearson_correlation".
        dtype: as in `Metric`.
        axis: along which the correlation is taken; -1.

    Example:
        >>> round(float(PearsonCorrelation()([[0.0, 1.0, 2.0]], [[0.0, 2.0, 4.0]])), 3)
        1.0
    """

    def __init__(self, name="pearson_correlation", dtype=None, axis=-1):
        super().__init__(pearson_correlation, name, dtype, axis=axis)
        self.axis = axis


class ConcordanceCorrelation(MeanMetricWrapper):
    """The mean concordance correlation of y_true and y_pred.

    Args:
        name: "concordance_correlation".
        dtype: as in `Metric`.
        axis: along which the correlation is taken; -1.

    Example:
        >>> round(float(ConcordanceCorrelation()([[0.0, 1.0, 2.0]], [[0.0, 1.0, 2.0]])), 3)
        1.0
    """

    def __init__(self, name="concordance_correlation", dtype=None, axis=-1):
        super().__init__(concordance_correlation, name, dtype, axis=axis)
        self.axis = axis


class RootMeanSquaredError(Mean):
    """The square root of the mean of (y_true - y_pred)^2.

    Args:
        name: "root_mean_squared_error".
        dtype: as in `Metric`.

    Example:
        >>> float(RootMeanSquaredError()([[0.0, 0.0]], [[3.0, 3.0]]))
        3.0
    """

    def __init__(self, name="root_mean_squared_error", dtype=None):
        super().__init__(name, dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Takes labels and predictions (n, ...) into account."""
        y_true, y_pred = same_rank(as_tensor(y_true, self.dtype), as_tensor(y_pred, self.dtype))
        super().update_state(ops.square(y_pred - y_true), sample_weight)

    def result(self):
        return ops.sqrt(super().result())


class BinaryCrossentropy(MeanMetricWrapper):
    """The mean binary cross-entropy.

    Args:
        name: "binary_crossentropy".
        dtype: as in `Metric`.
        from_logits, label_smoothing: as in the loss of this name.

    Example:
        >>> round(float(BinaryCrossentropy()([[1.0]], [[0.5]])), 3)
        0.693
    """

    def __init__(self, name="binary_crossentropy", dtype=None, from_logits=False, label_smoothing=0):
        super().__init__(
            crossentropy.binary_crossentropy, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing
        )


class CategoricalCrossentropy(MeanMetricWrapper):
    """The mean cross-entropy of one-hot labels.

    Args:
        name: "categorical_crossentropy".
        dtype: as in `Metric`.
        from_logits, label_smoothing, axis: as in the loss of this name.

    Example:
        >>> round(float(CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 3)
        0.693
    """

    def __init__(self, name="categorical_crossentropy", dtype=None, from_logits=False, label_smoothing=0, axis=-1):
        super().__init__(
            crossentropy.categorical_crossentropy, name, dtype,
            from_logits=from_logits, label_smoothing=label_smoothing, axis=axis,
        )  # fmt: skip


class SparseCategoricalCrossentropy(MeanMetricWrapper):
    """The mean cross-entropy of integer labels.

    Args:
        name: "sparse_categorical_crossentropy".
        dtype: as in `Metric`.
        from_logits, ignore_class, axis: as in the loss of this name.

    Example:
        >>> round(float(SparseCategoricalCrossentropy()([1], [[0.5, 0.5]])), 3)
        0.693
    """

    def __init__(
        self, name="sparse_categorical_crossentropy", dtype=None, from_logits=False, ignore_class=None, axis=-1
    ):
        super().__init__(
            crossentropy.sparse_categorical_crossentropy, name, dtype,
            from_logits=from_logits, ignore_class=ignore_class, axis=axis,
        )  # fmt: skip
