"""Concatenate: arrays one after the other along an axis."""

from fastnn import ops
from fastnn.layers.layer import Layer
from fastnn.layers.merging.masks import joined


class Concatenate(Layer):
    """The inputs, one after the other along `axis`.

    Args:
        axis: int.

    Input shape:
        a list of shapes that are the same on all other axes

    Output shape:
        the same, with the sum of the sizes at `axis`

    Raises:
        ValueError: when it is not called on a list, or the shapes do not fit.

    Example:
        >>> fastnn.layers.Concatenate()([np.zeros((2, 3), "float32"), np.zeros((2, 4), "float32")]).shape
        (2, 7)
    """

    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        self.axis = axis
        self.supports_masking = True

    def build(self, input_shape):
        if not input_shape or not isinstance(input_shape[0], (tuple, list)):
            raise ValueError(
                "A `Concatenate` layer should be called on a list of at least 1 input. Received: "
                f"input_shape={input_shape}"
            )
        shapes = [list(shape) for shape in input_shape]
        ndim = len(shapes[0])
        if any(len(shape) != ndim for shape in shapes):
            raise ValueError(f"`Concatenate` needs inputs of one rank. Received: input_shape={input_shape}")
        if not -ndim <= self.axis < ndim:
            raise ValueError(
                f"`Concatenate` along axis {self.axis} needs inputs that have it. Received: input_shape={input_shape}"
            )
        for axis in set(range(ndim)) - {self.axis % ndim}:
            if len({shape[axis] for shape in shapes} - {None}) > 1:
                raise ValueError(
                    "A `Concatenate` layer requires inputs with matching shapes except for the concatenation axis. "
                    f"Received: input_shape={input_shape}"
                )

    def call(self, inputs):
        return ops.concatenate(inputs, axis=self.axis)

    def compute_mask(self, inputs, mask=None):
        return joined(inputs, mask, self.axis)

    def get_config(self):
        return {**super().get_config(), "axis": self.axis}


def concatenate(inputs, axis=-1, **kwargs):
    """The inputs, one after the other: `Concatenate(axis, **kwargs)(inputs)`.

    Args:
        inputs: list of arrays or KerasTensors.
        axis: int.

    Example:
        >>> fastnn.layers.concatenate([np.zeros((2, 3), "float32"), np.zeros((2, 4), "float32")]).shape
        (2, 7)
    """
    return Concatenate(axis=axis, **kwargs)(inputs)
