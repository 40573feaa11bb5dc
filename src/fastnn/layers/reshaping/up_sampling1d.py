"""UpSampling1D: each step several times."""

from fastnn import ops
from fastnn.layers.input_spec import InputSpec
from fastnn.layers.layer import Layer


class UpSampling1D(Layer):
    """Each step of a sequence `size` times.

    Args:
        size: int.

    Input shape:
        (batch, steps, features)

    Output shape:
        (batch, steps * size, features)

    Example:
        >>> fastnn.layers.UpSampling1D(2)(np.zeros((2, 3, 4), "float32")).shape
        (2, 6, 4)
    """

    def __init__(self, size=2, **kwargs):
        super().__init__(**kwargs)
        self.size = int(size)
        self.input_spec = InputSpec(ndim=3)

    def call(self, inputs):
        return ops.repeat(inputs, self.size, axis=1)

    def get_config(self):
        return {**super().get_config(), "size": self.size}
