"""Weights in int4, two numbers a byte: with a scale for each column of the matrix (`Kept.matrix`), or for each of its
blocks with a zero point.

What is kept is a dict of arrays by the ends of their names: "" (the numbers), "_scale", and for blocks "_zero" and
"g_idx", to which block each position along `Kept.axis` belongs.
"""

import numpy as np

from fastnn import ops, quantizers
from fastnn.ops.quantization import dequantize_int4_op
from fastnn.quantizers.int4 import unpacked

_RANGE = (-8, 7)


def quantized(kept, weight, quantizer, block_size: int) -> dict:
    """What is kept of the float `weight`; of all of an axis as one block with a `block_size` of -1."""
    matrix = weight.reshape(kept.matrix)
    if block_size == -1:
        quantizer = quantizer or quantizers.AbsMaxQuantizer(axis=kept.axis, value_range=_RANGE)
        numbers, scale = quantizer(matrix, to_numpy=True)
        parts = {"_scale": np.squeeze(scale, kept.axis)}
    else:
        turned = matrix if kept.axis == 0 else matrix.T
        found = quantizers.abs_max_quantize_grouped_with_zero_point(turned, block_size, to_numpy=True)
        numbers, scale, zero = found if kept.axis == 0 else (part.T for part in found)
        blocks = (np.arange(kept.matrix[kept.axis]) // block_size).astype("float32")
        parts = {"_scale": scale, "_zero": zero, "g_idx": blocks}
    return {"": quantizers.pack_int4(np.ascontiguousarray(numbers), kept.packed)[0], **parts}


def numbers(kept, parts: dict):
    """The integers, in the shape of the matrix."""
    return unpacked(parts[""], kept.matrix[kept.packed], kept.packed)


def floats(kept, parts: dict, dtype):
    """The floats for which they stand, in the shape of the weight."""
    matrix = dequantize_int4_op(
        parts[""], *_groups(kept, parts), shape=kept.matrix, packed=kept.packed, axis=kept.axis
    )  # fmt: skip
    return ops.cast(ops.reshape(matrix, kept.shape), dtype)


def floats_of_rows(kept, parts: dict, dtype):
    """The same of rows, whose `parts` are (..., columns), where scales and groups are those of rows."""
    lead = parts[""].shape[:-1]
    *arrays, group = (parts[""], *_groups(kept, parts))
    arrays = [ops.reshape(array, (-1, array.shape[-1])) for array in arrays]
    shape = (arrays[0].shape[0], kept.shape[-1])
    rows = dequantize_int4_op(*arrays, group, shape=shape, packed=1, axis=1)
    return ops.cast(ops.reshape(rows, (*lead, kept.shape[-1])), dtype)


def _groups(kept, parts: dict):
    """Scales, zero points, and to which of them each position along `axis` belongs."""
    scale = ops.cast(parts["_scale"], "float32")
    if "_zero" in parts:
        return scale, ops.cast(parts["_zero"], "float32"), ops.cast(parts["g_idx"], "int32")
    scale = ops.expand_dims(ops.reciprocal(scale), -1 if kept.axis else 0)
    return scale, ops.zeros_like(scale), np.zeros(kept.matrix[kept.axis], "int32")
