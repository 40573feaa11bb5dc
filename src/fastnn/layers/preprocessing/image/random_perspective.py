"""RandomPerspective: images seen from aside."""

import numpy as np

from fastnn import ops, random
from fastnn.layers.preprocessing.image.affine_layer import check_interpolation
from fastnn.layers.preprocessing.image.base_image_layer import BaseImagePreprocessingLayer
from fastnn.layers.preprocessing.image.factors import factor_range, for_each_image
from fastnn.layers.preprocessing.image.random_invert import happens
from fastnn.ops import bounding_boxes as boxes_of
from fastnn.ops import image as images_of
from fastnn.ops.image_sampling import homography


class RandomPerspective(BaseImagePreprocessingLayer):
    """In training, moves the corners of some images, all but the upper left one, to random places.

    Args:
        factor: range of the probability, which is drawn for each image, a pair in [0, 1], or one number f for (0, f).
        scale: how far corners move, in [0, 1]: each coordinate is multiplied by a number in 1 - scale/2 .. 1 + scale/2.
        interpolation: "nearest" or "bilinear"; segmentation masks always take the nearest.
        fill_value: of what lies outside the images.
        seed: int, or None.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.
        bounding_box_format: of the boxes of a dictionary.

    Input shape and output shape: (n, h, w, c) or (h, w, c), channels first when `data_format` says so; floats come out.

    Raises:
        ValueError: for a factor or a scale outside [0, 1].
        NotImplementedError: for another interpolation.

    Example:
        >>> fastnn.layers.RandomPerspective()(np.ones((4, 8, 8, 3)), training=True).shape
        (4, 8, 8, 3)
    """

    config_names = ("factor", "scale", "interpolation", "fill_value", "seed")

    def __init__(
        self, factor=1.0, scale=1.0, interpolation="bilinear", fill_value=0.0, seed=None, data_format=None, **kwargs
    ):  # fmt: skip
        super().__init__(data_format=data_format, **kwargs)
        self.factor = factor_range(factor, (0, 1))
        if not 0 <= scale <= 1:
            raise ValueError(f"The `scale` argument should be a number in the range [0,1]. Received: scale={scale}")
        self.scale = scale
        self.interpolation = check_interpolation(interpolation)
        self.fill_value = fill_value
        self.set_seed(seed)

    def draw(self, sizes, seed):
        right, bottom = sizes.width - 1, sizes.height - 1
        corners = np.array([[0, 0], [right, 0], [0, bottom], [right, bottom]], "float32")
        start = np.repeat(corners[None], sizes.images, axis=0)
        changes = random.uniform(start.shape, 1 - self.scale / 2, 1 + self.scale / 2, seed=seed)
        return {
            "apply_perspective": happens(self.factor, sizes.images, seed),
            "start_points": start,
            "end_points": ops.multiply(changes, start),
            "input_shape": sizes.shape,
        }

    def augment(self, images, transformation, interpolation=None):
        seen = images_of.perspective_transform(
            images, transformation["start_points"], transformation["end_points"],
            interpolation or self.interpolation, self.fill_value, "channels_last",
        )  # fmt: skip
        return ops.where(for_each_image(transformation["apply_perspective"]), seen, images)

    def move_masks(self, masks, transformation):
        return self.augment(masks, transformation, interpolation="nearest")

    def move_boxes(self, corners, transformation, height, width):
        rows = homography(transformation["start_points"], transformation["end_points"])
        rows = [[ops.reshape(x, (-1, 1)) for x in row] for row in rows]

        def move(x, y):
            u, v, w = (ops.add(ops.add(ops.multiply(a, x), ops.multiply(b, y)), c) for a, b, c in rows)
            return ops.divide(u, w), ops.divide(v, w)

        is_moved = ops.reshape(transformation["apply_perspective"], (-1, 1))
        moved = boxes_of.around(corners, move)
        return tuple(
            ops.where(is_moved, ops.cast(x, y.dtype), y) for x, y in zip(moved, corners, strict=True)
        )  # fmt: skip
