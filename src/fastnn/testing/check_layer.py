"""check_layer: one call that holds a layer to its contract, clause by clause."""

import numpy as np

from fastnn import ops, tree
from fastnn.autodiff import GradientTape
from fastnn.graph.symbolic import KerasTensor
from fastnn.layers.layer import Layer
from fastnn.serialization import deserialize_keras_object, serialize_keras_object

_STEP = 1e-6  # of the central differences: their error is of the order of step**2 + eps / step, about 1e-9 here


def check_layer(
    cls, arguments, inputs, *, call_arguments=None, gradient=True, config=True, custom_objects=None, seed=0
):
    """Checks what every layer promises: its config makes it again, symbolic shapes are the real ones, weights come and
    go as lists, gradients are right, a training step lowers its loss, and batches of one and of none work.

    Args:
        cls: the layer's class.
        arguments: dict of its arguments.
        inputs: an array, or a list of arrays, with the batch as first axis.
        call_arguments: dict of further arguments of the call; arrays among them have the batch first too.
        gradient: whether the outputs are differentiable (float outputs of float inputs or weights).
        config: whether the layer is made again from its config.
        custom_objects: what its config mentions beyond fastnn's own names.
        seed: of the directions of the gradient check.

    Raises:
        AssertionError: naming the clause.

    Example:
        >>> fastnn.testing.check_layer(fastnn.layers.Dense, {"units": 3}, np.ones((2, 4), "float32"))
    """
    call_arguments = call_arguments or {}
    layer = cls(**arguments)
    outputs = layer(inputs, **call_arguments)
    _clause("symbolic shape", _symbolic_shape, layer, inputs, outputs, call_arguments)
    if config:
        _clause("config", _config, layer, inputs, outputs, call_arguments, custom_objects)
    _clause("batch of one", _batch, layer, inputs, call_arguments, 1)
    _clause("empty batch", _batch, layer, inputs, call_arguments, 0)
    if gradient:
        _clause(
            "gradient", _gradient, cls, arguments, inputs, call_arguments, custom_objects, np.random.default_rng(seed)
        )


def _clause(name: str, check, *args) -> None:
    try:
        check(*args)
    except Exception as error:
        raise AssertionError(f"check_layer, clause '{name}': {error}") from error


def _symbolic_shape(layer, inputs, outputs, call_arguments):
    unknown, call_arguments = _map_arrays(
        lambda x: KerasTensor((None, *x.shape[1:]), x.dtype.name), (inputs, call_arguments)
    )
    symbolic = tree.flatten(layer(unknown, **call_arguments))
    for y, s in zip(tree.flatten(outputs), symbolic, strict=True):
        assert s.shape[1:] == y.shape[1:] and s.shape[0] in (None, y.shape[0]), f"{s.shape} announced, {y.shape} made"
        assert s.dtype == y.dtype.name, f"{s.dtype} announced, {y.dtype} made"


def _config(layer, inputs, outputs, call_arguments, custom_objects):
    config = serialize_keras_object(layer)
    again = deserialize_keras_object(config, custom_objects=custom_objects)
    assert serialize_keras_object(again)["config"] == config["config"], "the config changes on a round trip"
    again(inputs, **call_arguments)
    names = [(v.name, v.shape, v.trainable) for v in layer.weights]
    assert [(v.name, v.shape, v.trainable) for v in again.weights] == names, "other weights after a round trip"
    again.set_weights(layer.get_weights())
    for a, b in zip(tree.flatten(outputs), tree.flatten(again(inputs, **call_arguments)), strict=True):
        np.testing.assert_array_equal(a, b)


def _batch(layer, inputs, call_arguments, size: int):
    inputs, call_arguments = _map_arrays(lambda x: x[:size], (inputs, call_arguments))
    outputs = layer(inputs, **call_arguments)
    for y in tree.flatten(outputs):
        assert y.shape[0] == size, f"{size} rows in, {y.shape} out"


def _map_arrays(function, structure):
    return tree.map_structure(lambda x: function(x) if isinstance(x, np.ndarray) else x, structure)


def _gradient(cls, arguments, inputs, call_arguments, custom_objects, rng):
    """The directional derivative of a weighted sum of the outputs, by inputs and weights, in float64; and that a step
    against the gradient lowers that sum."""
    layer = _in_float64(cls, arguments, custom_objects)
    inputs, call_arguments = _map_arrays(
        lambda x: x.astype("float64") if x.dtype.kind == "f" else x, (inputs, call_arguments)
    )
    weights = [np.asarray(rng.normal(size=y.shape)) for y in tree.flatten(layer(inputs, **call_arguments))]
    variables = layer.trainable_variables
    floats = [k for k, x in enumerate(tree.flatten(inputs)) if x.dtype.kind == "f"]
    values = [np.array(v) for v in variables] + [tree.flatten(inputs)[k] for k in floats]

    def total(values):
        for variable, value in zip(variables, values, strict=False):
            variable.assign(value)
        leaves = list(tree.flatten(inputs))
        for k, value in zip(floats, values[len(variables) :], strict=True):
            leaves[k] = value
        outputs = layer(tree.pack_sequence_as(inputs, leaves), **call_arguments)
        return sum(ops.sum(ops.multiply(y, w)) for y, w in zip(tree.flatten(outputs), weights, strict=True))

    with GradientTape() as tape:
        sources = values[len(variables) :]
        for x in sources:
            tape.watch(x)
        target = total([*values[: len(variables)], *sources])
    gradients = [np.asarray(g) for g in tape.gradient(target, [*variables, *sources], unconnected_gradients="zero")]
    directions = [rng.normal(size=np.shape(value)) for value in values]
    slope = sum(float(np.sum(g * d)) for g, d in zip(gradients, directions, strict=True))
    ends = [float(total([v + s * _STEP * d for v, d in zip(values, directions, strict=True)])) for s in (1, -1)]
    difference = (ends[0] - ends[1]) / (2 * _STEP)
    assert abs(slope - difference) <= 1e-6 * max(1, abs(difference)), (
        f"{slope} by the rules, {difference} by differences"
    )
    norm = sum(float(np.sum(g * g)) for g in gradients)
    stepped = float(total([v - 1e-4 / max(norm, 1e-12) ** 0.5 * g for v, g in zip(values, gradients, strict=True)]))
    assert norm == 0 or stepped < float(np.asarray(target)), f"a step against the gradient gave {stepped} from {target}"


def _in_float64(cls, arguments, custom_objects):
    """The layer, and the layers that its arguments hold, in float64."""
    if not any(isinstance(leaf, Layer) for leaf in tree.flatten(arguments)):
        return cls(**{**arguments, "dtype": "float64"})

    def widened(config):
        if isinstance(config, dict):
            is_policy = config.get("class_name") == "DTypePolicy"
            return "float64" if is_policy else {key: widened(c) for key, c in config.items()}
        return [widened(c) for c in config] if isinstance(config, list) else config

    return deserialize_keras_object(widened(serialize_keras_object(cls(**arguments))), custom_objects=custom_objects)
