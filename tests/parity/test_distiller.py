"""A distiller trains its student as Keras's does."""

import keras
import numpy as np

import fastnn
from tests.parity.trajectory import batches


def train(k, weights=None):
    k.utils.set_random_seed(0)
    models = []
    for name in ("teacher", "student"):
        x = inputs = k.Input((16,))
        x = k.layers.Dense(8, activation="tanh", name="hidden")(x)
        models.append(k.Model(inputs, k.layers.Dense(5)(x), name=name))
    losses = [
        k.distillation.LogitsDistillation(2.0, k.losses.CategoricalCrossentropy(from_logits=True)),
        k.distillation.FeatureDistillation("mse", "hidden", "hidden"),
    ]
    model = k.distillation.Distiller(*models, losses, [0.5, 2.0], student_loss_weight=0.4)
    model.compile(k.optimizers.SGD(0.1), k.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    if weights is not None:
        for part, arrays in zip(models, weights, strict=True):
            part.set_weights(arrays)
    first = [part.get_weights() for part in models]
    x, y = next(batches((16,), 5, 32))
    history = model.fit(x, y, batch_size=8, epochs=10, shuffle=False, verbose=0, validation_data=(x, y))
    return first, history.history, [part.get_weights() for part in models]


def test_ten_epochs():
    first, expected, theirs = train(keras)
    _, actual, ours = train(fastnn, first)
    assert actual.keys() == expected.keys()
    for name in expected:
        np.testing.assert_allclose(actual[name], expected[name], rtol=1e-4, err_msg=name)
    assert expected["loss"][-1] < expected["loss"][0], "the reference should learn something"
    for a, b in zip(ours[0] + ours[1], theirs[0] + theirs[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
