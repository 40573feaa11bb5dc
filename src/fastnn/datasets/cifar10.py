"""CIFAR-10: 60,000 colour pictures of 32x32 in ten classes (A. Krizhevsky, 2009)."""

import numpy as np

from fastnn.datasets.cifar import find_batches, read_batch

__all__ = ["load_data"]


def load_data():
    """CIFAR-10 from `KERAS_HOME/datasets`, downloaded and unpacked there if missing.

    Classes: 0 airplane, 1 automobile, 2 bird, 3 cat, 4 deer, 5 dog, 6 frog, 7 horse, 8 ship, 9 truck.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: pictures uint8 (50000, 32, 32, 3) and (10000, 32, 32, 3), channels
        first where `image_data_format()` says so, labels uint8 (50000, 1) and (10000, 1).

    Raises:
        OSError: if the archive is missing and cannot be downloaded; the message says where to put it.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = fastnn.datasets.cifar10.load_data()  # doctest: +SKIP
    """
    paths = find_batches(
        "cifar-10-batches-py",
        [f"data_batch_{k}" for k in range(1, 6)] + ["test_batch"],
        "cifar-10-python.tar.gz",
        "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    )
    *train, test = (read_batch(path, "labels") for path in paths)
    x_train, y_train = (np.concatenate(parts) for parts in zip(*train, strict=True))
    return (x_train, y_train), test
