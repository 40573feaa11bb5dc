"""Losses between distributions: y_pred is (n, ..., c), probabilities or (with from_logits) scores."""

from fastnn import config, ops
from fastnn.losses.loss import LossFunctionWrapper, matched, smoothed_binary, smoothed_one_hot
from fastnn.losses.reduction import as_tensor
from fastnn.plan.function import as_one_plan_of_arrays


def binary_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1):
    """The mean over `axis` of -y log p - (1 - y) log(1 - p); y_true and y_pred are (n, ..., d).

    Example:
        >>> binary_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).round(4)
        array([0.6931], dtype=float32)
    """
    y_pred = as_tensor(y_pred)
    y_true = smoothed_binary(as_tensor(y_true, str(y_pred.dtype)), label_smoothing)
    return ops.mean(ops.binary_crossentropy(y_true, y_pred, from_logits=from_logits), axis=axis)


def categorical_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1):
    """-sum(y_true log y_pred, axis) for labels that are distributions over the c classes.

    Raises:
        ValueError: when y_true and y_pred differ in shape.

    Example:
        >>> categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).round(4)
        array([0.6931], dtype=float32)
    """
    y_pred = as_tensor(y_pred)
    y_true = smoothed_one_hot(as_tensor(y_true, str(y_pred.dtype)), label_smoothing, axis)
    return ops.categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)


def sparse_categorical_crossentropy(y_true, y_pred, from_logits=False, ignore_class=None, axis=-1):
    """-log y_pred[label] for integer labels, (n, ...) or (n, ..., 1).

    Args:
        ignore_class: a label whose samples have loss 0.

    Raises:
        ValueError: when the shapes do not fit.

    Example:
        >>> sparse_categorical_crossentropy([1], [[0.5, 0.5]]).round(4)
        array([0.6931], dtype=float32)
    """
    y_pred, y_true = as_tensor(y_pred), as_tensor(y_true)
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)
    is_counted = ops.not_equal(y_true, ignore_class)
    # An ignored label may be out of range (-1 as a rule): class 0 stands in for it.
    y_true = ops.where(is_counted, y_true, ops.zeros_like(y_true))
    losses = ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)
    return ops.where(is_counted, losses, ops.zeros_like(losses))


sparse_categorical_crossentropy.labels_are_classes = True


@as_one_plan_of_arrays
def binary_focal_crossentropy(
    y_true, y_pred, apply_class_balancing=False, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0, axis=-1
):
    """Binary cross-entropy times (1 - p_t)^gamma, where p_t is the probability of the true class.

    With `apply_class_balancing`, also times alpha for class 1 and 1 - alpha for class 0 (Lin et al., 2018).

    Example:
        >>> binary_focal_crossentropy([[1.0]], [[0.5]]).round(4)
        array([0.1733], dtype=float32)
    """
    y_pred = as_tensor(y_pred)
    y_true = smoothed_binary(as_tensor(y_true, str(y_pred.dtype)), label_smoothing)
    if from_logits:
        y_pred = ops.sigmoid(y_pred)
    p_t = y_true * y_pred + (1.0 - y_true) * (1.0 - y_pred)
    losses = ops.power(1.0 - p_t, gamma) * ops.binary_crossentropy(y_true, y_pred)
    if apply_class_balancing:
        losses = losses * (y_true * alpha + (1.0 - y_true) * (1.0 - alpha))
    return ops.mean(losses, axis=axis)


@as_one_plan_of_arrays
def categorical_focal_crossentropy(
    y_true, y_pred, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0, axis=-1
):
    """-sum(alpha (1 - y_pred)^gamma y_true log y_pred, axis); y_pred is normalised along `axis` first.

    Example:
        >>> categorical_focal_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).round(4)
        array([0.0433], dtype=float32)
    """
    y_pred = as_tensor(y_pred)
    y_true = smoothed_one_hot(as_tensor(y_true, str(y_pred.dtype)), label_smoothing, axis)
    if from_logits:
        y_pred = ops.softmax(y_pred, axis=axis)
    y_pred = y_pred / ops.sum(y_pred, axis=axis, keepdims=True)
    y_pred = ops.clip(y_pred, config.epsilon(), 1.0 - config.epsilon())
    alpha = alpha if isinstance(alpha, (int, float)) else as_tensor(alpha, str(y_pred.dtype))
    losses = -y_true * ops.log(y_pred) * (alpha * ops.power(1.0 - y_pred, gamma))
    return ops.sum(losses, axis=axis)


def categorical_generalized_cross_entropy(y_true, y_pred, q):
    """(1 - p_t^q) / q for integer labels: robust to wrong ones (Zhang and Sabuncu, 2018).

    Example:
        >>> categorical_generalized_cross_entropy([0], [[1.0, 0.0]], 0.5)
        array([0.], dtype=float32)
    """
    y_pred, y_true = as_tensor(y_pred), as_tensor(y_true)
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    p_t = ops.sum(y_pred * ops.one_hot(ops.cast(y_true, "int32"), y_pred.shape[-1], dtype=str(y_pred.dtype)), axis=-1)
    return (1.0 - ops.power(p_t, q)) / q


@as_one_plan_of_arrays
def kl_divergence(y_true, y_pred):
    """sum(y_true log(y_true / y_pred), axis=-1), both clipped to [epsilon, 1].

    Example:
        >>> kl_divergence([[0.5, 0.5]], [[0.5, 0.5]])
        array([0.], dtype=float32)
    """
    y_true, y_pred = matched(y_true, y_pred)
    y_true = ops.clip(y_true, config.epsilon(), 1.0)
    y_pred = ops.clip(y_pred, config.epsilon(), 1.0)
    return ops.sum(y_true * ops.log(y_true / y_pred), axis=-1)


class BinaryCrossentropy(LossFunctionWrapper):
    """Cross-entropy of yes-or-no labels: the mean of -y log p - (1 - y) log(1 - p).

    Args:
        from_logits: y_pred are scores, not probabilities; more precise.
        label_smoothing: in [0, 1]: moves the labels that far towards 1/2.
        axis: over which it is averaged; -1.
        reduction, name, dtype: as in `Loss`.

    Example:
        >>> float(BinaryCrossentropy(from_logits=True)([[1.0]], [[0.0]]).round(4))
        0.6930999755859375
    """

    def __init__(
        self, from_logits=False, label_smoothing=0.0, axis=-1, reduction="sum_over_batch_size",
        name="binary_crossentropy", dtype=None,
    ):  # fmt: skip
        super().__init__(
            binary_crossentropy, reduction, name, dtype,
            from_logits=from_logits, label_smoothing=label_smoothing, axis=axis,
        )  # fmt: skip


class CategoricalCrossentropy(LossFunctionWrapper):
    """Cross-entropy of labels that are distributions (one-hot as a rule) over c classes.

    Args:
        from_logits: y_pred are scores, not probabilities; more precise.
        label_smoothing: in [0, 1]: moves the labels that far towards 1/c.
        axis: of the classes; -1.
        reduction, name, dtype: as in `Loss`.

    Example:
        >>> float(CategoricalCrossentropy()([[0.0, 1.0]], [[0.0, 1.0]]).round(3))
        0.0
    """

    def __init__(
        self, from_logits=False, label_smoothing=0.0, axis=-1, reduction="sum_over_batch_size",
        name="categorical_crossentropy", dtype=None,
    ):  # fmt: skip
        super().__init__(
            categorical_crossentropy, reduction, name, dtype,
            from_logits=from_logits, label_smoothing=label_smoothing, axis=axis,
        )  # fmt: skip


class SparseCategoricalCrossentropy(LossFunctionWrapper):
    """Cross-entropy of integer labels (n, ...) against y_pred (n, ..., c).

    Args:
        from_logits: y_pred are scores, not probabilities; more precise.
        ignore_class: a label whose samples have loss 0.
        axis: of the classes; -1.
        reduction, name, dtype: as in `Loss`.

    Example:
        >>> float(SparseCategoricalCrossentropy()([1], [[0.0, 1.0]]).round(3))
        0.0
    """

    def __init__(
        self, from_logits=False, ignore_class=None, reduction="sum_over_batch_size", axis=-1,
        name="sparse_categorical_crossentropy", dtype=None,
    ):  # fmt: skip
        super().__init__(
            sparse_categorical_crossentropy, reduction, name, dtype,
            from_logits=from_logits, ignore_class=ignore_class, axis=axis,
        )  # fmt: skip

    def call(self, y_true, y_pred):
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def mask(self, y_true, values):
        ignored = self._fn_kwargs["ignore_class"]
        return None if ignored is None else ops.reshape(ops.not_equal(y_true, ignored), values.shape)


class BinaryFocalCrossentropy(LossFunctionWrapper):
    """Binary cross-entropy that counts well-classified samples less.

    Args:
        apply_class_balancing: whether `alpha` is used.
        alpha: weight of class 1; 0.25.
        gamma: how fast easy samples lose weight; 2.0.
        from_logits, label_smoothing, axis: as in `BinaryCrossentropy`.
        reduction, name, dtype: as in `Loss`.

    Example:
        >>> float(BinaryFocalCrossentropy()([[1.0]], [[0.5]]).round(4))
        0.17329999804496765
    """

    def __init__(
        self, apply_class_balancing=False, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0, axis=-1,
        reduction="sum_over_batch_size", name="binary_focal_crossentropy", dtype=None,
    ):  # fmt: skip
        super().__init__(
            binary_focal_crossentropy, reduction, name, dtype, apply_class_balancing=apply_class_balancing, alpha=alpha,
            gamma=gamma, from_logits=from_logits, label_smoothing=label_smoothing, axis=axis,
        )  # fmt: skip


class CategoricalFocalCrossentropy(LossFunctionWrapper):
    """Categorical cross-entropy that counts well-classified samples less.

    Args:
        alpha: weight of all classes (a float) or of each (c floats); 0.25.
        gamma: how fast easy samples lose weight; 2.0.
        from_logits, label_smoothing, axis: as in `CategoricalCrossentropy`.
        reduction, name, dtype: as in `Loss`.

    Example:
        >>> round(float(CategoricalFocalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
        0.0433
    """

    def __init__(
        self, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0, axis=-1, reduction="sum_over_batch_size",
        name="categorical_focal_crossentropy", dtype=None,
    ):  # fmt: skip
        super().__init__(
            categorical_focal_crossentropy, reduction, name, dtype, alpha=alpha, gamma=gamma, from_logits=from_logits,
            label_smoothing=label_smoothing, axis=axis,
        )  # fmt: skip


class CategoricalGeneralizedCrossEntropy(LossFunctionWrapper):
    """(1 - p_t^q) / q for integer labels: between cross-entropy (q to 0) and absolute error (q to 1).

    Args:
        q: strictly between 0 and 1; 0.5.
        reduction, name, dtype: as in `Loss`.

    Raises:
        ValueError: for another q.

    Example:
        >>> float(CategoricalGeneralizedCrossEntropy()([0], [[1.0, 0.0]]))
        0.0
    """

    def __init__(
        self, q=0.5, reduction="sum_over_batch_size", name="categorical_generalized_cross_entropy", dtype=None
    ):
        if not 0 < q < 1:
            raise ValueError(f"q must be in the interval (0, 1), received q={q}.")
        super().__init__(categorical_generalized_cross_entropy, reduction, name, dtype, q=q)


class KLDivergence(LossFunctionWrapper):
    """The Kullback-Leibler divergence of y_pred from y_true: sum(y_true log(y_true / y_pred)).

    Args:
        reduction, name, dtype: as in `Loss`.

    Example:
        >>> float(KLDivergence()([[0.5, 0.5]], [[0.5, 0.5]]))
        0.0
    """

    def __init__(self, reduction="sum_over_batch_size", name="kl_divergence", dtype=None):
        super().__init__(kl_divergence, reduction, name, dtype)
