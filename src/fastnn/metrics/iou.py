"""Intersection over union of segmentations, from a confusion matrix of c classes."""

from fastnn import ops
from fastnn.losses.reduction import as_tensor
from fastnn.metrics.metric import Metric
from fastnn.plan.function import as_one_plan


@as_one_plan
def confusion_matrix(y_true, y_pred, classes: int, weights):
    """(c, c): the weights of the samples (flat) with each pair of label and prediction; of what is no class, none."""
    true, pred = ops.cast(y_true, "int32"), ops.cast(y_pred, "int32")
    is_class = ops.logical_and(pred >= 0, pred < classes)
    place = ops.where(is_class, true * classes + pred, -1)  # beyond the matrix where `true` is no class
    sums = ops.segment_sum(ops.cast(weights, "float64"), place, classes * classes)
    return ops.cast(ops.reshape(sums, (classes, classes)), "float32")


class IoU(Metric):
    """tp / (tp + fp + fn) of some classes, averaged over them.

    Args:
        num_classes: c.
        target_class_ids: the classes to be averaged over.
        name, dtype: as in `Metric`.
        ignore_class: a label that does not count.
        sparse_y_true: labels are class numbers; otherwise one-hot along `axis`.
        sparse_y_pred: predictions are class numbers; otherwise scores along `axis`.
        axis: -1.

    Raises:
        ValueError: for a target class that is not among the classes.

    Example:
        >>> round(float(IoU(2, [0])([0, 0, 1, 1], [0, 1, 0, 1])), 3)
        0.333
    """

    def __init__(
        self, num_classes, target_class_ids, name=None, dtype=None, ignore_class=None, sparse_y_true=True,
        sparse_y_pred=True, axis=-1,
    ):  # fmt: skip
        super().__init__(dtype, name)
        if max(target_class_ids) >= num_classes:
            raise ValueError(f"Target class id {max(target_class_ids)} is out of range, which is [{0}, {num_classes}).")
        self.num_classes, self.target_class_ids, self.ignore_class = num_classes, list(target_class_ids), ignore_class
        self.sparse_y_true, self.sparse_y_pred, self.axis = sparse_y_true, sparse_y_pred, axis
        self.total_cm = self.add_variable((num_classes, num_classes), name="total_confusion_matrix")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Counts labels and predictions, (n, ...) where sparse and (n, ..., c) where not."""
        y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
        y_true = y_true if self.sparse_y_true else ops.argmax(y_true, axis=self.axis)
        y_pred = y_pred if self.sparse_y_pred else ops.argmax(y_pred, axis=self.axis)
        self._count(y_true, y_pred, sample_weight)

    def _count(self, y_true, y_pred, sample_weight):
        shape = tuple(y_true.shape)
        weights = ops.ones(shape, dtype="float32")
        if sample_weight is not None:
            weights = ops.broadcast_to(as_tensor(sample_weight, "float32"), shape)
        y_true, y_pred, weights = (ops.reshape(x, (-1,)) for x in (y_true, y_pred, weights))
        if self.ignore_class is not None:
            is_counted = ops.not_equal(y_true, self.ignore_class)
            weights = weights * ops.cast(is_counted, "float32")
            y_true = ops.where(is_counted, y_true, ops.zeros_like(y_true))
        self.total_cm.assign_add(confusion_matrix(y_true, y_pred, self.num_classes, weights))

    def result(self):
        matrix = self.total_cm
        hits = ops.sum(matrix * ops.eye(self.num_classes, dtype="float32"), axis=0)
        union = ops.sum(matrix, axis=0) + ops.sum(matrix, axis=1) - hits
        share = ops.divide_no_nan(hits, union)
        chosen = [float(k in self.target_class_ids) for k in range(self.num_classes)]
        # A class that never occurs has no IoU, and is left out of the mean.
        counted = ops.cast(ops.greater(union, 0.0), "float32") * as_tensor(chosen, "float32")
        return ops.divide_no_nan(ops.sum(share * counted), ops.sum(counted))

    def get_config(self):
        own = {
            "num_classes": self.num_classes,
            "target_class_ids": self.target_class_ids,
            "ignore_class": self.ignore_class,
            "sparse_y_true": self.sparse_y_true,
            "sparse_y_pred": self.sparse_y_pred,
            "axis": self.axis,
        }
        return {**super().get_config(), **own}


class MeanIoU(IoU):
    """tp / (tp + fp + fn), averaged over all classes.

    Args:
        num_classes: c.
        name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis: as in `IoU`.

    Example:
        >>> round(float(MeanIoU(2)([0, 0, 1, 1], [0, 1, 0, 1])), 3)
        0.333
    """

    def __init__(
        self, num_classes, name=None, dtype=None, ignore_class=None, sparse_y_true=True, sparse_y_pred=True, axis=-1
    ):
        super().__init__(
            num_classes, list(range(num_classes)), name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis
        )

    def get_config(self):
        return {name: value for name, value in super().get_config().items() if name != "target_class_ids"}


class BinaryIoU(IoU):
    """IoU of two classes, for predictions that are probabilities of class 1.

    Args:
        target_class_ids: (0, 1).
        threshold: predictions at or above are class 1; 0.5.
        name, dtype: as in `Metric`.

    Example:
        >>> round(float(BinaryIoU()([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7])), 3)
        0.583
    """

    def __init__(self, target_class_ids=(0, 1), threshold=0.5, name=None, dtype=None):
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = threshold

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Counts labels and probabilities (n, ...)."""
        y_pred = ops.cast(ops.greater_equal(as_tensor(y_pred, self.dtype), self.threshold), "int32")
        self._count(as_tensor(y_true), y_pred, sample_weight)

    def get_config(self):
        own = {"target_class_ids": self.target_class_ids, "threshold": self.threshold}
        return {"name": self.name, "dtype": self.dtype, **own}


class OneHotIoU(IoU):
    """IoU of some classes, for one-hot labels.

    Args:
        num_classes, target_class_ids, name, dtype, ignore_class, sparse_y_pred, axis: as in `IoU`.

    Example:
        >>> round(float(OneHotIoU(2, [0])([[1, 0], [0, 1]], [[0.9, 0.1], [0.8, 0.2]])), 3)
        0.5
    """

    def __init__(
        self, num_classes, target_class_ids, name=None, dtype=None, ignore_class=None, sparse_y_pred=False, axis=-1
    ):
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self):
        return {name: value for name, value in super().get_config().items() if name != "sparse_y_true"}


class OneHotMeanIoU(MeanIoU):
    """IoU averaged over all classes, for one-hot labels.

    Args:
        num_classes, name, dtype, ignore_class, sparse_y_pred, axis: as in `IoU`.

    Example:
        >>> round(float(OneHotMeanIoU(2)([[1, 0], [0, 1]], [[0.9, 0.1], [0.8, 0.2]])), 3)
        0.25
    """

    def __init__(self, num_classes, name=None, dtype=None, ignore_class=None, sparse_y_pred=False, axis=-1):
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self):
        return {name: value for name, value in super().get_config().items() if name != "sparse_y_true"}
