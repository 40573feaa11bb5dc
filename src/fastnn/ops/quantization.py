"""The floats for which numbers of four bits stand, and floats as float8 keeps them.

The kernels are in `_kernels/quantization.c`.
"""

import math

import numpy as np

from fastnn.ops import elementwise as ew
from fastnn.ops.gather import check_index
from fastnn.ops.record import Op, Spec


def _shape(numbers, scale, zero, group, shape, packed, axis):
    """`shape` (rows, cols), where `numbers` has half as many in the axis `packed`."""
    halved = tuple(math.ceil(n / 2) if k == packed else n for k, n in enumerate(shape))
    groups = tuple(scale.shape[axis] if k == axis else n for k, n in enumerate(shape))
    if numbers.shape != halved or scale.shape != groups or zero.shape != groups or group.shape != (shape[axis],):
        raise ValueError(
            f"dequantize_int4: bytes {numbers.shape}, scale {scale.shape}, zero {zero.shape} and group {group.shape} "
            f"do not fit numbers of shape {shape}, packed along axis {packed}, with groups along axis {axis}."
        )
    return Spec(tuple(shape), "float32")


def _reference(numbers, scale, zero, group, shape, packed, axis):
    halves = np.stack([(numbers.astype(np.uint8) << 4).astype(np.int8) >> 4, numbers >> 4], packed + 1)
    unpacked = halves.reshape([2 * n if k == packed else n for k, n in enumerate(numbers.shape)])
    unpacked = unpacked[: shape[0], : shape[1]].astype(np.float32)
    group = check_index("dequantize_int4", group, scale.shape[axis])
    return (unpacked - np.take(zero, group, axis)) * np.take(scale, group, axis)


def _lower(node, b):
    numbers, scale, zero, group = node.inputs
    shape, axis = node.params["shape"], node.params["axis"]
    b.step(
        "dequantize_int4", [numbers, scale, zero, group, node.outputs[0]],
        [*shape, scale.shape[axis], node.params["packed"], axis],
    )  # fmt: skip


# `(numbers - zero) * scale`: int8 with two numbers in each along `packed`, scale and zero (float32) of the group
# (int32) of each position along `axis`. Nothing of it is trained.
dequantize_int4_op = Op("dequantize_int4", shape=_shape, reference=_reference, lower=_lower)


# {dtype: (bits of the mantissa, exponent of the least normal number, the largest number)}
FLOAT8 = {"float8_e4m3fn": (3, -6, 448.0), "float8_e5m2": (2, -14, 57344.0)}


def _float8_reference(x, scale, dtype):
    mantissa, least, largest = FLOAT8[dtype]
    scaled = np.clip(x / scale, -largest, largest)
    step = np.ldexp(1.0, np.maximum(np.frexp(scaled)[1] - 1, least) - mantissa)  # between neighbours
    return np.rint(scaled / step) * step * scale


def _float8_grad(dy, y, x, scale, dtype):
    inside = ew.cast(ew.abs(x) <= FLOAT8[dtype][2] * scale, dy.dtype)
    return dy * inside, None


def _float8_lower(node, b):
    x, scale = node.inputs
    if x.dtype != "float32" or scale.dtype != "float32":
        return False
    mantissa, least, largest = FLOAT8[node.params["dtype"]]
    b.step("through_float8", [x, scale, node.outputs[0]], [x.size, mantissa, least], [largest])
    return True


# `x` as it comes back from float8: divided by the number `scale`, cut off, rounded (ties to even), multiplied.
# Gradients by `x` pass what is inside of the range; there is none by `scale`.
through_float8_op = Op(
    "through_float8", shape=lambda x, scale, dtype: Spec(x.shape, x.dtype), reference=_float8_reference,
    grad=_float8_grad, lower=_float8_lower, inplace=True,
)  # fmt: skip
