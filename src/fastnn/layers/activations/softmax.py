"""Softmax: values that sum to one."""

from fastnn import activations, ops
from fastnn.layers.layer import Layer

# Subtracted where the mask is false: exp of it is zero in float32 and float64, and it is no infinity, which would give
# NaN in a row that is masked throughout.
_FAR_BELOW = 3e38


class Softmax(Layer):
    """`exp(inputs) / sum(exp(inputs))` along `axis`.

    Args:
        axis: int or list of ints.

    Call arguments:
        inputs: array.
        mask: booleans of the same shape: where false, the output is zero.

    Input shape and output shape: any, the same.

    Example:
        >>> fastnn.layers.Softmax()(np.zeros((1, 2), "float32"))
        array([[0.5, 0.5]], dtype=float32)
    """

    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        self.axis = axis
        self.supports_masking = True
        self.built = True

    def call(self, inputs, mask=None):
        axis = tuple(self.axis) if isinstance(self.axis, (list, tuple)) else self.axis
        if mask is None:
            return activations.softmax(inputs, axis=axis)
        mask = ops.cast(mask, inputs.dtype)
        # Times the mask again, for rows that are masked throughout.
        return activations.softmax(inputs - (1.0 - mask) * _FAR_BELOW, axis=axis) * mask

    def get_config(self):
        return {**super().get_config(), "axis": self.axis}
