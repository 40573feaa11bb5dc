"""`get`, `serialize` and `deserialize` of metrics, and the table that they read."""

from fastnn.lookup import get_object
from fastnn.losses.lookup import TABLE as LOSSES
from fastnn.metrics import accuracy, confusion, f_score, iou, losses, mean, r2_score
from fastnn.metrics.metric import Metric
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
    names = {}
    for module in (accuracy, confusion, f_score, iou, losses, mean, r2_score):
        for name, value in vars(module).items():
            if isinstance(value, type) and issubclass(value, Metric) and value.__module__ == module.__name__:
                if name.startswith("_"):
                    continue
                names[name] = value
                names[to_snake_case(name)] = value
    names |= {"Metric": Metric, "logcosh": names["LogCoshError"], "kl_divergence": names["KLDivergence"]}
    for alias, name in _ALIASES.items():
        names[alias] = names[alias.upper()] = names[name]
    return names


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
        return mean.MeanMetricWrapper(LOSSES[identifier])
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
