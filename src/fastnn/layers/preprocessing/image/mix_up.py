"""MixUp: two images in one."""

from fastnn import ops, random
from fastnn.layers.preprocessing.image.base_image_layer import BaseImagePreprocessingLayer
from fastnn.layers.preprocessing.image.cut_mix import mixed
from fastnn.layers.preprocessing.image.factors import for_each_image


class MixUp(BaseImagePreprocessingLayer):
    """In training, mixes each image with another of the batch, and their labels likewise (Zhang et al. 2018).

    Boxes of both images are kept (Zhang et al. 2019).

    Args:
        alpha: the weight of the first is drawn from Beta(alpha, alpha).
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.
        seed: int, or None.
        bounding_box_format: of the boxes of a dictionary.

    Input shape and output shape: (n, h, w, c); floats come out. Labels are arrays (n, ...), such as one-hot ones.

    Example:
        >>> data = {"images": np.ones((2, 8, 8, 3)), "labels": np.eye(2)}
        >>> fastnn.layers.MixUp()(data, training=True)["labels"].sum(1)
        array([1., 1.], dtype=float32)
    """

    config_names = ("alpha", "seed")

    def __init__(self, alpha=0.2, data_format=None, seed=None, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        self.alpha = alpha
        self.set_seed(seed)

    def draw(self, sizes, seed):
        return {
            "mix_weight": random.beta((sizes.images,), self.alpha, self.alpha, seed=seed),
            "permutation_order": random.shuffle(ops.arange(sizes.images, dtype="int32"), seed=seed),
        }

    def augment(self, images, transformation):
        return mixed(images, transformation, images.dtype)

    def transform_labels(self, labels, transformation, training=True):
        return mixed(labels, transformation, self.compute_dtype) if training and transformation is not None else labels

    def transform_bounding_boxes(self, bounding_boxes, transformation, training=True):
        if not training or transformation is None:
            return bounding_boxes
        order = transformation["permutation_order"]
        return {name: ops.concatenate([x, ops.take(x, order, axis=0)], axis=1) for name, x in bounding_boxes.items()}

    def transform_segmentation_masks(self, segmentation_masks, transformation, training=True):
        if not training or transformation is None:
            return segmentation_masks
        others = ops.take(segmentation_masks, transformation["permutation_order"], axis=0)
        is_first = ops.greater_equal(for_each_image(transformation["mix_weight"]), 0.5)
        return ops.where(is_first, segmentation_masks, others)
