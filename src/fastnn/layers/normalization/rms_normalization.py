"""RMSNormalization: mean square 1 within each row."""

from fastnn import ops
from fastnn.layers.layer import Layer


class RMSNormalization(Layer):
    """`inputs / sqrt(mean(inputs^2) + epsilon) * scale`, with the mean over `axis` (Zhang and Sennrich 2019).

    Args:
        axis: int or list of ints: axes after the batch, over which the mean is taken.
        epsilon: keeps the division finite.

    Input shape and output shape: (batch, ...), the same.

    Weights: scale: the sizes at `axis`.

    Raises:
        ValueError: when the inputs have no such axis.

    Example:
        >>> fastnn.layers.RMSNormalization()(np.array([[3.0, 3.0]], "float32")).round(2)
        array([[1., 1.]], dtype=float32)
    """

    def __init__(self, axis=-1, epsilon=1e-6, **kwargs):
        super().__init__(**kwargs)
        self.axis = list(axis) if isinstance(axis, (tuple, list)) else axis
        self.epsilon = epsilon

    def build(self, input_shape):
        self.axis = self.axis if isinstance(self.axis, list) else [self.axis]  # a list from here on, as in Keras
        ndim = len(input_shape)
        if not all(-ndim <= axis < ndim for axis in self.axis):
            raise ValueError(
                f"RMSNormalization {self.name!r}: axis {self.axis} is no axis of inputs of shape {tuple(input_shape)}."
            )
        shape = tuple(input_shape[axis] for axis in self.axis)
        self.scale = self.add_weight(shape, "ones", name="scale")

    def call(self, x):
        return ops.rms_normalization(x, scale=self.scale, axis=self.axis, epsilon=self.epsilon)

    def get_config(self):
        return {**super().get_config(), "axis": self.axis, "epsilon": self.epsilon}
