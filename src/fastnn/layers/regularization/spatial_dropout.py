"""SpatialDropout1D and SpatialDropout2D: whole channels are dropped."""

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
        if self.data_format == "channels_first":
            return (shape[0], shape[1], 1, 1)
        return (shape[0], 1, 1, shape[3])

    def get_config(self):
        return {**super().get_config(), "data_format": self.data_format}
