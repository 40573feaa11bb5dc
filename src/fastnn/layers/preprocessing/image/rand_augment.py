"""RandAugment: a few of eleven augmentations."""

from fastnn import random
from fastnn.layers.preprocessing.image.chosen_layers import ChosenLayers


class RandAugment(ChosenLayers):
    """In training, applies a few augmentations, drawn for the batch, to all images (Cubuk et al. 2020).

    They are: shear, translation, rotation, brightness, colour degeneration, contrast, sharpness, posterization,
    solarization, auto contrast and equalization.

    Args:
        value_range: least and largest value of a pixel.
        num_ops: how many are applied, one after the other.
        factor: range of the strength of all, a pair in [0, 1], or one number f for (0, f).
        interpolation: "nearest" or "bilinear".
        seed: int, or None.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.

    Input shape and output shape: (n, h, w, 3) or (h, w, 3), channels first when `data_format` says so; floats come out.

    Raises:
        ValueError: for a factor outside [0, 1].

    Example:
        >>> fastnn.layers.RandAugment()(np.ones((4, 8, 8, 3)), training=True).shape
        (4, 8, 8, 3)
    """

    config_names = ("value_range", "num_ops", "factor", "interpolation", "seed")
    order = (
        "random_shear", "random_translation", "random_rotation", "random_brightness", "random_color_degeneration",
        "random_contrast", "random_sharpness", "random_posterization", "solarization", "auto_contrast", "equalization",
    )  # fmt: skip

    def __init__(
        self, value_range=(0, 255), num_ops=2, factor=0.5, interpolation="bilinear", seed=None, data_format=None,
        **kwargs,
    ):  # fmt: skip
        super().__init__(value_range, factor, interpolation, seed, data_format, **kwargs)
        self.num_ops = num_ops

    def draw(self, sizes, seed):
        numbers = random.randint((self.num_ops,), 0, len(self.order), seed=seed)
        return {"transforms": self.draw_choices(sizes, seed), "layer_idxes": numbers}

    def augment(self, images, transformation):
        return self._stepped(images, transformation, "augment")

    def move_masks(self, masks, transformation):
        return self._stepped(masks, transformation, "move_masks")

    def move_boxes(self, corners, transformation, height, width):
        return self._stepped(tuple(corners), transformation, "move_boxes", height, width)

    def image_size(self, transformation):
        return super().image_size(transformation["transforms"]["random_shear"])

    def _stepped(self, x, transformation, method, *rest):
        for k in range(self.num_ops):
            x = self.one_of(transformation["layer_idxes"][k], x, transformation["transforms"], method, *rest)
        return x
