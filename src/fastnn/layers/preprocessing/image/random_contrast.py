"""RandomContrast: stronger and weaker contrasts."""

from fastnn import ops, random
from fastnn.layers.preprocessing.image.base_image_layer import BaseImagePreprocessingLayer
from fastnn.layers.preprocessing.image.factors import factor_range, for_each_image


class RandomContrast(BaseImagePreprocessingLayer):
    """In training, multiplies each channel's distance from its mean by a random number, one for each image.

    Args:
        factor: `(lower, upper)` in [0, 1]: the number lies in (1 - lower, 1 + upper). One number f stands for (0, f).
        value_range: least and largest value of a pixel; results are clipped to it.
        seed: int, or None.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.

    Input shape and output shape: (n, h, w, c) or (h, w, c), channels first when `data_format` says so; floats come out.

    Raises:
        ValueError: for a factor outside [0, 1].

    Example:
        >>> fastnn.layers.RandomContrast(0.5)(np.full((2, 3, 3, 1), 7.0), training=True)[0, 0, 0]
        array([7.], dtype=float32)
    """

    config_names = ("factor", "value_range", "seed")

    def __init__(self, factor, value_range=(0, 255), seed=None, **kwargs):
        super().__init__(factor=factor_range(factor, (0, 1)), **kwargs)
        self.value_range = value_range
        self.set_seed(seed)

    def draw(self, sizes, seed):
        lower, upper = self.factor
        return {"contrast_factor": random.uniform((sizes.images, 1, 1, 1), 1 - lower, 1 + upper, seed=seed)}

    def augment(self, images, transformation):
        mean = ops.mean(images, axis=(1, 2), keepdims=True)
        stretched = ops.multiply(ops.subtract(images, mean), for_each_image(transformation["contrast_factor"]))
        return ops.clip(ops.add(stretched, mean), *self.value_range)
