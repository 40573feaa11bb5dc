"""`serialize` and `deserialize` of learning-rate schedules."""

from fastnn.serialization import deserialize_keras_object, serialize_keras_object


def serialize(learning_rate_schedule):
    """The config of a schedule; `deserialize` makes it again.

    Example:
        >>> serialize(fastnn.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9))["class_name"]
        'ExponentialDecay'
    """
    return serialize_keras_object(learning_rate_schedule)


def deserialize(config, custom_objects=None):
    """The schedule that a config describes.

    Raises:
        TypeError: for an unknown name.

    Example:
        >>> deserialize(serialize(fastnn.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9))).decay_steps
        10
    """
    return deserialize_keras_object(config, custom_objects)
