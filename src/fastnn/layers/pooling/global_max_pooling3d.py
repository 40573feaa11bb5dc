"""GlobalMaxPooling3D: the largest value of each channel."""

from fastnn import ops
from fastnn.layers.pooling.base_global_pooling import BaseGlobalPooling


class GlobalMaxPooling3D(BaseGlobalPooling):
    """The largest value over all places of a volume, channel by channel.

    Args:
        data_format: "channels_last" or "channels_first"; None is `fastnn.config.image_data_format()`.
        keepdims: whether the pooled axes stay, with size 1.

    Input shape:
        (batch, depth, height, width, channels);
        (batch, channels, depth, height, width) with "channels_first"

    Output shape:
        (batch, channels)

    Example:
        >>> fastnn.layers.GlobalMaxPooling3D()(np.zeros((2, 6, 6, 6, 3), "float32")).shape
        (2, 3)
    """

    def __init__(self, data_format=None, keepdims=False, **kwargs):
        super().__init__(3, data_format, keepdims, **kwargs)

    def reduce(self, inputs, axis, keepdims):
        return ops.max(inputs, axis=axis, keepdims=keepdims)
