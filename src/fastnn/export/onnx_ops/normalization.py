"""Normalization over the last axis."""

from fastnn.export.table import emits


@emits("layer_norm")
def _layer_norm(b, step, x, gamma, beta):
    epsilon = step.params["epsilon"]
    if step.params["is_centered"]:
        return b.add("LayerNormalization", x, gamma, beta, axis=-1, epsilon=epsilon), None, None
    mean = b.add("ReduceMean", b.add("Mul", x, x), b.ints(-1), keepdims=1)
    scale = b.add("Sqrt", b.add("Add", mean, b.constant(epsilon, step.x.dtype)))
    return b.add("Add", b.add("Mul", b.add("Div", x, scale), gamma), beta), None, None
