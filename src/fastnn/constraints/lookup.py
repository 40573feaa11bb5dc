"""`get`, `serialize` and `deserialize` of constraints, and the table that they read."""

from fastnn import lookup
from fastnn.object_registration import custom_object_scope
from fastnn.serialization import serialize_keras_object

_PLACES = lookup.places("fastnn.constraints")
NAMES = lookup.Places(_PLACES | {"constraint": _PLACES["Constraint"]})


def get(identifier):
    """The constraint that `identifier` (None, name, config, class or callable) stands for.

    Raises:
        ValueError: for an unknown one.

    Example:
        >>> type(fastnn.constraints.get("non_neg")).__name__
        'NonNeg'
    """
    return lookup.get_object(identifier, NAMES, "constraint")


def serialize(constraint):
    """The config of a constraint, with its class."""
    return serialize_keras_object(constraint)


def deserialize(config, custom_objects=None):
    """The constraint of a config that `serialize` gave."""
    with custom_object_scope(custom_objects):
        return get(config)
