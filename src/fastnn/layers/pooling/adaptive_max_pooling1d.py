"""AdaptiveMaxPooling1D: the largest values of a given number of windows."""

from fastnn import ops
from fastnn.layers.pooling.base_adaptive_pooling import BaseAdaptivePooling


class AdaptiveMaxPooling1D(BaseAdaptivePooling):
    """The largest values of `output_size` windows that cover a sequence as evenly as they can, channel by
    channel: along an axis of n elements window i begins at floor(i * n / output size) and
    ends before ceil((i + 1) * n / output size).

    Args:
        output_size: int: how many windows.
        data_format: "channels_last" or "channels_first"; None is `fastnn.config.image_data_format()`.

    Input shape:
        (batch, steps, channels); (batch, channels, steps) with "channels_first"

    Output shape:
        (batch, *output_size, channels), likewise

    Raises:
        TypeError: for an `output_size` that is no int.

    Example:
        >>> fastnn.layers.AdaptiveMaxPooling1D(4)(np.zeros((2, 6, 3), "float32")).shape
        (2, 4, 3)
    """

    def __init__(self, output_size, data_format=None, **kwargs):
        super().__init__(1, output_size, data_format, **kwargs)

    def pool(self, inputs, output_size, data_format):
        return ops.adaptive_max_pool(inputs, output_size, data_format)
