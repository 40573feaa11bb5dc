"""Gradients of every layer and op of `tests/tables` agree with those of Keras on JAX."""

import jax
import keras
import numpy as np
import pytest

import fastnn
from fastnn import tree
from tests.layers.against_keras import pair
from tests.ops.test_against_keras import arrays_of, function, with_arrays
from tests.tables import close, table
from tests.tables.losses import LOSSES

# Each case is compiled and runs once: one program compiles faster than its many ops, and faster still as it stands.
jax.config.update("jax_disable_most_optimizations", True)

# What Keras on JAX cannot compile, or where the compiled gradient has NaN.
OP_BY_OP = ("rearrange", "MelSpectrogram")


def maybe_compiled(name, f):
    return f if name in OP_BY_OP else jax.jit(f)


pytestmark = pytest.mark.skipif(keras.backend.backend() != "jax", reason="needs Keras on JAX")


def is_float(x):
    return np.dtype(x.dtype).kind == "f"


def weighted(outputs, ops):
    """A scalar in which every element of every output counts differently."""
    floats = [y for y in tree.flatten(outputs) if keras.backend.is_float_dtype(str(np.dtype(y.dtype)))]
    seeds = [
        np.random.default_rng(k).normal(size=tuple(y.shape)).astype(np.dtype(y.dtype)) for k, y in enumerate(floats)
    ]
    return sum(ops.sum(ops.multiply(y, w)) for y, w in zip(floats, seeds, strict=True))


def ours_by(target, arrays):
    """The gradients of `target(*arrays)` by the float arrays, on a tape."""
    with fastnn.GradientTape() as tape:
        for x in arrays:
            tape.watch(x)
        value = target(arrays)
    return tape.gradient(value, arrays, unconnected_gradients="zero")


@pytest.mark.parametrize("case", [case for case in table("OPS") if case.gradient], ids=str)
def test_op(case):
    structure = (case.args, case.kwargs)
    arrays = arrays_of(structure)
    floats = [k for k, x in enumerate(arrays) if is_float(x)]

    def total(k, values):
        full = list(arrays)
        for position, value in zip(floats, values, strict=True):
            full[position] = value
        args, kwargs = with_arrays(structure, full)
        return weighted(function(k, case.name)(*args, **kwargs), k.ops)

    values = [np.array(arrays[k]) for k in floats]
    gradient = jax.grad(lambda values: total(keras, values))
    expected = maybe_compiled(case.name, gradient)(values)
    actual = ours_by(lambda values: total(fastnn, values), values)
    for k, (g, wanted) in enumerate(zip(actual, expected, strict=True)):
        close(g, wanted, 5 * case.rtol, f"by float argument {k}")


@pytest.mark.parametrize("case", [case for case in table("LAYERS") if case.gradient], ids=str)
def test_layer(case):
    ours, theirs = pair(case)
    leaves = tree.flatten(case.inputs)
    floats = [k for k, x in enumerate(leaves) if is_float(x)]

    def inputs(values):
        full = list(leaves)
        for position, value in zip(floats, values, strict=True):
            full[position] = value
        return tree.pack_sequence_as(case.inputs, full)

    values = [np.array(leaves[k]) for k in floats]
    others = [v.value for v in theirs.non_trainable_variables]

    def keras_total(trainable, values):
        outputs, _ = theirs.stateless_call(trainable, others, inputs(values), **case.call)
        return weighted(outputs, keras.ops)

    gradients = maybe_compiled(case.name, jax.grad(keras_total, argnums=(0, 1)))
    by_weights, by_inputs = gradients([v.value for v in theirs.trainable_variables], values)
    with fastnn.GradientTape() as tape:
        for x in values:
            tape.watch(x)
        target = weighted(ours(inputs(values), **case.call), fastnn.ops)
    actual = tape.gradient(target, [*ours.trainable_variables, *values], unconnected_gradients="zero")
    names = [v.path for v in ours.trainable_variables] + [f"input {k}" for k in floats]
    largest = max((float(np.abs(g).max()) for g in (*by_weights, *by_inputs) if np.size(g)), default=0.0)
    for g, wanted, name in zip(actual, [*by_weights, *by_inputs], names, strict=True):
        if name.endswith(case.flat or "?"):
            assert max(np.abs(g).max(), np.abs(wanted).max()) < 1e-5 * largest, f"by {name}"
        else:
            close(g, wanted, 5 * case.rtol, f"by {name}")


@pytest.mark.parametrize("case", LOSSES, ids=str)
def test_loss(case):
    """Every loss class, weighted, by its predictions."""
    y_true, y_pred = case.arrays()
    kept = {"reduction": "sum"}
    ours, theirs = (getattr(k.losses, case.name)(**kept, **case.arguments) for k in (fastnn, keras))
    expected = jax.grad(lambda y: theirs(y_true, y))(y_pred)
    (result,) = ours_by(lambda arrays: ours(y_true, arrays[0]), [y_pred])
    close(result, expected, 1e-5)
