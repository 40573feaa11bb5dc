"""RandomFlip: mirror images."""

from fastnn import ops, random
from fastnn.layers.preprocessing.image.base_image_layer import BaseImagePreprocessingLayer

HORIZONTAL, VERTICAL, BOTH = "horizontal", "vertical", "horizontal_and_vertical"


class RandomFlip(BaseImagePreprocessingLayer):
    """In training, mirrors each image with probability 1/2.

    Args:
        mode: "horizontal" (left and right change places), "vertical" (top and bottom), or "horizontal_and_vertical"
            (both at once).
        seed: int, or None.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.
        bounding_box_format: of the boxes of a dictionary.

    Input shape and output shape: (n, h, w, c) or (h, w, c), channels first when `data_format` says so; floats come out.

    Example:
        >>> images = np.arange(4.0).reshape(1, 1, 4, 1)
        >>> flipped = fastnn.layers.RandomFlip("horizontal", seed=1)(images, training=True)[0, 0, :, 0]
        >>> flipped.tolist() in ([0, 1, 2, 3], [3, 2, 1, 0])
        True
    """

    config_names = ("seed", "mode")

    def __init__(self, mode=BOTH, seed=None, data_format=None, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        self.mode = mode
        self.set_seed(seed)

    def draw(self, sizes, seed):
        return {"flips": random.uniform((sizes.images, 1, 1, 1), seed=seed) <= 0.5, "input_shape": sizes.shape}

    def augment(self, images, transformation):
        axes = [axis for axis, modes in ((2, (HORIZONTAL, BOTH)), (1, (VERTICAL, BOTH))) if self.mode in modes]
        is_flipped = ops.reshape(transformation["flips"], (-1, 1, 1, 1))
        return ops.where(is_flipped, ops.flip(images, tuple(axes)), images) if axes else images

    def move_masks(self, masks, transformation):
        return self.augment(masks, transformation)

    def move_boxes(self, corners, transformation, height, width):
        left, top, right, bottom = corners
        is_flipped = ops.reshape(transformation["flips"], (-1, 1))
        if self.mode in (HORIZONTAL, BOTH):
            left, right = (ops.where(is_flipped, width - x, y) for x, y in ((right, left), (left, right)))
        if self.mode in (VERTICAL, BOTH):
            top, bottom = (ops.where(is_flipped, height - x, y) for x, y in ((bottom, top), (top, bottom)))
        return left, top, right, bottom
