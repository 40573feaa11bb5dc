"""ELU: the exponential linear unit."""

from fastnn import activations
from fastnn.layers.layer import Layer


class ELU(Layer):
    """`inputs` where they are positive, `alpha * (exp(inputs) - 1)` elsewhere.

    Args:
        alpha: a number.

    Input shape and output shape: any, the same.

    Example:
        >>> fastnn.layers.ELU()(np.array([0.0, 2.0], "float32"))
        array([0., 2.], dtype=float32)
    """

    def __init__(self, alpha=1.0, **kwargs):
        super().__init__(**kwargs)
        self.alpha = alpha
        self.supports_masking = True
        self.built = True

    def call(self, inputs):
        return activations.elu(inputs, alpha=self.alpha)

    def get_config(self):
        return {**super().get_config(), "alpha": self.alpha}
