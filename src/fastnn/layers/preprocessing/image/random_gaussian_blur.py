"""RandomGaussianBlur: blurred images."""

from fastnn import ops, random
from fastnn.layers.preprocessing.image.base_image_layer import BaseImagePreprocessingLayer
from fastnn.layers.preprocessing.image.factors import factor_range, for_each_image
from fastnn.layers.preprocessing.image.random_invert import happens
from fastnn.ops import image as images_of


class RandomGaussianBlur(BaseImagePreprocessingLayer):
    """In training, blurs some images with a Gaussian, whose width is drawn for the batch.

    Args:
        factor: range of the probability, which is drawn for each image, a pair in [0, 1], or one number f for (0, f).
        kernel_size: odd, or a pair of odd numbers (width, height).
        sigma: range of the standard deviation in pixels, a pair, or one number s for (0, s).
        value_range: least and largest value of a pixel; results are clipped to it.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.
        seed: int, or None.

    Input shape and output shape: (n, h, w, c) or (h, w, c), channels first when `data_format` says so; floats come out.

    Raises:
        ValueError: for a factor outside [0, 1], or an even kernel.

    Example:
        >>> fastnn.layers.RandomGaussianBlur()(np.ones((4, 8, 8, 3)), training=True).shape
        (4, 8, 8, 3)
    """

    config_names = ("factor", "kernel_size", "sigma", "value_range", "seed")

    def __init__(
        self, factor=1.0, kernel_size=3, sigma=1.0, value_range=(0, 255), data_format=None, seed=None, **kwargs
    ):  # fmt: skip
        super().__init__(data_format=data_format, **kwargs)
        self.factor = factor_range(factor, (0, 1))
        self.kernel_size = _odd_pair(kernel_size)
        self.sigma = factor_range(sigma, (0, float("inf")), "sigma")
        self.value_range = value_range
        self.set_seed(seed)

    def draw(self, sizes, seed):
        return {
            "should_apply_blur": happens(self.factor, sizes.images, seed),
            "blur_factor": random.uniform((2,), *self.sigma, seed=seed),
        }

    def augment(self, images, transformation):
        sigma = ops.flip(transformation["blur_factor"], 0)
        blurred = images_of.gaussian_blur(images, self.kernel_size[::-1], sigma, data_format="channels_last")
        is_blurred = for_each_image(transformation["should_apply_blur"])
        return ops.where(is_blurred, ops.clip(blurred, *self.value_range), images)


def _odd_pair(kernel_size):
    pair = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise ValueError(
            "The `kernel_size` argument should be a number (or a list of two numbers) Received: "
            f"kernel_size={kernel_size}"
        )
    if any(size % 2 == 0 for size in pair):
        raise ValueError(f"kernel_size must be an odd number. Received: kernel_size={kernel_size}")
    return tuple(pair)
