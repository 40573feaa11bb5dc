"""How indices of categories become vectors: the output modes that all categorical layers share."""

import numpy as np

from fastnn import ops
from fastnn.ops.record import dtype_of, shape_of


def check_mode(layer: str, mode: str, allowed: tuple[str, ...]) -> str:
    """The name of the output mode; Keras 2's names are known too.

    Raises:
        ValueError: for one that is not allowed.
    """
    mode = {"binary": "multi_hot", "tf-idf": "tf_idf"}.get(mode, mode)
    if mode not in allowed:
        raise ValueError(
            f"Unknown value for `output_mode` argument of layer {layer}. Accepted values are {set(allowed)}. Received: "
            f"output_mode={mode}"
        )
    return mode


def check_sparse(layer: str, sparse) -> bool:
    """`sparse`, which must be false.

    Raises:
        ValueError: when it is true.
    """
    if sparse:
        raise ValueError(f"`sparse=True` cannot be used with fastnn, which has no sparse arrays (layer {layer}).")
    return False


def encode(indices, mode: str, depth: int, dtype: str, count_weights=None):
    """Vectors of the categories `indices`; those outside of [0, depth) count for nothing.

    Args:
        indices: integers, (), (n,) or (n, k, ...).
        mode: "int" gives the indices, "one_hot" a vector for each, "multi_hot" and "count" one vector for the k of a
            sample.
        depth: the length of the vectors.
        dtype: of the result.
        count_weights: for "count": what each index adds, of the same shape.
    """
    if mode == "int":
        return indices if dtype_of(indices) == dtype else ops.cast(indices, dtype)
    if len(shape_of(indices)) == 0:
        indices = ops.expand_dims(indices, -1)
    shape = shape_of(indices)
    if mode == "one_hot":
        if len(shape) > 1 and shape[-1] == 1:
            indices = ops.squeeze(indices, -1)
        return ops.one_hot(indices, depth, dtype=dtype)
    axis = 1 if len(shape) > 1 else 0
    if type(indices) is np.ndarray and count_weights is None:
        return _counts(np.moveaxis(indices, axis, -1), depth, dtype, mode == "multi_hot")
    if mode == "multi_hot":
        return ops.max(ops.one_hot(indices, depth, dtype=dtype), axis=axis)
    if count_weights is None:
        return ops.sum(ops.one_hot(indices, depth, dtype=dtype), axis=axis)
    hot = ops.one_hot(indices, depth, dtype=dtype_of(count_weights))
    return ops.sum(hot * ops.expand_dims(count_weights, -1), axis=axis)


def _counts(indices: np.ndarray, depth: int, dtype: str, is_once: bool) -> np.ndarray:
    """How often each category is in the last axis of `indices`, or, `is_once`, 1 for those that are there: only their
    places are touched."""
    made = np.zeros((*indices.shape[:-1], depth), dtype)
    begins = np.arange(made.size // depth).reshape(*indices.shape[:-1], 1) * depth
    places = (begins + indices)[(indices >= 0) & (indices < depth)].astype(np.intp, copy=False)
    if is_once:
        made.reshape(-1)[places] = 1
    else:
        np.add.at(made.reshape(-1), places, made.dtype.type(1))
    return made


def encoded_shape(shape, mode: str, depth: int | None) -> tuple:
    """The shape of `encode`'s result for indices of a shape."""
    shape = tuple(shape)
    if mode == "int":
        return shape
    if mode == "one_hot":
        return (*(shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape), depth)
    return (*shape[:1], *shape[2:], depth) if len(shape) > 1 else (depth,)
