"""UpSampling2D: larger images."""

from fastnn import ops
from fastnn.layers.image_format import standardize_data_format, standardize_tuple
from fastnn.layers.input_spec import InputSpec
from fastnn.layers.layer import Layer
from fastnn.layers.reshaping.borders import spatial_axes

_INTERPOLATIONS = ("bicubic", "bilinear", "lanczos3", "lanczos5", "nearest")


class UpSampling2D(Layer):
    """Images made larger by whole factors.

    Args:
        size: int or (rows, columns): the factors.
        data_format: "channels_last" or "channels_first"; None is `fastnn.config.image_data_format()`.
        interpolation: "nearest" (each pixel several times), "bilinear", "bicubic", "lanczos3" or "lanczos5".

    Input shape:
        (batch, height, width, channels); (batch, channels, height, width) with "channels_first"

    Output shape:
        (batch, height * rows, width * columns, channels), likewise

    Raises:
        ValueError: for another interpolation.

    Example:
        >>> fastnn.layers.UpSampling2D(2)(np.zeros((2, 3, 4, 1), "float32")).shape
        (2, 6, 8, 1)
    """

    def __init__(self, size=(2, 2), data_format=None, interpolation="nearest", **kwargs):
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.size = standardize_tuple(size, 2, "size")
        self.interpolation = str(interpolation).lower()
        if self.interpolation not in _INTERPOLATIONS:
            raise ValueError(
                f"`interpolation` argument should be one of {_INTERPOLATIONS}. Received: interpolation={interpolation}"
            )
        self.input_spec = InputSpec(ndim=4)

    def call(self, inputs):
        axes = spatial_axes(self.data_format, 2)
        size = tuple(inputs.shape[axis] * factor for axis, factor in zip(axes, self.size, strict=True))
        return ops.image.resize(inputs, size, self.interpolation, data_format=self.data_format)

    def get_config(self):
        return {
            **super().get_config(),
            "size": self.size,
            "data_format": self.data_format,
            "interpolation": self.interpolation,
        }
