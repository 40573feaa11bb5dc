"""Products in float8: weights stay floats; inputs, kernel and gradients pass through it (Micikevicius et al. 2022).

The scale of each follows the largest sizes of late. Scales and sizes are weights whose "gradients" are what they are to
become; optimizers put these in their place.
"""

from fastnn import ops
from fastnn.ops.own_gradient import custom_gradient
from fastnn.ops.quantization import FLOAT8
from fastnn.ops.record import dtype_of
from fastnn.quantizers.float8 import compute_float8_amax_history, compute_float8_scale, quantize_and_dequantize

# What passes through float8, and through which: {the name of it: the dtype}.
PARTS = {"inputs": "float8_e4m3fn", "kernel": "float8_e4m3fn", "outputs_grad": "float8_e5m2"}


def add_weights(layer, length: int) -> None:
    """Makes the scales and the histories of largest sizes, `length` long."""
    for part in PARTS:
        for end, shape, initializer in (("scale", (), "ones"), ("amax_history", (length,), "zeros")):
            name = f"{part}_{end}"
            variable = layer.add_weight(
                shape, initializer, "float32", autocast=False, overwrite_with_gradient=True, name=name
            )
            variable.path = f"{layer.path}/{name}"
            setattr(layer, name, variable)


def weights(layer) -> list:
    return [getattr(layer, f"{part}_{end}") for part in PARTS for end in ("scale", "amax_history")]


def product(layer, inputs, kernel, training):
    """`layer._product` of what float8 leaves of inputs and kernel. Outside of training their scales stay."""
    y = layer._product(_rounded(layer, "inputs", inputs, training), _rounded(layer, "kernel", kernel, training))

    @custom_gradient
    def with_rounded_gradient(y, scale, history):
        def grad(dy):
            dtype = PARTS["outputs_grad"]
            return quantize_and_dequantize(dy, scale, dtype, dtype_of(dy)), *_next(dy, scale, history, dtype)

        return y, grad

    return with_rounded_gradient(y, layer.outputs_grad_scale.value, layer.outputs_grad_amax_history.value)


def bias_of(bias):
    """The bias as bfloat16 keeps it: what hardware adds to a product in float8, and Keras too."""
    return ops.cast(ops.cast(bias, "bfloat16"), dtype_of(bias))


def _rounded(layer, part: str, x, training):
    dtype = PARTS[part]

    @custom_gradient
    def rounded(x, scale, history):
        def grad(dy):
            return dy, *(_next(x, scale, history, dtype) if training else (scale, history))

        return quantize_and_dequantize(x, scale, dtype, dtype_of(x)), grad

    return rounded(x, getattr(layer, f"{part}_scale").value, getattr(layer, f"{part}_amax_history").value)


def _next(x, scale, history, dtype: str):
    """The next scale, from the history so far, and the next history, with the largest size of `x`."""
    return (
        compute_float8_scale(ops.max(history), scale, FLOAT8[dtype][2]),
        compute_float8_amax_history(x, history),
    )
