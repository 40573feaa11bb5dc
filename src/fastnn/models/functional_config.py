"""The config of a functional model: its layers, and for each of them the calls that led to it.

The format is Keras's: a tensor is written as (operation's name, which of its calls, which output of that call). How an
op is written is in `ops.forms`; those that Keras has no form of have the module "fastnn.ops" and their name as class.
"""

from __future__ import annotations

import functools

from fastnn import _api, activations, ops, tree
from fastnn.graph.masks import masks_of
from fastnn.graph.symbolic import KerasTensor, name_of, symbolic_call
from fastnn.layers import masking
from fastnn.layers.core.input_layer import InputLayer
from fastnn.layers.layer import Layer
from fastnn.layers.operation import Operation
from fastnn.naming import to_snake_case
from fastnn.object_registration import custom_object_scope
from fastnn.ops.forms import module_of
from fastnn.ops.record import all_ops
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
            config = {"shape": x.shape, "dtype": x.dtype, "keras_history": list(sources[id(x)])}
            return {"class_name": "__keras_tensor__", "config": config}
        if isinstance(x, dict):
            return {key: reference(value) for key, value in x.items()}
        return type(x)(reference(item) for item in x) if isinstance(x, (list, tuple)) else serialize_keras_object(x)

    layers = []
    for name, operation, steps in network.operations:
        if isinstance(operation, Operation):
            config = serialize_keras_object(operation)
            calls = [_filled(operation, step.call) for step in sorted(steps, key=lambda step: step.index)]
        else:
            config, *call = _written(operation, steps[0].call, name)
            calls = [call]
        nodes = [{"args": [reference(arg) for arg in args], "kwargs": reference(kwargs)} for args, kwargs in calls]
        layers.append({**config, "name": name, "inbound_nodes": nodes})

    return {
        "name": model.name,
        "trainable": model.trainable,
        "layers": layers,
        "input_layers": tree.map_structure(place, network.inputs_structure),
        "output_layers": tree.map_structure(place, network.outputs_structure),
    }


def _filled(operation, call) -> tuple[tuple, dict]:
    """The arguments of a call, with what Keras writes beside them: the masks that it looked for, and `training` where
    it has a default."""
    if not isinstance(operation, Layer):
        return call.args, call.kwargs
    found = masks_of(call.args[0]) if call.args else None  # what `symbolic_call` has added
    given = {name: value for name, value in call.kwargs.items() if name != "mask" or value is not found}
    if not operation._records_more(call.args, given):
        return call.args, call.kwargs
    signature = operation._call_signature()
    filled = masking.fill(signature, signature.bind(call.args, call.kwargs), call.kwargs)
    if signature.has("training") and signature.default("training") is not None:
        filled["training"] = signature.default("training")
    return call.args, filled | call.kwargs


def _as_called(operation, kwargs: dict) -> dict:
    """`kwargs` without what `_filled` adds: a mask that is none, and a `training` that nobody asked for."""
    if not isinstance(operation, Layer):
        return kwargs
    signature = operation._call_signature()
    default = signature.default("training") if signature.has("training") else None
    return {
        name: value
        for name, value in kwargs.items()
        if not (name.endswith("mask") and _is_empty(value)) and not (name == "training" and value == default)
    }


def _written(operation, call, name: str) -> tuple[dict, list, dict]:
    """The config of an op, and the positional and named arguments of its call."""
    form = getattr(operation, "form", None)
    if form is None:
        config = {"module": "fastnn.ops", "class_name": name_of(operation), "config": {"name": name}}
        return {**config, "registered_name": None}, call.args, call.kwargs
    arguments, args, kwargs = form.split(operation, call.args, call.kwargs)
    config = {"module": form.module, "class_name": form.class_name, "config": {"name": name}}
    config["config"] |= serialize_keras_object(arguments)
    return {**config, "registered_name": form.class_name}, args, kwargs


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
        outputs[layer["name"], -1] = []
        waiting += [(layer["name"], k, node) for k, node in enumerate(_nodes(layer))]
    while waiting:
        left = []
        for name, k, node in waiting:
            # A call is numbered by its place among the calls of its layer, so they are made in that order.
            if (name, k - 1) not in outputs or not all(place[:2] in outputs for place in _places(node)):
                left.append((name, k, node))
                continue
            args, kwargs = _resolved(node["args"], outputs), _resolved(node["kwargs"], outputs)
            kwargs = _as_called(operations[name], kwargs)
            if not any(isinstance(x, KerasTensor) for x in tree.flatten((args, kwargs))):
                raise ValueError(f"The call of {name!r} has no tensor among its arguments: {node}. It is not made.")
            results = tree.flatten(operations[name](*args, **kwargs))
            outputs[name, k] = [y for y in results if isinstance(y, KerasTensor)]
        if len(left) == len(waiting):
            raise ValueError(f"The calls of {sorted({name for name, _, _ in left})} depend on each other in a circle.")
        waiting = left

    def tensor(place):
        name, call, index = place
        return outputs[name, call - _is_functional(operations[name])][index]

    model = cls(
        inputs=_map_places(tensor, config["input_layers"]), outputs=_map_places(tensor, config["output_layers"]),
        name=config.get("name"),
    )  # fmt: skip
    if config.get("trainable") is False:
        model.trainable = False
    return model


def _is_functional(operation) -> bool:
    """Whether `operation` is a functional model. In the lists of inputs and outputs, and only there, Keras counts its
    calls from 1."""
    return type(operation).__name__ == "Functional"


def _operation(config: dict):
    module = config.get("module") or ""
    if not module and not _api.find("fastnn.layers", config["class_name"]):
        # Keras 3 leaves modules out in `.h5` files: what is no layer there may be an op.
        module = module_of(config["class_name"])
    if module == "fastnn.ops" or module.startswith(("keras.src.ops.", "keras.src.activations.")):
        return _op(module, config)
    layer = deserialize_keras_object({key: value for key, value in config.items() if key != "inbound_nodes"})
    if layer.name != config["name"]:
        layer.name = config["name"]
    return layer


def _op(module: str, config: dict):
    """A function that records a call of the op."""
    function = _function(module, config["class_name"])
    settings = {key: deserialize_keras_object(value) for key, value in config["config"].items() if key != "name"}

    def record(*args, **kwargs):
        if form := getattr(function, "form", None):
            args, kwargs = form.join(function, settings, args, kwargs)
        return symbolic_call(function, args, kwargs, name=config["name"])

    return record


def _function(module: str, name: str):
    if module == "fastnn.ops":
        found = all_ops().get(name) or (getattr(ops, name) if _api.find("fastnn.ops", name) else None)
    else:
        plain = to_snake_case(name)
        found = _written_as().get((module, name)) or (getattr(ops, plain) if _api.find("fastnn.ops", plain) else None)
    if found is None:
        raise ValueError(f"This model uses the op {name!r} of {module!r}, which fastnn does not have.")
    return found


@functools.cache
def _written_as() -> dict[tuple[str, str], object]:
    """The functions that Keras's files write as calls of a class, by its module and name."""
    functions = (
        *(getattr(ops, name) for name in _api.table("fastnn.ops")),
        *vars(ops.image).values(),
        activations.relu,
    )
    forms = [f for f in functions if hasattr(f, "form")]
    return {(f.form.module, f.form.class_name): f for f in reversed(forms)}


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
