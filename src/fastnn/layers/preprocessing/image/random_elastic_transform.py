"""RandomElasticTransform: images on a stretched rubber sheet."""

import math

from fastnn import ops, random
from fastnn.layers.preprocessing.image.affine_layer import check_fill_mode, check_interpolation
from fastnn.layers.preprocessing.image.base_image_layer import BaseImagePreprocessingLayer
from fastnn.layers.preprocessing.image.factors import factor_range, for_each_image
from fastnn.layers.preprocessing.image.random_invert import happens
from fastnn.ops.image_sampling import elastic_warp


class RandomElasticTransform(BaseImagePreprocessingLayer):
    """In training, distorts some images by smooth random displacements (Simard et al. 2003).

    Args:
        factor: range of the probability, which is drawn for each image, a pair in [0, 1], or one number f for (0, f).
        scale: range of the strength, likewise. At 1 displacements have a standard deviation of about 6 % of the
            shorter side.
        interpolation: "nearest" or "bilinear"; segmentation masks always take the nearest.
        fill_mode: what stands outside: "reflect" (`b a | a b c | c b`), "wrap" (`b c | a b c | a b`), "constant"
            (`fill_value`) or "nearest" (`a a | a b c | c c`).
        fill_value: number.
        value_range: least and largest value of a pixel; results are clipped to it.
        seed: int, or None.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.

    Input shape and output shape: (n, h, w, c) or (h, w, c), channels first when `data_format` says so; floats come out.

    Raises:
        ValueError: for a factor or a scale outside [0, 1].
        NotImplementedError: for another fill mode or interpolation, and for bounding boxes.

    Example:
        >>> fastnn.layers.RandomElasticTransform()(np.ones((4, 8, 8, 3)), training=True).shape
        (4, 8, 8, 3)
    """

    config_names = ("factor", "scale", "interpolation", "fill_mode", "fill_value", "value_range", "seed")

    def __init__(
        self, factor=1.0, scale=1.0, interpolation="bilinear", fill_mode="reflect", fill_value=0.0,
        value_range=(0, 255), seed=None, data_format=None, **kwargs,
    ):  # fmt: skip
        super().__init__(data_format=data_format, **kwargs)
        self.factor = factor_range(factor, (0, 1))
        self.scale = factor_range(scale, (0, float("inf")), "scale")
        self.interpolation = check_interpolation(interpolation)
        self.fill_mode = check_fill_mode(fill_mode)
        self.fill_value = fill_value
        self.value_range = value_range
        self.set_seed(seed)

    def draw(self, sizes, seed):
        return {
            "apply_transform": happens(self.factor, sizes.images, seed),
            "distortion_factor": random.uniform((), *self.scale, seed=seed),
            "seed": seed.next() if isinstance(seed, random.SeedGenerator) else seed,
        }

    def augment(self, images, transformation, interpolation=None):
        shorter = min(images.shape[1:3])
        factor = ops.cast(transformation["distortion_factor"], images.dtype)
        alpha, sigma = self.get_elastic_transform_params(*images.shape[1:3], factor)
        width = 2 * math.ceil(3 * 0.05 * shorter * min(self.scale[1], 10.0)) + 1
        moved = elastic_warp(
            images, alpha, ops.maximum(sigma, 1e-3), width, interpolation or self.interpolation, self.fill_mode,
            self.fill_value, transformation["seed"], "channels_last",
        )  # fmt: skip
        moved = moved if interpolation else ops.clip(moved, *self.value_range)
        return ops.where(for_each_image(transformation["apply_transform"]), moved, images)

    def get_elastic_transform_params(self, height, width, factor):
        """`alpha` and `sigma` of `fastnn.ops.image.elastic_transform` for images of these sizes."""
        return 0.2 * min(height, width) * factor, 0.05 * min(height, width) * factor

    def move_masks(self, masks, transformation):
        return self.augment(masks, transformation, interpolation="nearest")

    def transform_bounding_boxes(self, bounding_boxes, transformation, training=True):
        raise NotImplementedError("RandomElasticTransform does not support bounding boxes: they do not stay boxes.")
