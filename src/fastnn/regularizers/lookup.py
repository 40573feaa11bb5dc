"""`get`, `serialize` and `deserialize` of regularizers, and the table that they read."""

from fastnn import lookup
from fastnn.object_registration import custom_object_scope
from fastnn.serialization import serialize_keras_object

_PLACES = lookup.places("fastnn.regularizers")
NAMES = lookup.Places(_PLACES | {"regularizer": _PLACES["Regularizer"], "l1l2": _PLACES["L1L2"]})


def get(identifier):
    """The regularizer that `identifier` (None, name, config, class or callable) stands for.

    Raises:
        ValueError: for an unknown one.

    Example:
        >>> fastnn.regularizers.get("l2").l2
        0.01
    """
    return lookup.get_object(identifier, NAMES, "regularizer")


def serialize(regularizer):
    """The config of a regularizer, with its class."""
    return serialize_keras_object(regularizer)


def deserialize(config, custom_objects=None):
    """The regularizer of a config that `serialize` gave."""
    with custom_object_scope(custom_objects):
        return get(config)
