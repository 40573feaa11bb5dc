"""Solarization: the brightest parts turned into their negative."""

from fastnn import ops, random
from fastnn.layers.preprocessing.image.base_image_layer import BaseImagePreprocessingLayer
from fastnn.layers.preprocessing.image.factors import factor_range, for_each_image, rescaled, value_range_of


class Solarization(BaseImagePreprocessingLayer):
    """In training, inverts the pixels of each image from a random threshold on.

    Args:
        addition_factor: range of what is added to each pixel first, in units of the value range, a pair in [0, 1], or
            one number f for (0, f).
        threshold_factor: range of the threshold, likewise.
        value_range: least and largest value of a pixel.
        seed: int, or None.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.

    Input shape and output shape: (n, h, w, c) or (h, w, c), channels first when `data_format` says so; floats come out.

    Raises:
        ValueError: for a factor outside [0, 1], or a value range that is no pair.

    Example:
        >>> layer = fastnn.layers.Solarization(threshold_factor=(0.5, 0.5))
        >>> layer(np.array([[[10.0, 200.0]]]), training=True)[0, 0]
        array([10., 55.], dtype=float32)
    """

    config_names = ("value_range", "addition_factor", "threshold_factor", "seed")

    def __init__(self, addition_factor=0.0, threshold_factor=0.0, value_range=(0, 255), seed=None, **kwargs):
        super().__init__(**kwargs)
        self.addition_factor = factor_range(addition_factor, (0, 1), "addition_factor")
        self.threshold_factor = factor_range(threshold_factor, (0, 1), "threshold_factor")
        self.value_range = value_range_of(value_range)
        self.set_seed(seed)

    def draw(self, sizes, seed):
        shape = (sizes.images, 1, 1, 1)
        ranges = {"additions": self.addition_factor, "thresholds": self.threshold_factor}
        return {
            name: random.uniform(shape, *(255 * x for x in limits), seed=seed) for name, limits in ranges.items()
        }  # fmt: skip

    def augment(self, images, transformation):
        x = rescaled(images, self.value_range, (0, 255))
        x = ops.clip(ops.add(x, for_each_image(transformation["additions"])), 0, 255)
        x = ops.where(ops.less(x, for_each_image(transformation["thresholds"])), x, ops.subtract(255, x))
        return rescaled(x, (0, 255), self.value_range)
