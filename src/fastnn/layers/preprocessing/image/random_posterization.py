"""RandomPosterization: fewer shades."""

from fastnn import ops, random
from fastnn.layers.preprocessing.image.base_image_layer import BaseImagePreprocessingLayer
from fastnn.layers.preprocessing.image.factors import factor_range, for_each_image, rescaled, value_range_of


class RandomPosterization(BaseImagePreprocessingLayer):
    """In training, keeps a random number of the leading bits of each byte (Cubuk et al. 2019, 2020).

    Args:
        factor: range of the number of bits, a pair in [1, 8], or one number f for (1, f); the upper end is left out.
        value_range: least and largest value of a pixel.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.
        seed: int, or None.

    Input shape and output shape: (n, h, w, c) or (h, w, c), channels first when `data_format` says so; floats come out.

    Raises:
        ValueError: for a factor outside [1, 8], or a value range that is no pair.

    Example:
        >>> layer = fastnn.layers.RandomPosterization((2, 3))
        >>> layer(np.array([[[0.0, 63.0, 64.0, 255.0]]]), training=True)[0, 0]
        array([  0.,   0.,  64., 192.], dtype=float32)
    """

    config_names = ("factor", "value_range", "seed")

    def __init__(self, factor, value_range=(0, 255), data_format=None, seed=None, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        self.factor = factor_range(factor, (1, 8))
        self.value_range = value_range_of(value_range)
        self.set_seed(seed)

    def draw(self, sizes, seed):
        low, high = self.factor
        bits = random.uniform((sizes.images,), low, max(high, low + 1), seed=seed)
        return {"shift_factor": ops.cast(8 - ops.minimum(ops.floor(bits), max(high - 1, low)), "uint8")}

    def augment(self, images, transformation):
        step = ops.exp2(ops.cast(for_each_image(transformation["shift_factor"]), images.dtype))
        x = ops.floor(rescaled(images, self.value_range, (0, 255)))
        return rescaled(ops.multiply(ops.floor(ops.divide(x, step)), step), (0, 255), self.value_range)
