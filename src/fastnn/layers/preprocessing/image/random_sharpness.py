"""RandomSharpness: blurred and sharpened images."""

import numpy as np

from fastnn import ops, random
from fastnn.layers.preprocessing.image.base_image_layer import BaseImagePreprocessingLayer
from fastnn.layers.preprocessing.image.factors import factor_range, for_each_image, value_range_of

_SMOOTH = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]]) / 13


class RandomSharpness(BaseImagePreprocessingLayer):
    """In training, blurs or sharpens each image: a random mean of it and of its blurred self.

    Args:
        factor: range of the strength, a pair in [0, 1], or one number f for (0, f). 0 blurs, 1/2 changes nothing, 1
            sharpens.
        value_range: least and largest value of a pixel.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.
        seed: int, or None.

    Input shape and output shape: (n, h, w, c) or (h, w, c), channels first when `data_format` says so; floats come out.

    Raises:
        ValueError: for a factor outside [0, 1], or a value range that is no pair.

    Example:
        >>> fastnn.layers.RandomSharpness((0.0, 1.0))(np.full((4, 5, 5, 3), 7.0), training=True)[0, 2, 2].round(3)
        array([7., 7., 7.], dtype=float32)
    """

    config_names = ("factor", "value_range", "seed")

    def __init__(self, factor, value_range=(0, 255), data_format=None, seed=None, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        self.factor = factor_range(factor, (0, 1))
        self.value_range = value_range_of(value_range)
        self.set_seed(seed)

    def draw(self, sizes, seed):
        return {"factor": random.uniform((sizes.images,), *self.factor, seed=seed)}

    def augment(self, images, transformation):
        kernel = np.repeat(_SMOOTH[:, :, None, None], images.shape[-1], axis=2).astype(images.dtype)
        smooth = ops.depthwise_conv(images, kernel, padding="same", data_format="channels_last")
        strength = ops.multiply(for_each_image(transformation["factor"]), 2)
        mixed = ops.add(smooth, ops.multiply(strength, ops.subtract(images, smooth)))
        return ops.clip(mixed, *self.value_range)
