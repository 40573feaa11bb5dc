"""clone_model: the same layers again, with new weights."""

import functools

from fastnn import tree
from fastnn.graph.symbolic import KerasTensor
from fastnn.layers.core.input_layer import InputLayer
from fastnn.layers.layer import Layer
from fastnn.models.model import Model
from fastnn.models.sequential import Sequential


def clone_model(model, input_tensors=None, clone_function=None, call_function=None, recursive=False, **kwargs):
    """A model of new layers with the configs of `model`'s, and new weights.

    Args:
        model: functional, `Sequential`, or a subclass with `get_config`.
        input_tensors: KerasTensors to build the clone on, in the structure of the model's inputs.
        clone_function: makes the clone of a layer (not of an input); by default
            `layer.from_config(layer.get_config())`.
        call_function: calls each layer of a functional model (and each op): `call_function(layer, *args, **kwargs)`
            with KerasTensors; by default `layer(*args, **kwargs)`.
        recursive: whether models inside are cloned layer by layer too.

    Raises:
        ValueError: when such arguments are given for a model that has no such layers, or `input_tensors` of another
            structure.

    Example:
        >>> model = fastnn.Sequential([fastnn.Input((4,)), fastnn.layers.Dense(3)])
        >>> fastnn.models.clone_model(model).count_params()
        15
    """
    kwargs.pop("cache", None)
    if kwargs:
        raise ValueError(f"Unexpected keyword argument(s): {tuple(kwargs)}")
    if input_tensors is not None:
        _check_input_tensors(input_tensors, model)

    def clone(layer):
        if recursive and isinstance(layer, Model):
            inner_call = None if isinstance(layer, Sequential) else call_function
            return clone_model(layer, clone_function=clone_function, call_function=inner_call, recursive=True)
        if clone_function is not None and not isinstance(layer, InputLayer):
            return clone_function(layer)
        return type(layer).from_config(layer.get_config())

    if isinstance(model, Sequential):
        if call_function is not None:
            raise ValueError(
                "`call_function` argument is not supported with Sequential models: their layers are called one after "
                f"the other. Received: call_function={call_function}"
            )
        layers = [
            layer if isinstance(layer, InputLayer) and input_tensors is not None else clone(layer)
            for layer in model._chain
        ]
        if input_tensors is not None:
            layers = [input_tensors, *(layer for layer in layers if not isinstance(layer, InputLayer))]
        return Sequential(layers, name=model.name, trainable=model.trainable)
    if getattr(model, "_network", None) is not None:
        return _copy_network(model, clone, input_tensors, call_function)
    if input_tensors is not None or clone_function is not None or call_function is not None:
        raise ValueError(
            "Arguments `clone_function` and `input_tensors` are only supported for Sequential and functional models. "
            f"Received model of type {type(model).__name__}"
        )
    return type(model).from_config(model.get_config())


def _check_input_tensors(input_tensors, model) -> None:
    for x in tree.flatten(input_tensors):
        if not isinstance(x, KerasTensor):
            raise ValueError(
                "All entries in `input_tensors` must be KerasTensors. Received invalid values: "
                f"inputs_tensors={input_tensors}"
            )
    if getattr(model, "_network", None) is None:
        return
    try:
        tree.assert_same_structure(input_tensors, model.input)
    except ValueError:
        raise ValueError(
            f"`input_tensors` must have the same structure as model.input\nReference structure: {model.input}\n"
            f"Received structure: {input_tensors}"
        ) from None


def _copy_network(model, clone, input_tensors=None, call_function=None):
    """A functional model of the layers that `clone` makes of those of `model`, called as they were.

    Args:
        model: a model with a network.
        clone: from a layer to its clone.
        input_tensors: KerasTensors in the structure of the inputs, or None for new inputs.
        call_function: `call_function(layer, *args, **kwargs)` calls a layer; None for `layer(*args, **kwargs)`.
    """
    network = model._network
    if input_tensors is None:
        starts = [clone(layer).output for layer in network.input_layers]
    else:
        starts = tree.flatten(input_tensors)
    clones = {
        id(operation): clone(operation)
        for _, operation, _ in network.operations
        if isinstance(operation, Layer) and not isinstance(operation, InputLayer)
    }
    values = {id(x): start for x, start in zip(network.inputs, starts, strict=True)}
    for step in network.steps:
        operation = clones.get(id(step.operation), step.operation)
        step.run(values, operation if call_function is None else functools.partial(call_function, operation))
    outputs = tree.map_structure(lambda y: values[id(y)], network.outputs_structure)
    # A subclass whose arguments are its own is copied as what it is made of.
    cls = type(model) if type(model).__init__ is Model.__init__ else Model
    return cls(inputs=tree.pack_sequence_as(network.inputs_structure, starts), outputs=outputs, name=model.name)
