"""Activation: any function of one array as a layer."""

from fastnn import activations
from fastnn.layers.layer import Layer

# The most used of those that keep the shape.
_ELEMENTWISE = (activations.relu, activations.sigmoid, activations.tanh, activations.silu, activations.gelu)


class Activation(Layer):
    """`activation(inputs)`.

    Args:
        activation: name or function.

    Input shape and output shape: any, the same.

    Example:
        >>> fastnn.layers.Activation("relu")(np.array([-1.0, 2.0], "float32"))
        array([0., 2.], dtype=float32)
    """

    def __init__(self, activation, **kwargs):
        super().__init__(**kwargs)
        self.activation = activations.get(activation)
        self.supports_masking = True
        self.built = True

    def call(self, inputs):
        return self.activation(inputs)

    def _keeps_shape(self):
        return type(self).call is Activation.call and self.activation in _ELEMENTWISE

    def get_config(self):
        return {**super().get_config(), "activation": activations.serialize(self.activation)}
