"""The weights of every nested model are saved: lists of layers, made for the walk, had been taken for one another."""

import numpy as np

import fastnn


def test_many_models_in_a_model(tmp_path):
    x = fastnn.Input((2,))
    parts = [fastnn.Model(x, fastnn.layers.Dense(1)(x)) for _ in range(30)]
    model = fastnn.Model(x, [part(x) for part in parts])
    model.save_weights(tmp_path / "model.weights.h5")
    expected = model.get_weights()
    for _ in range(3):
        model.set_weights([np.zeros_like(array) for array in expected])
        model.load_weights(tmp_path / "model.weights.h5")
        for a, b in zip(model.get_weights(), expected, strict=True):
            np.testing.assert_array_equal(a, b)
