"""split_dataset. Keras needs TensorFlow for its results; its refusals it gives without."""

import keras
import numpy as np
import pytest

import fastnn
from fastnn.preprocessing.dataset import Dataset

X, Y = np.arange(20.0).reshape(10, 2), np.arange(10)


@pytest.mark.parametrize(
    ("sizes", "left", "right"),
    [
        ({"left_size": 0.8}, range(8), range(8, 10)),
        ({"left_size": 3}, range(3), range(3, 10)),
        ({"right_size": 0.3}, range(7), range(7, 10)),
        ({"right_size": 1}, range(9), range(9, 10)),
        ({"left_size": 2, "right_size": 0.3}, range(2), range(7, 10)),
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", [tuple, list])
def test_sizes(sizes, left, right, kind):
    for part, rows in zip(fastnn.utils.split_dataset(kind([X, Y]), **sizes), (left, right), strict=True):
        assert len(part) == len(rows)
        for _ in range(2):
            assert [int(y) for _, y in part] == list(rows)
            np.testing.assert_array_equal([x for x, _ in part], X[list(rows)])


def test_shuffled():
    def rows(**options):
        return [[int(y) for y in part] for part in fastnn.utils.split_dataset(Y, 0.6, shuffle=True, **options)]

    left, right = rows(seed=3)
    assert sorted(left + right) == list(range(10)) and left + right != list(range(10))
    assert rows(seed=3) == [left, right] and rows(seed=4) != [left, right]
    fastnn.utils.set_random_seed(1)
    once = rows()
    fastnn.utils.set_random_seed(1)
    assert rows() == once


def test_a_dataset_and_training():
    data = Dataset(lambda: zip(X, Y, strict=True), 10)
    left, right = fastnn.utils.split_dataset(data, left_size=0.5)
    model = fastnn.Sequential([fastnn.Input((2,)), fastnn.layers.Dense(1)])
    model.compile("sgd", "mse")
    history = model.fit(left.batch(2), validation_data=right.batch(2), verbose=0).history
    expected = np.mean((model.predict(X[5:], verbose=0)[:, 0] - Y[5:]) ** 2)
    np.testing.assert_allclose(history["val_loss"], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("data", "sizes"),
    [
        (X, {}),
        (X, {"left_size": 0}),
        (X, {"left_size": 10}),
        (X, {"right_size": -1}),
        (X, {"left_size": 1.0}),
        (X, {"left_size": "half"}),
        (X, {"left_size": 0.7, "right_size": 0.7}),
        (X, {"left_size": 7, "right_size": 7}),
        (X[:1], {"left_size": 0.5}),
        (X[:0], {"left_size": 0.5}),
        ((X, Y[:3]), {"left_size": 0.5}),
        ([1, 2, 3], {"left_size": 0.5}),
        ((i for i in range(4)), {"left_size": 0.5}),
        ({"x": X}, {"left_size": 0.5}),
        (3, {"left_size": 0.5}),
    ],
)
def test_refusals(data, sizes):
    with pytest.raises(Exception) as theirs:
        keras.utils.split_dataset(data, **sizes)
    assert type(theirs.value) is not ImportError
    with pytest.raises(type(theirs.value)):
        fastnn.utils.split_dataset(data, **sizes)
