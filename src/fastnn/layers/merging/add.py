"""Add: the sum of the inputs."""

from fastnn import ops
from fastnn.layers.merging.base_merge import Merge


class Add(Merge):
    """The sum of the inputs, element by element.

    Input shape:
        a list of shapes that broadcast together: (batch, ...)

    Output shape:
        the same

    Raises:
        ValueError: when it is not called on a list, or the shapes do not broadcast.

    Example:
        >>> fastnn.layers.Add()([np.ones(2, "float32"), np.full(2, 2.0, "float32")])
        array([3., 3.], dtype=float32)
    """

    def merge_two(self, x1, x2):
        return ops.add(x1, x2)


def add(inputs, **kwargs):
    """The sum of the inputs: `Add(**kwargs)(inputs)`.

    Args:
        inputs: list of arrays or KerasTensors.

    Example:
        >>> fastnn.layers.add([np.ones(2, "float32"), np.full(2, 2.0, "float32")])
        array([3., 3.], dtype=float32)
    """
    return Add(**kwargs)(inputs)
