"""Masks go where they go in Keras on JAX: its NumPy backend has none."""

import warnings

import keras
import numpy as np
import pytest
from keras.src import backend

import fastnn
from fastnn import tree
from fastnn.graph import masks
from tests.layers.against_keras import pair
from tests.tables import close, rows, table

pytestmark = pytest.mark.skipif(keras.backend.backend() != "jax", reason="needs Keras on JAX")


def called(layer, case, k, get_mask, set_mask):
    """The outputs, their masks and the warnings of one call."""
    # Copies: a mask would stay on the table's own arrays.
    inputs = tree.map_structure(lambda x: k.ops.convert_to_tensor(x.copy()), case.inputs)
    for x, mask in zip(tree.flatten(inputs), tree.flatten(case.masks), strict=True):
        if mask is not None:
            set_mask(x, k.ops.convert_to_tensor(mask))
    arguments = {**case.call, "training": True} if case.training else case.call
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        outputs = tree.flatten(layer(inputs, **arguments))
    destroyed = [w for w in caught if "destroy the mask" in str(w.message)]
    return outputs, [get_mask(y) for y in outputs], len(destroyed)


@pytest.mark.parametrize("case", table("MASKS"), ids=str)
def test_layer(case):
    ours, theirs = pair(case)
    outputs, their_masks, warned = called(theirs, case, keras, backend.get_keras_mask, backend.set_keras_mask)
    actual, our_masks, we_warned = called(ours, case, fastnn, masks.get_keras_mask, masks.set_keras_mask)
    assert ours.supports_masking == theirs.supports_masking
    assert we_warned == warned
    for y, wanted in zip(actual, outputs, strict=True):
        close(y, wanted, case.rtol)
    for mask, wanted in zip(our_masks, their_masks, strict=True):
        assert (mask is None) == (wanted is None)
        if mask is not None:
            np.testing.assert_array_equal(mask, wanted)
    for v, wanted in zip(ours.weights, theirs.weights, strict=True):
        close(v.numpy(), wanted, case.rtol, v.path)


LOSSES = ["MeanSquaredError", "CategoricalCrossentropy", "CosineSimilarity"]
METRICS = ["MeanSquaredError", "CategoricalAccuracy", "CategoricalCrossentropy", "RootMeanSquaredError", "AUC"]
MASK = np.array([[1, 1, 0], [1, 0, 0]], bool)
Y = np.eye(4, dtype="float32")[[[0, 3, 1], [2, 2, 1]]]
P = rows(2, 3, 4, low=0.2) / 6


def masked(k, set_mask, x=P, mask=MASK):
    x = k.ops.convert_to_tensor(x.copy())
    set_mask(x, k.ops.convert_to_tensor(mask))
    return x


@pytest.mark.parametrize("weights", [None, rows(2, 3, low=0)], ids=["", "weights"])
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", None])
@pytest.mark.parametrize("name", LOSSES)
def test_loss(name, reduction, weights):
    wanted = getattr(keras.losses, name)(reduction=reduction)(Y, masked(keras, backend.set_keras_mask), weights)
    actual = getattr(fastnn.losses, name)(reduction=reduction)(Y, masked(fastnn, masks.set_keras_mask), weights)
    close(actual, wanted, 1e-6)


@pytest.mark.parametrize("weights", [None, rows(2, 3, low=0)], ids=["", "weights"])
@pytest.mark.parametrize("name", METRICS)
def test_metric(name, weights):
    wanted = getattr(keras.metrics, name)()(Y, masked(keras, backend.set_keras_mask), sample_weight=weights)
    actual = getattr(fastnn.metrics, name)()(Y, masked(fastnn, masks.set_keras_mask), sample_weight=weights)
    close(actual, wanted, 1e-5)


@pytest.mark.parametrize("weights", [None, rows(2, 3, low=0)], ids=["", "weights"])
@pytest.mark.parametrize("name", ["Mean", "Sum"])
def test_mean(name, weights):
    x = P[..., 0]
    wanted = getattr(keras.metrics, name)()(masked(keras, backend.set_keras_mask, x), sample_weight=weights)
    actual = getattr(fastnn.metrics, name)()(masked(fastnn, masks.set_keras_mask, x), sample_weight=weights)
    close(actual, wanted, 1e-6)


def test_training():
    """A model with masks learns the same and reports the same."""
    results = []
    ids, y = np.array([[1, 2, 0], [3, 0, 0], [4, 4, 4], [1, 0, 2]]), rows(4, 3, 2)
    weights = [rows(5, 4), rows(4, 2), rows(2)]
    for k in (keras, fastnn):
        x = k.Input((3,), dtype="int32")
        h = k.layers.BatchNormalization(scale=False, center=False)(k.layers.Embedding(5, 4, mask_zero=True)(x))
        model = k.Model(x, k.layers.Dense(2)(h))
        model.set_weights([weights[0], rows(4), rows(4, low=0.5), *weights[1:]])
        model.compile("sgd", "mse", metrics=["mae"], weighted_metrics=["mse"])
        of = {"sample_weight": rows(4, 1, low=0), "batch_size": 2, "verbose": 0}
        # Keras on JAX loses the mask of y_pred for the metrics of fit, not for those of evaluate nor for the loss.
        losses = model.fit(ids, y, epochs=3, shuffle=False, **of).history["loss"]
        results.append((losses, model.evaluate(ids, y, return_dict=True, **of), model.get_weights()))
    (wanted_losses, wanted_results, wanted), (our_losses, our_results, actual) = results
    np.testing.assert_allclose(our_losses, wanted_losses, rtol=1e-5)
    assert list(our_results) == list(wanted_results)
    for name, value in wanted_results.items():
        np.testing.assert_allclose(our_results[name], value, rtol=1e-5, err_msg=name)
    for a, b in zip(actual, wanted, strict=True):
        close(a, b, 1e-4)
