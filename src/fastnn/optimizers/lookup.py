"""`get`, `serialize` and `deserialize` of optimizers, and the table that they read."""

from fastnn import lookup
from fastnn.object_registration import get_registered_object
from fastnn.optimizers.optimizer import Optimizer
from fastnn.serialization import deserialize_keras_object, serialize_keras_object

_PLACES = lookup.places("fastnn.optimizers")
del _PLACES["Optimizer"], _PLACES["OptimizerMap"]
TABLE = lookup.Places(_PLACES | {name.lower(): place for name, place in _PLACES.items()})


def get(identifier):
    """The optimizer that `identifier` names, in any case; None for None.

    Args:
        identifier: a name ("adam", "Adam"), a config, or an `Optimizer`.

    Raises:
        ValueError: for an unknown name, or what is none of these.

    Example:
        >>> type(get("adam")).__name__
        'Adam'
    """
    if identifier is None or isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, type) and issubclass(identifier, Optimizer):
        return identifier()
    if isinstance(identifier, str):
        found = get_registered_object(identifier, module_objects=TABLE) or TABLE.get(identifier.lower())
        if found is not None:
            return found()
    raise ValueError(f"Could not interpret optimizer identifier: {identifier}")


def serialize(optimizer):
    """The config of an optimizer; `deserialize` makes it again.

    Example:
        >>> serialize(get("adam"))["class_name"]
        'Adam'
    """
    return serialize_keras_object(optimizer)


def deserialize(config, custom_objects=None):
    """The optimizer that a config describes.

    Raises:
        ValueError: for an unknown name.

    Example:
        >>> deserialize(serialize(get("sgd"))).momentum
        0.0
    """
    if isinstance(config, str):
        return get(config)
    name = config.get("class_name") if isinstance(config, dict) else None
    if name in TABLE and not config.get("registered_name"):
        return TABLE[name].from_config(config.get("config") or {}, custom_objects)
    return deserialize_keras_object(config, custom_objects)
