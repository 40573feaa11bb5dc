"""From data as users have it to arrays that models take: one-hot labels, normalised rows, padded sequences."""

import numpy as np

from fastnn import config


def to_categorical(x, num_classes: int | None = None) -> np.ndarray:
    """One-hot rows of integer labels.

    Args:
        x: labels, an array or nested list of any shape (...,) or (..., 1), each in [0, num_classes). Floats are
            truncated, as in Keras.
        num_classes: length of each row; the largest label plus one if None.

    Returns:
        float32 array of shape (..., num_classes). (Keras answers float64 for lists; see `docs/differences.md`.)

    Raises:
        IndexError: for a label outside [0, num_classes).
        ValueError: for labels that are no numbers, or for none at all while `num_classes` is None.

    Example:
        >>> fastnn.utils.to_categorical([0, 2, 1])
        array([[1., 0., 0.],
               [0., 0., 1.],
               [0., 1., 0.]], dtype=float32)
    """
    labels = np.asarray(x).astype("int64")
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if num_classes is None:
        if not labels.size:
            raise ValueError("to_categorical: there are no labels to count classes from; pass `num_classes`.")
        num_classes = int(labels.max()) + 1
    if labels.size and (labels.min() < 0 or labels.max() >= num_classes):
        wrong = labels.min() if labels.min() < 0 else labels.max()
        raise IndexError(f"to_categorical: label {wrong} is outside [0, {num_classes}).")
    one_hot = np.zeros((labels.size, num_classes), "float32")
    one_hot[np.arange(labels.size), labels.ravel()] = 1
    return one_hot.reshape(*labels.shape, num_classes)


def normalize(x, axis: int = -1, order: int = 2) -> np.ndarray:
    """Divides `x` by its norm along `axis`: x / (sum |x|^order)^(1/order). Where the norm is 0, `x` stays as it is.

    Args:
        x: numbers of any shape; integers are computed in `floatx`.
        axis: the axis whose vectors get norm 1.
        order: an integer >= 1; 2 is the Euclidean norm.

    Returns:
        Array of the shape of `x` (a number becomes shape (1,)).

    Raises:
        ValueError: if `order` is no integer >= 1.

    Example:
        >>> fastnn.utils.normalize([[3.0, 4.0]])
        array([[0.6, 0.8]], dtype=float32)
    """
    if not isinstance(order, int) or order < 1:
        raise ValueError(f"Argument `order` must be an int >= 1. Received: order={order}")
    is_float_array = isinstance(x, np.ndarray) and x.dtype.kind == "f"
    x = np.atleast_1d(x if is_float_array else np.asarray(x, config.floatx()))
    norm = np.linalg.norm(x, ord=order, axis=axis, keepdims=True)
    return x / np.where(norm == 0, 1, norm).astype(x.dtype)


def pad_sequences(sequences, maxlen=None, dtype="int32", padding="pre", truncating="pre", value=0.0) -> np.ndarray:
    """Stacks sequences of different lengths into one array, cut or filled to `maxlen` steps.

    Args:
        sequences: list of sequences; each a list or array of shape (length, ...), the "..." the same for all.
        maxlen: steps of the result; the longest length if None.
        dtype: dtype of the result; `object` for strings.
        padding: "pre" fills before a sequence, "post" after it.
        truncating: "pre" drops the first steps of a sequence that is too long, "post" the last.
        value: what fills.

    Returns:
        Array of shape (len(sequences), maxlen, ...).

    Raises:
        ValueError: for entries that are no sequences, differing inner shapes, an unknown `padding` or `truncating`,
            or a string `value` with a numeric `dtype`.

    Example:
        >>> fastnn.utils.pad_sequences([[1, 2, 3], [4]], maxlen=2)
        array([[2, 3],
               [0, 4]], dtype=int32)
    """
    if not hasattr(sequences, "__len__"):
        raise ValueError("`sequences` must be iterable.")
    if padding not in ("pre", "post"):
        raise ValueError(f'Padding type "{padding}" not understood')
    if truncating not in ("pre", "post"):
        raise ValueError(f'Truncating type "{truncating}" not understood')
    for entry in sequences:
        if not hasattr(entry, "__len__"):
            raise ValueError(f"`sequences` must be a list of iterables. Found non-iterable: {entry}")
    if not len(sequences) and maxlen is None:
        raise ValueError("`sequences` is empty, so it gives no length; pass `maxlen`.")
    is_text = np.dtype(dtype).kind in "USO"
    if isinstance(value, str) and not is_text:
        raise ValueError(
            f"`dtype` {dtype} is not compatible with `value`'s type: {type(value)}\n"
            "You should set `dtype=object` for variable length strings."
        )
    if maxlen is None:
        maxlen = max(len(entry) for entry in sequences)
    inner = next((np.asarray(entry).shape[1:] for entry in sequences if len(entry)), ())
    padded = np.full((len(sequences), maxlen, *inner), value, dtype=dtype)
    for k, entry in enumerate(sequences):
        if not len(entry) or maxlen == 0:
            continue
        kept = np.asarray(entry[-maxlen:] if truncating == "pre" else entry[:maxlen], dtype=dtype)
        if kept.shape[1:] != inner:
            raise ValueError(
                f"Shape of sample {kept.shape[1:]} of sequence at position {k} is different from expected shape {inner}"
            )
        if padding == "pre":
            padded[k, -len(kept) :] = kept
        else:
            padded[k, : len(kept)] = kept
    return padded
