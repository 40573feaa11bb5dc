"""Networks of half precision, side by side with Keras on JAX: outputs, twenty losses, final weights.

Half precision rounds each operation; XLA keeps some results in float32 between operations. The bounds are a few units
in the last place: 2^-11 of float16, 2^-8 of bfloat16.
"""

import keras
import numpy as np
import pytest

import fastnn
from tests.parity.trajectory import batches, losses

DATA = list(batches((16,), 5, 32, steps=20))
BOUNDS = {"mixed_float16": 2.0**-8, "mixed_bfloat16": 2.0**-5}


@pytest.fixture(autouse=True)
def policies_as_they_were():
    yield
    for k in (fastnn, keras):
        k.config.set_dtype_policy("float32")


def build(k, policy):
    k.config.set_dtype_policy(policy)
    model = k.Sequential(
        [
            k.Input((16,)), k.layers.Dense(32, activation="relu"), k.layers.Dense(16, activation="tanh"),
            k.layers.Dense(5), k.layers.Activation("softmax", dtype="float32"),
        ]
    )  # fmt: skip
    model.compile(k.optimizers.SGD(0.1, momentum=0.9), "sparse_categorical_crossentropy")
    return model


@pytest.mark.parametrize("policy", BOUNDS)
def test_mlp(policy):
    bound = BOUNDS[policy]
    keras.utils.set_random_seed(0)
    theirs, ours = build(keras, policy), build(fastnn, policy)
    ours.set_weights(theirs.get_weights())
    x = DATA[0][0]
    np.testing.assert_allclose(ours.predict(x, verbose=0), theirs.predict(x, verbose=0), rtol=bound, atol=bound / 8)
    actual, expected = losses(ours, DATA), losses(theirs, DATA)
    np.testing.assert_allclose(actual, expected, rtol=bound, atol=bound / 8)
    assert np.mean(expected[-3:]) < 0.5 * expected[0], "the reference should learn something"
    for a, b in zip(ours.weights, theirs.weights, strict=True):
        a, b = np.asarray(a), np.asarray(b)
        assert a.dtype == b.dtype == "float32"
        np.testing.assert_allclose(a, b, rtol=0, atol=2 * bound * np.abs(b).max())
    for a, b in zip(ours.optimizer.variables, theirs.optimizer.variables, strict=True):
        assert a.path.rpartition("/")[2] == b.path.rpartition("/")[2] and a.dtype == b.dtype
    if policy == "mixed_float16":
        assert float(ours.optimizer.dynamic_scale.numpy()) == float(theirs.optimizer.dynamic_scale)
