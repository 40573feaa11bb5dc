"""Variables: where their numbers lie."""

import copy
import pickle

import numpy as np
import pytest

import fastnn

CACHE_LINE = 64


@pytest.mark.parametrize(
    "copied", [lambda v: v, copy.copy, copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))], ids=range(4)
)
@pytest.mark.parametrize("size", [1, 5, 40])
def test_numbers_begin_at_a_cache_line_and_are_nobody_elses(size, copied):
    values = np.arange(2.0 * size, dtype="float32").reshape(size, 2).T
    original = fastnn.Variable(values)
    variable = copied(original)
    assert variable.array.ctypes.data % CACHE_LINE == 0
    assert variable.array.flags.c_contiguous
    np.testing.assert_array_equal(variable.numpy(), values)
    variable.assign_add(np.ones((2, size)))
    np.testing.assert_array_equal(original.numpy(), values + (variable is original))
    np.testing.assert_array_equal(values[0], np.arange(0, 2 * size, 2))
