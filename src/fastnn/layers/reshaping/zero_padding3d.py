"""ZeroPadding3D: a border of zeros around volumes."""

from fastnn.layers.image_format import standardize_data_format
from fastnn.layers.input_spec import InputSpec
from fastnn.layers.layer import Layer
from fastnn.layers.reshaping.borders import spatial_axes, standardize_borders
from fastnn.layers.reshaping.zero_padding2d import with_zeros


class ZeroPadding3D(Layer):
    """Zeros around each volume.

    Args:
        padding: int, (planes, rows, columns), or a pair (before, after) for each of the three.
        data_format: "channels_last" or "channels_first"; None is `fastnn.config.image_data_format()`.

    Input shape:
        (batch, depth, height, width, channels);
        (batch, channels, depth, height, width) with "channels_first"

    Output shape:
        the same with each size and what is added, likewise

    Example:
        >>> fastnn.layers.ZeroPadding3D(1)(np.zeros((2, 3, 4, 5, 1), "float32")).shape
        (2, 5, 6, 7, 1)
    """

    def __init__(self, padding=((1, 1), (1, 1), (1, 1)), data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.padding = standardize_borders(padding, 3, "padding")
        self.input_spec = InputSpec(ndim=5)

    def call(self, inputs):
        return with_zeros(inputs, self.padding, spatial_axes(self.data_format, 3))

    def get_config(self):
        return {**super().get_config(), "padding": self.padding, "data_format": self.data_format}
