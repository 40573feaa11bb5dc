"""Losses with a margin: y_true is -1 or 1 (0 or 1 is converted), or one-hot; y_pred is a score."""

from fastnn import ops
from fastnn.losses.loss import LossFunctionWrapper, matched
from fastnn.losses.reduction import as_tensor
from fastnn.plan.function import as_one_plan_of_arrays


@as_one_plan_of_arrays
def hinge(y_true, y_pred):
    """mean(max(1 - y_true y_pred, 0), axis=-1).

    Example:
        >>> hinge([[1.0, -1.0]], [[0.5, 0.5]])
        array([1.], dtype=float32)
    """
    y_true, y_pred = _signed(y_true, y_pred)
    return ops.mean(ops.maximum(1.0 - y_true * y_pred, 0.0), axis=-1)


@as_one_plan_of_arrays
def squared_hinge(y_true, y_pred):
    """mean(max(1 - y_true y_pred, 0)^2, axis=-1).

    Example:
        >>> squared_hinge([[1.0, -1.0]], [[0.5, 0.5]])
        array([1.25], dtype=float32)
    """
    y_true, y_pred = _signed(y_true, y_pred)
    return ops.mean(ops.square(ops.maximum(1.0 - y_true * y_pred, 0.0)), axis=-1)


@as_one_plan_of_arrays
def categorical_hinge(y_true, y_pred):
    """max(1 + (highest score of a wrong class) - (score of the right class), 0).

    Example:
        >>> categorical_hinge([[0.0, 1.0]], [[0.5, 0.0]])
        array([1.5], dtype=float32)
    """
    y_pred = as_tensor(y_pred)
    y_true = as_tensor(y_true, str(y_pred.dtype))
    right = ops.sum(y_true * y_pred, axis=-1)
    wrong = ops.max((1.0 - y_true) * y_pred, axis=-1)
    return ops.maximum(wrong - right + 1.0, 0.0)


def circle(y_true, y_pred, ref_labels=None, ref_embeddings=None, remove_diagonal=True, gamma=80, margin=0.4):
    """The circle loss of embeddings (Sun et al., 2020, eq. 6), for each of n samples: (n,).

    Args:
        y_true: integer labels, (n,) or (n, 1).
        y_pred: embeddings of unit length, (n, d).
        ref_labels: labels of the embeddings to compare with, (r,); `y_true` by default.
        ref_embeddings: what to compare with, (r, d); `y_pred` by default.
        remove_diagonal: leaves each sample's pair with itself out (only without `ref_embeddings`, as a rule).
        gamma: the scale.
        margin: the relaxation, m.

    Example:
        >>> circle([0, 1], [[1.0, 0.0], [0.0, 1.0]]).shape
        (2,)
    """
    y_pred = as_tensor(y_pred)
    dtype = str(y_pred.dtype)
    y_true = ops.reshape(as_tensor(y_true, "int32"), (-1, 1))
    others = y_true if ref_labels is None else ops.reshape(as_tensor(ref_labels, "int32"), (-1, 1))
    references = y_pred if ref_embeddings is None else as_tensor(ref_embeddings, dtype)
    distance = ops.maximum(1.0 - ops.matmul(y_pred, ops.transpose(references)), 0.0)  # (n, r)
    is_positive = ops.equal(y_true, ops.transpose(others))
    is_negative = ops.logical_not(is_positive)
    if remove_diagonal:
        n, r = is_positive.shape
        is_positive = ops.logical_and(is_positive, ops.logical_not(ops.eye(n, r, dtype="bool")))
    # With distances 1 - s in place of similarities s: alpha_p = [d_p + m]+, alpha_n = [1 + m - d_n]+. They are not held
    # fixed in the gradient, as the paper's are: Keras differentiates them too.
    alpha_positive = ops.maximum(distance + margin, 0.0)
    alpha_negative = ops.maximum(1.0 + margin - distance, 0.0)
    score_positive = alpha_positive * (distance - margin) * gamma
    score_negative = alpha_negative * (1.0 - margin - distance) * gamma
    return ops.softplus(_masked_logsumexp(score_positive, is_positive) + _masked_logsumexp(score_negative, is_negative))


def _masked_logsumexp(x, is_kept):
    """log(sum(exp(x)) over what is kept) along the last axis; very low where nothing is."""
    low = -1e9
    kept = ops.where(is_kept, x, low)
    highest = ops.stop_gradient(ops.max(kept, axis=-1, keepdims=True))
    total = ops.sum(ops.exp(kept - highest), axis=-1)
    return ops.log(total) + ops.squeeze(highest, -1)


def _signed(y_true, y_pred):
    """Labels as -1 and 1 when all of them are 0 or 1, as they are otherwise."""
    y_true, y_pred = matched(y_true, y_pred)
    is_zero_one = ops.all(ops.logical_or(ops.equal(y_true, 0.0), ops.equal(y_true, 1.0)))
    return ops.where(is_zero_one, 2.0 * y_true - 1.0, y_true), y_pred


class Hinge(LossFunctionWrapper):
    """The mean of max(1 - y_true y_pred, 0), for labels -1 and 1 (or 0 and 1).

    Args:
        reduction, name, dtype: as in `Loss`.

    Example:
        >>> float(Hinge()([[1.0, -1.0]], [[0.5, 0.5]]))
        1.0
    """

    def __init__(self, reduction="sum_over_batch_size", name="hinge", dtype=None):
        super().__init__(hinge, reduction, name, dtype)


class SquaredHinge(LossFunctionWrapper):
    """The mean of max(1 - y_true y_pred, 0)^2, for labels -1 and 1 (or 0 and 1).

    Args:
        reduction, name, dtype: as in `Loss`.

    Example:
        >>> float(SquaredHinge()([[1.0, -1.0]], [[0.5, 0.5]]))
        1.25
    """

    def __init__(self, reduction="sum_over_batch_size", name="squared_hinge", dtype=None):
        super().__init__(squared_hinge, reduction, name, dtype)


class CategoricalHinge(LossFunctionWrapper):
    """max(1 + (highest score of a wrong class) - (score of the right class), 0), for one-hot labels.

    Args:
        reduction, name, dtype: as in `Loss`.

    Example:
        >>> float(CategoricalHinge()([[0.0, 1.0]], [[0.5, 0.0]]))
        1.5
    """

    def __init__(self, reduction="sum_over_batch_size", name="categorical_hinge", dtype=None):
        super().__init__(categorical_hinge, reduction, name, dtype)


class Circle(LossFunctionWrapper):
    """The circle loss of embeddings (n, d) with integer labels (n,); embeddings have unit length.

    Args:
        gamma: the scale; 80.
        margin: the relaxation; 0.4.
        remove_diagonal: leaves each sample's pair with itself out.
        reduction, name, dtype: as in `Loss`.

    Example:
        >>> Circle(reduction="none")([0, 1], [[1.0, 0.0], [0.0, 1.0]]).shape
        (2,)
    """

    _labels_are_classes = True

    def __init__(
        self, gamma=80.0, margin=0.4, remove_diagonal=True, reduction="sum_over_batch_size", name="circle", dtype=None
    ):
        super().__init__(circle, reduction, name, dtype)
        self._labels_are_classes = True
        self.gamma, self.margin, self.remove_diagonal = gamma, margin, remove_diagonal

    def call(self, y_true, y_pred, ref_labels=None, ref_embeddings=None):
        return circle(
            y_true, y_pred, ref_labels, ref_embeddings,
            remove_diagonal=self.remove_diagonal, gamma=self.gamma, margin=self.margin,
        )  # fmt: skip

    def mask(self, y_true, values):
        return values > 0

    def get_config(self):
        own = {"gamma": self.gamma, "margin": self.margin, "remove_diagonal": self.remove_diagonal}
        return {**super().get_config(), **own}
