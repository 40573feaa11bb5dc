"""RandomColorJitter: brightness, contrast, saturation and hue."""

from fastnn.layers.preprocessing.image.base_image_layer import BaseImagePreprocessingLayer
from fastnn.layers.preprocessing.image.random_brightness import RandomBrightness
from fastnn.layers.preprocessing.image.random_contrast import RandomContrast
from fastnn.layers.preprocessing.image.random_hue import RandomHue
from fastnn.layers.preprocessing.image.random_saturation import RandomSaturation
from fastnn.random.seed_generator import make_default_seed

_LAYERS = {
    "brightness": RandomBrightness,
    "contrast": RandomContrast,
    "saturation": RandomSaturation,
    "hue": RandomHue,
}


class RandomColorJitter(BaseImagePreprocessingLayer):
    """In training, changes brightness, contrast, saturation and hue of each image, one after the other.

    Args:
        value_range: least and largest value of a pixel.
        brightness_factor: of a `RandomBrightness`; None changes nothing, here and below.
        contrast_factor: of a `RandomContrast`.
        saturation_factor: of a `RandomSaturation`.
        hue_factor: of a `RandomHue`.
        seed: int, or None.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.

    Input shape and output shape: (n, h, w, 3) or (h, w, 3), channels first when `data_format` says so; floats come out.

    Raises:
        ValueError: for factors outside the ranges of these layers.

    Example:
        >>> layer = fastnn.layers.RandomColorJitter(brightness_factor=(0.1, 0.1))
        >>> layer(np.array([[[0.0, 100.0, 250.0]]]), training=True)[0, 0]
        array([ 25.5, 125.5, 255. ], dtype=float32)
    """

    config_names = (
        "value_range", "brightness_factor", "contrast_factor", "saturation_factor", "hue_factor", "seed",
    )  # fmt: skip

    def __init__(
        self, value_range=(0, 255), brightness_factor=None, contrast_factor=None, saturation_factor=None,
        hue_factor=None, seed=None, data_format=None, **kwargs,
    ):  # fmt: skip
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = value_range
        self.brightness_factor = brightness_factor
        self.contrast_factor = contrast_factor
        self.saturation_factor = saturation_factor
        self.hue_factor = hue_factor
        self.set_seed(seed)
        first = make_default_seed() if seed is None else seed
        self._steps = {
            name: cls(
                getattr(self, f"{name}_factor"), value_range=value_range, data_format=self.data_format, seed=first + k
            )
            for k, (name, cls) in enumerate(_LAYERS.items())
            if getattr(self, f"{name}_factor") is not None
        }

    def draw(self, sizes, seed):
        return {name: layer.draw(sizes, layer.generator) for name, layer in self._steps.items()}

    def augment(self, images, transformation):
        for name, layer in self._steps.items():
            images = layer.augment(images, transformation[name])
        return images
