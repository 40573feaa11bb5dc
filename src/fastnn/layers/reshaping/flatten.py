"""Flatten: all axes but the batch become one."""

import math

from fastnn import ops
from fastnn.layers.image_format import standardize_data_format
from fastnn.layers.input_spec import InputSpec
from fastnn.layers.layer import Layer


class Flatten(Layer):
    """All axes but the first as one, in row-major order.

    Args:
        data_format: with "channels_first" the channels are moved last before, so that both formats give the same.

    Input shape:
        (batch, ...)

    Output shape:
        (batch, product of the other sizes)

    Example:
        >>> fastnn.layers.Flatten()(np.zeros((2, 3, 4), "float32")).shape
        (2, 12)
    """

    def __init__(self, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs):
        ndim = len(inputs.shape)
        if self.data_format == "channels_first" and ndim > 2:
            inputs = ops.transpose(inputs, (0, *range(2, ndim), 1))
        return ops.reshape(inputs, (inputs.shape[0], math.prod(inputs.shape[1:])))

    def get_config(self):
        return {**super().get_config(), "data_format": self.data_format}
