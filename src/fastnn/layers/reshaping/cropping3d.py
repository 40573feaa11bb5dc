"""Cropping3D: volumes without their borders."""

from fastnn.layers.image_format import standardize_data_format
from fastnn.layers.input_spec import InputSpec
from fastnn.layers.layer import Layer
from fastnn.layers.reshaping.borders import spatial_axes, standardize_borders
from fastnn.layers.reshaping.cropping2d import crop


class Cropping3D(Layer):
    """The middle of each volume.

    Args:
        cropping: int, (planes, rows, columns), or a pair (before, after) for each of the three: what is left out.
        data_format: "channels_last" or "channels_first"; None is `fastnn.config.image_data_format()`.

    Input shape:
        (batch, depth, height, width, channels);
        (batch, channels, depth, height, width) with "channels_first"

    Output shape:
        the same with each size less what is left out, likewise

    Raises:
        ValueError: when nothing would be left.

    Example:
        >>> fastnn.layers.Cropping3D(1)(np.zeros((2, 4, 5, 6, 1), "float32")).shape
        (2, 2, 3, 4, 1)
    """

    def __init__(self, cropping=((1, 1), (1, 1), (1, 1)), data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.cropping = standardize_borders(cropping, 3, "cropping")
        self.input_spec = InputSpec(ndim=5)

    def call(self, inputs):
        return crop(inputs, self.cropping, spatial_axes(self.data_format, 3))

    def get_config(self):
        return {**super().get_config(), "cropping": self.cropping, "data_format": self.data_format}
