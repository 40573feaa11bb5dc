"""`get`, `serialize` and `deserialize` of metrics, and the table that they read."""

from fastnn.lookup import Places, get_object, places
from fastnn.losses.lookup import TABLE as LOSSES
from fastnn.metrics.mean import MeanMetricWrapper
from fastnn.naming import to_snake_case
from fastnn.serialization import deserialize_keras_object, serialize_keras_object

_ALIASES = {
    "mse": "MeanSquaredError",
    "mae": "MeanAbsoluteError",
    "mape": "MeanAbsolutePercentageError",
    "msle": "MeanSquaredLogarithmicError",
    "bce": "BinaryCrossentropy",
    "rmse": "RootMeanSquaredError",
}


def _table():
    """Names of classes, and the default name of each: "mean_squared_error" is `MeanSquaredError` here."""
    classes = {name: place for name, place in places("fastnn.metrics").items() if name[0].isupper()}
    found = classes | {to_snake_case(name): place for name, place in classes.items() if name != "Metric"}
    found |= {"logcosh": classes["LogCoshError"], "kl_divergence": classes["KLDivergence"]}
    for alias, name in _ALIASES.items():
        found[alias] = found[alias.upper()] = found[name]
    return Places(found)


TABLE = _table()


def get(identifier):
    """The metric that `identifier` names: a name gives an instance, None gives None.

    Args:
        identifier: a name ("mse", "mean_squared_error", "MeanSquaredError"), a config, a callable or a `Metric`.

    Raises:
        ValueError: for an unknown name, or what is none of these.

    Example:
        >>> get("mse").name
        'mean_squared_error'
    """
    if isinstance(identifier, str) and identifier not in TABLE and identifier in LOSSES:
        # A loss without a metric of its own, such as "huber", is averaged over the samples.
        return MeanMetricWrapper(LOSSES[identifier])
    return get_object(identifier, TABLE, "metric")


def serialize(metric):
    """The config of a metric; `deserialize` makes it again.

    Example:
        >>> serialize(get("mse"))["class_name"]
        'MeanSquaredError'
    """
    return serialize_keras_object(metric)


def deserialize(config, custom_objects=None):
    """The metric that a config describes.

    Args:
        config: from `serialize`, or a name.
        custom_objects: `{name: class or function}`.

    Raises:
        ValueError: for an unknown name.

    Example:
        >>> deserialize(serialize(get("mse"))).name
        'mean_squared_error'
    """
    if isinstance(config, str):
        return get_object(config, {**TABLE, **(custom_objects or {})}, "metric")
    return deserialize_keras_object(config, custom_objects)
