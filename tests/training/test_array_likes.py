"""What is an array for others goes in where arrays go in: pandas, and what has `__dlpack__` alone."""

import numpy as np
import pandas as pd
import pytest

import fastnn

X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
Y = np.random.default_rng(1).normal(size=(8, 2)).astype("float32")


class Capsule:
    """An array of another library: nothing but `__dlpack__`."""

    def __init__(self, array):
        self._array = array

    def __dlpack__(self, **kwargs):
        return self._array.__dlpack__(**kwargs)

    def __dlpack_device__(self):
        return self._array.__dlpack_device__()


def dense():
    model = fastnn.Sequential([fastnn.Input((3,)), fastnn.layers.Dense(2, kernel_initializer="ones")])
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize("wrap", [pd.DataFrame, Capsule])
def test_models_take_it(wrap):
    plain, model = dense(), dense()
    x, y = wrap(X), wrap(Y)
    np.testing.assert_array_equal(model(x), plain(X))
    np.testing.assert_array_equal(model.predict(x, verbose=0), plain.predict(X, verbose=0))
    np.testing.assert_array_equal(model.predict_on_batch(x), plain.predict_on_batch(X))
    assert model.evaluate(x, y, verbose=0) == plain.evaluate(X, Y, verbose=0)
    assert model.test_on_batch(x, y) == plain.test_on_batch(X, Y)
    assert model.train_on_batch(x, y) == plain.train_on_batch(X, Y)
    weights = np.linspace(0, 1, 8)
    for fitted, data in ((model, (x, y)), (plain, (X, Y))):
        given = pd.Series(weights) if fitted is model else weights
        fitted.fit(*data, sample_weight=given, epochs=2, batch_size=4, shuffle=False, verbose=0)
    for a, b in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("wrap", [pd.DataFrame, Capsule])
def test_ops_take_it(wrap):
    for result in (fastnn.ops.add(wrap(X), 0.0), fastnn.ops.convert_to_tensor(wrap(X))):
        assert type(result) is np.ndarray
        np.testing.assert_array_equal(result, X)


def test_columns_of_several_dtypes():
    frame = pd.DataFrame({"a": [1, 2], "b": [1.5, 2.5], "c": [True, False]})
    np.testing.assert_array_equal(dense().predict(frame, verbose=0)[:, 0], [3.5, 4.5])


def test_series_by_name_and_normalization():
    a = fastnn.Input((), name="a")
    model = fastnn.Model({"a": a}, fastnn.ops.expand_dims(a, -1) * 2)
    assert model.predict({"a": pd.Series([1.0, 2.0])}, verbose=0).tolist() == [[2.0], [4.0]]
    layer = fastnn.layers.Normalization()
    layer.adapt(pd.DataFrame(X))
    np.testing.assert_allclose(layer(pd.DataFrame(X)).mean(axis=0), 0, atol=1e-6)


def test_frames_that_are_no_numbers():
    with pytest.raises(ValueError, match=r"Expected numbers|could not convert"):
        dense().predict(pd.DataFrame({"a": ["x"], "b": [1], "c": [2]}), verbose=0)


def test_variables_are_shared_without_copies():
    variable = fastnn.Variable(X)
    shared = np.from_dlpack(variable)
    assert np.shares_memory(shared, variable.numpy()) and np.shares_memory(np.asarray(variable), variable.numpy())
    variable.assign(X + 1)
    np.testing.assert_array_equal(shared, X + 1)
    assert not shared.flags.writeable
