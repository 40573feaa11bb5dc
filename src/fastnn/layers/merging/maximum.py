"""Maximum: the largest of the inputs."""

from fastnn import ops
from fastnn.layers.merging.base_merge import Merge


class Maximum(Merge):
    """The largest of the inputs, element by element.

    Input shape:
        a list of shapes that broadcast together: (batch, ...)

    Output shape:
        the same

    Raises:
        ValueError: when it is not called on a list, or the shapes do not broadcast.

    Example:
        >>> fastnn.layers.Maximum()([np.ones(2, "float32"), np.full(2, 2.0, "float32")])
        array([2., 2.], dtype=float32)
    """

    def merge_two(self, x1, x2):
        return ops.maximum(x1, x2)


def maximum(inputs, **kwargs):
    """The largest of the inputs: `Maximum(**kwargs)(inputs)`.

    Args:
        inputs: list of arrays or KerasTensors.

    Example:
        >>> fastnn.layers.maximum([np.ones(2, "float32"), np.full(2, 2.0, "float32")])
        array([2., 2.], dtype=float32)
    """
    return Maximum(**kwargs)(inputs)
