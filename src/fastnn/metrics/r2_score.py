"""R2Score: which share of the variance of the labels is explained. Axes: `n` samples, `d` outputs."""

from fastnn import ops
from fastnn.losses.reduction import as_tensor
from fastnn.metrics.metric import Metric


class R2Score(Metric):
    """1 - sum((y_true - y_pred)^2) / sum((y_true - mean(y_true))^2), for labels and predictions (n, d).

    Args:
        class_aggregation: "uniform_average", "variance_weighted_average", or None (d scores).
        num_regressors: the number of inputs of the model, for the adjusted score; 0: not adjusted.
        name: "r2_score".
        dtype: as in `Metric`.

    Raises:
        ValueError: for an unknown aggregation or a negative number.

    Example:
        >>> float(R2Score()([[1.0], [2.0], [3.0]], [[1.0], [2.0], [3.0]]))
        1.0
    """

    def __init__(self, class_aggregation="uniform_average", num_regressors=0, name="r2_score", dtype=None):
        super().__init__(dtype, name)
        if class_aggregation not in (None, "uniform_average", "variance_weighted_average"):
            raise ValueError(
                "Invalid value for argument `class_aggregation`. Expected one of (None, 'uniform_average', "
                f"'variance_weighted_average'). Received: class_aggregation={class_aggregation}"
            )
        if num_regressors < 0:
            raise ValueError(
                f"Invalid value for argument `num_regressors`. Expected a value >= 0. Received: {num_regressors}"
            )
        self.class_aggregation, self.num_regressors = class_aggregation, num_regressors
        self.num_samples = self.add_variable((), dtype="int32", name="num_samples")
        self._built = False

    def _build(self, outputs):
        self.squared_sum = self.add_variable((outputs,), name="squared_sum")
        self.sum = self.add_variable((outputs,), name="sum")
        self.total_mse = self.add_variable((outputs,), name="residual")
        self.count = self.add_variable((outputs,), name="count")
        self._built = True

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Takes labels and predictions (n, d) into account."""
        y_true, y_pred = as_tensor(y_true, self.dtype), as_tensor(y_pred, self.dtype)
        if len(y_pred.shape) != 2 or tuple(y_true.shape) != tuple(y_pred.shape):
            raise ValueError(
                "R2Score expects 2D inputs with shape (batch_size, output_dim). Received input shapes: "
                f"y_pred.shape={tuple(y_pred.shape)} and y_true.shape={tuple(y_true.shape)}."
            )
        if not self._built:
            self._build(y_pred.shape[-1])
        weights = ops.ones((y_true.shape[0], 1), dtype=self.dtype)
        if sample_weight is not None:
            weights = ops.reshape(as_tensor(sample_weight, self.dtype), (-1, 1))
        weighted = y_true * weights
        self.sum.assign_add(ops.sum(weighted, axis=0))
        self.squared_sum.assign_add(ops.sum(y_true * weighted, axis=0))
        self.total_mse.assign_add(ops.sum(ops.square(y_true - y_pred) * weights, axis=0))
        self.count.assign_add(ops.sum(ops.broadcast_to(weights, tuple(y_true.shape)), axis=0))
        # All n d numbers count as samples of the adjusted score, as in Keras.
        self.num_samples.assign_add(y_true.shape[0] * y_true.shape[1])

    def result(self):
        mean = ops.divide_no_nan(self.sum, self.count)
        total = self.squared_sum - self.sum * mean
        score = 1.0 - ops.divide_no_nan(self.total_mse, total)
        if self.class_aggregation == "uniform_average":
            score = ops.mean(score)
        elif self.class_aggregation == "variance_weighted_average":
            score = ops.sum(score * ops.divide_no_nan(total, ops.sum(total)))
        if self.num_regressors:
            n, p = ops.cast(self.num_samples, self.dtype), float(self.num_regressors)
            degrees = n - p - 1.0
            score = ops.where(ops.greater(degrees, 0.0), 1.0 - (1.0 - score) * (n - 1.0) / degrees, score)
        return score

    def get_config(self):
        own = {"class_aggregation": self.class_aggregation, "num_regressors": self.num_regressors}
        return {"name": self.name, "dtype": self.dtype, **own}
