"""UnitNormalization: vectors of length 1."""

from fastnn import ops
from fastnn.layers.layer import Layer


class UnitNormalization(Layer):
    """The inputs divided by their length along `axis`, so that the sum of squares is 1. A vector of zeros stays.

    Args:
        axis: int or list of ints: the axes of a vector.

    Input shape and output shape: any, the same.

    Raises:
        TypeError: for an `axis` that is no int or list of ints.

    Example:
        >>> fastnn.layers.UnitNormalization()(np.array([[3.0, 4.0]], "float32")).round(2)
        array([[0.6, 0.8]], dtype=float32)
    """

    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(axis, (int, tuple, list)):
            raise TypeError(
                f"Invalid value for `axis` argument: expected an int or a list/tuple of ints. Received: axis={axis}"
            )
        self.axis = list(axis) if isinstance(axis, (tuple, list)) else axis
        self.supports_masking = True
        self.built = True

    def call(self, inputs):
        return ops.normalize(inputs, axis=self.axis, order=2, epsilon=1e-12)

    def get_config(self):
        return {**super().get_config(), "axis": self.axis}
