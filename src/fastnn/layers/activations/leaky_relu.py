"""LeakyReLU: the rectifier with a slope below zero."""

import warnings

from fastnn import activations
from fastnn.layers.layer import Layer


class LeakyReLU(Layer):
    """`inputs` where they are positive, `negative_slope * inputs` elsewhere.

    Args:
        negative_slope: non-negative float.

    Input shape and output shape: any, the same.

    Raises:
        ValueError: for a negative slope.

    Example:
        >>> fastnn.layers.LeakyReLU(0.5)(np.array([-1.0, 2.0], "float32"))
        array([-0.5,  2. ], dtype=float32)
    """

    def __init__(self, negative_slope=0.3, **kwargs):
        if "alpha" in kwargs:
            negative_slope = kwargs.pop("alpha")
            warnings.warn("Argument `alpha` is deprecated. Use `negative_slope` instead.", stacklevel=2)
        super().__init__(**kwargs)
        if negative_slope is None or negative_slope < 0:
            raise ValueError(
                "The negative_slope value of a Leaky ReLU layer cannot be None or negative value. Expected a float. "
                f"Received: negative_slope={negative_slope}"
            )
        self.negative_slope = negative_slope
        self.supports_masking = True
        self.built = True

    def call(self, inputs):
        return activations.leaky_relu(inputs, negative_slope=self.negative_slope)

    def get_config(self):
        return {**super().get_config(), "negative_slope": self.negative_slope}
