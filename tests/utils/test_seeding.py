"""`set_random_seed` reaches Python's and NumPy's generators."""

import random

import numpy as np
import pytest

from fastnn import utils


def test_same_seed_same_numbers():
    draws = []
    for _ in range(2):
        utils.set_random_seed(7)
        draws.append((random.random(), np.random.rand()))
    assert draws[0] == draws[1]


def test_rejects_what_is_no_integer():
    with pytest.raises(ValueError, match=r"seed=1\.5"):
        utils.set_random_seed(1.5)
