"""Normalization over the last axis."""

from fastnn.export.table import emits


@emits("layer_norm")
def _layer_norm(b, step, x, gamma, beta):
    epsilon = step.params["epsilon"]
    if step.params["is_centered"]:
        return b.add("LayerNormalization", x, gamma, beta, axis=-1, epsilon=epsilon), None, None
    is_half = step.x.dtype == "float16"  # whose squares overflow
    x, gamma, beta = (b.cast(each, "float32") if is_half else each for each in (x, gamma, beta))
    mean = b.add("ReduceMean", b.add("Mul", x, x), b.ints(-1), keepdims=1)
    scale = b.add("Sqrt", b.add("Add", mean, b.constant(epsilon, "float32" if is_half else step.x.dtype)))
    y = b.add("Add", b.add("Mul", b.add("Div", x, scale), gamma), beta)
    return b.cast(y, "float16") if is_half else y, None, None
