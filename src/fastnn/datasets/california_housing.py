"""California housing: 20,640 block groups of the 1990 census, 8 features (R. Pace and R. Barry, 1997)."""

import numpy as np

from fastnn.datasets.origin import KERAS_FILES
from fastnn.datasets.splitting import shuffled_split
from fastnn.utils.files import get_file

__all__ = ["load_data"]

_SMALL = 600


def load_data(version: str = "large", path: str = "california_housing.npz", test_split: float = 0.2, seed: int = 113):
    """California housing from `KERAS_HOME/datasets`, downloaded there if missing, shuffled and split as Keras does.

    Args:
        version: "large" for all 20,640 rows, "small" for the first 600.
        path: name of the file in that folder.
        test_split: share of the rows held out, in [0, 1).
        seed: seed of the shuffle.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: features (n, 8) in the order longitude, latitude, median age, rooms,
        bedrooms, population, households, median income; median prices in dollars (n,).

    Raises:
        ValueError: for another `version`, or if `test_split` is outside [0, 1).
        OSError: if the file is missing and cannot be downloaded; the message says where to put it.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = fastnn.datasets.california_housing.load_data()  # doctest: +SKIP
    """
    if version not in ("small", "large"):
        raise ValueError(f"Argument `version` must be one of 'small', 'large'. Received: version={version}")
    path = get_file(
        path,
        origin=KERAS_FILES + "california_housing.npz",
        file_hash="1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f",
    )
    rows = slice(_SMALL if version == "small" else None)
    with np.load(path, allow_pickle=False) as arrays:
        return shuffled_split(arrays["x"][rows], arrays["y"][rows], test_split, seed)
