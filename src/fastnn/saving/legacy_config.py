"""Configs of models in `.h5` files: those that Keras 3 writes there, and those of Keras 2.

Keras 3 leaves out the modules of the model and of its layers. Keras 2 differs in more: the calls of a functional model
are lists `[layer, call, output, arguments]` for each tensor, and some arguments have other names or are gone.
"""

from __future__ import annotations

from fastnn.object_registration import get_registered_object

# Arguments that Keras 2 writes and Keras 3 does not have: with the only value that either has kernels for.
_GONE = {
    "DepthwiseConv2D": ("groups",),
    "MultiHeadAttention": ("query_shape", "key_shape", "value_shape"),
    **dict.fromkeys(("SimpleRNN", "GRU", "LSTM", "RNN"), ("implementation", "time_major")),
}


def without_modules(config: dict) -> dict:
    """The config of a model or layer, as Keras 3 writes it into `.h5` files."""
    if config["module"] and "ops" in config["module"].split("."):
        return config  # an op, which nothing else tells from the layer of its name
    inner = config["config"]
    if isinstance(inner.get("layers"), list):
        inner = {**inner, "layers": [without_modules(layer) for layer in inner["layers"]]}
    kept = {key: config[key] for key in ("name", "inbound_nodes") if key in config}
    return {"class_name": config["registered_name"] or config["class_name"], "config": inner, **kept}


def modern(config):
    """A config of Keras 2, of a model or a layer, in the form of Keras 3; one of Keras 3 stays what it is."""
    if not isinstance(config, dict) or "class_name" not in config:
        return config
    kind, inner = config["class_name"], config.get("config")
    if isinstance(inner, list):  # of a Sequential, before Keras 2.2.3
        inner = {"layers": inner}
    if not isinstance(inner, dict):
        return config
    inner = {key: value for key, value in inner.items() if key not in _GONE.get(kind, ())}
    if kind == "InputLayer" and "batch_input_shape" in inner:
        inner["batch_shape"] = inner.pop("batch_input_shape")
    if isinstance(inner.get("axis"), list) and len(inner["axis"]) == 1:
        (inner["axis"],) = inner["axis"]
    policy = inner.get("dtype")
    if isinstance(policy, dict) and policy.get("class_name") == "Policy":
        inner["dtype"] = policy["config"]["name"]
    for key in ("layer", "backward_layer", "cell"):
        if key in inner:
            inner[key] = modern(inner[key])
    if isinstance(inner.get("layers"), list):
        inner |= _modern_network(inner)
    if kind == "Functional":  # no public name
        config = {**config, "module": "keras.src.models.functional"}
    return {**config, "config": inner}


def modern_optimizer(config):
    """The config of an optimizer in a file of Keras 2, where those of Keras itself are called as if they were custom
    ones."""
    if not isinstance(config, dict) or get_registered_object(config.get("class_name")) is not None:
        return config
    gone = ("jit_compile", "is_legacy_optimizer")
    inner = {key: value for key, value in config["config"].items() if key not in gone}
    return {**config, "class_name": config["class_name"].removeprefix("Custom>"), "config": inner}


def _modern_network(inner: dict) -> dict:
    """The entries of a model's config that name its layers and their calls."""
    layers = [modern(layer) for layer in inner["layers"]]
    if not any(isinstance(call, list) for layer in layers for call in layer.get("inbound_nodes", ())):
        return {"layers": layers}
    # Keras 2 counts the calls of models from 1 (making one was call 0), Keras 3 only those of functional ones, and
    # only in the lists of inputs and outputs.
    kinds = {layer["name"]: layer["class_name"] for layer in layers}

    def tensor(place: list) -> dict:
        name, call, output = place[:3]
        first = kinds[name] in ("Sequential", "Functional", "Model")
        return {"class_name": "__keras_tensor__", "config": {"keras_history": [name, call - first, output]}}

    def argument(value):
        is_place = isinstance(value, list) and len(value) in (3, 4) and value[0] in kinds and isinstance(value[1], int)
        return tensor(value) if is_place else value

    def node(places: list) -> dict:
        tensors = [tensor(place) for place in places]
        kwargs = {key: argument(value) for place in places if len(place) > 3 for key, value in place[3].items()}
        return {"args": tensors if len(tensors) == 1 else [tensors], "kwargs": kwargs}

    def end(place: list) -> list:
        if isinstance(place[0], list):
            return [end(part) for part in place]
        return [place[0], place[1] - (kinds[place[0]] == "Sequential"), *place[2:]]

    calls = [[node(call) if isinstance(call, list) else call for call in layer["inbound_nodes"]] for layer in layers]
    layers = [{**layer, "inbound_nodes": nodes} for layer, nodes in zip(layers, calls, strict=True)]
    return {"layers": layers, **{key: end(inner[key]) for key in ("input_layers", "output_layers")}}
