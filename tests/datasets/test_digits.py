"""The digits that ship with the package are the UCI data, and the split is fixed and fair."""

import numpy as np
import sklearn.datasets

from fastnn.datasets import digits


def test_pixels_and_labels_are_the_source_s():
    source = sklearn.datasets.load_digits()
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    assert {a.dtype.name for a in (x_train, y_train, x_test, y_test)} == {"uint8"}
    rows = np.concatenate([np.c_[x_train.reshape(-1, 64), y_train], np.c_[x_test.reshape(-1, 64), y_test]])
    expected = np.c_[source.data, source.target].astype("uint8")
    assert sorted(map(bytes, rows)) == sorted(map(bytes, expected))


def test_a_fifth_of_each_digit_is_held_out():
    (_, y_train), (_, y_test) = digits.load_data()
    total = np.bincount(y_train) + np.bincount(y_test)
    assert np.array_equal(np.bincount(y_test), total // 5)
