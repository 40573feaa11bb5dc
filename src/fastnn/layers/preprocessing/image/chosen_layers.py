"""ChosenLayers: augmentations of which a random one runs."""

from fastnn import ops
from fastnn.layers.preprocessing.image.auto_contrast import AutoContrast
from fastnn.layers.preprocessing.image.base_image_layer import BaseImagePreprocessingLayer
from fastnn.layers.preprocessing.image.equalization import Equalization
from fastnn.layers.preprocessing.image.factors import factor_range
from fastnn.layers.preprocessing.image.random_brightness import RandomBrightness
from fastnn.layers.preprocessing.image.random_color_degeneration import RandomColorDegeneration
from fastnn.layers.preprocessing.image.random_contrast import RandomContrast
from fastnn.layers.preprocessing.image.random_posterization import RandomPosterization
from fastnn.layers.preprocessing.image.random_rotation import RandomRotation
from fastnn.layers.preprocessing.image.random_sharpness import RandomSharpness
from fastnn.layers.preprocessing.image.random_shear import RandomShear
from fastnn.layers.preprocessing.image.random_translation import RandomTranslation
from fastnn.layers.preprocessing.image.solarization import Solarization


class ChosenLayers(BaseImagePreprocessingLayer):
    """Base of the layers that choose among others, all of one strength.

    Args:
        value_range: least and largest value of a pixel.
        factor: range of the strength, a pair in [0, 1], or one number f for (0, f).
        interpolation: "nearest" or "bilinear".
        seed: int, or None.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.
    """

    order = ()  # the names of the layers, in the order of their numbers

    def __init__(self, value_range, factor, interpolation, seed, data_format, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = value_range
        self.factor = factor_range(factor, (0, 1))
        self.interpolation = interpolation
        self.set_seed(seed)
        moving = {"interpolation": interpolation, "bounding_box_format": self.bounding_box_format}
        ranged = {"factor": self.factor, "value_range": value_range}
        made = {
            # Two numbers make a range of its own, also where they are the negatives of each other.
            "random_shear": RandomShear(self.factor, self.factor, **moving),
            "random_translation": RandomTranslation(self.factor, self.factor, **moving),
            "random_rotation": RandomRotation(self.factor, **moving),
            "random_brightness": RandomBrightness(**ranged),
            "random_color_degeneration": RandomColorDegeneration(**ranged),
            "random_contrast": RandomContrast(**ranged),
            "random_sharpness": RandomSharpness(**ranged),
            "random_posterization": RandomPosterization(max(1, int(8 * self.factor[1])), value_range),
            "solarization": Solarization(self.factor, self.factor, value_range),
            "auto_contrast": AutoContrast(value_range),
            "equalization": Equalization(value_range),
        }
        self._choices = {name: made[name] for name in self.order}

    def draw_choices(self, sizes, seed):
        """What each layer would do, by its name."""
        return {name: layer.draw(sizes, seed) for name, layer in self._choices.items()}

    def one_of(self, number, x, transforms, method, *rest):
        """What `method` of the layer with this number makes of `x`, such as "augment" of images."""

        def branch(name):
            return lambda x: getattr(self._choices[name], method)(x, transforms[name], *rest)

        return ops.switch(number, [branch(name) for name in self.order], x)
