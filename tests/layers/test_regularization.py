"""What noise layers do in training."""

import keras
import numpy as np
import pytest

import fastnn


def test_alpha_dropout_has_the_values_of_keras_and_keeps_mean_and_variance():
    arguments = {"rate": 0.4, "seed": 1}
    zeros = np.zeros((40, 50), "float32")
    ours, theirs = (np.unique(k.layers.AlphaDropout(**arguments)(zeros, training=True)) for k in (fastnn, keras))
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    x = np.random.default_rng(0).normal(size=(400, 500)).astype("float32")
    y = fastnn.layers.AlphaDropout(**arguments)(x, training=True)
    assert abs(y.mean()) < 0.01 and abs(y.std() - 1) < 0.01
    assert np.mean(np.isclose(y, ours.min(), atol=1e-6)) == pytest.approx(0.4, abs=0.01)


def test_alpha_dropout_noise_shape():
    y = fastnn.layers.AlphaDropout(0.5, noise_shape=(None, 1), seed=2)(np.zeros((30, 8), "float32"), training=True)
    assert (y == y[:, :1]).all() and len(np.unique(y)) == 2
