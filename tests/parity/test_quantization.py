"""Gradients through quantized layers agree with those of Keras on JAX."""

import jax
import keras
import numpy as np
import pytest

import fastnn
from tests.layers.test_quantization import CONFIGS, LAYERS, pair
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
