"""LearningRateSchedule: the learning rate as a function of the step, written in ops so that it compiles into it."""

from fastnn import config, ops
from fastnn.graph.dtypes import is_float
from fastnn.losses.reduction import as_tensor


class LearningRateSchedule:
    """Base of schedules: `schedule(step)` is the learning rate of a step (0 is the first).

    Example:
        >>> class Half(LearningRateSchedule):
        ...     def __call__(self, step):
        ...         return 0.1 * ops.power(0.5, ops.cast(step, "float32"))
        ...     def get_config(self):
        ...         return {}
    """

    def __call__(self, step):
        raise NotImplementedError(f"Learning rate schedule '{type(self).__name__}' must override `__call__`.")

    def get_config(self):
        raise NotImplementedError(f"Learning rate schedule '{type(self).__name__}' must override `get_config()`.")

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def as_float(step):
    """The step as a float."""
    step = as_tensor(step)
    return step if is_float(str(step.dtype)) else ops.cast(step, config.floatx())
