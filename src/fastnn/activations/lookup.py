"""`get`, `serialize` and `deserialize` of activations."""

from fastnn import _api, lookup
from fastnn.activations import activations
from fastnn.object_registration import custom_object_scope
from fastnn.serialization import find_function, serialize_keras_object

NAMES = {
    name: getattr(activations, attribute)
    for name, (module, attribute) in _api.table("fastnn.activations").items()
    if module == activations.__name__
}


def get(identifier):
    """The activation that `identifier` stands for: None is `linear`.

    Args:
        identifier: None, a name, a config, a function or a layer.

    Raises:
        ValueError: for an unknown one.

    Example:
        >>> fastnn.activations.get("relu").__name__
        'relu'
    """
    if identifier is None:
        return activations.linear
    if isinstance(identifier, dict) and identifier.get("class_name") == "function":
        return find_function(identifier["config"])
    return lookup.get_object(identifier, NAMES, "activation function")


def serialize(activation):
    """The name of one of the activations here, or the config of another function or layer.

    Example:
        >>> fastnn.activations.serialize(fastnn.activations.relu)
        'relu'
    """
    name = getattr(activation, "__name__", None)
    if name in NAMES and NAMES[name] is activation:
        return name
    return serialize_keras_object(activation)


def deserialize(config, custom_objects=None):
    """The activation of a name or config that `serialize` gave."""
    with custom_object_scope(custom_objects):
        return get(config)
