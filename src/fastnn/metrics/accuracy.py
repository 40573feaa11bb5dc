"""How often predictions are right."""

from fastnn import config, ops
from fastnn.losses.reduction import as_tensor, same_rank
from fastnn.metrics.mean import MeanMetricWrapper


def accuracy(y_true, y_pred):
    """1 where y_true equals y_pred, 0 elsewhere; shape of the inputs.

    Example:
        >>> accuracy([1, 2], [1, 3])
        array([1., 0.], dtype=float32)
    """
    y_true, y_pred = same_rank(as_tensor(y_true), as_tensor(y_pred))
    return _hits(y_true, y_pred)


def binary_accuracy(y_true, y_pred, threshold=0.5):
    """1 where y_true equals (y_pred > threshold), 0 elsewhere; shape of the inputs.

    Example:
        >>> binary_accuracy([[1.0], [0.0]], [[0.7], [0.6]]).ravel()
        array([1., 0.], dtype=float32)
    """
    y_true, y_pred = same_rank(as_tensor(y_true), as_tensor(y_pred))
    # cast after the comparison: `greater` is bool, and a bool label stays comparable
    return _hits(y_true, ops.cast(ops.greater(y_pred, threshold), _dtype(y_true)))


def categorical_accuracy(y_true, y_pred):
    """1 where the largest entries of y_true and y_pred, both (n, ..., c), stand in the same place: (n, ...).

    Example:
        >>> categorical_accuracy([[0, 1], [1, 0]], [[0.1, 0.9], [0.2, 0.8]])
        array([1., 0.], dtype=float32)
    """
    return _hits(ops.argmax(as_tensor(y_true), axis=-1), ops.argmax(as_tensor(y_pred), axis=-1))


def sparse_categorical_accuracy(y_true, y_pred):
    """1 where the largest entry of y_pred (n, ..., c) stands at the label y_true, (n, ...) or (n, ..., 1).

    Example:
        >>> sparse_categorical_accuracy([1, 0], [[0.1, 0.9], [0.2, 0.8]])
        array([1., 0.], dtype=float32)
    """
    y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
    hits = _hits(_without_last_axis(y_true, y_pred), ops.argmax(y_pred, axis=-1))
    return hits if len(hits.shape) == len(y_true.shape) else ops.reshape(hits, tuple(y_true.shape))


def top_k_categorical_accuracy(y_true, y_pred, k=5):
    """1 where the largest entry of y_true (n, c) is among the k largest of y_pred (n, c): (n,).

    Example:
        >>> top_k_categorical_accuracy([[0, 1, 0]], [[0.5, 0.3, 0.2]], k=2)
        array([1.], dtype=float32)
    """
    y_true = as_tensor(y_true)
    return sparse_top_k_categorical_accuracy(ops.argmax(y_true, axis=-1), y_pred, k)


def sparse_top_k_categorical_accuracy(y_true, y_pred, k=5, from_sorted_ids=False):
    """1 where the label y_true (n, ...) is among the k largest entries of y_pred (n, ..., c): (n, ...).

    Args:
        k: how many; ties at the border count as inside.
        from_sorted_ids: y_pred holds class numbers, best first, instead of scores.

    Example:
        >>> sparse_top_k_categorical_accuracy([1], [[0.5, 0.3, 0.2]], k=2)
        array([1.], dtype=float32)
    """
    y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
    labels = ops.cast(_without_last_axis(y_true, y_pred), "int32")
    if from_sorted_ids:
        best = ops.cast(y_pred[..., :k], "int32")
        hits = ops.cast(ops.any(ops.equal(best, ops.expand_dims(labels, -1)), axis=-1), config.floatx())
    else:
        # How many entries are above that of the label: no sorting.
        chosen = ops.one_hot(labels, y_pred.shape[-1], dtype=_dtype(y_pred))
        own = ops.sum(ops.where(chosen > 0, y_pred, ops.zeros_like(y_pred)), axis=-1, keepdims=True)
        above = ops.sum(ops.cast(ops.greater(y_pred, own), "int32"), axis=-1)
        hits = ops.cast(ops.less(above, k), config.floatx())
    return hits if len(hits.shape) == len(y_true.shape) else ops.reshape(hits, tuple(y_true.shape))


def _dtype(x) -> str:
    return str(x.dtype)


def _hits(x, y):
    return ops.cast(ops.equal(x, y), config.floatx())


def _without_last_axis(y_true, y_pred):
    """Labels (n, ..., 1) as (n, ...)."""
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1:
        return ops.reshape(y_true, tuple(y_true.shape[:-1]))
    return y_true


class Accuracy(MeanMetricWrapper):
    """How often y_true equals y_pred.

    Args:
        name: "accuracy".
        dtype: as in `Metric`.

    Example:
        >>> float(Accuracy()([1, 2], [1, 3]))
        0.5
    """

    def __init__(self, name="accuracy", dtype=None):
        super().__init__(accuracy, name, dtype)

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}


class BinaryAccuracy(MeanMetricWrapper):
    """How often y_true (0 or 1) equals y_pred > threshold.

    Args:
        name: "binary_accuracy".
        dtype: as in `Metric`.
        threshold: in [0, 1]; 0.5.

    Raises:
        ValueError: for a threshold outside [0, 1].

    Example:
        >>> float(BinaryAccuracy()([[1.0], [0.0]], [[0.7], [0.6]]))
        0.5
    """

    def __init__(self, name="binary_accuracy", dtype=None, threshold=0.5):
        if threshold is not None and not 0 <= threshold <= 1:
            raise ValueError(
                f"Invalid value for argument `threshold`. Expected a value in [0, 1]. Received: {threshold}"
            )
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)


class CategoricalAccuracy(MeanMetricWrapper):
    """How often the highest score is that of the right class; labels are one-hot (n, ..., c).

    Args:
        name: "categorical_accuracy".
        dtype: as in `Metric`.

    Example:
        >>> float(CategoricalAccuracy()([[0, 1], [1, 0]], [[0.1, 0.9], [0.2, 0.8]]))
        0.5
    """

    def __init__(self, name="categorical_accuracy", dtype=None):
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """How often the highest score is that of the right class; labels are integers (n, ...).

    Args:
        name: "sparse_categorical_accuracy".
        dtype: as in `Metric`.

    Example:
        >>> float(SparseCategoricalAccuracy()([1, 0], [[0.1, 0.9], [0.2, 0.8]]))
        0.5
    """

    def __init__(self, name="sparse_categorical_accuracy", dtype=None):
        super().__init__(sparse_categorical_accuracy, name, dtype)


class TopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the right class is among the k highest scores; labels are one-hot (n, c).

    Args:
        k: 5.
        name: "top_k_categorical_accuracy".
        dtype: as in `Metric`.

    Example:
        >>> float(TopKCategoricalAccuracy(k=1)([[0, 1]], [[0.1, 0.9]]))
        1.0
    """

    def __init__(self, k=5, name="top_k_categorical_accuracy", dtype=None):
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)


class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the right class is among the k highest scores; labels are integers (n, ...).

    Args:
        k: 5.
        name: "sparse_top_k_categorical_accuracy".
        dtype: as in `Metric`.
        from_sorted_ids: y_pred holds class numbers, best first, instead of scores.

    Example:
        >>> float(SparseTopKCategoricalAccuracy(k=1)([1], [[0.1, 0.9]]))
        1.0
    """

    def __init__(self, k=5, name="sparse_top_k_categorical_accuracy", dtype=None, from_sorted_ids=False):
        super().__init__(sparse_top_k_categorical_accuracy, name, dtype, k=k, from_sorted_ids=from_sorted_ids)
