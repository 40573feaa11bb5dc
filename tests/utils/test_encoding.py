"""Labels, norms and padding against the released keras."""

import keras
import numpy as np
import pytest

from fastnn import utils


@pytest.mark.parametrize(
    ("x", "num_classes"),
    [([0, 2], None), ([[0], [2]], 4), ([[0, 1], [1, 0]], None), ([[[1]]], None), ([0.7, 1.2], None), (1, 3), ([], 3)],
)
def test_to_categorical_matches_keras(x, num_classes):
    expected = keras.utils.to_categorical(x, num_classes)
    actual = utils.to_categorical(x, num_classes)
    assert actual.dtype == np.float32
    assert np.array_equal(actual, expected) and actual.shape == expected.shape


@pytest.mark.parametrize(("x", "wrong"), [([0, 5], "5"), ([-1, 0], "-1")])
def test_to_categorical_rejects_labels_out_of_range(x, wrong):
    with pytest.raises(IndexError, match=rf"label {wrong} is outside \[0, 3\)"):
        utils.to_categorical(x, num_classes=3)


@pytest.mark.parametrize("x", [[], ["a"]])
def test_to_categorical_rejects_what_has_no_classes(x):
    with pytest.raises(ValueError):
        utils.to_categorical(x)


@pytest.mark.parametrize(
    ("shape", "options"),
    [((3,), {}), ((2, 3), {"axis": 0}), ((2, 3), {"order": 1}), ((2, 2, 2), {"axis": 1}), ((), {})],
)
def test_normalize_matches_keras(shape, options):
    # A list: on its NumPy backend keras 3.15 normalises arrays along the wrong axis.
    x = np.random.default_rng(0).normal(size=shape).tolist()
    expected = keras.utils.normalize(x, **options)
    actual = utils.normalize(x, **options)
    assert actual.dtype == expected.dtype and actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=4 * np.finfo("float32").eps)


def test_normalize_keeps_the_dtype_of_a_float_array():
    x = np.random.default_rng(0).normal(size=(3, 4))
    expected = x / np.sqrt((x * x).sum(axis=0, keepdims=True))
    actual = utils.normalize(x, axis=0)
    assert actual.dtype == np.float64
    np.testing.assert_allclose(actual, expected, rtol=4 * np.finfo("float64").eps)


def test_normalize_leaves_a_zero_vector_and_takes_integers():
    assert np.array_equal(utils.normalize([[3, 4], [0, 0]]), np.array([[0.6, 0.8], [0, 0]], "float32"))


@pytest.mark.parametrize("order", [0, 1.5, np.inf])
def test_normalize_rejects_order(order):
    with pytest.raises(ValueError, match=str(order)):
        utils.normalize([1.0], order=order)


@pytest.mark.parametrize(
    ("sequences", "options"),
    [
        ([[1, 2, 3], [4]], {}),
        ([[1, 2, 3], [4]], {"maxlen": 2}),
        ([[1, 2, 3], [4]], {"maxlen": 5, "padding": "post", "value": 9}),
        ([[1, 2, 3], [4]], {"maxlen": 2, "padding": "post", "truncating": "post"}),
        ([[], [1]], {}),
        ([[1.5], [2.5, 3.5]], {"dtype": "float32"}),
        ([[[1, 2]], [[3, 4], [5, 6]]], {}),
        ((np.array([1, 2]), np.array([3])), {}),
        ([["a"], ["b", "c"]], {"dtype": object, "value": ""}),
    ],
)
def test_pad_sequences_matches_keras(sequences, options):
    expected = keras.utils.pad_sequences(sequences, **options)
    actual = utils.pad_sequences(sequences, **options)
    assert actual.dtype == expected.dtype and actual.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("sequences", "options"),
    [
        (3, {}),
        ([1, 2], {}),
        ([], {}),
        ([[1]], {"padding": "x"}),
        ([[1]], {"truncating": "x"}),
        ([[[1, 2]], [[3, 4, 5]]], {}),
        ([["a"]], {"value": "x"}),
    ],
)
def test_pad_sequences_rejects_what_keras_rejects(sequences, options):
    with pytest.raises(ValueError):
        keras.utils.pad_sequences(sequences, **options)
    with pytest.raises(ValueError):
        utils.pad_sequences(sequences, **options)


def test_older_addresses():
    from fastnn.preprocessing import sequence
    from fastnn.utils import np_utils

    assert np_utils.to_categorical is utils.to_categorical
    assert sequence.pad_sequences is utils.pad_sequences
