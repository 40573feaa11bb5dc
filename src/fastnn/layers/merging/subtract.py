"""Subtract: the difference of two inputs."""

from fastnn import ops
from fastnn.layers.merging.base_merge import Merge


class Subtract(Merge):
    """`inputs[0] - inputs[1]`.

    Input shape:
        a list of two shapes that broadcast together: (batch, ...)

    Output shape:
        the same

    Raises:
        ValueError: when it is not called on two inputs, or the shapes do not broadcast.

    Example:
        >>> fastnn.layers.Subtract()([np.ones(2, "float32"), np.full(2, 2.0, "float32")])
        array([-1., -1.], dtype=float32)
    """

    def build(self, input_shape):
        super().build(input_shape)
        if len(input_shape) != 2:
            raise ValueError(
                f"A `Subtract` layer should be called on exactly 2 inputs. Received: input_shape={input_shape}"
            )

    def merge_two(self, x1, x2):
        return ops.subtract(x1, x2)


def subtract(inputs, **kwargs):
    """The difference of two inputs: `Subtract(**kwargs)(inputs)`.

    Args:
        inputs: list of two arrays or KerasTensors.

    Example:
        >>> fastnn.layers.subtract([np.ones(2, "float32"), np.full(2, 2.0, "float32")])
        array([-1., -1.], dtype=float32)
    """
    return Subtract(**kwargs)(inputs)
