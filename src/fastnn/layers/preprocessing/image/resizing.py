"""Resizing: images of another size."""

from fastnn import ops
from fastnn.layers.preprocessing.image.base_image_layer import BaseImagePreprocessingLayer
from fastnn.ops.record import as_array


class Resizing(BaseImagePreprocessingLayer):
    """Images resized to one height and width, in training and without.

    Args:
        height, width: of the results.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5"; masks take the nearest.
        crop_to_aspect_ratio: whether what does not fit the ratio of the results is cut off first.
        pad_to_aspect_ratio: whether `fill_value` is added around, up to that ratio, first.
        fill_mode: only "constant".
        fill_value: number.
        antialias: whether a reduction takes the mean over what a result covers.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.
        bounding_box_format: of the boxes of a dictionary.

    Input shape: (n, h, w, c) or (h, w, c), channels first when `data_format` says so.
    Output shape: the same with `height` and `width`. The dtype stays, rounded for integers.

    Raises:
        ValueError: at the call, for an unknown interpolation, and for cropping and padding at once.

    Example:
        >>> fastnn.layers.Resizing(1, 4)(np.array([[[0.0], [1.0]]], "float32"))[0, :, 0]
        array([0.  , 0.25, 0.75, 1.  ], dtype=float32)
    """

    config_names = (
        "height", "width", "interpolation", "crop_to_aspect_ratio", "pad_to_aspect_ratio", "fill_mode", "fill_value",
        "antialias",
    )  # fmt: skip
    active_in_inference = True
    is_random = False

    def __init__(
        self, height, width, interpolation="bilinear", crop_to_aspect_ratio=False, pad_to_aspect_ratio=False,
        fill_mode="constant", fill_value=0.0, antialias=False, data_format=None, **kwargs,
    ):  # fmt: skip
        super().__init__(data_format=data_format, **kwargs)
        self.height, self.width = height, width
        self.interpolation = interpolation
        self.crop_to_aspect_ratio, self.pad_to_aspect_ratio = crop_to_aspect_ratio, pad_to_aspect_ratio
        self.fill_mode, self.fill_value = fill_mode, fill_value
        self.antialias = bool(antialias)

    def draw(self, sizes, seed):
        return sizes.height, sizes.width

    def without_training(self, sizes):
        return sizes.height, sizes.width

    def _resized(self, images, interpolation):
        return ops.image.resize(
            images if hasattr(images, "shape") else as_array(images),
            (self.height, self.width), interpolation, self.antialias, self.crop_to_aspect_ratio,
            self.pad_to_aspect_ratio, self.fill_mode, self.fill_value, self.data_format,
        )  # fmt: skip

    def transform_images(self, images, transformation=None, training=True):
        """Images, (n, h, w, c) or (h, w, c), resized."""
        return self._resized(images, self.interpolation)

    def transform_labels(self, labels, transformation=None, training=True):
        """Labels as they are."""
        return labels

    def transform_segmentation_masks(self, segmentation_masks, transformation=None, training=True):
        """Masks, resized: each result is the nearest pixel."""
        return self._resized(segmentation_masks, "nearest")

    def transform_bounding_boxes(self, bounding_boxes, transformation, training=True):
        """Boxes, moved with their images. Those of nothing but -1 or 0, which stand for none, become 0."""
        boxes = bounding_boxes["boxes"]
        is_none = ops.logical_or(ops.all(ops.equal(boxes, -1), axis=-1), ops.all(ops.equal(boxes, 0), axis=-1))
        moved = super().transform_bounding_boxes(bounding_boxes, transformation, training)
        return {**moved, "boxes": ops.where(ops.expand_dims(is_none, -1), 0, moved["boxes"])}

    def image_size(self, transformation):
        return transformation

    def output_size(self, height, width):
        return self.height, self.width

    def move_boxes(self, corners, transformation, height, width):
        scales = (self.width / width, self.height / height)
        offsets = (0, 0)
        if self.pad_to_aspect_ratio:
            scales = (min(scales),) * 2
            offsets = ((self.width - width * scales[0]) // 2, (self.height - height * scales[1]) // 2)
        elif self.crop_to_aspect_ratio:
            scales = (max(scales),) * 2
            offsets = (-((width * scales[0] - self.width) // 2), -((height * scales[1] - self.height) // 2))
        return tuple(x * scales[k % 2] + offsets[k % 2] for k, x in enumerate(corners))
