"""CutMix: a patch of another image."""

from fastnn import ops, random
from fastnn.layers.preprocessing.image.base_image_layer import BaseImagePreprocessingLayer
from fastnn.layers.preprocessing.image.factors import factor_range, for_each_image
from fastnn.layers.preprocessing.image.patches import rectangles


class CutMix(BaseImagePreprocessingLayer):
    """In training, pastes a patch of another image of the batch into each, and mixes labels likewise (Yun et al. 2019).

    Args:
        factor: range of the parameter a, drawn for each image, of the distribution Beta(a, a) of the share that is
            kept, a pair in [0, 1], or one number f for (0, f).
        seed: int, or None.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.

    Input shape and output shape: (n, h, w, c); floats come out. One image alone is given back. Labels are float
    arrays (n, ...), such as one-hot ones.

    Raises:
        ValueError: for a factor outside [0, 1].
        NotImplementedError: for bounding boxes.

    Example:
        >>> data = {"images": np.ones((2, 8, 8, 3)), "labels": np.eye(2)}
        >>> fastnn.layers.CutMix()(data, training=True)["labels"].sum(1)
        array([1., 1.], dtype=float32)
    """

    config_names = ("factor", "seed")

    def __init__(self, factor=1.0, seed=None, data_format=None, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        self.factor = factor_range(factor, (0, 1))
        self.set_seed(seed)

    def draw(self, sizes, seed):
        if sizes.images == 1:
            return None
        strength = ops.maximum(random.uniform((sizes.images,), *self.factor, seed=seed), 1e-3)
        kept = random.beta((sizes.images,), strength, strength, seed=seed)
        side = ops.sqrt(ops.subtract(1, kept))
        masks = rectangles((side, side), sizes, seed)
        share = ops.mean(ops.cast(masks, "float32"), axis=(1, 2, 3))
        return {
            "permutation_order": random.shuffle(ops.arange(sizes.images, dtype="int32"), seed=seed),
            "batch_masks": masks,
            "mix_weight": for_each_image(ops.subtract(1, share)),
        }

    def augment(self, images, transformation):
        others = ops.take(images, transformation["permutation_order"], axis=0)
        return ops.where(transformation["batch_masks"], others, images)

    def transform_labels(self, labels, transformation, training=True):
        return mixed(labels, transformation, self.compute_dtype) if training and transformation is not None else labels

    def transform_bounding_boxes(self, bounding_boxes, transformation, training=True):
        raise NotImplementedError("CutMix does not support bounding boxes: a patch may hold a part of one.")

    def transform_segmentation_masks(self, segmentation_masks, transformation, training=True):
        if not training or transformation is None:
            return segmentation_masks
        others = ops.take(segmentation_masks, transformation["permutation_order"], axis=0)
        masks = ops.any(transformation["batch_masks"], axis=-1, keepdims=True)
        if self.data_format == "channels_first":
            masks = ops.moveaxis(masks, -1, 1)
        return ops.where(masks, others, segmentation_masks)


def mixed(labels, transformation, dtype):
    """Labels (n, ...) mixed with those of the other images, as the images are."""
    labels = ops.cast(labels, dtype)
    others = ops.take(labels, transformation["permutation_order"], axis=0)
    weight = ops.reshape(ops.cast(transformation["mix_weight"], dtype), (-1, *(1,) * (len(labels.shape) - 1)))
    return ops.add(ops.multiply(weight, labels), ops.multiply(ops.subtract(1, weight), others))
