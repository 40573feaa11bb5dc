"""ZeroPadding2D: a border of zeros around images."""

from fastnn import ops
from fastnn.layers.image_format import standardize_data_format
from fastnn.layers.input_spec import InputSpec
from fastnn.layers.layer import Layer
from fastnn.layers.reshaping.borders import spatial_axes, standardize_borders


class ZeroPadding2D(Layer):
    """Zeros around each image.

    Args:
        padding: int, (rows, columns), or ((top, bottom), (left, right)).
        data_format: "channels_last" or "channels_first"; None is `fastnn.config.image_data_format()`.

    Input shape:
        (batch, height, width, channels); (batch, channels, height, width) with "channels_first"

    Output shape:
        (batch, top + height + bottom, left + width + right, channels), likewise

    Example:
        >>> fastnn.layers.ZeroPadding2D(1)(np.zeros((2, 3, 4, 1), "float32")).shape
        (2, 5, 6, 1)
    """

    def __init__(self, padding=(1, 1), data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.padding = standardize_borders(padding, 2, "padding")
        self.input_spec = InputSpec(ndim=4)

    def call(self, inputs):
        return with_zeros(inputs, self.padding, spatial_axes(self.data_format, 2))

    def get_config(self):
        return {**super().get_config(), "padding": self.padding, "data_format": self.data_format}


def with_zeros(x, padding, axes):
    """`x` with zeros before and behind: `padding` (pairs) along `axes`."""
    widths = [(0, 0)] * len(x.shape)
    for axis, pair in zip(axes, padding, strict=True):
        widths[axis] = pair
    return ops.pad(x, tuple(widths))
