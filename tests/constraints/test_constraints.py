"""Constraints against Keras."""

import keras
import numpy as np
import pytest

from fastnn import constraints

W = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
CASES = [
    ("MaxNorm", {}), ("MaxNorm", {"max_value": 0.5, "axis": 1}), ("NonNeg", {}), ("UnitNorm", {}),
    ("UnitNorm", {"axis": [0, 1]}), ("MinMaxNorm", {"min_value": 0.5, "max_value": 1.0, "rate": 0.7}),
    ("MinMaxNorm", {}),
]  # fmt: skip


@pytest.mark.parametrize("name, arguments", CASES)
def test_against_keras(name, arguments):
    ours, theirs = getattr(constraints, name)(**arguments), getattr(keras.constraints, name)(**arguments)
    np.testing.assert_allclose(ours(W), theirs(W), rtol=1e-5, atol=1e-6)
    assert constraints.serialize(ours) == keras.constraints.serialize(theirs)
    assert constraints.deserialize(constraints.serialize(ours)).get_config() == ours.get_config()


def test_get():
    assert constraints.get(None) is None
    assert constraints.get("max_norm").get_config() == {"max_value": 2, "axis": 0}
    assert constraints.get(abs) is abs
    with pytest.raises(ValueError, match=r"max_nrom.*max_norm"):
        constraints.get("max_nrom")
