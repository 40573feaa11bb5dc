"""Loss: a function per sample together with its reduction."""

import functools
import weakref

from fastnn import config, naming, ops, tree
from fastnn.graph import trace
from fastnn.graph.dtypes import standardize_dtype
from fastnn.graph.masks import get_keras_mask
from fastnn.losses.reduction import as_tensor, check_reduction, masked_weights, reduce_values, same_rank, weighted
from fastnn.plan.function import as_one_plan

_CALLS_BEFORE = 2  # of a loss that is called once a plan would cost more than it saves


class Loss:
    """Base of losses: calls `call(y_true, y_pred)`, weights the result and reduces it.

    Args:
        name: for logs; the snake_case of the class by default.
        reduction: "sum_over_batch_size" (the mean over all values; default), "sum", "mean" (the same as the first),
            "mean_with_sample_weight" (divides by the sum of the weights) or "none"/None (no reduction).
        dtype: in which it is computed; `floatx()` by default.

    Call arguments:
        y_true: labels, (n, ...).
        y_pred: predictions, (n, ...); where its mask is false, they do not count.
        sample_weight: weights that broadcast against the values per sample: (n,) or (n, ...).

    Raises:
        ValueError: for an unknown reduction.

    Example:
        >>> class Squared(Loss):
        ...     def call(self, y_true, y_pred):
        ...         return ops.mean((y_true - y_pred) ** 2, axis=-1)
        >>> float(Squared()(np.float32([[0, 1]]), np.float32([[2, 1]])))
        2.0
    """

    # Class labels keep their integer dtype: making floats of them and ints again would only cost time.
    _labels_are_classes = False

    _one_plan = 0  # what a call with arrays is, once there were some; until then how many

    def __init__(self, name=None, reduction="sum_over_batch_size", dtype=None):
        check_reduction(reduction)
        self.name = name or naming.to_snake_case(type(self).__name__)
        self.reduction = reduction
        self._dtype = None if dtype is None else standardize_dtype(dtype)

    @property
    def dtype(self) -> str:
        return self._dtype or config.floatx()

    def call(self, y_true, y_pred):
        """The loss of each sample, (n, ...)."""
        raise NotImplementedError(f"{type(self).__name__} does not implement `call(y_true, y_pred)`.")

    def mask(self, y_true, values):
        """Which of `values` count, bool in their shape; None when all do."""
        return None

    def __call__(self, y_true, y_pred, sample_weight=None):
        arguments = get_keras_mask(y_pred), y_true, y_pred, sample_weight
        one_plan = self._one_plan
        if one_plan == _CALLS_BEFORE:
            loss = weakref.ref(self)  # no cycle, or the plan's memory would wait for the collector
            one_plan = as_one_plan(lambda *arguments: loss()._reduced(*arguments))
            self.__dict__["_one_plan"] = one_plan
        if callable(one_plan):
            return one_plan(*arguments)
        if trace.current() is None and self._is_known():
            self.__dict__["_one_plan"] = one_plan + 1
        return self._reduced(*arguments)

    def __setattr__(self, name, value):
        self.__dict__.pop("_one_plan", None)  # it may have read what changes
        super().__setattr__(name, value)

    def __getstate__(self):
        self.__dict__.pop("_one_plan", None)  # a copy makes its own
        return super().__getstate__()

    def _is_known(self) -> bool:
        """Whether nothing but fastnn's code runs in a call: others' may do more than compute, each time."""
        return type(self).__module__.startswith("fastnn.")

    def _reduced(self, mask_of_predictions, y_true, y_pred, sample_weight):
        y_pred = tree.map_structure(lambda x: as_tensor(x, self.dtype), y_pred)
        label_dtype = None if self._labels_are_classes else self.dtype
        y_true = tree.map_structure(lambda x: as_tensor(x, label_dtype), y_true)
        values = as_tensor(self.call(y_true, y_pred), self.dtype)
        masks = (mask_of_predictions, get_keras_mask(values), self.mask(y_true, values))
        masks = [mask for mask in masks if mask is not None]
        if masks:
            mask = functools.reduce(ops.logical_and, masks)
            sample_weight = masked_weights(mask, sample_weight, self.reduction)
        if sample_weight is not None:
            values, sample_weight = weighted(values, sample_weight)
        return reduce_values(values, sample_weight, self.reduction)

    def get_config(self):
        config = {"name": self.name, "reduction": self.reduction}
        return config if self._dtype is None else {**config, "dtype": self._dtype}

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name} reduction={self.reduction}>"


class LossFunctionWrapper(Loss):
    """A `Loss` of a function `fn(y_true, y_pred, **kwargs)` that returns one value per sample.

    Args:
        fn: the function.
        reduction, name, dtype: as in `Loss`.
        kwargs: passed on to `fn`.

    Example:
        >>> float(LossFunctionWrapper(mean_squared_error)([[0.0]], [[2.0]]))
        4.0
    """

    def __init__(self, fn, reduction="sum_over_batch_size", name=None, dtype=None, **kwargs):
        super().__init__(name=name or getattr(fn, "__name__", None), reduction=reduction, dtype=dtype)
        self.fn = fn
        self._fn_kwargs = kwargs
        self.__dict__.update(kwargs)  # `loss.from_logits`: for readers, changing them changes nothing
        self._labels_are_classes = getattr(fn, "labels_are_classes", False)

    def call(self, y_true, y_pred):
        if not tree.is_nested(y_true) and not tree.is_nested(y_pred):
            y_true, y_pred = same_rank(y_true, y_pred)
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def _is_known(self) -> bool:
        return super()._is_known() and (getattr(self.fn, "__module__", None) or "").startswith("fastnn.")

    def get_config(self):
        config = {**super().get_config(), **self._fn_kwargs}
        return config if type(self) is not LossFunctionWrapper else {**config, "fn": self.fn.__name__}


def matched(y_true, y_pred):
    """The labels in the dtype of the predictions, and both in the same rank."""
    y_pred = as_tensor(y_pred)
    return same_rank(as_tensor(y_true, str(y_pred.dtype)), y_pred)


def smoothed_binary(y_true, label_smoothing):
    """Labels moved towards 1/2: y (1 - s) + s / 2."""
    return y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing if label_smoothing else y_true


def smoothed_one_hot(y_true, label_smoothing, axis=-1):
    """One-hot labels moved towards the uniform distribution over the c classes: y (1 - s) + s / c."""
    if not label_smoothing:
        return y_true
    return y_true * (1.0 - label_smoothing) + label_smoothing / y_true.shape[axis]


def l2_normalized(x, axis):
    """x divided by its Euclidean norm along `axis`; norms below 1e-6 count as 1e-6."""
    square_sum = ops.sum(ops.square(x), axis=axis, keepdims=True)
    return x * ops.rsqrt(ops.maximum(square_sum, 1e-12))
