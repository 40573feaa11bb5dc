"""Function and Operation: computations of a name, on arrays and in models; get_source_inputs."""

import keras
import numpy as np
import pytest

import fastnn
from fastnn import layers, ops
from fastnn.autodiff import jit

X = np.arange(6, dtype="float32").reshape(2, 3)


def scale(k):
    class Scale(k.Operation):
        def __init__(self, factor, name=None):
            super().__init__(name=name)
            self.factor = factor

        def call(self, x, more=None):
            return x * self.factor if more is None else x * self.factor + more

    return Scale


@pytest.mark.parametrize("k", [fastnn, keras], ids=["fastnn", "keras"])
def test_an_operation(k):
    operation = scale(k)(3.0)
    np.testing.assert_allclose(operation(X), 3 * X)
    x = k.Input((3,))
    y = operation(operation(x), more=x)
    assert y.shape == (None, 3) and operation.name.startswith("scale")
    assert operation.input is x and operation.output.shape == (None, 3)
    assert operation.get_config() == {"name": operation.name, "factor": 3.0}
    assert type(operation).from_config({"factor": 2.0}).factor == 2.0
    model = k.Model(x, y)
    np.testing.assert_allclose(model(X), 10 * X)
    nodes = next(entry for entry in model.get_config()["layers"] if entry["name"] == operation.name)
    assert nodes["config"] == operation.get_config() and len(nodes["inbound_nodes"]) == 2
    again = k.Model.from_config(model.get_config(), custom_objects={"Scale": type(operation)})
    np.testing.assert_allclose(again(X), 10 * X)
    assert isinstance(layers.Dense(2) if k is fastnn else k.layers.Dense(2), k.Operation)


def test_an_operation_in_a_compiled_function():
    np.testing.assert_allclose(jit(scale(fastnn)(3.0))(X), 3 * X)


@pytest.mark.parametrize("k", [fastnn, keras], ids=["fastnn", "keras"])
def test_errors_of_operations(k):
    with pytest.raises(ValueError, match="name"):
        scale(k)(3.0, name="a/b")
    with pytest.raises(NotImplementedError):
        scale(k)(X).get_config()
    with pytest.raises(NotImplementedError):
        k.Operation()(X)
    with pytest.raises(Exception, match=r"never been called|has no defined|no inbound"):
        _ = scale(k)(3.0).input


@pytest.mark.parametrize("k", [fastnn, keras], ids=["fastnn", "keras"])
def test_a_function(k):
    a, b = k.KerasTensor((None, 3)), k.KerasTensor((None, 3))
    function = k.Function({"a": a, "b": b}, [a - b, k.ops.relu(a)], name="f")
    difference, positive = function({"a": X, "b": X + 1})
    np.testing.assert_allclose(difference, -np.ones((2, 3)))
    np.testing.assert_allclose(positive, X)
    assert function.name == "f" and len(function.inputs) == len(function.outputs) == 2
    assert function.compute_output_shape({"a": (5, 3), "b": (5, 3)}) == [(5, 3), (5, 3)]
    assert [y.shape for y in function.compute_output_spec({"a": a, "b": b})] == [(None, 3), (None, 3)]
    for bad in ([X, X], {"a": X, "b": X[0]}, {"a": X[:, :2], "b": X[:, :2]}):
        with pytest.raises(ValueError, match="Function was"):
            function(bad)
    with pytest.raises(ValueError):
        k.Function([a], a - b)
    with pytest.raises(ValueError, match="empty"):
        k.Function([], a)


@pytest.mark.parametrize("k", [fastnn, keras], ids=["fastnn", "keras"])
def test_a_function_with_layers_in_a_model(k):
    x = k.Input((3,))
    dense = k.layers.Dense(2, kernel_initializer="ones")
    function = k.Function(x, dense(x))
    assert [type(o).__name__ for o in function.operations] == ["InputLayer", "Dense"]
    z = k.Input((3,))
    model = k.Model(z, function(z) * 2)
    np.testing.assert_allclose(model(X), 2 * X.sum(1, keepdims=True) * np.ones(2))


@pytest.mark.parametrize("k", [fastnn, keras], ids=["fastnn", "keras"])
def test_get_source_inputs(k):
    a, b = k.Input((3,), name="a"), k.Input((3,), name="b")
    hidden = k.layers.Dense(3)(a)
    find = k.utils.get_source_inputs
    assert [x.name for x in find(k.layers.Add()([hidden, b]) + hidden)] == ["a", "b"]
    assert find(a)[0] is a
    raw = k.KerasTensor((2,))
    assert find(raw) is raw


def test_ops_of_a_function_are_recorded_once():
    x = fastnn.KerasTensor((None, 3))
    function = fastnn.Function(x, ops.exp(x) + 1)
    z = fastnn.Input((3,))
    assert len(fastnn.Model(z, function(z))._network.steps) == 1
