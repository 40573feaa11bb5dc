"""Real handwriting that ships with the package: 1,797 digits, 8x8 pixels.

Source: E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998,
https://doi.org/10.24432/C50P49 (its test set, from 13 writers). Licence: Creative Commons Attribution 4.0
International (CC BY 4.0). The numbers are unchanged; only their file format is ours.
"""

from importlib import resources

import numpy as np

__all__ = ["load_data"]


def load_data() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """The 8x8 digits, in the order of their source; every fifth image of each digit is held out. Needs no network.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: images uint8 of shapes (1442, 8, 8) and (355, 8, 8) with values
        0 to 16, labels uint8 of shapes (1442,) and (355,).

    Example:
        >>> (x_train, y_train), (x_test, y_test) = fastnn.datasets.digits.load_data()
        >>> x_train.shape, y_test.shape
        ((1442, 8, 8), (355,))
    """
    with resources.files(__package__).joinpath("digits.npz").open("rb") as file, np.load(file) as arrays:
        images, labels = arrays["images"], arrays["labels"]
    is_test = np.zeros(len(labels), bool)
    for digit in range(10):
        is_test[np.flatnonzero(labels == digit)[4::5]] = True
    return (images[~is_test], labels[~is_test]), (images[is_test], labels[is_test])
