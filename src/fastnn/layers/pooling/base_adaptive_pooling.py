"""What the adaptive poolings share: arguments, checks and configs."""

from fastnn.layers.image_format import standardize_data_format
from fastnn.layers.input_spec import InputSpec
from fastnn.layers.layer import Layer


class BaseAdaptivePooling(Layer):
    """A given number of windows over `pool_dimensions` axes; the subclass says what is made of them in `pool`.

    Args:
        pool_dimensions: 1, 2 or 3.
        output_size: how many windows, an int or a tuple.
        data_format: "channels_last" or "channels_first".
    """

    def __init__(self, pool_dimensions, output_size, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.output_size = _sizes(output_size, pool_dimensions)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=pool_dimensions + 2)

    def call(self, inputs):
        return self.pool(inputs, self.output_size, self.data_format)

    def get_config(self):
        return {**super().get_config(), "output_size": self.output_size, "data_format": self.data_format}


def _sizes(output_size, n: int) -> tuple[int, ...]:
    sizes = (output_size,) * n if isinstance(output_size, int) else output_size
    if not isinstance(sizes, (tuple, list)) or not all(isinstance(size, int) for size in sizes) or len(sizes) != n:
        # Keras's types: a tuple of another length is a ValueError in one dimension only.
        error = ValueError if n == 1 and isinstance(sizes, (tuple, list)) else TypeError
        raise error(f"`output_size` must be an integer or a tuple of {n}. Received: output_size={output_size}")
    if min(sizes) < 1:
        raise ValueError(f"`output_size` must be positive. Received: output_size={output_size}")
    return tuple(sizes)
