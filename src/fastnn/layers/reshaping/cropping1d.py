"""Cropping1D: sequences without their ends."""

from fastnn.layers.input_spec import InputSpec
from fastnn.layers.layer import Layer
from fastnn.layers.reshaping.borders import pair_of
from fastnn.layers.reshaping.cropping2d import crop


class Cropping1D(Layer):
    """The middle of each sequence.

    Args:
        cropping: int or (before, after): what is left out.

    Input shape:
        (batch, steps, features)

    Output shape:
        (batch, steps - before - after, features)

    Raises:
        ValueError: when nothing would be left.

    Example:
        >>> fastnn.layers.Cropping1D(1)(np.zeros((2, 5, 3), "float32")).shape
        (2, 3, 3)
    """

    def __init__(self, cropping=(1, 1), **kwargs):
        super().__init__(**kwargs)
        self.cropping = pair_of(cropping, "cropping")
        self.input_spec = InputSpec(ndim=3)

    def call(self, inputs):
        return crop(inputs, (self.cropping,), (1,))

    def get_config(self):
        return {**super().get_config(), "cropping": self.cropping}
