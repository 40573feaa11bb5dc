"""Gradients through quantized layers agree with those of Keras on JAX."""

import jax
import keras
import numpy as np
import pytest

import fastnn
from tests.layers.test_quantization import CONFIGS, LAYERS, float8_pair, pair
from tests.tables import close, rows

pytestmark = pytest.mark.skipif(keras.backend.backend() != "jax", reason="needs Keras on JAX")


MODES = ["int8", "int8, weights alone", "int4", "int4, inputs too"]
# Keras's ReversibleEmbedding passes no gradients through the rounding of inputs on the way back; ours does.
CASES = [(LAYERS[k], mode) for k in (0, 2, 8) for mode in MODES] + [(LAYERS[10], mode) for mode in MODES[1:3]]


@pytest.mark.parametrize("layer, config", CASES, ids=lambda x: x if isinstance(x, str) else x[0])
def test_gradients(layer, config):
    """By inputs (rounding them passes gradients), bias and LoRA."""
    _, _, x, call = layer
    ours, theirs = pair(layer, rank=2)
    for k, each in ((fastnn, ours), (keras, theirs)):
        each.quantize(config=CONFIGS[config](k, 0))
    seeds = rows(*ours(x, **call).shape, seed=5)
    others = [v.value for v in theirs.non_trainable_variables]
    is_float = x.dtype == np.float32

    def total(trainable, x):
        return keras.ops.sum(theirs.stateless_call(trainable, others, x, **call)[0] * seeds)

    argnums = (0, 1) if is_float else (0,)
    wanted = jax.grad(total, argnums=argnums)([v.value for v in theirs.trainable_variables], x)
    wanted = [*wanted[0], *wanted[1:]]
    with fastnn.GradientTape() as tape:
        tape.watch(x)
        target = fastnn.ops.sum(ours(x, **call) * seeds)
    found = tape.gradient(target, [*ours.trainable_variables, *([x] if is_float else [])], None, "zero")
    for g, expected in zip(found, wanted, strict=True):
        close(g, expected, 5e-5)


def test_float8():
    """The gradients, and the next scales and histories, which stand in their place."""
    ours, theirs = float8_pair()
    x, seeds = LAYERS[0][2], rows(4, 3, seed=5)
    others = [v.value for v in theirs.non_trainable_variables]

    def total(trainable, x):
        return keras.ops.sum(theirs.stateless_call(trainable, others, x, training=True)[0] * seeds)

    by_weights, by_x = jax.grad(total, argnums=(0, 1))([v.value for v in theirs.trainable_variables], x)
    with fastnn.GradientTape() as tape:
        tape.watch(x)
        target = fastnn.ops.sum(ours(x, training=True) * seeds)
    found = tape.gradient(target, [*ours.trainable_variables, x])
    for g, expected, v in zip(found, [*by_weights, by_x], [*ours.trainable_variables, None], strict=True):
        close(g, expected, 1e-5, getattr(v, "name", "inputs"))


def test_float8_training():
    """The same weights, scales and histories after some steps of `fit`."""
    models = []
    for k in (fastnn, keras):
        model = k.Sequential([k.Input((5,)), k.layers.Dense(4, activation="tanh"), k.layers.Dense(3)])
        model.set_weights([rows(*w.shape, seed=n) for n, w in enumerate(model.weights)])
        model.quantize("float8")
        model.compile(k.optimizers.SGD(0.1, momentum=0.5), "mse")
        model.fit(rows(12, 5), rows(12, 3), epochs=3, batch_size=4, shuffle=False, verbose=0)
        models.append(model)
    for w, wanted in zip(models[0].weights, models[1].weights, strict=True):
        close(np.array(w), np.array(wanted), 1e-4, w.path)
