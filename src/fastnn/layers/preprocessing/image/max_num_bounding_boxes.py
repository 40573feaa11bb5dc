"""MaxNumBoundingBoxes: the same number of boxes for each image."""

import numpy as np

from fastnn import ops
from fastnn.layers.preprocessing.image.base_image_layer import BaseImagePreprocessingLayer


class MaxNumBoundingBoxes(BaseImagePreprocessingLayer):
    """Cuts off, or fills up, the boxes and their labels to a number of boxes, in training and without.

    Args:
        max_number: how many boxes there are then.
        fill_value: of boxes and labels that were not there.
        bounding_box_format: of the boxes of a dictionary.

    Example:
        >>> layer = fastnn.layers.MaxNumBoundingBoxes(3, bounding_box_format="xyxy")
        >>> boxes = {"boxes": np.array([[[0.0, 0, 4, 4]]]), "labels": np.array([[7]])}
        >>> layer({"images": np.ones((1, 8, 8, 3)), "bounding_boxes": boxes})["bounding_boxes"]["labels"]
        array([[ 7, -1, -1]])
    """

    config_names = ("max_number",)
    is_random = False

    def __init__(self, max_number, fill_value=-1, **kwargs):
        super().__init__(**kwargs)
        self.max_number = int(max_number)
        self.fill_value = fill_value

    def transform_bounding_boxes(self, bounding_boxes, transformation, training=True):
        count = bounding_boxes["boxes"].shape[1]
        missing = max(self.max_number - count, 0)
        result = dict(bounding_boxes)
        for name in ("boxes", "labels"):
            x = bounding_boxes[name][:, : self.max_number]
            widths = [(0, 0), (0, missing)] + [(0, 0)] * (len(x.shape) - 2)
            result[name] = ops.pad(x, widths, constant_values=np.asarray(self.fill_value, x.dtype).item())
        return result
