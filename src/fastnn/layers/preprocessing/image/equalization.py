"""Equalization: each value as often as any other."""

import numpy as np

from fastnn import ops
from fastnn.layers.preprocessing.image.base_image_layer import BaseImagePreprocessingLayer
from fastnn.layers.preprocessing.image.factors import rescaled, value_range_of
from fastnn.layers.preprocessing.image.histograms import bin_of, cumulated, histograms, looked_up


class Equalization(BaseImagePreprocessingLayer):
    """In training, moves the values of each channel so that all parts of the range are as frequent.

    What is frequent is counted over the whole batch.

    Args:
        value_range: least and largest value of a pixel.
        bins: how many values are told apart.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.

    Input shape and output shape: (n, h, w, c) or (h, w, c), channels first when `data_format` says so; floats come out.

    Raises:
        ValueError: for a value range that is no pair.

    Example:
        >>> fastnn.layers.Equalization()(np.array([[[1.0], [2.0], [3.0], [4.0]]]), training=True)[0, :, 0]
        array([  0.,  85., 170., 255.], dtype=float32)
    """

    config_names = ("bins", "value_range")
    is_random = False

    def __init__(self, value_range=(0, 255), bins=256, data_format=None, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = value_range_of(value_range)
        self.bins = bins

    def augment(self, images, transformation):
        n, height, width, channels = images.shape
        x = rescaled(images, self.value_range, (0, 255))
        rows = ops.transpose(ops.reshape(x, (n * height * width, channels)))
        at = bin_of(rows, self.bins)
        counts = histograms(at, self.bins)
        below = cumulated(counts)
        # The least value that occurs becomes 0: its count is the least of the sums that are not 0.
        first = ops.min(ops.where(ops.equal(below, 0), n * height * width, below), axis=1, keepdims=True)
        rest = ops.subtract(n * height * width, first)
        is_flat = ops.equal(rest, 0)
        tables = ops.round(ops.multiply(ops.divide(ops.subtract(below, first), ops.where(is_flat, 1, rest)), 255))
        moved = ops.cast(looked_up(tables, np.arange(channels, dtype=np.int32)[:, None], at), rows.dtype)
        moved = ops.reshape(ops.transpose(ops.where(is_flat, rows, moved)), images.shape)
        return rescaled(moved, (0, 255), self.value_range)
