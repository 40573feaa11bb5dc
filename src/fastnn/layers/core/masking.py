"""Masking: where all features of a step have one value, the step does not count."""

from fastnn import ops
from fastnn.layers.layer import Layer


class Masking(Layer):
    """The inputs, with steps that do not count set to zero; a mask says so to the layers after it.

    A step does not count when all of its features are `mask_value`.

    Args:
        mask_value: float.

    Input shape:
        (batch, steps, features), or any rank of 1 and more: the last axis is looked at as a whole

    Output shape:
        the same; the mask has the shape without the last axis

    Example:
        >>> x = np.array([[[1.0, 2.0], [9.0, 9.0]]], "float32")
        >>> y = fastnn.layers.Masking(9.0)(x); y
        array([[[1., 2.],
                [0., 0.]]], dtype=float32)
        >>> fastnn.backend.get_keras_mask(y)
        array([[ True, False]])
    """

    def __init__(self, mask_value=0.0, **kwargs):
        super().__init__(**kwargs)
        self.mask_value = mask_value
        self.built = True

    def compute_mask(self, inputs, mask=None):
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)

    def call(self, inputs):
        counts = ops.any(ops.not_equal(inputs, self.mask_value), axis=-1, keepdims=True)
        return inputs * ops.cast(counts, inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "mask_value": self.mask_value}
