"""ActivityRegularization: a loss on what passes."""

from fastnn import regularizers
from fastnn.layers.layer import Layer


class ActivityRegularization(Layer):
    """The inputs, which add `(l1 * sum(abs(inputs)) + l2 * sum(inputs**2)) / batch` to the loss.

    Args:
        l1, l2: non-negative floats.

    Input shape and output shape: any, the same.

    Example:
        >>> layer = fastnn.layers.ActivityRegularization(l1=0.5); _ = layer(np.ones((2, 2), "float32"))
        >>> float(layer.losses[0])
        1.0
    """

    def __init__(self, l1=0.0, l2=0.0, **kwargs):
        super().__init__(activity_regularizer=regularizers.L1L2(l1=l1, l2=l2), **kwargs)
        self.supports_masking = True
        self.l1 = l1
        self.l2 = l2
        self.built = True

    def call(self, inputs):
        return inputs

    def get_config(self):
        config = super().get_config()
        config.pop("activity_regularizer", None)
        return {**config, "l1": self.l1, "l2": self.l2}
