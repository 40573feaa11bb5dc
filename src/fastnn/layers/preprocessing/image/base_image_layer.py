"""BaseImagePreprocessingLayer: what every image augmentation does around its own few lines.

Owns the input (an array, or a dictionary with labels, boxes and masks; a batch, or one image), data formats, dtypes and
`training`. A layer says in `draw` what is random and in `augment` what is done to images; one that moves pixels says in
`move_boxes` what that does to boxes.
"""

from dataclasses import dataclass

from fastnn import config, ops, random
from fastnn.graph.dtypes import is_float
from fastnn.layers.image_format import standardize_data_format
from fastnn.layers.layer import Layer
from fastnn.ops import bounding_boxes as boxes_of
from fastnn.ops.record import as_array, dtype_of, shape_of


@dataclass(frozen=True)
class Sizes:
    """The sizes of a batch of images, whatever its data format; `shape` is as it came."""

    images: int
    height: int
    width: int
    channels: int
    shape: tuple[int, ...]


class BaseImagePreprocessingLayer(Layer):
    """Base of the image augmentations, also of a user's own.

    The input is an array of images, or a dictionary {"images", "labels", "bounding_boxes", "segmentation_masks"} of
    which only the first must be there; the output has the same structure. Images are floats then, whatever they were.

    Args:
        factor: kept by subclasses that have one.
        bounding_box_format: of the boxes; see `fastnn.utils.bounding_boxes.convert_format`.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.

    Call arguments:
        data: images of shape (n, h, w, c) or (h, w, c), or a dictionary.
        training: without it most layers give their input back.
    """

    config_names = ()  # the attributes that `get_config` adds
    active_in_inference = False
    is_random = True  # whether there is nothing to do without a transformation

    def __init__(self, factor=None, bounding_box_format=None, data_format=None, **kwargs):
        super().__init__(**kwargs)
        if factor is not None:
            self.factor = factor
        self.bounding_box_format = bounding_box_format
        self.data_format = standardize_data_format(data_format)

    def set_seed(self, seed):
        self.seed = seed
        self.generator = random.SeedGenerator(seed)

    # -- what a layer says --------------------------------------------------------------------------------------------

    def draw(self, sizes: Sizes, seed):
        """The random parameters of one call: a structure of arrays, one row for each image."""
        return None

    def without_training(self, sizes: Sizes):
        """The parameters of a call without training."""
        return None

    def augment(self, images, transformation):
        """Images (n, h, w, c), floats, changed as `transformation` says."""
        return images

    def move_masks(self, masks, transformation):
        """Segmentation masks (n, h, w, c), as floats, moved as `augment` moves images."""
        return masks

    def move_boxes(self, corners, transformation, height, width):
        """Left, top, right and bottom, each of shape (n, boxes), after what `augment` does."""
        return corners

    # -- Keras's methods ----------------------------------------------------------------------------------------------

    def get_random_transformation(self, data, training=True, seed=None):
        """The random parameters of one call, for the `transform_...` methods; None when there is nothing to do."""
        shape = shape_of(data["images"] if isinstance(data, dict) else data)
        first = self.data_format == "channels_first"
        channels, height, width = shape[-3:] if first else (shape[-1], shape[-3], shape[-2])
        sizes = Sizes(shape[0] if len(shape) == 4 else 1, height, width, channels, shape)
        if not training:
            return self.without_training(sizes)
        return self.draw(sizes, getattr(self, "generator", None) if seed is None else seed)

    def transform_images(self, images, transformation, training=True):
        """Images, (n, h, w, c) or (h, w, c), changed as `transformation` says."""
        return self._transformed(images, transformation, training, self.augment)

    def _transformed(self, images, transformation, training, augment):
        x = images if hasattr(images, "shape") else as_array(images)
        if (not training and not self.active_in_inference) or (self.is_random and transformation is None):
            return ops.cast(x, self.compute_dtype)
        is_batch = len(shape_of(x)) == 4
        x = ops.cast(x, self.compute_dtype if is_float(self.compute_dtype) else config.floatx())
        x = x if is_batch else ops.expand_dims(x, 0)
        first = self.data_format == "channels_first"
        x = augment(ops.moveaxis(x, 1, -1) if first else x, transformation)
        x = ops.moveaxis(x, -1, 1) if first else x
        return ops.cast(x if is_batch else ops.squeeze(x, 0), self.compute_dtype)

    def transform_labels(self, labels, transformation, training=True):
        """Labels, changed as `transformation` says."""
        return labels

    def transform_bounding_boxes(self, bounding_boxes, transformation, training=True):
        """{"boxes": (n, boxes, 4), "labels": (n, boxes)} in `bounding_box_format`, moved with their images.

        A box of which nothing is left in the image gets the label -1.
        """
        moves = type(self).move_boxes is not BaseImagePreprocessingLayer.move_boxes
        if not moves or (not training and not self.active_in_inference) or (self.is_random and transformation is None):
            return bounding_boxes
        height, width = self.image_size(transformation)
        boxes = bounding_boxes["boxes"]
        dtype = dtype_of(boxes) if is_float(dtype_of(boxes)) else config.floatx()
        corners = boxes_of.convert_format(boxes, self.bounding_box_format, "xyxy", height, width, dtype)
        moved = ops.stack(self.move_boxes(boxes_of.split(corners), transformation, height, width), axis=-1)
        height, width = self.output_size(height, width)
        clipped = boxes_of.clip_to_image_size({**bounding_boxes, "boxes": moved}, height, width)
        back = boxes_of.convert_format(clipped["boxes"], "xyxy", self.bounding_box_format, height, width, dtype)
        return {**clipped, "boxes": back}

    def image_size(self, transformation):
        """Height and width of the images that `transformation` was drawn for."""
        shape = transformation["input_shape"]
        return tuple(shape[-2:]) if self.data_format == "channels_first" else tuple(shape[-3:-1])

    def output_size(self, height, width):
        """Height and width of the images after `augment`."""
        return height, width

    def transform_segmentation_masks(self, segmentation_masks, transformation, training=True):
        """Masks, moved with their images; nothing else happens to them."""
        if type(self).move_masks is BaseImagePreprocessingLayer.move_masks:
            return segmentation_masks
        return self._transformed(segmentation_masks, transformation, training, self.move_masks)

    def transform_single_image(self, image, transformation, training=True):
        """One image, of shape (h, w, c)."""
        return self._single(self.transform_images, image, transformation, training)

    def transform_single_label(self, label, transformation, training=True):
        """The label of one image."""
        return self._single(self.transform_labels, label, transformation, training)

    def transform_single_bounding_box(self, bounding_box, transformation, training=True):
        """The boxes of one image: {"boxes": (boxes, 4), "labels": (boxes,)}."""
        return self._single(self.transform_bounding_boxes, bounding_box, transformation, training)

    def transform_single_segmentation_mask(self, segmentation_mask, transformation, training=True):
        """The mask of one image."""
        return self._single(self.transform_segmentation_masks, segmentation_mask, transformation, training)

    @staticmethod
    def _single(transform, data, transformation, training):
        if isinstance(data, dict):
            batch = {name: ops.expand_dims(x, 0) for name, x in data.items()}
            return {name: ops.squeeze(x, 0) for name, x in transform(batch, transformation, training).items()}
        return ops.squeeze(transform(ops.expand_dims(data, 0), transformation, training), 0)

    # -- the call -----------------------------------------------------------------------------------------------------

    def call(self, data, training=True):
        images = data["images"] if isinstance(data, dict) else data
        if len(shape_of(images)) not in (3, 4):
            raise ValueError(
                "Expected image tensor to have rank 3 (single image) or 4 (batch of images). Received: data.shape="
                f"{shape_of(images)}"
            )
        is_batch = len(shape_of(images)) == 4
        transformation = self.get_random_transformation(data, training=training)
        if not isinstance(data, dict):
            transform = self.transform_images if is_batch else self.transform_single_image
            return transform(data, transformation, training=training)
        if "bounding_boxes" in data and self.bounding_box_format is None:
            raise ValueError(
                "You passed an input with a 'bounding_boxes' key, but you didn't specify a bounding box format. Pass "
                f"a `bounding_box_format` argument to your {type(self).__name__} layer, e.g. "
                "`bounding_box_format='xyxy'`."
            )
        transforms = {
            "images": (self.transform_images, self.transform_single_image),
            "bounding_boxes": (self.transform_bounding_boxes, self.transform_single_bounding_box),
            "labels": (self.transform_labels, self.transform_single_label),
            "segmentation_masks": (self.transform_segmentation_masks, self.transform_single_segmentation_mask),
        }
        return {
            name: transforms[name][not is_batch](value, transformation, training=training)
            if name in transforms
            else value
            for name, value in data.items()
        }

    def get_config(self):
        own = {name: getattr(self, name) for name in self.config_names}
        if self.bounding_box_format is not None:
            own["bounding_box_format"] = self.bounding_box_format
        return {**super().get_config(), "data_format": self.data_format, **own}
