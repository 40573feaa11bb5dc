"""Numbers as float8 keeps them, and the scales for it (Micikevicius et al. 2022, FP8 Formats for Deep Learning)."""

import numpy as np

from fastnn import ops
from fastnn.graph.dtypes import is_float, standardize_dtype
from fastnn.ops.record import Op, Spec, as_array, dtype_of, shape_of


def _float8(name: str) -> np.dtype:
    """The dtype of that name; NumPy knows it once ml_dtypes is imported."""
    try:
        import ml_dtypes  # an extra; only bfloat16 and float8 need it
    except ImportError:
        raise ImportError(f"{name} needs ml_dtypes: pip install 'fastnn-cpu[bfloat16]'.") from None
    return np.dtype(getattr(ml_dtypes, name))


# The nearest numbers that the dtype has. As a rounding it has the gradient of what it rounds.
round_to_float8_op = Op(
    "round_to_float8",
    shape=lambda x, dtype: Spec(x.shape, x.dtype),
    reference=lambda x, dtype: x.astype(_float8(dtype)).astype(x.dtype),
    grad=lambda dy, y, x, dtype: (dy,),
)


def largest_float8(dtype) -> float:
    """The largest number of a float8 dtype.

    Raises:
        ValueError: for another dtype.
    """
    name = getattr(dtype, "name", dtype)
    if name not in ("float8_e4m3fn", "float8_e5m2"):
        raise ValueError(f"A float8 dtype is 'float8_e4m3fn' or 'float8_e5m2'. Received: {dtype}")
    return 448.0 if name == "float8_e4m3fn" else 57344.0


def compute_float8_scale(amax, scale, dtype_max, margin=0):
    """What to divide by so that `amax` becomes the largest number of a dtype, 2^-margin of it.

    Args:
        amax: the largest size of late; where it is not positive or not finite, `scale` stays.
        scale: the one so far.
        dtype_max: the largest number of the dtype.
        margin: how many powers of two to stay below it.

    Example:
        >>> fastnn.quantizers.compute_float8_scale(np.float32(896), np.float32(1), 448.0)
        array(2., dtype=float32)
    """
    inverse = ops.divide(ops.divide(dtype_max, amax), 2**margin)
    inverse = ops.where(ops.logical_and(ops.greater(amax, 0.0), ops.isfinite(amax)), inverse, ops.divide(1.0, scale))
    return ops.reciprocal(inverse)


def compute_float8_amax_history(x, amax_history):
    """The history of largest sizes with that of `x` in the first place; the others move back, the oldest (the second
    place) is dropped.

    Args:
        x: array of floats.
        amax_history: array (length,).

    Example:
        >>> fastnn.quantizers.compute_float8_amax_history(np.array([-5.0, 2.0], "float32"), np.array([3.0, 1.0, 2.0]))
        array([5., 2., 3.])
    """
    largest = ops.cast(ops.max(ops.abs(x)), dtype_of(amax_history))
    later = ops.concatenate([ops.reshape(largest, (1,)), amax_history[2:], amax_history[:1]])
    return later[: shape_of(amax_history)[0]]


def quantize_and_dequantize(inputs, scale, quantized_dtype, compute_dtype):
    """`inputs` as they come back from float8: divided by `scale`, cut off at the largest number, rounded, multiplied.

    Args:
        inputs: array of floats.
        scale: a number.
        quantized_dtype: "float8_e4m3fn" or "float8_e5m2". Needs ml_dtypes (the extra `bfloat16`).
        compute_dtype: of the outputs.

    Raises:
        ValueError: for another `quantized_dtype`.

    Example:
        >>> x = np.array([0.3, 900.0], "float32")
        >>> fastnn.quantizers.quantize_and_dequantize(x, 1.0, "float8_e4m3fn", "float32")
        array([3.125e-01, 4.480e+02], dtype=float32)
    """
    largest = largest_float8(quantized_dtype)
    compute_dtype = standardize_dtype(compute_dtype)
    inputs = inputs if hasattr(inputs, "shape") else as_array(inputs)
    inputs = inputs if is_float(dtype_of(inputs)) else ops.cast(inputs, compute_dtype)
    scale = ops.cast(scale, dtype_of(inputs))
    scaled = ops.clip(inputs / scale, -largest, largest)
    rounded = round_to_float8_op(scaled, dtype=str(getattr(quantized_dtype, "name", quantized_dtype)))
    return ops.cast(rounded, compute_dtype) * ops.cast(scale, compute_dtype)
