"""Random rectangles of images."""

import numpy as np

from fastnn import ops, random


def rectangles(shares, sizes, seed):
    """Masks of one rectangle for each image, at a random place.

    Args:
        shares: height and width of the rectangles in shares of the image's, (n,) each.
        sizes: `Sizes` of the images.
        seed: of the places.

    Returns:
        bool, shape (n, h, w, 1).
    """
    axes = []
    for share, size in zip(shares, (sizes.height, sizes.width), strict=True):
        length = ops.floor(ops.multiply(share, size))
        start = ops.floor(ops.multiply(random.uniform((sizes.images,), seed=seed), size - length + 1))
        start, end = (ops.reshape(x, (-1, 1)) for x in (start, ops.add(start, length)))
        at = np.arange(size, dtype=np.float32)
        axes.append(ops.logical_and(ops.greater_equal(at, start), ops.less(at, end)))
    rows, columns = ops.reshape(axes[0], (-1, sizes.height, 1, 1)), ops.reshape(axes[1], (-1, 1, sizes.width, 1))
    return ops.logical_and(rows, columns)
