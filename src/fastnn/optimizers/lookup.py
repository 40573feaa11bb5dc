"""`get`, `serialize` and `deserialize` of optimizers, and the table that they read."""

from fastnn import registration
from fastnn.optimizers import adaptive, momentum
from fastnn.optimizers.optimizer import Optimizer

TABLE = {
    name: value
    for module in (momentum, adaptive)
    for name, value in vars(module).items()
    if isinstance(value, type) and value.__module__ == module.__name__ and not name.startswith("_")
}
TABLE |= {name.lower(): value for name, value in TABLE.items()}


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
    if isinstance(identifier, str):
        lower = identifier.lower()
        return registration.get_object(lower if lower in TABLE else identifier, TABLE, "optimizer")
    if isinstance(identifier, (dict, type)):
        return registration.get_object(identifier, TABLE, "optimizer")
    raise ValueError(f"Could not interpret optimizer identifier: {identifier}")


def serialize(optimizer):
    """The config of an optimizer; `deserialize` makes it again.

    Example:
        >>> serialize(get("adam"))["class_name"]
        'Adam'
    """
    return registration.serialize_object(optimizer, "keras.optimizers")


def deserialize(config, custom_objects=None):
    """The optimizer that a config describes.

    Raises:
        ValueError: for an unknown name.

    Example:
        >>> deserialize(serialize(get("sgd"))).momentum
        0.0
    """
    return registration.deserialize_object(config, TABLE, custom_objects, "optimizer")
