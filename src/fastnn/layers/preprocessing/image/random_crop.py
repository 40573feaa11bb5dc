"""RandomCrop: windows of images."""

import numpy as np

from fastnn import ops, random
from fastnn.layers.preprocessing.image.base_image_layer import BaseImagePreprocessingLayer
from fastnn.ops import image as images_of
from fastnn.ops.record import shape_of
from fastnn.random.seed_generator import make_default_seed


class RandomCrop(BaseImagePreprocessingLayer):
    """In training, cuts a window out of the images, at one random place for the whole batch.

    Without training the window is the middle one. Images that are smaller than the window are cut to its proportions
    and resized.

    Args:
        height, width: of the window.
        seed: int, or None.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.
        bounding_box_format: of the boxes of a dictionary.

    Input shape: (n, h, w, c) or (h, w, c), channels first when `data_format` says so.
    Output shape: the same with `height` and `width`; floats come out.

    Example:
        >>> fastnn.layers.RandomCrop(2, 3)(np.ones((4, 8, 8, 3)), training=True).shape
        (4, 2, 3, 3)
    """

    config_names = ("height", "width", "seed")
    active_in_inference = True

    def __init__(self, height, width, seed=None, data_format=None, name=None, **kwargs):
        super().__init__(data_format=data_format, name=name, **kwargs)
        self.height = height
        self.width = width
        self.set_seed(make_default_seed() if seed is None else seed)

    def draw(self, sizes, seed):
        starts = []
        for size, window in ((sizes.height, self.height), (sizes.width, self.width)):
            many = max(size - window, 0) + 1
            # The same number of numbers for any size, so that a seed's later layers do not depend on it.
            share = random.uniform((), seed=seed)
            starts.append(ops.minimum(ops.cast(ops.floor(share * many), "int32"), many - 1))
        return (*starts, sizes.shape)

    def without_training(self, sizes):
        return None, None, sizes.shape

    def augment(self, images, transformation, interpolation="bilinear"):
        top, left = transformation[:2]
        if top is None:
            return images_of.resize(
                images, (self.height, self.width), interpolation, crop_to_aspect_ratio=True, data_format="channels_last"
            )
        height, width = (min(pair) for pair in zip(shape_of(images)[1:3], (self.height, self.width), strict=True))
        window = images
        for axis, start, size in ((1, top, height), (2, left, width)):
            window = ops.take(window, ops.add(start, np.arange(size, dtype=np.int32)), axis=axis)
        if (height, width) == (self.height, self.width):
            return window
        return images_of.resize(window, (self.height, self.width), interpolation, data_format="channels_last")

    def move_masks(self, masks, transformation):
        return self.augment(masks, transformation, interpolation="nearest")

    def image_size(self, transformation):
        if len(transformation) == 2:  # as Keras's, for boxes in pixels
            return None, None
        return super().image_size({"input_shape": transformation[2]})

    def output_size(self, height, width):
        return self.height, self.width

    def move_boxes(self, corners, transformation, height, width):
        top, left = transformation[:2]
        if top is None:  # the largest middle window of the right proportions: see `fastnn.ops.image.resize`
            cut = min(height, int(width * self.height / self.width)), min(width, int(height * self.width / self.height))
            top, left = (height - cut[0]) // 2, (width - cut[1]) // 2
        elif height is not None:
            cut = min(height, self.height), min(width, self.width)
        else:
            cut = self.height, self.width
        scales = self.width / cut[1], self.height / cut[0]
        return tuple((x - (left, top)[k % 2]) * scales[k % 2] for k, x in enumerate(corners))
