"""Mean, Sum and the wrapper that makes a metric of a function per sample.

The updates are full reductions and scalar arithmetic, which the planner fuses into one kernel call.
"""

import math

from fastnn import ops
from fastnn.graph.masks import get_keras_mask
from fastnn.losses.reduction import as_tensor, masked_weights, same_rank
from fastnn.metrics.metric import Metric
from fastnn.ops.record import dtype_of
from fastnn.serialization import deserialize_keras_object, find_function, serialize_keras_object


def weighted_samples(values, sample_weight, reduce):
    """`values` (n, ...) times `sample_weight`, reduced to (n,), and the weights reduced to (n,) too.

    Weights of fewer axes than the values weigh what is left after `reduce` over the axes that they lack.
    """
    mask = get_keras_mask(values)
    if mask is not None:
        sample_weight = masked_weights(mask, sample_weight, "sum")
    values, sample_weight = same_rank(values, as_tensor(sample_weight, dtype_of(values)))
    rank = len(sample_weight.shape)
    if len(values.shape) > rank:
        values = _reduced(values, reduce, rank)
    if sample_weight.shape != values.shape:
        sample_weight = ops.broadcast_to(sample_weight, values.shape)
    values = values * sample_weight
    return _reduced(values, reduce, 1), _reduced(sample_weight, reduce, 1)


def _reduced(x, reduce, first_axis):
    """`x` reduced over the axes from `first_axis` on."""
    axes = tuple(range(first_axis, len(x.shape)))
    if not axes:
        return x
    if all(x.shape[k] == 1 for k in axes):
        return ops.reshape(x, tuple(x.shape[:first_axis]))
    return reduce(x, axis=axes)


def _sum(x):
    """Of all of `x`: of the loss, which is a number already, no op."""
    return ops.sum(x) if x.shape else x


class Sum(Metric):
    """The (weighted) sum of all values seen.

    Args:
        name: "sum".
        dtype: as in `Metric`.

    Example:
        >>> m = Sum(); m.update_state([1.0, 3.0]); float(m.result())
        4.0
    """

    def __init__(self, name="sum", dtype=None):
        super().__init__(dtype, name)
        self.total = self.add_variable((), name="total")

    def update_state(self, values, sample_weight=None):
        """Adds `values` (n, ...), weighted by `sample_weight` (broadcast)."""
        values = as_tensor(values, self.dtype)
        if sample_weight is not None:
            values, _ = weighted_samples(values, sample_weight, ops.sum)
        self.total.assign_add(ops.sum(values))

    def result(self):
        return ops.cast(self.total, self.dtype)


class Mean(Metric):
    """The (weighted) mean of all values seen: sum of values times weights, over sum of weights; 0 before any.

    Args:
        name: "mean".
        dtype: as in `Metric`.

    Example:
        >>> m = Mean(); m.update_state([1.0, 3.0], sample_weight=[3, 1]); float(m.result())
        1.5
    """

    def __init__(self, name="mean", dtype=None):
        super().__init__(dtype, name)
        self.total = self.add_variable((), name="total")
        self.count = self.add_variable((), name="count")

    def update_state(self, values, sample_weight=None):
        """Takes `values` (n, ...) into account, weighted by `sample_weight` (broadcast)."""
        values = as_tensor(values, self.dtype)
        if sample_weight is None:
            n = values.shape[0] if values.shape else 1
            per_sample = math.prod(values.shape[1:])
            total = _sum(values)
            self.total.assign_add(total / per_sample if per_sample > 1 else total)
            self.count.assign_add(float(n))
            return
        values, sample_weight = weighted_samples(values, sample_weight, ops.mean)
        self.total.assign_add(_sum(values))
        self.count.assign_add(_sum(sample_weight))

    def result(self):
        return ops.divide_no_nan(self.total, self.count)


class MeanMetricWrapper(Mean):
    """The mean of `fn(y_true, y_pred, **kwargs)`, a function that returns one value per sample.

    Args:
        fn: the function.
        name: of the function by default.
        dtype: as in `Metric`.
        kwargs: passed on to `fn`.

    Example:
        >>> m = MeanMetricWrapper(lambda t, p: p - t, name="bias"); float(m([1.0], [3.0]))
        2.0
    """

    def __init__(self, fn, name=None, dtype=None, **kwargs):
        super().__init__(name or getattr(fn, "__name__", None), dtype)
        self._fn = fn
        self._fn_kwargs = kwargs
        self.__dict__.update(kwargs)  # `metric.threshold`: for readers, changing them changes nothing

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Takes labels and predictions (n, ...) into account, those where the mask of `y_pred` is false left out."""
        mask = get_keras_mask(y_pred)
        if mask is not None:
            sample_weight = masked_weights(mask, sample_weight, "sum")
        super().update_state(self._fn(as_tensor(y_true), as_tensor(y_pred), **self._fn_kwargs), sample_weight)

    def get_config(self):
        config = {**super().get_config(), **self._fn_kwargs}
        return config if type(self) is not MeanMetricWrapper else {**config, "fn": serialize_keras_object(self._fn)}

    @classmethod
    def from_config(cls, config):
        fn = config.get("fn")
        if isinstance(fn, str):  # as Keras 2 writes it
            config = {**config, "fn": find_function(fn)}
        elif fn is not None:
            config = {**config, "fn": deserialize_keras_object(fn)}
        return cls(**config)
