"""RandomErasing: images with a hole."""

from fastnn import ops, random
from fastnn.layers.preprocessing.image.base_image_layer import BaseImagePreprocessingLayer
from fastnn.layers.preprocessing.image.factors import factor_range, for_each_image
from fastnn.layers.preprocessing.image.patches import rectangles
from fastnn.layers.preprocessing.image.random_invert import happens


class RandomErasing(BaseImagePreprocessingLayer):
    """In training, fills a random rectangle of some images (Zhong et al. 2017).

    Args:
        factor: range of the probability, which is drawn for each image, a pair in [0, 1], or one number f for (0, f).
        scale: range of the squares of the rectangle's height and width in shares of the image's, a pair in [0, 1];
            the mean of both is the rectangle's mean area.
        fill_value: number; None fills with normal noise, clipped to the value range.
        value_range: least and largest value of a pixel.
        seed: int, or None.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.

    Input shape and output shape: (n, h, w, c) or (h, w, c), channels first when `data_format` says so; floats come out.

    Raises:
        ValueError: for a factor or a scale outside [0, 1].

    Example:
        >>> layer = fastnn.layers.RandomErasing((1.0, 1.0), (0.25, 0.25), fill_value=0.0)
        >>> int(layer(np.ones((1, 8, 8, 1)), training=True).sum())
        48
    """

    config_names = ("factor", "scale", "fill_value", "value_range", "seed")

    def __init__(
        self, factor=1.0, scale=(0.02, 0.33), fill_value=None, value_range=(0, 255), seed=None, data_format=None,
        **kwargs,
    ):  # fmt: skip
        super().__init__(data_format=data_format, **kwargs)
        self.factor = factor_range(factor, (0, 1))
        self.scale = factor_range(scale, (0, 1), "scale")
        self.fill_value = fill_value
        self.value_range = value_range
        self.set_seed(seed)

    def draw(self, sizes, seed):
        shares = [ops.sqrt(random.uniform((sizes.images,), *self.scale, seed=seed)) for _ in range(2)]
        masks = rectangles(shares, sizes, seed)
        shape = (sizes.images, sizes.height, sizes.width, sizes.channels)
        if self.fill_value is None:
            low, high = self.value_range
            fill = ops.clip(ops.multiply(random.normal(shape, seed=seed), high), low, high)
        else:
            fill = ops.full(shape, float(self.fill_value))
        return {
            "apply_erasing": happens(self.factor, sizes.images, seed),
            "batch_masks": masks,
            "fill_value": fill,
        }

    def augment(self, images, transformation):
        is_erased = ops.logical_and(for_each_image(transformation["apply_erasing"]), transformation["batch_masks"])
        return ops.where(is_erased, ops.cast(transformation["fill_value"], images.dtype), images)
