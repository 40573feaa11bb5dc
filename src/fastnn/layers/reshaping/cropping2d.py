"""Cropping2D: images without their borders."""

from fastnn.layers.image_format import standardize_data_format
from fastnn.layers.input_spec import InputSpec
from fastnn.layers.layer import Layer
from fastnn.layers.reshaping.borders import spatial_axes, standardize_borders


class Cropping2D(Layer):
    """The middle of each image.

    Args:
        cropping: int, (rows, columns), or ((top, bottom), (left, right)): what is left out.
        data_format: "channels_last" or "channels_first"; None is `fastnn.config.image_data_format()`.

    Input shape:
        (batch, height, width, channels); (batch, channels, height, width) with "channels_first"

    Output shape:
        (batch, height - top - bottom, width - left - right, channels), likewise

    Raises:
        ValueError: when nothing would be left.

    Example:
        >>> fastnn.layers.Cropping2D(1)(np.zeros((2, 5, 6, 1), "float32")).shape
        (2, 3, 4, 1)
    """

    def __init__(self, cropping=((0, 0), (0, 0)), data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.cropping = standardize_borders(cropping, 2, "cropping")
        self.input_spec = InputSpec(ndim=4)

    def call(self, inputs):
        return crop(inputs, self.cropping, spatial_axes(self.data_format, 2))

    def get_config(self):
        return {**super().get_config(), "cropping": self.cropping, "data_format": self.data_format}


def crop(x, cropping, axes):
    """`x` without `cropping` (pairs) along `axes`.

    Raises:
        ValueError: when nothing would be left.
    """
    index = [slice(None)] * len(x.shape)
    for axis, (before, after) in zip(axes, cropping, strict=True):
        if before + after >= x.shape[axis]:
            raise ValueError(
                "Values in `cropping` argument should be smaller than the corresponding spatial dimension of the "
                f"input. Received: inputs.shape={tuple(x.shape)}, cropping={cropping}"
            )
        index[axis] = slice(before, x.shape[axis] - after)
    return x[tuple(index)]
