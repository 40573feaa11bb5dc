"""Average: the mean of the inputs."""

import functools

from fastnn import ops
from fastnn.layers.merging.base_merge import Merge


class Average(Merge):
    """The mean of the inputs, element by element.

    Input shape:
        a list of shapes that broadcast together: (batch, ...)

    Output shape:
        the same

    Raises:
        ValueError: when it is not called on a list, or the shapes do not broadcast.

    Example:
        >>> fastnn.layers.Average()([np.ones(2, "float32"), np.full(2, 2.0, "float32")])
        array([1.5, 1.5], dtype=float32)
    """

    def merge(self, inputs):
        return functools.reduce(ops.add, inputs) / len(inputs)


def average(inputs, **kwargs):
    """The mean of the inputs: `Average(**kwargs)(inputs)`.

    Args:
        inputs: list of arrays or KerasTensors.

    Example:
        >>> fastnn.layers.average([np.ones(2, "float32"), np.full(2, 2.0, "float32")])
        array([1.5, 1.5], dtype=float32)
    """
    return Average(**kwargs)(inputs)
