"""ZeroPadding1D: zeros before and after sequences."""

from fastnn.layers.image_format import standardize_data_format
from fastnn.layers.input_spec import InputSpec
from fastnn.layers.layer import Layer
from fastnn.layers.reshaping.borders import pair_of, spatial_axes
from fastnn.layers.reshaping.zero_padding2d import with_zeros


class ZeroPadding1D(Layer):
    """Zeros before and after each sequence.

    Args:
        padding: int or (before, after).
        data_format: "channels_last" or "channels_first"; None is `fastnn.config.image_data_format()`.

    Input shape:
        (batch, steps, features); (batch, features, steps) with "channels_first"

    Output shape:
        (batch, before + steps + after, features), likewise

    Example:
        >>> fastnn.layers.ZeroPadding1D(1)(np.zeros((2, 3, 4), "float32")).shape
        (2, 5, 4)
    """

    def __init__(self, padding=1, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.padding = pair_of(padding, "padding")
        self.input_spec = InputSpec(ndim=3)

    def call(self, inputs):
        return with_zeros(inputs, (self.padding,), spatial_axes(self.data_format, 1))

    def get_config(self):
        return {**super().get_config(), "padding": self.padding, "data_format": self.data_format}
