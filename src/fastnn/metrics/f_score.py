"""F scores: the harmonic mean of precision and recall, for each class. Axes: `n` samples, `c` classes."""

from fastnn import ops
from fastnn.losses.reduction import as_tensor
from fastnn.metrics.metric import Metric


class FBetaScore(Metric):
    """(1 + beta^2) precision recall / (beta^2 precision + recall), for labels and predictions (n, c).

    Args:
        average: None (c scores), "micro" (all counts together), "macro" (the mean over classes) or "weighted" (weighted
            by the number of labels).
        beta: how much recall counts; 1.0.
        threshold: predictions above are positive; None: the largest of each row is.
        name: "fbeta_score".
        dtype: as in `Metric`.

    Raises:
        ValueError: for an unknown average, or a beta or threshold that is not positive.

    Example:
        >>> float(FBetaScore("micro", threshold=0.5)([[1.0, 0.0]], [[0.9, 0.8]]).round(3))
        0.6669999957084656
    """

    def __init__(self, average=None, beta=1.0, threshold=None, name="fbeta_score", dtype=None):
        super().__init__(dtype, name)
        if average not in (None, "micro", "macro", "weighted"):
            raise ValueError(
                "Invalid `average` argument value. It should be one of: {None, 'micro', 'macro', 'weighted'}. "
                f"Received: average={average}"
            )
        if not isinstance(beta, float) or beta <= 0:
            raise ValueError(f"Invalid `beta` argument value. It should be a Python float > 0. Received: beta={beta}")
        if threshold is not None and not (isinstance(threshold, float) and 0 < threshold <= 1):
            raise ValueError(
                "Invalid `threshold` argument value. It should verify 0 < threshold <= 1. Received: "
                f"threshold={threshold}"
            )
        self.average, self.beta, self.threshold = average, beta, threshold
        self.axis = None  # there for readers, as in Keras
        self._built = False

    def _build(self, classes):
        shape = () if self.average == "micro" else (classes,)
        self.true_positives = self.add_variable(shape, name="true_positives")
        self.false_positives = self.add_variable(shape, name="false_positives")
        self.false_negatives = self.add_variable(shape, name="false_negatives")
        self.intermediate_weights = self.add_variable(shape, name="intermediate_weights")
        self._built = True

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Counts labels and predictions, both (n, c)."""
        y_true, y_pred = as_tensor(y_true, self.dtype), as_tensor(y_pred, self.dtype)
        if len(y_pred.shape) != 2 or tuple(y_true.shape) != tuple(y_pred.shape):
            raise ValueError(
                f"FBetaScore expects 2D inputs with shape (batch_size, output_dim). Received input shapes: "
                f"y_pred.shape={tuple(y_pred.shape)} and y_true.shape={tuple(y_true.shape)}."
            )
        if not self._built:
            self._build(y_pred.shape[-1])
        if self.threshold is None:
            largest = ops.max(y_pred, axis=-1, keepdims=True)
            is_positive = ops.logical_and(ops.equal(y_pred, largest), ops.greater(ops.abs(y_pred), 1e-9))
        else:
            is_positive = ops.greater(y_pred, self.threshold)
        found = ops.cast(is_positive, self.dtype)
        axis = None if self.average == "micro" else 0
        weights = None
        if sample_weight is not None:
            weights = ops.reshape(as_tensor(sample_weight, self.dtype), (-1, 1))

        def count(x):
            return ops.sum(x if weights is None else x * weights, axis=axis)

        self.true_positives.assign_add(count(found * y_true))
        self.false_positives.assign_add(count(found * (1.0 - y_true)))
        self.false_negatives.assign_add(count((1.0 - found) * y_true))
        self.intermediate_weights.assign_add(count(y_true))

    def result(self):
        precision = ops.divide(self.true_positives, self.true_positives + self.false_positives + 1e-7)
        recall = ops.divide(self.true_positives, self.true_positives + self.false_negatives + 1e-7)
        square = self.beta**2
        score = (1.0 + square) * ops.divide(precision * recall, precision * square + recall + 1e-7)
        if self.average == "weighted":
            share = ops.divide(self.intermediate_weights, ops.sum(self.intermediate_weights) + 1e-7)
            return ops.sum(score * share)
        return score if self.average is None else ops.mean(score)

    def reset_state(self):
        if self._built:
            super().reset_state()

    def get_config(self):
        own = {"average": self.average, "beta": self.beta, "threshold": self.threshold}
        return {"name": self.name, "dtype": self.dtype, **own}


class F1Score(FBetaScore):
    """2 precision recall / (precision + recall), for labels and predictions (n, c).

    Args:
        average, threshold, dtype: as in `FBetaScore`.
        name: "f1_score".

    Example:
        >>> float(F1Score("micro", threshold=0.5)([[1.0, 0.0]], [[0.9, 0.8]]).round(3))
        0.6669999957084656
    """

    def __init__(self, average=None, threshold=None, name="f1_score", dtype=None):
        super().__init__(average, 1.0, threshold, name, dtype)

    def get_config(self):
        return {name: value for name, value in super().get_config().items() if name != "beta"}
