"""`get`, `serialize` and `deserialize` of initializers."""

from fastnn import lookup
from fastnn.graph.variable import Variable
from fastnn.object_registration import custom_object_scope
from fastnn.serialization import serialize_keras_object

_PLACES = lookup.places("fastnn.initializers")
_SHORT = {
    "initializer": "Initializer", "normal": "RandomNormal", "one": "Ones", "uniform": "RandomUniform", "zero": "Zeros",
}  # fmt: skip
NAMES = lookup.Places(_PLACES | {short: _PLACES[name] for short, name in _SHORT.items()})


def get(identifier):
    """The initializer that `identifier` (None, name, config, class, callable or array) stands for.

    Raises:
        ValueError: for an unknown one.

    Example:
        >>> type(fastnn.initializers.get("he_normal")).__name__
        'HeNormal'
    """
    if isinstance(identifier, Variable) or (hasattr(identifier, "__array__") and hasattr(identifier, "shape")):
        return lambda shape, dtype=None: identifier
    return lookup.get_object(identifier, NAMES, "initializer")


def serialize(initializer):
    """The config of an initializer, with its class."""
    return serialize_keras_object(initializer)


def deserialize(config, custom_objects=None):
    """The initializer of a config that `serialize` gave."""
    with custom_object_scope(custom_objects):
        return get(config)
