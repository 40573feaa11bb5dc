"""MaxPooling1D: the largest value of each window."""

from fastnn import ops
from fastnn.layers.pooling.base_pooling import BasePooling


class MaxPooling1D(BasePooling):
    """The largest value of each window of steps, channel by channel.

    Args:
        pool_size: size of the window: int.
        strides: steps of the window; None is `pool_size`.
        padding: "valid" (whole windows only) or "same" (output size = input size / stride, rounded up).
        data_format: "channels_last" or "channels_first"; None is `fastnn.config.image_data_format()`.
        name: the layer's.

    Input shape:
        (batch, steps, features)

    Output shape:
        (batch, new steps, features), likewise

    Example:
        >>> fastnn.layers.MaxPooling1D(2)(np.zeros((2, 6, 3), "float32")).shape
        (2, 3, 3)
    """

    def __init__(self, pool_size=2, strides=None, padding="valid", data_format=None, name=None, **kwargs):
        super().__init__(pool_size, strides, 1, "max", padding, data_format, name, **kwargs)

    def pool(self, inputs, pool_size, strides, padding, data_format):
        return ops.max_pool(inputs, pool_size, strides, padding, data_format)
