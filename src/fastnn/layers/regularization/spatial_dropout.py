"""SpatialDropout1D, SpatialDropout2D and SpatialDropout3D: whole channels are dropped."""

from fastnn.layers.image_format import standardize_data_format
from fastnn.layers.input_spec import InputSpec
from fastnn.layers.regularization.dropout import Dropout


class BaseSpatialDropout(Dropout):
    """Dropout with one draw a channel; the subclass says which axes are channels in `_noise_shape_for`."""

    def get_config(self):
        return {"rate": self.rate, "seed": self.seed, "name": self.name, "dtype": self.dtype}


class SpatialDropout1D(BaseSpatialDropout):
    """In training, each feature of a sequence is zero at all steps with probability `rate`; others are divided by
    `1 - rate`.

    Args:
        rate: float in [0, 1].
        seed: int, or None.
        name: the layer's.
        dtype: of the computation.

    Input shape and output shape:
        (batch, steps, features)

    Example:
        >>> fastnn.layers.SpatialDropout1D(0.5)(np.ones((2, 3, 4), "float32")).shape
        (2, 3, 4)
    """

    def __init__(self, rate, seed=None, name=None, dtype=None):
        super().__init__(rate, seed=seed, name=name, dtype=dtype)
        self.input_spec = InputSpec(ndim=3)

    def _noise_shape_for(self, shape):
        return (shape[0], 1, shape[2])


class SpatialDropout2D(BaseSpatialDropout):
    """In training, each channel of an image is zero everywhere with probability `rate`; others are divided by
    `1 - rate`.

    Args:
        rate: float in [0, 1].
        data_format: "channels_last" or "channels_first"; None is `fastnn.config.image_data_format()`.
        seed: int, or None.
        name: the layer's.
        dtype: of the computation.

    Input shape and output shape:
        (batch, height, width, channels); (batch, channels, height, width) with "channels_first"

    Example:
        >>> fastnn.layers.SpatialDropout2D(0.5)(np.ones((2, 3, 3, 4), "float32")).shape
        (2, 3, 3, 4)
    """

    def __init__(self, rate, data_format=None, seed=None, name=None, dtype=None):
        super().__init__(rate, seed=seed, name=name, dtype=dtype)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=4)

    def _noise_shape_for(self, shape):
        return _one_a_channel(shape, self.data_format)

    def get_config(self):
        return {**super().get_config(), "data_format": self.data_format}


class SpatialDropout3D(BaseSpatialDropout):
    """In training, each channel of a volume is zero everywhere with probability `rate`; others are divided by
    `1 - rate`.

    Args:
        rate: float in [0, 1].
        data_format: "channels_last" or "channels_first"; None is `fastnn.config.image_data_format()`.
        seed: int, or None.
        name: the layer's.
        dtype: of the computation.

    Input shape and output shape:
        (batch, depth, height, width, channels); (batch, channels, depth, height, width) with "channels_first"

    Example:
        >>> fastnn.layers.SpatialDropout3D(0.5)(np.ones((2, 3, 3, 3, 4), "float32")).shape
        (2, 3, 3, 3, 4)
    """

    def __init__(self, rate, data_format=None, seed=None, name=None, dtype=None):
        super().__init__(rate, seed=seed, name=name, dtype=dtype)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=5)

    def _noise_shape_for(self, shape):
        return _one_a_channel(shape, self.data_format)

    def get_config(self):
        return {**super().get_config(), "data_format": self.data_format}


def _one_a_channel(shape, data_format):
    """`shape` with 1 in place of the sizes of the places."""
    ones = (1,) * (len(shape) - 2)
    return (*shape[:2], *ones) if data_format == "channels_first" else (shape[0], *ones, shape[-1])
