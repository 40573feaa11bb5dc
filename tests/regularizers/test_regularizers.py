"""Regularizers against Keras."""

import keras
import numpy as np
import pytest

import fastnn
from fastnn import regularizers

X = np.random.default_rng(0).normal(size=(4, 4)).astype("float32")
CASES = [
    ("L1", {}), ("L1", {"l1": 0.3}), ("L2", {"l2": 0.3}), ("L1L2", {"l1": 0.1, "l2": 0.2}), ("L1L2", {}),
    ("OrthogonalRegularizer", {"factor": 0.2}),
]  # fmt: skip


@pytest.mark.parametrize("name, arguments", CASES)
def test_against_keras(name, arguments):
    ours, theirs = getattr(regularizers, name)(**arguments), getattr(keras.regularizers, name)(**arguments)
    np.testing.assert_allclose(ours(X), theirs(X), rtol=1e-5)
    config, wanted = regularizers.serialize(ours), keras.regularizers.serialize(theirs)
    assert config["class_name"] == wanted["class_name"] and config["module"] == wanted["module"]
    # Keras keeps some factors in float32.
    assert config["config"] == pytest.approx(wanted["config"], rel=1e-6) if "mode" not in config["config"] else True
    assert regularizers.deserialize(config).get_config() == ours.get_config()


@pytest.mark.parametrize("name, arguments", CASES)
def test_gradient(name, arguments):
    regularizer, x, rng = getattr(regularizers, name)(**arguments), X.astype("float64"), np.random.default_rng(1)
    direction = rng.normal(size=x.shape)
    with fastnn.GradientTape() as tape:
        tape.watch(x)
        loss = regularizer(fastnn.ops.reshape(x, x.shape))
    gradient = tape.gradient(loss, x, unconnected_gradients="zero")
    difference = (regularizer(x + 1e-6 * direction) - regularizer(x - 1e-6 * direction)) / 2e-6
    assert float((gradient * direction).sum()) == pytest.approx(float(difference), rel=1e-6, abs=1e-9)


def test_columns_are_the_rows_of_the_transpose():
    # Keras on NumPy divides by the norms of the other axis there, and fails when the matrix is not square.
    tall = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    rows = regularizers.OrthogonalRegularizer(1.0)(tall.T)
    np.testing.assert_allclose(regularizers.OrthogonalRegularizer(1.0, "columns")(tall), rows, rtol=1e-6)


def test_get():
    assert regularizers.get(None) is None
    assert regularizers.get("l1_l2").get_config() == {"l1": 0.0, "l2": 0.0}
    assert regularizers.get({"class_name": "L2", "config": {"l2": 0.3}}).l2 == 0.3
    with pytest.raises(ValueError, match="l3"):
        regularizers.get("l3")


@pytest.mark.parametrize("value", ["a", -1.0, np.inf, np.nan, None])
def test_bad_factors(value):
    if value is None:
        assert regularizers.L1(value).l1 == 0.01  # as in Keras
        return
    with pytest.raises(ValueError, match=f"l1={value}"):
        regularizers.L1(value)


def test_bad_modes_and_shapes():
    with pytest.raises(ValueError, match="mode=x"):
        regularizers.OrthogonalRegularizer(mode="x")
    with pytest.raises(ValueError, match=r"\(3,\)"):
        regularizers.OrthogonalRegularizer()(np.ones(3))
