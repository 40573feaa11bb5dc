"""Boston housing: 506 districts of the 1970s, 13 features (D. Harrison and D. Rubinfeld, 1978).

One feature builds on the share of Black residents and on an assumption of racial segregation, so the set is for
reproducing old results, not for new work; `california_housing` is the better choice.
"""

import numpy as np

from fastnn.datasets.origin import KERAS_FILES
from fastnn.datasets.splitting import shuffled_split
from fastnn.utils.files import get_file

__all__ = ["load_data"]


def load_data(path: str = "boston_housing.npz", test_split: float = 0.2, seed: int = 113):
    """Boston housing from `KERAS_HOME/datasets`, downloaded there if missing, shuffled and split as Keras does.

    Args:
        path: name of the file in that folder.
        test_split: share of the rows held out, in [0, 1).
        seed: seed of the shuffle.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: features float64 (404, 13) and (102, 13), prices in thousands of
        dollars float64 (404,) and (102,).

    Raises:
        ValueError: if `test_split` is outside [0, 1).
        OSError: if the file is missing and cannot be downloaded; the message says where to put it.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = fastnn.datasets.boston_housing.load_data()  # doctest: +SKIP
    """
    path = get_file(
        path,
        origin=KERAS_FILES + "boston_housing.npz",
        file_hash="f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5",
    )
    with np.load(path, allow_pickle=False) as arrays:
        return shuffled_split(arrays["x"], arrays["y"], test_split, seed)
