"""Fashion-MNIST: 70,000 pictures of clothes in ten classes, grey, 28x28 (Zalando; MIT licence)."""

import gzip

import numpy as np

from fastnn.datasets.origin import KERAS_FILES
from fastnn.utils.files import get_file

__all__ = ["load_data"]

# The sizes of the header of an IDX file (magic number and one number a dimension, each 4 bytes).
_LABELS_HEADER, _IMAGES_HEADER = 8, 16


def load_data():
    """Fashion-MNIST from `KERAS_HOME/datasets/fashion-mnist`, downloaded there if missing.

    Classes: 0 T-shirt/top, 1 trouser, 2 pullover, 3 dress, 4 coat, 5 sandal, 6 shirt, 7 sneaker, 8 bag, 9 ankle boot.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: images uint8 (60000, 28, 28) and (10000, 28, 28) with values 0 to 255,
        labels uint8 (60000,) and (10000,).

    Raises:
        OSError: if a file is missing and cannot be downloaded; the message says where to put it.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = fastnn.datasets.fashion_mnist.load_data()  # doctest: +SKIP
    """
    return tuple(
        (_images(f"{part}-images-idx3-ubyte.gz"), _labels(f"{part}-labels-idx1-ubyte.gz")) for part in ("train", "t10k")
    )


def _read(name, header):
    path = get_file(name, origin=KERAS_FILES + name, cache_subdir="datasets/fashion-mnist")
    with gzip.open(path, "rb") as file:
        return np.frombuffer(file.read(), np.uint8, offset=header).copy()


def _labels(name):
    return _read(name, _LABELS_HEADER)


def _images(name):
    return _read(name, _IMAGES_HEADER).reshape(-1, 28, 28)
