"""One call that compares a layer with the released Keras, whatever its backend."""

import inspect

import keras
import numpy as np

import fastnn
from fastnn import tree
from tests.tables import LayerCase, close


def pair(case: LayerCase):
    """Our layer and Keras's, built on the inputs of `case`, with the same weights."""
    ours, theirs = (getattr(k.layers, case.name)(**case.arguments_for(k)) for k in (fastnn, keras))
    theirs(case.inputs, **case.call)
    ours(case.inputs, **case.call)
    described = [
        [(v.name, tuple(v.shape), v.trainable, v.path.split("/")[1:]) for v in x.weights] for x in (ours, theirs)
    ]
    assert described[0] == described[1]
    if ours.weights:
        rng = np.random.default_rng(0)
        # Positive, so that a moving variance is one; a seed or a count stays as it is.
        weights = [
            np.abs(rng.normal(0.5, 0.4, v.shape)).astype(v.dtype) if np.dtype(v.dtype).kind == "f" else np.asarray(v)
            for v in ours.weights
        ]
        ours.set_weights(weights)
        theirs.set_weights(weights)
    return ours, theirs


def check_against_keras(case: LayerCase):
    """The same signature, config, weights and output shape, and for the same weights the same outputs."""
    check_signature(case.name)
    ours, theirs = pair(case)
    if case.config:
        check_config(ours, theirs)
    expected, result = tree.flatten(theirs(case.inputs, **case.call)), tree.flatten(ours(case.inputs, **case.call))
    for k, (y, wanted) in enumerate(zip(result, expected, strict=True)):
        close(y, keras.ops.convert_to_numpy(wanted), case.rtol, f"output {k}")
    fresh = getattr(fastnn.layers, case.name)(**case.arguments_for(fastnn))
    shape = tree.map_structure(lambda x: (None, *x.shape[1:]), case.inputs)
    if not case.call:
        try:
            wanted = theirs.compute_output_shape(shape)
        except NotImplementedError:
            return
        assert _tuples(fresh.compute_output_shape(shape)) == _tuples(wanted)
        assert not fresh.weights or fresh.built, "compute_output_shape made weights"


def check_signature(name):
    def arguments(cls):
        return {p.name: p.default for p in inspect.signature(cls.__init__).parameters.values()}

    assert arguments(getattr(fastnn.layers, name)) == arguments(getattr(keras.layers, name))


def check_config(ours, theirs):
    """Equal but for names that count up, and each library makes its layer from the other's."""
    config, wanted = (plain(layer.get_config()) for layer in (ours, theirs))
    for each in (config, wanted):
        each["name"] = each["name"].rstrip("0123456789").rstrip("_")
    assert config == wanted
    for layer, cls in ((ours, type(theirs)), (theirs, type(ours))):
        again = cls.from_config(layer.get_config())
        # A wrapper may make its inner layers anew, and then they are not built.
        assert plain(again.get_config(), "build_config") == plain(layer.get_config(), "build_config")


def plain(config, *dropped):
    """Lists as tuples, and floats as float32 keeps them: Keras stores some regularizers' factors so. The name of a
    nested layer, which counts up, without its number. Without the entries `dropped`."""
    if isinstance(config, dict):
        return {
            key: value.rstrip("0123456789").rstrip("_")
            if key == "name" and isinstance(value, str)
            else plain(value, *dropped)
            for key, value in config.items()
            if key not in ("shared_object_id", *dropped)
        }
    if isinstance(config, (list, tuple)):
        return tuple(plain(item, *dropped) for item in config)
    return float(np.float32(config)) if isinstance(config, float) else config


def _tuples(shape):
    if isinstance(shape, dict):
        return {key: _tuples(value) for key, value in shape.items()}
    return tuple(_tuples(x) for x in shape) if isinstance(shape, (list, tuple)) else shape
