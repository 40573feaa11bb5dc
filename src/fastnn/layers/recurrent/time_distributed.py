"""TimeDistributed: one layer for every time step."""

import math

from fastnn import ops, tree
from fastnn.layers.call_signature import CallSignature
from fastnn.layers.core.wrapper import Wrapper
from fastnn.layers.layer import Layer
from fastnn.layers.shapes import map_shapes


class TimeDistributed(Wrapper):
    """Applies `layer` to each time step of the inputs, with the same weights: batch and time are one axis inside.

    Args:
        layer: the layer.

    Call arguments:
        inputs: (batch, time, ...).
        training: passed on.
        mask: (batch, time, ...): passed on to a layer that takes a mask.

    Output shape:
        (batch, time, ...), where `layer` makes (batch, ...).

    Raises:
        ValueError: for what is no layer, and inputs of fewer than three axes.

    Example:
        >>> fastnn.layers.TimeDistributed(fastnn.layers.Dense(3))(np.ones((2, 5, 4), "float32")).shape
        (2, 5, 3)
    """

    def __init__(self, layer, **kwargs):
        if not isinstance(layer, Layer):
            raise ValueError(f"Please initialize `TimeDistributed` layer with a `Layer` instance. Received: {layer}")
        super().__init__(layer, **kwargs)
        self.supports_masking = True

    def build(self, input_shape):
        super().build(_of_step(input_shape))

    def compute_output_shape(self, input_shape):
        shape = self.layer.compute_output_shape(_of_step(input_shape))
        return map_shapes(lambda sizes: (sizes[0], input_shape[1], *sizes[1:]), shape)

    def call(self, inputs, training=None, mask=None):
        lead = tuple(inputs.shape[:2])
        kwargs = {}
        if mask is not None and CallSignature.of(self.layer.call).has("mask"):
            kwargs["mask"] = _merged(mask)
        outputs = self.layer(_merged(inputs), training=training, **kwargs)
        return tree.map_structure(lambda y: ops.reshape(y, (*lead, *y.shape[1:])), outputs)


def _of_step(input_shape):
    if len(input_shape) < 3:
        raise ValueError(
            "`TimeDistributed` Layer should be passed an `input_shape` with at least 3 dimensions, received: "
            f"{tuple(input_shape)}"
        )
    return (input_shape[0], *input_shape[2:])


def _merged(x):
    """Batch and time as one axis."""
    return ops.reshape(x, (math.prod(x.shape[:2]), *x.shape[2:]))
