"""clone_model: the same layers again, with new weights."""

from fastnn.layers.core.input_layer import InputLayer
from fastnn.models import functional_config
from fastnn.models.model import Model
from fastnn.models.sequential import Sequential


def clone_model(model, input_tensors=None, clone_function=None, call_function=None, recursive=False, **kwargs):
    """A model of new layers with the configs of `model`'s, and new weights.

    Args:
        model: functional, `Sequential`, or a subclass with `get_config`.
        input_tensors: KerasTensors to build the clone on, in the structure of the model's inputs.
        clone_function: makes the clone of a layer (not of an input); by default
            `layer.from_config(layer.get_config())`.
        call_function: not supported by fastnn yet.
        recursive: whether models inside are cloned layer by layer too.

    Raises:
        ValueError: when such arguments are given for a subclassed model.

    Example:
        >>> model = fastnn.Sequential([fastnn.Input((4,)), fastnn.layers.Dense(3)])
        >>> fastnn.models.clone_model(model).count_params()
        15
    """
    if kwargs or call_function is not None:
        raise ValueError(f"clone_model: `call_function` is not supported by fastnn yet; unknown arguments: {kwargs}")

    def clone(layer):
        if recursive and isinstance(layer, Model):
            return clone_model(layer, clone_function=clone_function, recursive=True)
        if clone_function is not None and not isinstance(layer, InputLayer):
            return clone_function(layer)
        return type(layer).from_config(layer.get_config())

    if isinstance(model, Sequential):
        layers = [
            layer if isinstance(layer, InputLayer) and input_tensors is not None else clone(layer)
            for layer in model._chain
        ]
        if input_tensors is not None:
            layers = [input_tensors, *(layer for layer in layers if not isinstance(layer, InputLayer))]
        return Sequential(layers, name=model.name, trainable=model.trainable)
    if model._network is not None:
        return functional_config.copy_network(model, clone, input_tensors)
    if input_tensors is not None or clone_function is not None:
        raise ValueError(
            "Arguments `clone_function` and `input_tensors` are only supported for Sequential and functional models. "
            f"Received model of type {type(model).__name__}"
        )
    return type(model).from_config(model.get_config())
