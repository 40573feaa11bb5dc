"""GlobalAveragePooling1D: the mean of each channel."""

from fastnn import ops
from fastnn.layers.pooling.base_global_pooling import BaseGlobalPooling


class GlobalAveragePooling1D(BaseGlobalPooling):
    """The mean over all steps that the mask leaves, channel by channel.

    Args:
        data_format: "channels_last" or "channels_first"; None is `fastnn.config.image_data_format()`.
        keepdims: whether the pooled axes stay, with size 1.

    Call arguments:
        inputs: array.
        mask: (batch, steps): steps where it is false do not count; NaN where it leaves none.

    Input shape:
        (batch, steps, features)

    Output shape:
        (batch, channels)

    Example:
        >>> fastnn.layers.GlobalAveragePooling1D()(np.zeros((2, 6, 3), "float32")).shape
        (2, 3)
    """

    def __init__(self, data_format=None, keepdims=False, **kwargs):
        super().__init__(1, data_format, keepdims, **kwargs)
        self.supports_masking = True

    def call(self, inputs, mask=None):
        if mask is None:
            return super().call(inputs)
        steps, features = (1, 2) if self.data_format == "channels_last" else (2, 1)
        mask = ops.expand_dims(ops.cast(mask, inputs.dtype), features)
        total = ops.sum(inputs * mask, axis=steps, keepdims=self.keepdims)
        return total / ops.sum(mask, axis=steps, keepdims=self.keepdims)

    def compute_mask(self, inputs, mask=None):
        return None

    def reduce(self, inputs, axis, keepdims):
        return ops.mean(inputs, axis=axis, keepdims=keepdims)
