"""RandomInvert: negatives of images."""

from fastnn import ops, random
from fastnn.layers.preprocessing.image.base_image_layer import BaseImagePreprocessingLayer
from fastnn.layers.preprocessing.image.factors import factor_range, for_each_image


class RandomInvert(BaseImagePreprocessingLayer):
    """In training, turns some images into their negatives.

    Args:
        factor: range of the probability, which is drawn for each image, a pair in [0, 1], or one number f for (0, f).
        value_range: least and largest value of a pixel.
        seed: int, or None.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.

    Input shape and output shape: (n, h, w, c) or (h, w, c), channels first when `data_format` says so; floats come out.

    Raises:
        ValueError: for a factor outside [0, 1].

    Example:
        >>> fastnn.layers.RandomInvert((1.0, 1.0))(np.array([[[0.0, 55.0]]]), training=True)[0, 0]
        array([255., 200.], dtype=float32)
    """

    config_names = ("factor", "value_range", "seed")

    def __init__(self, factor=1.0, value_range=(0, 255), seed=None, data_format=None, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        self.factor = factor_range(factor, (0, 1))
        self.value_range = value_range
        self.set_seed(seed)

    def draw(self, sizes, seed):
        return {"apply_inversion": happens(self.factor, sizes.images, seed)}

    def augment(self, images, transformation):
        is_inverted = for_each_image(transformation["apply_inversion"])
        return ops.where(is_inverted, ops.subtract(sum(self.value_range), images), images)


def happens(factor, n, seed):
    """Whether something happens to each of n images, with a probability drawn from the range `factor` for each."""
    return random.uniform((n,), seed=seed) < random.uniform((n,), *factor, seed=seed)
