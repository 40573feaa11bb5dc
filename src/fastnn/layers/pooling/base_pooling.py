"""What max and average pooling share: arguments, checks and configs."""

from fastnn.layers.image_format import standardize_data_format, standardize_padding, standardize_tuple
from fastnn.layers.input_spec import InputSpec
from fastnn.layers.layer import Layer


class BasePooling(Layer):
    """A window that slides over `pool_dimensions` axes; the subclass says what is made of it in `pool`.

    Args:
        pool_size: size of the window, an int or a tuple.
        pool_dimensions: 1, 2 or 3.
        strides: steps of the window; None is `pool_size`.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first".
        name: the layer's.
    """

    def __init__(
        self,
        pool_size,
        strides,
        pool_dimensions,
        pool_mode="max",
        padding="valid",
        data_format=None,
        name=None,
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.pool_size = standardize_tuple(pool_size, pool_dimensions, "pool_size")
        self.strides = self.pool_size if strides is None else standardize_tuple(strides, pool_dimensions, "strides")
        self.pool_dimensions = pool_dimensions
        self.pool_mode = pool_mode
        self.padding = standardize_padding(padding)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=pool_dimensions + 2)
        self.built = True

    def call(self, inputs):
        return self.pool(inputs, self.pool_size, self.strides, self.padding, self.data_format)

    def get_config(self):
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "padding": self.padding,
            "strides": self.strides,
            "data_format": self.data_format,
        }
