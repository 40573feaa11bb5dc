"""Fake quantization: floats rounded to what quantized numbers would say, for training that is aware of it."""

from fastnn import ops
from fastnn.ops.matmul import unbroadcast
from fastnn.ops.own_gradient import custom_gradient
from fastnn.ops.record import as_array, dtype_of, shape_of
from fastnn.ops.reduce import normalize_axis


def fake_quant_with_min_max_vars(inputs, min_vals, max_vals, num_bits=8, narrow_range=False, axis=None):
    """`inputs` rounded to the 2^num_bits numbers between `min_vals` and `max_vals`, which are moved a little so that
    zero is one of them. What lies outside is cut off (Jacob et al. 2018, Quantization and Training of Neural Networks).

    Inputs inside the range get the gradient as it comes, `min_vals` that of those below it, `max_vals` of those above.

    Args:
        inputs: array of floats.
        min_vals, max_vals: a number, or one for each position along `axis` (the last axis without it).
        num_bits: int.
        narrow_range: whether the least of the numbers is left out.
        axis: int, for ranges of each position along it.

    Raises:
        ValueError: for an axis that there is not.

    Example:
        >>> fastnn.quantizers.fake_quant_with_min_max_vars(np.array([0.2, 1.4, 5.0], "float32"), 0.0, 3.0, num_bits=2)
        array([0., 1., 3.], dtype=float32)
    """
    inputs = inputs if hasattr(inputs, "shape") else as_array(inputs)
    low, high = (ops.cast(x if hasattr(x, "shape") else as_array(x), dtype_of(inputs)) for x in (min_vals, max_vals))
    if axis is not None:
        axis = normalize_axis("fake_quant_with_min_max_vars", axis, len(shape_of(inputs)))
        shape = [-1 if k == axis else 1 for k in range(len(shape_of(inputs)))]
        low, high = (ops.reshape(x, shape) if shape_of(x) else x for x in (low, high))
    first, last = int(narrow_range), 2**num_bits - 1

    @custom_gradient
    def rounded(x, low, high):
        scale = (high - low) / (last - first)
        zero = ops.clip(ops.round(first - low / scale), first, last)
        least, greatest = (first - zero) * scale, (last - zero) * scale
        steps = ops.floor((ops.clip(x, least, greatest) - least) / scale + 0.5)

        def grad(dy):
            below, above = (ops.cast(outside, dtype_of(dy)) for outside in (x < least, x > greatest))
            return dy * (1 - below - above), unbroadcast(dy * below, low.shape), unbroadcast(dy * above, high.shape)

        return steps * scale + least, grad

    return rounded(inputs, low, high)
