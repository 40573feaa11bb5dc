"""`serialize` and `deserialize` of layers."""

from fastnn.serialization import deserialize_keras_object, serialize_keras_object


def serialize(layer):
    """The config of a layer, with its class.

    Example:
        >>> fastnn.layers.serialize(fastnn.layers.Flatten())["class_name"]
        'Flatten'
    """
    return serialize_keras_object(layer)


def deserialize(config, custom_objects=None):
    """The layer of a config that `serialize` gave.

    Args:
        config: dict.
        custom_objects: dict from names in the config to the user's classes and functions.

    Raises:
        TypeError: for a class that is neither fastnn's nor a custom object.

    Example:
        >>> config = fastnn.layers.serialize(fastnn.layers.Dense(3))
        >>> fastnn.layers.deserialize(config).units
        3
    """
    return deserialize_keras_object(config, custom_objects=custom_objects)
