"""RandomColorDegeneration: images on their way to grey."""

from fastnn import ops, random
from fastnn.layers.preprocessing.image.base_image_layer import BaseImagePreprocessingLayer
from fastnn.layers.preprocessing.image.factors import factor_range, for_each_image, rescaled, value_range_of
from fastnn.ops import image as images_of


class RandomColorDegeneration(BaseImagePreprocessingLayer):
    """In training, takes each image a random part of the way to its shades of grey.

    Args:
        factor: range of the part, a pair, or one number f for (-f, f); in [-1, 1]. 1 is grey.
        value_range: least and largest value of a pixel.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.
        seed: int, or None.

    Input shape and output shape: (n, h, w, 3) or (h, w, 3), channels first when `data_format` says so; floats come out.

    Raises:
        ValueError: for a factor outside [-1, 1], or a value range that is no pair.

    Example:
        >>> layer = fastnn.layers.RandomColorDegeneration((1.0, 1.0))
        >>> layer(np.array([[[100.0, 0.0, 0.0]]]), training=True)[0, 0].round(2)
        array([29.89, 29.89, 29.89], dtype=float32)
    """

    config_names = ("factor", "value_range", "seed")

    def __init__(self, factor, value_range=(0, 255), data_format=None, seed=None, **kwargs):
        super().__init__(factor=factor_range(factor, (-1, 1)), data_format=data_format, **kwargs)
        self.value_range = value_range_of(value_range)
        self.set_seed(seed)

    def draw(self, sizes, seed):
        return {"factor": random.uniform((sizes.images, 1, 1, 1), *self.factor, seed=seed)}

    def augment(self, images, transformation):
        x = rescaled(images, self.value_range, (0, 255))
        grey = images_of.rgb_to_grayscale(x, "channels_last")
        mixed = ops.add(x, ops.multiply(for_each_image(transformation["factor"]), ops.subtract(grey, x)))
        return rescaled(ops.clip(mixed, 0, 255), (0, 255), self.value_range)
