"""Maximum: the largest of the inputs."""

from fastnn import ops
from fastnn.layers.merging.base_merge import Merge
from fastnn.layers.merging.masks import where_both_count


class Maximum(Merge):
    """The largest of the inputs that their masks let count, element by element; of none, the first input.

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

    def merge(self, inputs):
        return where_both_count(ops.maximum, inputs)


def maximum(inputs, **kwargs):
    """The largest of the inputs: `Maximum(**kwargs)(inputs)`.

    Args:
        inputs: list of arrays or KerasTensors.

    Example:
        >>> fastnn.layers.maximum([np.ones(2, "float32"), np.full(2, 2.0, "float32")])
        array([2., 2.], dtype=float32)
    """
    return Maximum(**kwargs)(inputs)
