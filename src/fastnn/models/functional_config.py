"""The config of a functional model: its layers, and for each of them the calls that led to it.

The format is Keras's: a tensor is written as (operation's name, which of its calls, which output of that call). An
operation that is an op has module "fastnn.ops" and the op's name as class.
"""

from __future__ import annotations

from fastnn import ops, tree
from fastnn.graph.symbolic import KerasTensor
from fastnn.layers.core.input_layer import InputLayer
from fastnn.layers.operation import Operation
from fastnn.models.network import name_of
from fastnn.naming import to_snake_case
from fastnn.object_registration import custom_object_scope
from fastnn.ops.record import REGISTRY
from fastnn.serialization import deserialize_keras_object, serialize_keras_object


def get_config(model) -> dict:
    """The config of `model`, which has a network."""
    network = model._network
    sources = network.source_of()
    functional = {name for name, operation, _ in network.operations if _is_functional(operation)}

    def place(x):
        name, call, index = sources[id(x)]
        return [name, call + (name in functional), index]

    def reference(x):
        if isinstance(x, KerasTensor):
            config = {"shape": x.shape, "dtype": x.dtype, "keras_history": place(x)}
            return {"class_name": "__keras_tensor__", "config": config}
        if isinstance(x, dict):
            return {key: reference(value) for key, value in x.items()}
        if isinstance(x, tuple) and not any(isinstance(leaf, KerasTensor) for leaf in tree.flatten(x)):
            # JSON makes lists of tuples, and an index or a shape as a list means something else.
            return {"class_name": "__tuple__", "config": {"value": [reference(item) for item in x]}}
        return [reference(item) for item in x] if isinstance(x, (list, tuple)) else serialize_keras_object(x)

    layers = []
    for name, operation, steps in network.operations:
        if isinstance(operation, Operation):
            config = serialize_keras_object(operation)
        else:
            config = {"module": "fastnn.ops", "class_name": name_of(operation), "config": {}, "registered_name": None}
        nodes = [
            {"args": [reference(arg) for arg in step.call.args], "kwargs": reference(step.call.kwargs)}
            for step in sorted(steps, key=lambda step: step.index)
        ]  # fmt: skip
        layers.append({**config, "name": name, "inbound_nodes": nodes})

    return {
        "name": model.name,
        "trainable": model.trainable,
        "layers": layers,
        "input_layers": tree.map_structure(place, network.inputs_structure),
        "output_layers": tree.map_structure(place, network.outputs_structure),
    }


def from_config(cls, config: dict, custom_objects=None):
    """The model of a config that `get_config`, or Keras, gave.

    Raises:
        ValueError: for a config whose calls depend on each other in a circle.
    """
    with custom_object_scope(custom_objects):
        operations = {layer["name"]: _operation(layer) for layer in config["layers"]}
    outputs: dict[tuple[str, int], list] = {
        (name, 0): [operation.output] for name, operation in operations.items() if isinstance(operation, InputLayer)
    }
    waiting = []
    for layer in config["layers"]:
        first = int(_is_functional(operations[layer["name"]]))
        outputs[layer["name"], first - 1] = outputs.get((layer["name"], first - 1), [])
        waiting += [(layer["name"], k, node) for k, node in enumerate(_nodes(layer), start=first)]
    while waiting:
        left = []
        for name, k, node in waiting:
            # A call is numbered by its place among the calls of its layer, so they are made in that order.
            if (name, k - 1) not in outputs or not all(place[:2] in outputs for place in _places(node)):
                left.append((name, k, node))
                continue
            args, kwargs = _resolved(node["args"], outputs), _resolved(node["kwargs"], outputs)
            kwargs = {key: value for key, value in kwargs.items() if not (key == "mask" and _is_empty(value))}
            if not any(isinstance(x, KerasTensor) for x in tree.flatten((args, kwargs))):
                raise ValueError(f"The call of {name!r} has no tensor among its arguments: {node}. It is not made.")
            results = tree.flatten(operations[name](*args, **kwargs))
            outputs[name, k] = [y for y in results if isinstance(y, KerasTensor)]
        if len(left) == len(waiting):
            raise ValueError(f"The calls of {sorted({name for name, _, _ in left})} depend on each other in a circle.")
        waiting = left

    def tensor(place):
        return outputs[place[0], place[1]][place[2]]

    model = cls(
        inputs=_map_places(tensor, config["input_layers"]), outputs=_map_places(tensor, config["output_layers"]),
        name=config.get("name"),
    )  # fmt: skip
    if config.get("trainable") is False:
        model.trainable = False
    return model


def _is_functional(operation) -> bool:
    """Whether `operation` is a functional model: Keras counts its calls from 1, because making it was call 0."""
    return type(operation).__name__ == "Functional"


def _operation(config: dict):
    module = config.get("module") or ""
    if module == "fastnn.ops" or module.startswith("keras.src.ops."):
        name = config["class_name"] if module == "fastnn.ops" else to_snake_case(config["class_name"])
        operation = REGISTRY.get(name) or (getattr(ops, name) if name in ops.__all__ else None)
        if operation is None:
            raise ValueError(
                f"This model uses the op {config['class_name']!r} of {module!r}, which fastnn does not have."
            )
        return operation
    layer = deserialize_keras_object({key: value for key, value in config.items() if key != "inbound_nodes"})
    if layer.name != config["name"]:
        layer.name = config["name"]
    return layer


def _nodes(layer: dict) -> list[dict]:
    nodes = layer.get("inbound_nodes", [])
    if any(not isinstance(node, dict) for node in nodes):
        raise ValueError(f"Layer {layer['name']!r}: this config was written by Keras 2; only Keras 3's can be read.")
    return nodes


def _is_tensor(x) -> bool:
    return isinstance(x, dict) and x.get("class_name") == "__keras_tensor__"


def _places(node) -> list[tuple[str, int, int]]:
    """The tensors that the arguments of `node` mention."""
    if _is_tensor(node):
        return [tuple(node["config"]["keras_history"])]
    items = node.values() if isinstance(node, dict) else node if isinstance(node, (list, tuple)) else ()
    return [place for item in items for place in _places(item)]


def _resolved(x, outputs):
    """Arguments with the KerasTensors in place of what stands for them."""
    if _is_tensor(x):
        name, call, index = x["config"]["keras_history"]
        return outputs[name, call][index]
    if isinstance(x, dict):
        return deserialize_keras_object(x) if "class_name" in x else {k: _resolved(v, outputs) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return type(x)(_resolved(item, outputs) for item in x)
    return x


def _is_empty(x) -> bool:
    return all(leaf is None for leaf in tree.flatten(x))


def _map_places(function, structure):
    """`function` of every [name, call, output] in `structure`."""
    if isinstance(structure, dict):
        return {key: _map_places(function, value) for key, value in structure.items()}
    if len(structure) == 3 and isinstance(structure[0], str):
        return function(structure)
    return [_map_places(function, item) for item in structure]
