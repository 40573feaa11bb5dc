"""RandomGrayscale: grey images."""

from fastnn import ops, random
from fastnn.layers.preprocessing.image.base_image_layer import BaseImagePreprocessingLayer
from fastnn.layers.preprocessing.image.factors import for_each_image
from fastnn.ops import image as images_of


class RandomGrayscale(BaseImagePreprocessingLayer):
    """In training, makes each image grey with probability `factor`, in as many channels as it has.

    Args:
        factor: probability, in [0, 1].
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.
        seed: int, or None.

    Input shape and output shape: (n, h, w, 3) or (h, w, 3), channels first when `data_format` says so; floats come out.

    Raises:
        ValueError: for a factor outside [0, 1].

    Example:
        >>> fastnn.layers.RandomGrayscale(1.0)(np.array([[[100.0, 0.0, 0.0]]]), training=True)[0, 0].round(2)
        array([29.89, 29.89, 29.89], dtype=float32)
    """

    config_names = ("factor",)

    def __init__(self, factor=0.5, data_format=None, seed=None, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        if not 0 <= factor <= 1:
            raise ValueError(f"`factor` should be between 0 and 1. Received: factor={factor}")
        self.factor = factor
        self.set_seed(seed)

    def draw(self, sizes, seed):
        return random.uniform((sizes.images, 1, 1, 1), seed=seed) < self.factor

    def augment(self, images, transformation):
        grey = images_of.rgb_to_grayscale(images, "channels_last")
        return ops.where(for_each_image(transformation), grey, images)
