"""`get`, `serialize` and `deserialize` of losses, and the table that they read."""

from fastnn.lookup import Places, get_object, places
from fastnn.losses.loss import LossFunctionWrapper
from fastnn.serialization import deserialize_keras_object, serialize_keras_object

_ALIASES = {
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "bce": "binary_crossentropy",
    "kld": "kl_divergence",
}


def _table():
    found = places("fastnn.losses")
    found["LossFunctionWrapper"] = (LossFunctionWrapper.__module__, "LossFunctionWrapper")
    for alias, name in _ALIASES.items():
        found[alias] = found[alias.upper()] = found[name]
    return Places(found)


TABLE = _table()


def get(identifier):
    """The loss that `identifier` names: a name gives the function or an instance of the class, None gives None.

    Args:
        identifier: a name ("mse", "mean_squared_error", "MeanSquaredError"), a config, a callable or a `Loss`.

    Raises:
        ValueError: for an unknown name, or what is none of these.

    Example:
        >>> get("mse").__name__
        'mean_squared_error'
    """
    return get_object(identifier, TABLE, "loss")


def serialize(loss):
    """The config of a loss; `deserialize` makes it again.

    Example:
        >>> serialize(get("MeanSquaredError"))["class_name"]
        'MeanSquaredError'
    """
    return serialize_keras_object(loss)


def deserialize(name, custom_objects=None):
    """The loss that a config describes.

    Args:
        name: a config from `serialize`, or a name.
        custom_objects: `{name: class or function}`.

    Raises:
        ValueError: for an unknown name.

    Example:
        >>> deserialize(serialize(get("MeanSquaredError"))).name
        'mean_squared_error'
    """
    if isinstance(name, str):
        return get_object(name, {**TABLE, **(custom_objects or {})}, "loss")
    return deserialize_keras_object(name, custom_objects)
