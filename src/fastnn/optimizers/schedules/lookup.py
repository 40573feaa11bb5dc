"""`serialize` and `deserialize` of learning-rate schedules, and the table that they read."""

from fastnn import registration
from fastnn.optimizers.schedules import schedules
from fastnn.optimizers.schedules.learning_rate_schedule import LearningRateSchedule

TABLE = {
    name: value
    for name, value in vars(schedules).items()
    if isinstance(value, type) and issubclass(value, LearningRateSchedule) and value is not LearningRateSchedule
}


def serialize(learning_rate_schedule):
    """The config of a schedule; `deserialize` makes it again.

    Example:
        >>> serialize(schedules.ExponentialDecay(0.1, 10, 0.9))["class_name"]
        'ExponentialDecay'
    """
    return registration.serialize_object(learning_rate_schedule, "keras.optimizers.schedules")


def deserialize(config, custom_objects=None):
    """The schedule that a config describes.

    Raises:
        ValueError: for an unknown name.

    Example:
        >>> deserialize(serialize(schedules.ExponentialDecay(0.1, 10, 0.9))).decay_steps
        10
    """
    return registration.deserialize_object(config, TABLE, custom_objects, "schedule")
