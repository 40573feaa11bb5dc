"""Minimum: the smallest of the inputs."""

from fastnn import ops
from fastnn.layers.merging.base_merge import Merge
from fastnn.layers.merging.masks import where_both_count


class Minimum(Merge):
    """The smallest of the inputs that their masks let count, element by element; of none, the first input.

    Input shape:
        a list of shapes that broadcast together: (batch, ...)

    Output shape:
        the same

    Raises:
        ValueError: when it is not called on a list, or the shapes do not broadcast.

    Example:
        >>> fastnn.layers.Minimum()([np.ones(2, "float32"), np.full(2, 2.0, "float32")])
        array([1., 1.], dtype=float32)
    """

    def merge(self, inputs):
        return where_both_count(ops.minimum, inputs)


def minimum(inputs, **kwargs):
    """The smallest of the inputs: `Minimum(**kwargs)(inputs)`.

    Args:
        inputs: list of arrays or KerasTensors.

    Example:
        >>> fastnn.layers.minimum([np.ones(2, "float32"), np.full(2, 2.0, "float32")])
        array([1., 1.], dtype=float32)
    """
    return Minimum(**kwargs)(inputs)
