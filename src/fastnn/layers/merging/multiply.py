"""Multiply: the product of the inputs."""

from fastnn import ops
from fastnn.layers.merging.base_merge import Merge
from fastnn.layers.merging.masks import where_any_counts


class Multiply(Merge):
    """The product of the inputs that their masks let count, element by element; zero where none does.

    Input shape:
        a list of shapes that broadcast together: (batch, ...)

    Output shape:
        the same

    Raises:
        ValueError: when it is not called on a list, or the shapes do not broadcast.

    Example:
        >>> fastnn.layers.Multiply()([np.ones(2, "float32"), np.full(2, 2.0, "float32")])
        array([2., 2.], dtype=float32)
    """

    def merge(self, inputs):
        return where_any_counts(ops.multiply, inputs, neutral=1)


def multiply(inputs, **kwargs):
    """The product of the inputs: `Multiply(**kwargs)(inputs)`.

    Args:
        inputs: list of arrays or KerasTensors.

    Example:
        >>> fastnn.layers.multiply([np.ones(2, "float32"), np.full(2, 2.0, "float32")])
        array([2., 2.], dtype=float32)
    """
    return Multiply(**kwargs)(inputs)
