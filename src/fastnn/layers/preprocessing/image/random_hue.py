"""RandomHue: colours moved around the circle of hues."""

from fastnn import ops, random
from fastnn.layers.preprocessing.image.base_image_layer import BaseImagePreprocessingLayer
from fastnn.layers.preprocessing.image.factors import factor_range, for_each_image, rescaled
from fastnn.ops import image as images_of


class RandomHue(BaseImagePreprocessingLayer):
    """In training, turns the hue of each image by a random angle, to either side.

    Args:
        factor: range of the angle in half turns, a pair in [0, 1], or one number f for (0, f).
        value_range: least and largest value of a pixel.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.
        seed: int, or None.

    Input shape and output shape: (n, h, w, 3) or (h, w, 3), channels first when `data_format` says so; floats come out.

    Raises:
        ValueError: for a factor outside [0, 1].

    Example:
        >>> layer = fastnn.layers.RandomHue((1.0, 1.0), value_range=(0, 1))
        >>> layer(np.array([[[1.0, 0.0, 0.0]]]), training=True)[0, 0].round(3) + 0.0
        array([0., 1., 1.], dtype=float32)
    """

    config_names = ("factor", "value_range", "seed")

    def __init__(self, factor, value_range=(0, 255), data_format=None, seed=None, **kwargs):
        super().__init__(factor=factor_range(factor, (0, 1)), data_format=data_format, **kwargs)
        self.value_range = value_range
        self.set_seed(seed)

    def draw(self, sizes, seed):
        angle = random.uniform((sizes.images,), *self.factor, seed=seed)
        is_backward = random.uniform((sizes.images,), seed=seed) < 0.5
        return {"factor": ops.multiply(ops.where(is_backward, -angle, angle), 0.5)}

    def augment(self, images, transformation):
        hsv = images_of.rgb_to_hsv(rescaled(images, self.value_range, (0, 1)), "channels_last")
        hue = ops.mod(ops.add(hsv[..., :1], for_each_image(transformation["factor"])), 1)
        rgb = images_of.hsv_to_rgb(ops.concatenate([hue, hsv[..., 1:]], axis=-1), "channels_last")
        return rescaled(ops.clip(rgb, 0, 1), (0, 1), self.value_range)
