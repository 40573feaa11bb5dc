"""MNIST: 70,000 handwritten digits, grey, 28x28 (Y. LeCun and C. Cortes; CC BY-SA 3.0)."""

import numpy as np

from fastnn.datasets.origin import KERAS_FILES
from fastnn.utils.files import get_file

__all__ = ["load_data"]


def load_data(path: str = "mnist.npz"):
    """MNIST from `KERAS_HOME/datasets`, downloaded there if missing.

    Args:
        path: name of the file in that folder.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: images uint8 (60000, 28, 28) and (10000, 28, 28) with values 0 to 255,
        labels uint8 (60000,) and (10000,).

    Raises:
        OSError: if the file is missing and cannot be downloaded; the message says where to put it.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = fastnn.datasets.mnist.load_data()  # doctest: +SKIP
    """
    path = get_file(
        path,
        origin=KERAS_FILES + "mnist.npz",
        file_hash="731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
    )
    with np.load(path, allow_pickle=False) as arrays:
        return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])
