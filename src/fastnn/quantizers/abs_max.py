"""Quantization by the largest size: a number becomes `round(x * scale)`, and `scale` takes the largest to the end of
the range."""

import math

import numpy as np

from fastnn import ops
from fastnn.graph import trace
from fastnn.ops.record import dtype_of, shape_of
from fastnn.quantizers.quantizer import Quantizer


def abs_max_quantize(inputs, axis, value_range=(-127, 127), dtype="int8", epsilon=1e-07, to_numpy=False):
    """`round(inputs * scale)` in integers, with a scale for each slice along `axis`.

    Args:
        inputs: array of floats.
        axis: int or ints: over which the largest is taken; None for all.
        value_range: the least and the greatest quantized number.
        dtype: of the quantized numbers.
        epsilon: added to the largest size, which may be zero.
        to_numpy: whether to compute at once, in NumPy arrays, inside a trace too.

    Returns:
        The quantized numbers, and the scale, 1 long in `axis`: `value_range[1] / (max(abs(inputs)) + epsilon)`.

    Example:
        >>> numbers, scale = fastnn.quantizers.abs_max_quantize(np.array([1.0, -4.0], "float32"), axis=0)
        >>> numbers
        array([  32, -127], dtype=int8)
    """
    if to_numpy:
        with trace.eager():
            return abs_max_quantize(np.asarray(inputs), axis, value_range, dtype, epsilon)
    axis = tuple(axis) if isinstance(axis, list) else axis
    scale = ops.divide(value_range[1], ops.max(ops.abs(inputs), axis=axis, keepdims=True) + epsilon)
    scale = ops.cast(scale, dtype_of(inputs))
    numbers = ops.clip(ops.round(ops.multiply(inputs, scale)), *value_range)
    return ops.cast(numbers, dtype), scale


def abs_max_quantize_grouped_with_zero_point(
    inputs, block_size, value_range=(-8, 7), dtype="int8", epsilon=1e-07, to_numpy=False
):
    """`round(inputs / scale) + zero_point`, with both for each column of each block of rows: the numbers of a block use
    the whole range, wherever they lie. The last block is filled up with zeros.

    Args:
        inputs: array of floats (rows, columns).
        block_size: int: rows of a block.
        value_range: the least and the greatest quantized number.
        dtype: of the quantized numbers.
        epsilon: added to the distance of the least and the greatest number of a block.
        to_numpy: whether to compute at once, in NumPy arrays, inside a trace too.

    Returns:
        The quantized numbers (rows, columns); scale and zero point (int8), (blocks, columns).

    Example:
        >>> numbers, scale, zero = fastnn.quantizers.abs_max_quantize_grouped_with_zero_point(
        ...     np.array([[-1.0], [0.0], [2.0]], "float32"), block_size=3)
        >>> numbers[:, 0], scale.round(3)[0, 0], zero[0, 0]
        (array([-8, -3,  7], dtype=int8), np.float32(0.2), np.int8(-3))
    """
    if to_numpy:
        with trace.eager():
            return abs_max_quantize_grouped_with_zero_point(
                np.asarray(inputs), block_size, value_range, dtype, epsilon
            )  # fmt: skip
    rows, columns = shape_of(inputs)
    blocks = math.ceil(rows / block_size)
    filled = ops.pad(inputs, ((0, blocks * block_size - rows), (0, 0)))
    filled = ops.reshape(filled, (blocks, block_size, columns))
    scale, zero = zero_point(
        ops.min(filled, axis=1), ops.max(filled, axis=1), bits_of(value_range), epsilon=epsilon
    )  # fmt: skip
    numbers = ops.round(filled / ops.expand_dims(scale, 1)) + ops.expand_dims(zero, 1)
    numbers = ops.reshape(ops.clip(numbers, *value_range), (blocks * block_size, columns))[:rows]
    return ops.cast(numbers, dtype), scale, ops.cast(zero, "int8")


def bits_of(value_range) -> int:
    """How many bits all of whose numbers fit into the range."""
    return int(math.log2(value_range[1] - value_range[0] + 1))


def zero_point(low, high, bits: int, epsilon=0.0):
    """The scale that spreads [low, high] over the signed integers of so many bits, and the number that stands for zero
    (a float, within their range). A range without extent is widened by one to both sides."""
    alike = ops.equal(low, high)
    low, high = ops.where(alike, low - 1, low), ops.where(alike, high + 1, high)
    scale = (high - low + epsilon) / (2**bits - 1)
    least = -(2 ** (bits - 1))
    return scale, ops.clip(ops.round(-low / scale) + least, least, -least - 1)


class AbsMaxQuantizer(Quantizer):
    """Quantizes by `abs_max_quantize`.

    Args:
        axis: int or ints: over which the largest is taken; -1 by default.
        value_range: the least and the greatest quantized number.
        epsilon: added to the largest size.
        output_dtype: of the quantized numbers.

    Call arguments:
        x: array of floats.
        axis: instead of the quantizer's own.
        to_numpy: whether to compute at once, in NumPy arrays.

    Example:
        >>> fastnn.quantizers.AbsMaxQuantizer(axis=0)(np.array([1.0, -4.0], "float32"))[0]
        array([  32, -127], dtype=int8)
    """

    def __init__(self, axis=None, value_range=(-127, 127), epsilon=1e-07, output_dtype="int8"):
        super().__init__(output_dtype)
        self.axis = (axis,) if isinstance(axis, int) else None if axis is None else tuple(axis)
        self.value_range = value_range
        self.epsilon = epsilon

    def __call__(self, x, axis=None, to_numpy=False):
        axis = self.axis if axis is None else axis
        return abs_max_quantize(
            x, -1 if axis is None else axis, self.value_range, self.output_dtype, self.epsilon, to_numpy
        )  # fmt: skip

    def get_config(self) -> dict:
        config = {"value_range": self.value_range, "epsilon": self.epsilon, "output_dtype": self.output_dtype}
        return config if self.axis is None else {**config, "axis": self.axis}
