"""One call that compares a layer with the released Keras on its NumPy backend."""

import inspect

import keras
import numpy as np

import fastnn
from fastnn import tree


def check_against_keras(name, arguments, inputs, rtol=1e-5, atol=1e-5, **call_arguments):
    """The same signature, config, weights and output shape, and for the same weights the same outputs."""
    ours, theirs = getattr(fastnn.layers, name)(**arguments), getattr(keras.layers, name)(**arguments)
    check_signature(name)
    expected = theirs(inputs, **call_arguments)
    result = ours(inputs, **call_arguments)
    check_config(ours, theirs)
    assert [(v.name, v.shape, v.trainable) for v in ours.weights] == [
        (v.name, tuple(v.shape), v.trainable) for v in theirs.weights
    ]
    if ours.weights:
        rng = np.random.default_rng(0)
        # Positive, so that a moving variance is one.
        weights = [np.abs(rng.normal(0.5, 0.4, v.shape)).astype("float32") for v in ours.weights]
        ours.set_weights(weights)
        theirs.set_weights(weights)
        expected, result = theirs(inputs, **call_arguments), ours(inputs, **call_arguments)
    for y, wanted in zip(tree.flatten(result), tree.flatten(expected), strict=True):
        wanted = np.asarray(wanted)
        assert y.shape == wanted.shape and y.dtype == wanted.dtype, (y.shape, y.dtype, wanted.shape, wanted.dtype)
        np.testing.assert_allclose(y, wanted, rtol=rtol, atol=atol)
    shape = tree.map_structure(lambda x: (None, *x.shape[1:]), inputs)
    if isinstance(inputs, np.ndarray):
        shape = (None, *inputs.shape[1:])
    fresh = getattr(fastnn.layers, name)(**arguments)
    assert tuple(fresh.compute_output_shape(shape)) == tuple(theirs.compute_output_shape(shape))
    assert not fresh.weights or fresh.built, "compute_output_shape made weights"


def check_signature(name):
    def arguments(cls):
        return {p.name: p.default for p in inspect.signature(cls.__init__).parameters.values()}

    assert arguments(getattr(fastnn.layers, name)) == arguments(getattr(keras.layers, name))


def check_config(ours, theirs):
    """Equal but for names that count up."""
    config, wanted = (plain(layer.get_config()) for layer in (ours, theirs))
    for each in (config, wanted):
        each["name"] = each["name"].rstrip("0123456789").rstrip("_")
    assert config == wanted


def plain(config):
    """Lists as tuples, and floats as float32 keeps them: Keras stores some regularizers' factors so."""
    if isinstance(config, dict):
        return {key: plain(value) for key, value in config.items()}
    if isinstance(config, (list, tuple)):
        return tuple(plain(item) for item in config)
    return float(np.float32(config)) if isinstance(config, float) else config
