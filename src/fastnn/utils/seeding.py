"""One seed for everything that draws random numbers."""

import random

import numpy as np

# Functions that start again after a new seed: what `fastnn.random` draws from is above this module.
listeners = []


def set_random_seed(seed: int) -> None:
    """Seeds Python's `random`, NumPy's global generator and fastnn's own numbers.

    With it, a script gives the same weights bit for bit on each run, for any number of threads, on one instruction
    set. Unseeded initializers and dropout draw their seeds from Python's `random`, as in Keras; the order of rows in
    `fit` comes from NumPy's generator, or from Python's where nobody has loaded `numpy.random`.

    Args:
        seed: an integer in [0, 2**32).

    Raises:
        ValueError: if `seed` is no integer.

    Example:
        >>> fastnn.utils.set_random_seed(1)
    """
    if not isinstance(seed, (int, np.integer)):
        raise ValueError(
            f"Expected `seed` argument to be an integer. Received: seed={seed} (of type {type(seed).__name__})"
        )
    random.seed(int(seed))
    np.random.seed(int(seed))
    for restart in listeners:
        restart()
