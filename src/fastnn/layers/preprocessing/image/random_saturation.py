"""RandomSaturation: paler and stronger colours."""

from fastnn import ops, random
from fastnn.layers.preprocessing.image.base_image_layer import BaseImagePreprocessingLayer
from fastnn.layers.preprocessing.image.factors import factor_range, for_each_image, rescaled, value_range_of
from fastnn.ops import image as images_of


class RandomSaturation(BaseImagePreprocessingLayer):
    """In training, multiplies the saturation of each image by f / (1 - f) with a random f: 1/2 changes nothing.

    Args:
        factor: range of f, a pair, or one number f for (-f, f); in [-1, 1].
        value_range: least and largest value of a pixel.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.
        seed: int, or None.

    Input shape and output shape: (n, h, w, 3) or (h, w, 3), channels first when `data_format` says so; floats come out.

    Raises:
        ValueError: for a factor outside [-1, 1], or a value range that is no pair.

    Example:
        >>> fastnn.layers.RandomSaturation((0.0, 0.0), (0, 1))(np.array([[[1.0, 0.5, 0.0]]]), training=True)[0, 0]
        array([1., 1., 1.], dtype=float32)
    """

    config_names = ("factor", "value_range", "seed")

    def __init__(self, factor, value_range=(0, 255), data_format=None, seed=None, **kwargs):
        super().__init__(factor=factor_range(factor, (-1, 1)), data_format=data_format, **kwargs)
        self.value_range = value_range_of(value_range)
        self.set_seed(seed)

    def draw(self, sizes, seed):
        factor = random.uniform((sizes.images,), *self.factor, seed=seed)
        return {"factor": ops.divide(factor, ops.add(ops.subtract(1, factor), 1e-7))}

    def augment(self, images, transformation):
        hsv = images_of.rgb_to_hsv(rescaled(images, self.value_range, (0, 1)), "channels_last")
        saturation = ops.clip(ops.multiply(hsv[..., 1:2], for_each_image(transformation["factor"])), 0, 1)
        hsv = ops.concatenate([hsv[..., :1], saturation, hsv[..., 2:]], axis=-1)
        return rescaled(images_of.hsv_to_rgb(hsv, "channels_last"), (0, 1), self.value_range)
