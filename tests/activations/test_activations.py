"""Activations against Keras: names, signatures, numbers, serialization."""

import inspect

import keras
import numpy as np
import pytest

import fastnn
from fastnn import _api, activations

X = np.array([[-7.0, -1.5, -1.0, -0.3, 0.0, 0.2, 1.0, 3.5], [2.5, 0.5, -0.5, 6.5, -20.0, 20.0, 1.5, -3.1]], "float32")
NAMES = sorted(set(_api.table("fastnn.activations")) - {"get", "serialize", "deserialize"})
EXTRA = {"threshold": {"threshold": 0.5, "default_value": -2.0}}
MORE = {
    "relu": {"negative_slope": 0.1, "max_value": 3.0, "threshold": 0.5}, "leaky_relu": {"negative_slope": 0.3},
    "elu": {"alpha": 0.5}, "celu": {"alpha": 0.5}, "gelu": {"approximate": True}, "glu": {"axis": 1},
    "softmax": {"axis": 0}, "log_softmax": {"axis": 0}, "sparsemax": {"axis": 1}, "squareplus": {"b": 2},
    "hard_shrink": {"threshold": 1.2},
    "soft_shrink": {"threshold": 1.2},
}  # fmt: skip


def test_names_are_keras_s():
    assert set(NAMES) == set(dir(keras.activations)) - {name for name in dir(keras.activations) if name[0] == "_"} - {
        "get", "serialize", "deserialize",
    }  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_against_keras(name):
    ours, theirs = getattr(activations, name), getattr(keras.activations, name)
    assert ours.__name__ == theirs.__name__
    assert {p.name: p.default for p in inspect.signature(ours).parameters.values()} == {
        p.name: p.default for p in inspect.signature(theirs).parameters.values()
    }
    for arguments in (EXTRA.get(name, {}), {**EXTRA.get(name, {}), **MORE.get(name, {})}):
        np.testing.assert_allclose(ours(X, **arguments), theirs(X, **arguments), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "arguments",
    [{}, {"max_value": 6.0}, {"max_value": 2.0}, {"negative_slope": 0.2}, {"threshold": 1.0},
     {"negative_slope": 0.2, "max_value": 2.0}, {"threshold": 1.0, "max_value": 2.0}],
)  # fmt: skip
def test_relu_s_branches(arguments):
    np.testing.assert_allclose(activations.relu(X, **arguments), keras.activations.relu(X, **arguments), rtol=1e-6)


@pytest.mark.parametrize("arguments", [{}, {"max_value": 6.0}, {"max_value": 2.0}, {"threshold": 1.0}])
def test_relu_of_zeros_has_no_gradient(arguments):
    x = fastnn.Variable(np.zeros(3, "float32"))  # the sums of a black part of an image
    with fastnn.GradientTape() as tape:
        y = activations.relu(x, **arguments)
    np.testing.assert_array_equal(tape.gradient(y, x), np.zeros(3))


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"glu", "threshold"}))
def test_as_the_activation_of_a_layer(name):
    layer = fastnn.layers.Dense(3, activation=name)
    config = fastnn.layers.serialize(layer)["config"]
    assert config["activation"] == keras.layers.Dense(3, activation=name).get_config()["activation"]
    assert fastnn.layers.Dense.from_config(config).activation is layer.activation
    assert layer(X).shape == (2, 3)


def test_get():
    assert activations.get(None) is activations.linear
    assert activations.get("swish") is activations.silu
    assert activations.get(abs) is abs
    layer = activations.get({"class_name": "ReLU", "config": {"max_value": 1.0}})
    assert isinstance(layer, fastnn.layers.ReLU) and layer.max_value == 1.0
    for bad in ("rleu", 3):
        with pytest.raises(ValueError, match=f"Could not interpret activation function identifier: {bad}"):
            activations.get(bad)


def test_other_functions_and_layers_in_configs():
    config = activations.serialize(fastnn.layers.LeakyReLU(0.2))
    assert config["class_name"] == "LeakyReLU" and activations.deserialize(config).negative_slope == 0.2

    @fastnn.saving.register_keras_serializable("tests")
    def double(x):
        return x * 2

    config = fastnn.layers.Dense(1, activation=double).get_config()
    assert config["activation"]["config"] == "tests>double"
    assert fastnn.layers.Dense.from_config(config).activation is double
    assert activations.deserialize("halve", custom_objects={"halve": abs}) is abs
