"""ContrastLimitedAdaptiveHistogramEqualization: equalization by neighbourhoods."""

import math

import numpy as np

from fastnn import ops
from fastnn.layers.preprocessing.image.base_image_layer import BaseImagePreprocessingLayer
from fastnn.layers.preprocessing.image.factors import rescaled
from fastnn.layers.preprocessing.image.histograms import bin_of, cumulated, histograms, looked_up

_BINS = 256


class ContrastLimitedAdaptiveHistogramEqualization(BaseImagePreprocessingLayer):
    """Equalizes each channel by its neighbourhood, in training and without (Zuiderveld 1994).

    The image is cut into tiles, each with a histogram. What exceeds the limit is spread over all values, so that noise
    in flat parts is not blown up. A pixel takes the mean of what the four nearest tiles make of it.

    Args:
        value_range: least and largest value of a pixel.
        clip_limit: the limit, in units of the mean of the histogram.
        tile_grid_size: number of tiles, (height, width).
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.

    Input shape and output shape: (n, h, w, c) or (h, w, c), channels first when `data_format` says so; floats come out.

    Example:
        >>> layer = fastnn.layers.ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(1, 1), clip_limit=999)
        >>> layer(np.array([[[1.0], [2.0], [3.0], [4.0]]]))[0, :, 0]
        array([ 63.75, 127.5 , 191.25, 255.  ], dtype=float32)
    """

    config_names = ("value_range", "clip_limit", "tile_grid_size")
    active_in_inference = True
    is_random = False

    def __init__(self, value_range=(0, 255), clip_limit=4.0, tile_grid_size=(8, 8), data_format=None, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = value_range
        self.clip_limit = clip_limit
        self.tile_grid_size = tile_grid_size

    def augment(self, images, transformation):
        n, height, width, channels = images.shape
        grid = tuple(self.tile_grid_size)
        tile = math.ceil(height / grid[0]), math.ceil(width / grid[1])
        x = ops.transpose(rescaled(images, self.value_range, (0, 255)), (0, 3, 1, 2))
        at = bin_of(x, _BINS)  # (n, c, h, w)
        whole = at
        for axis, count, size, real in ((2, grid[0], tile[0], height), (3, grid[1], tile[1], width)):
            if count * size != real:
                whole = ops.take(whole, _reflected(count * size, real), axis=axis)
        tiles = ops.reshape(whole, (n, channels, grid[0], tile[0], grid[1], tile[1]))
        tiles = ops.transpose(tiles, (0, 1, 2, 4, 3, 5))
        tables = self._tables(ops.reshape(tiles, (n * channels * grid[0] * grid[1], tile[0] * tile[1])))
        first = np.arange(n * channels, dtype=np.int32).reshape(n, channels, 1, 1) * (grid[0] * grid[1])
        total = None
        for row, row_weight in _neighbours(height, tile[0], grid[0]):
            for column, column_weight in _neighbours(width, tile[1], grid[1]):
                rows = np.broadcast_to(first + row[:, None] * grid[1] + column, (n, channels, height, width))
                part = ops.multiply(looked_up(tables, rows, at), row_weight[:, None] * column_weight)
                total = part if total is None else ops.add(total, part)
        total = ops.cast(ops.transpose(total, (0, 2, 3, 1)), images.dtype)
        return rescaled(total, (0, 255), self.value_range)

    def _tables(self, pixels):
        """For each tile, int32 (m, pixels), what becomes of each value: (m, 256)."""
        counts = histograms(pixels, _BINS)
        limit = self.clip_limit * pixels.shape[1] / _BINS
        excess = ops.sum(ops.maximum(ops.subtract(counts, limit), 0), axis=1, keepdims=True)
        below = cumulated(ops.add(ops.minimum(counts, limit), ops.divide(excess, _BINS)))
        lowest = below[:, :1]
        spread = ops.subtract(below[:, -1:], lowest)
        share = ops.divide(ops.subtract(below, lowest), ops.where(ops.equal(spread, 0), 1, spread))
        return ops.multiply(share, 255)


def _reflected(target, size):
    """Positions of `target` pixels, of which the image has `size`: from its end on back again."""
    i = np.arange(target) % (2 * size)
    return np.minimum(i, 2 * size - 1 - i).astype(np.int32)


def _neighbours(size, tile, count):
    """The two nearest tiles of each pixel along an axis: int32 (size,) each, with their weights."""
    place = np.arange(size) / tile - 0.5
    low = np.floor(place)
    share = (place - low).astype(np.float32)
    return [
        (np.clip(low + step, 0, count - 1).astype(np.int32), weight) for step, weight in ((0, 1 - share), (1, share))
    ]
