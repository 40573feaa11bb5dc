"""Initializers without randomness. They return NumPy arrays."""

import numpy as np

from fastnn.graph.dtypes import standardize_dtype
from fastnn.initializers.initializer import Initializer
from fastnn.serialization import deserialize_keras_object, serialize_keras_object


class Constant(Initializer):
    """One value everywhere.

    Args:
        value: a number, or an array that broadcasts to the shape.

    Example:
        >>> fastnn.initializers.Constant(3.0)((2,))
        array([3., 3.], dtype=float32)
    """

    def __init__(self, value=0.0):
        self.value = value

    def __call__(self, shape, dtype=None):
        return np.broadcast_to(np.asarray(self.value, standardize_dtype(dtype)), shape).copy()

    def get_config(self):
        return {"value": serialize_keras_object(self.value)}

    @classmethod
    def from_config(cls, config):
        return cls(deserialize_keras_object(config["value"]))


class Zeros(Initializer):
    """Zeros.

    Example:
        >>> fastnn.initializers.Zeros()((2,))
        array([0., 0.], dtype=float32)
    """

    def __call__(self, shape, dtype=None):
        return np.zeros(shape, standardize_dtype(dtype))


class Ones(Initializer):
    """Ones.

    Example:
        >>> fastnn.initializers.Ones()((2,))
        array([1., 1.], dtype=float32)
    """

    def __call__(self, shape, dtype=None):
        return np.ones(shape, standardize_dtype(dtype))


class Identity(Initializer):
    """The identity matrix, times `gain`; cut off or filled with zeros where the shape is not square.

    Args:
        gain: a number.

    Raises:
        ValueError: when the shape is not that of a matrix.

    Example:
        >>> fastnn.initializers.Identity(2.0)((2, 2))
        array([[2., 0.],
               [0., 2.]], dtype=float32)
    """

    def __init__(self, gain=1.0):
        self.gain = gain

    def __call__(self, shape, dtype=None):
        if len(shape) != 2:
            raise ValueError(
                "Identity matrix initializer can only be used for 2D matrices. Received: "
                f"shape={shape} of rank {len(shape)}."
            )
        return np.asarray(self.gain * np.eye(*shape), standardize_dtype(dtype))

    def get_config(self):
        # Keras leaves the default out (and forgets other gains; see docs/differences.md).
        return {} if self.gain == 1.0 else {"gain": self.gain}


IdentityInitializer = Identity
