"""Numbers as float8 keeps them, and the scales for it (Micikevicius et al. 2022, FP8 Formats for Deep Learning)."""

from fastnn import ops
from fastnn.graph.dtypes import is_float, standardize_dtype
from fastnn.ops.quantization import FLOAT8, through_float8_op
from fastnn.ops.record import as_array, dtype_of, shape_of


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
        quantized_dtype: "float8_e4m3fn" or "float8_e5m2".
        compute_dtype: of the outputs.

    Raises:
        ValueError: for another `quantized_dtype`.

    Example:
        >>> x = np.array([0.3, 900.0], "float32")
        >>> fastnn.quantizers.quantize_and_dequantize(x, 1.0, "float8_e4m3fn", "float32")
        array([3.125e-01, 4.480e+02], dtype=float32)
    """
    name = getattr(quantized_dtype, "name", quantized_dtype)
    if name not in FLOAT8:
        raise ValueError(f"`quantized_dtype` must be one of {tuple(FLOAT8)}. Received: {quantized_dtype}")
    compute_dtype = standardize_dtype(compute_dtype)
    inputs = inputs if hasattr(inputs, "shape") else as_array(inputs)
    inputs = inputs if is_float(dtype_of(inputs)) else ops.cast(inputs, compute_dtype)
    return ops.cast(through_float8_op(inputs, ops.cast(scale, dtype_of(inputs)), dtype=name), compute_dtype)
