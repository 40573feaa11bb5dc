"""UpSampling2D: larger images."""

import numpy as np

from fastnn import ops
from fastnn.layers.image_format import standardize_data_format, standardize_tuple
from fastnn.layers.input_spec import InputSpec
from fastnn.layers.layer import Layer
from fastnn.layers.reshaping.borders import spatial_axes


class UpSampling2D(Layer):
    """Images made larger by whole factors.

    Args:
        size: int or (rows, columns): the factors.
        data_format: "channels_last" or "channels_first"; None is `fastnn.config.image_data_format()`.
        interpolation: "nearest" (each pixel several times) or "bilinear".

    Input shape:
        (batch, height, width, channels); (batch, channels, height, width) with "channels_first"

    Output shape:
        (batch, height * rows, width * columns, channels), likewise

    Raises:
        ValueError: for another interpolation ("bicubic", "lanczos3" and "lanczos5" are not there yet).

    Example:
        >>> fastnn.layers.UpSampling2D(2)(np.zeros((2, 3, 4, 1), "float32")).shape
        (2, 6, 8, 1)
    """

    def __init__(self, size=(2, 2), data_format=None, interpolation="nearest", **kwargs):
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.size = standardize_tuple(size, 2, "size")
        self.interpolation = str(interpolation).lower()
        if self.interpolation not in ("nearest", "bilinear"):
            raise ValueError(
                f"`interpolation` argument should be one of ('nearest', 'bilinear'). Received: "
                f"interpolation={interpolation}"
            )
        self.input_spec = InputSpec(ndim=4)

    def call(self, inputs):
        for axis, factor in zip(spatial_axes(self.data_format, 2), self.size, strict=True):
            if self.interpolation == "nearest":
                inputs = ops.repeat(inputs, factor, axis=axis)
            else:
                inputs = _blended(inputs, factor, axis)
        return inputs

    def get_config(self):
        return {
            **super().get_config(),
            "size": self.size,
            "data_format": self.data_format,
            "interpolation": self.interpolation,
        }


def _blended(x, factor: int, axis: int):
    """`x` made `factor` times longer along `axis`, by linear interpolation between the centres of pixels."""
    size = x.shape[axis]
    place = np.clip((np.arange(size * factor) + 0.5) / factor - 0.5, 0, size - 1)
    # Hat functions: row k holds the weights of the old pixels in the new pixel k.
    weights = np.maximum(0, 1 - np.abs(place[:, None] - np.arange(size)))
    order = [k for k in range(len(x.shape)) if k != axis]
    moved = ops.transpose(x, (*order, axis))
    blended = ops.matmul(moved, weights.T.astype(x.dtype))
    back = list(range(len(order)))
    back.insert(axis, len(order))
    return ops.transpose(blended, tuple(back))
