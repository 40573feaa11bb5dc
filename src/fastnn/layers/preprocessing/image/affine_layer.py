"""AffineLayer: the layers that move pixels by a matrix."""

from fastnn import ops
from fastnn.layers.preprocessing.image.base_image_layer import BaseImagePreprocessingLayer
from fastnn.ops import bounding_boxes as boxes_of
from fastnn.ops import image as images_of

FILL_MODES = ("reflect", "wrap", "constant", "nearest")
INTERPOLATIONS = ("nearest", "bilinear")


def check_interpolation(interpolation):
    if interpolation not in INTERPOLATIONS:
        raise NotImplementedError(f"Unknown `interpolation` {interpolation}. Expected of one {INTERPOLATIONS}.")
    return interpolation


def check_fill_mode(fill_mode):
    if fill_mode not in FILL_MODES:
        raise NotImplementedError(f"Unknown `fill_mode` {fill_mode}. Expected of one {FILL_MODES}.")
    return fill_mode


class AffineLayer(BaseImagePreprocessingLayer):
    """Base of the layers whose images are read along other axes; `matrix` says which.

    Args:
        fill_mode: what stands outside: "reflect" (`b a | a b c | c b`), "wrap" (`b c | a b c | a b`), "constant"
            (`fill_value`) or "nearest" (`a a | a b c | c c`).
        interpolation: "nearest" or "bilinear"; segmentation masks always take the nearest.
        seed: int, or None.
        fill_value: number.
    """

    def __init__(self, fill_mode, interpolation, seed, fill_value, data_format, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        self.fill_mode = check_fill_mode(fill_mode)
        self.interpolation = check_interpolation(interpolation)
        self.fill_value = fill_value
        self.set_seed(seed)

    def matrix(self, transformation, height, width):
        """Six arrays of one number for each image, a0, a1, a2, b0, b1, b2: see `fastnn.ops.image.affine_transform`."""
        raise NotImplementedError

    def augment(self, images, transformation, interpolation=None):
        columns = [ops.reshape(x, (-1,)) for x in self.matrix(transformation, *images.shape[1:3])]
        zeros = ops.zeros_like(columns[0])
        transform = ops.stack([*(ops.add(x, zeros) for x in columns), zeros, zeros], axis=-1)
        return images_of.affine_transform(
            images, transform, interpolation or self.interpolation, self.fill_mode, self.fill_value, "channels_last"
        )

    def move_masks(self, masks, transformation):
        return self.augment(masks, transformation, interpolation="nearest")

    def move_boxes(self, corners, transformation, height, width):
        """By the inverse: the matrix says where a pixel comes from."""
        a0, a1, a2, b0, b1, b2 = (ops.reshape(x, (-1, 1)) for x in self.matrix(transformation, height, width))
        area = ops.subtract(ops.multiply(a0, b1), ops.multiply(a1, b0))

        def move(x, y):
            x, y = ops.subtract(x, a2), ops.subtract(y, b2)
            return (
                ops.divide(ops.subtract(ops.multiply(b1, x), ops.multiply(a1, y)), area),
                ops.divide(ops.subtract(ops.multiply(a0, y), ops.multiply(b0, x)), area),
            )

        return boxes_of.around(corners, move)
