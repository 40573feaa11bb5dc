"""What the global poolings share: arguments, axes and configs."""

from fastnn.layers.image_format import standardize_data_format
from fastnn.layers.input_spec import InputSpec
from fastnn.layers.layer import Layer


class BaseGlobalPooling(Layer):
    """One value a channel; the subclass says which in `reduce(inputs, axis, keepdims)`.

    Args:
        pool_dimensions: 1, 2 or 3.
        data_format: "channels_last" or "channels_first".
        keepdims: whether the pooled axes stay, with size 1.
    """

    def __init__(self, pool_dimensions, data_format=None, keepdims=False, **kwargs):
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.keepdims = keepdims
        self.input_spec = InputSpec(ndim=pool_dimensions + 2)
        self.built = True

    def call(self, inputs):
        first = 1 if self.data_format == "channels_last" else 2
        axes = tuple(range(first, first + len(inputs.shape) - 2))
        return self.reduce(inputs, axes, self.keepdims)

    def get_config(self):
        return {**super().get_config(), "data_format": self.data_format, "keepdims": self.keepdims}
