"""The seeded shuffle and split that Keras's small data sets share."""

import numpy as np


def shuffled_split(x, y, test_split: float, seed: int):
    """Shuffles rows with NumPy's `RandomState(seed)`, so that the rows are Keras's; the last `test_split` are the test.

    Raises:
        ValueError: if `test_split` is outside [0, 1).
    """
    if not 0 <= test_split < 1:
        raise ValueError(f"Invalid `test_split` argument: {test_split}. It must be between 0 and 1 (exclusive of 1).")
    order = np.arange(len(x))
    np.random.RandomState(seed).shuffle(order)
    x, y = np.asarray(x)[order], np.asarray(y)[order]
    n = int(len(x) * (1 - test_split))
    return (x[:n], y[:n]), (x[n:], y[n:])
