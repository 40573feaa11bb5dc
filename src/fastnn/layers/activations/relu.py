"""ReLU: the rectifier with a ceiling, a slope and a threshold."""

from fastnn import activations
from fastnn.layers.layer import Layer


class ReLU(Layer):
    """`max(inputs, 0)`; see `fastnn.activations.relu` for the arguments.

    Args:
        max_value: the largest output, or None.
        negative_slope: slope below the threshold.
        threshold: below it (other than by the slope) the output is zero.

    Input shape and output shape: any, the same.

    Raises:
        ValueError: for negative arguments.

    Example:
        >>> fastnn.layers.ReLU()(np.array([-1.0, 2.0], "float32"))
        array([0., 2.], dtype=float32)
    """

    def __init__(self, max_value=None, negative_slope=0.0, threshold=0.0, **kwargs):
        super().__init__(**kwargs)
        if max_value is not None and max_value < 0:
            raise ValueError(f"max_value of a ReLU layer cannot be a negative value. Received: max_value={max_value}")
        for name, value in (("negative_slope", negative_slope), ("threshold", threshold)):
            if value is None or value < 0:
                raise ValueError(f"{name} of a ReLU layer cannot be None or a negative value. Received: {name}={value}")
        self.max_value = max_value
        self.negative_slope = negative_slope
        self.threshold = threshold
        self.supports_masking = True
        self.built = True

    def call(self, inputs):
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)

    def _keeps_shape(self):
        return type(self).call is ReLU.call

    def get_config(self):
        return {
            **super().get_config(),
            "max_value": self.max_value,
            "negative_slope": self.negative_slope,
            "threshold": self.threshold,
        }
