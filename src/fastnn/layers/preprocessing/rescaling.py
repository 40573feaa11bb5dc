"""Rescaling: another scale and offset."""

import numpy as np

from fastnn import ops, serialization
from fastnn.layers.layer import Layer
from fastnn.ops.record import dtype_of


class Rescaling(Layer):
    """`inputs * scale + offset`, in the layer's dtype; 1 / 255 makes bytes of images numbers in [0, 1].

    Args:
        scale: a number, or an array that broadcasts to the inputs.
        offset: likewise.

    Input shape and output shape: any, the same.

    Example:
        >>> fastnn.layers.Rescaling(0.5, offset=1.0)(np.array([2, 4], "uint8"))
        array([2., 3.], dtype=float32)
    """

    def __init__(self, scale, offset=0.0, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale
        self.offset = offset
        self.supports_masking = True

    def call(self, inputs):
        dtype = self.compute_dtype
        scale, offset = (
            value if isinstance(value, (int, float)) else np.asarray(value, dtype)
            for value in (self.scale, self.offset)
        )
        inputs = inputs if dtype_of(inputs) == dtype else ops.cast(inputs, dtype)
        return inputs * scale + offset

    def get_config(self):
        return {
            **super().get_config(),
            "scale": serialization.serialize_keras_object(self.scale),
            "offset": serialization.serialize_keras_object(self.offset),
        }

    @classmethod
    def from_config(cls, config):
        arrays = {name: serialization.deserialize_keras_object(config[name]) for name in ("scale", "offset")}
        return super().from_config({**config, **arrays})
