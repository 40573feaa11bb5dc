"""UpSampling3D: larger volumes."""

from fastnn import ops
from fastnn.layers.image_format import standardize_data_format, standardize_tuple
from fastnn.layers.input_spec import InputSpec
from fastnn.layers.layer import Layer
from fastnn.layers.reshaping.borders import spatial_axes


class UpSampling3D(Layer):
    """Each place of a volume several times.

    Args:
        size: int or (depth, height, width): the factors.
        data_format: "channels_last" or "channels_first"; None is `fastnn.config.image_data_format()`.

    Input shape:
        (batch, depth, height, width, channels);
        (batch, channels, depth, height, width) with "channels_first"

    Output shape:
        the same with each size times its factor, likewise

    Example:
        >>> fastnn.layers.UpSampling3D(2)(np.zeros((2, 3, 4, 5, 1), "float32")).shape
        (2, 6, 8, 10, 1)
    """

    def __init__(self, size=(2, 2, 2), data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.size = standardize_tuple(size, 3, "size")
        self.input_spec = InputSpec(ndim=5)

    def call(self, inputs):
        for axis, factor in zip(spatial_axes(self.data_format, 3), self.size, strict=True):
            inputs = ops.repeat(inputs, factor, axis=axis)
        return inputs

    def get_config(self):
        return {**super().get_config(), "size": self.size, "data_format": self.data_format}
