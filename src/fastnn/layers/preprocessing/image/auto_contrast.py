"""AutoContrast: all values of the range."""

from fastnn import ops
from fastnn.layers.preprocessing.image.base_image_layer import BaseImagePreprocessingLayer
from fastnn.layers.preprocessing.image.factors import rescaled, value_range_of


class AutoContrast(BaseImagePreprocessingLayer):
    """Stretches each channel of each image over the whole range of values, in training and without.

    Args:
        value_range: least and largest value of a pixel.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.

    Input shape and output shape: (n, h, w, c) or (h, w, c), channels first when `data_format` says so; floats come out.

    Raises:
        ValueError: for a value range that is no pair.

    Example:
        >>> fastnn.layers.AutoContrast()(np.array([[[10.0], [20.0], [30.0]]]))[0, :, 0]
        array([  0. , 127.5, 255. ], dtype=float32)
    """

    config_names = ("value_range",)
    active_in_inference = True
    is_random = False

    def __init__(self, value_range=(0, 255), **kwargs):
        super().__init__(**kwargs)
        self.value_range = value_range_of(value_range)

    def augment(self, images, transformation):
        x = rescaled(images, self.value_range, (0, 255))
        low, high = (reduce(x, axis=(1, 2), keepdims=True) for reduce in (ops.min, ops.max))
        is_flat = ops.equal(low, high)
        spread = ops.where(is_flat, 1, ops.subtract(high, low))
        stretched = ops.multiply(ops.subtract(x, low), ops.divide(255, spread))
        return rescaled(ops.clip(ops.where(is_flat, x, stretched), 0, 255), (0, 255), self.value_range)
