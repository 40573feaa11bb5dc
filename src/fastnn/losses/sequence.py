"""The loss of sequences of labels that no one has aligned with the outputs."""

from fastnn import ops
from fastnn.losses.loss import LossFunctionWrapper
from fastnn.losses.reduction import as_tensor

_BLANK = 0


def ctc(y_true, y_pred):
    """Connectionist temporal classification: minus the log probability of the labels over all alignments.

    Args:
        y_true: labels (n, l), ints; 0, the class of the blank, fills them up.
        y_pred: logits (n, t, c).

    Returns:
        (n,).

    Raises:
        ValueError: for other ranks.

    Reference: Graves et al., 2006, https://www.cs.toronto.edu/~graves/icml_2006.pdf.

    Example:
        >>> ctc(np.array([[1, 0]]), np.zeros((1, 2, 3), "float32")).round(4)
        array([1.0986], dtype=float32)
    """
    y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
    if len(y_true.shape) != 2:
        raise ValueError(
            "Targets `y_true` are expected to be a tensor of shape `(batch_size, max_length)` in integer format. "
            f"Received: y_true.shape={tuple(y_true.shape)}"
        )
    if len(y_pred.shape) != 3:
        raise ValueError(
            "Logits `y_pred` are expected to be a tensor of shape `(batch_size, max_length, num_classes)`. Received: "
            f"y_pred.shape={tuple(y_pred.shape)}"
        )
    y_true = ops.cast(y_true, "int32")
    label_counts = ops.sum(ops.cast(ops.not_equal(y_true, _BLANK), "int32"), axis=1)
    steps = ops.full_like(label_counts, y_pred.shape[1])
    return ops.ctc_loss(y_true, y_pred, label_counts, steps, mask_index=_BLANK)


ctc.labels_are_classes = True


class CTC(LossFunctionWrapper):
    """See `ctc`.

    Args:
        reduction, name, dtype: as in `Loss`.

    Example:
        >>> float(CTC()(np.array([[1, 0]]), np.zeros((1, 2, 3), "float32")).round(4))
        1.0986000299453735
    """

    def __init__(self, reduction="sum_over_batch_size", name="ctc", dtype=None):
        super().__init__(ctc, reduction, name, dtype)
