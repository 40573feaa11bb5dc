"""AveragePooling3D: the mean of each window."""

from fastnn import ops
from fastnn.layers.pooling.base_pooling import BasePooling


class AveragePooling3D(BasePooling):
    """The mean of each window of a volume, channel by channel. With "same" padding, only values inside the
    inputs count.

    Args:
        pool_size: size of the window: int or (depth, height, width).
        strides: steps of the window; None is `pool_size`.
        padding: "valid" (whole windows only) or "same" (output size = input size / stride, rounded up).
        data_format: "channels_last" or "channels_first"; None is `fastnn.config.image_data_format()`.
        name: the layer's.

    Input shape:
        (batch, depth, height, width, channels);
        (batch, channels, depth, height, width) with "channels_first"

    Output shape:
        (batch, new depth, new height, new width, channels), likewise

    Example:
        >>> fastnn.layers.AveragePooling3D(2)(np.zeros((2, 6, 6, 6, 3), "float32")).shape
        (2, 3, 3, 3, 3)
    """

    def __init__(self, pool_size, strides=None, padding="valid", data_format=None, name=None, **kwargs):
        super().__init__(pool_size, strides, 3, "average", padding, data_format, name, **kwargs)

    def pool(self, inputs, pool_size, strides, padding, data_format):
        return ops.average_pool(inputs, pool_size, strides, padding, data_format)
