"""RandomBrightness: lighter and darker images."""

from fastnn import ops, random
from fastnn.layers.preprocessing.image.base_image_layer import BaseImagePreprocessingLayer
from fastnn.layers.preprocessing.image.factors import factor_range, for_each_image, value_range_of


class RandomBrightness(BaseImagePreprocessingLayer):
    """In training, adds a random number to each image and clips it to `value_range`.

    Args:
        factor: range of the number in units of the value range, a pair, or one number f for (-f, f); in [-1, 1].
        value_range: least and largest value of a pixel.
        seed: int, or None.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.

    Input shape and output shape: (n, h, w, c) or (h, w, c), channels first when `data_format` says so; floats come out.

    Raises:
        ValueError: for a factor outside [-1, 1], or a value range that is no pair.

    Example:
        >>> layer = fastnn.layers.RandomBrightness((0.1, 0.1))
        >>> layer(np.array([[[0.0, 100.0, 250.0]]]), training=True)[0, 0]
        array([ 25.5, 125.5, 255. ], dtype=float32)
    """

    config_names = ("factor", "value_range", "seed")

    def __init__(self, factor, value_range=(0, 255), seed=None, **kwargs):
        super().__init__(factor=factor_range(factor, (-1, 1)), **kwargs)
        self.value_range = value_range_of(value_range)
        self.set_seed(seed)

    def draw(self, sizes, seed):
        low, high = self.value_range
        factors = random.uniform((sizes.images, 1, 1, 1), *self.factor, seed=seed)
        return {"rgb_delta": ops.multiply(factors, high - low)}

    def augment(self, images, transformation):
        return ops.clip(ops.add(images, for_each_image(transformation["rgb_delta"])), *self.value_range)
