"""LSTM and GRU without masks; with masks they are loops, see `composed`.

The ops take inputs that are projected already, ONNX's nodes project themselves: so they take over the product that made
the inputs; where there is none, they multiply by the unit matrix.
"""

import numpy as np

from fastnn.export.builder import LAST
from fastnn.export.table import emits

# Where Keras's gates are in ONNX: i f g o become i o f g; z r g stay.
LSTM_ORDER, GRU_ORDER = (0, 3, 1, 2), (0, 1, 2)


def _ordered(b, x: str, order):
    """A bias, or a transposed kernel, with the gates in another order: that of a weight now."""
    if list(order) == sorted(order):
        return x
    array = b.array_of(x)
    if array is not None:
        parts = np.split(array, len(order))
        return b.rearranged(x, f"gates {order}", lambda: np.concatenate([parts[k] for k in order]))
    parts = b.add("Split", x, outputs=len(order), axis=0, num_outputs=len(order))
    return b.add("Concat", *(parts[k] for k in order), axis=0)


def _run(b, step, op_type, x, order, kernel, inner_bias, states, **attributes):
    """y (b, t, u), and the last states (b, u), of x (b, t, gates * u), projected."""
    units, width, dtype = step.inputs[1].shape[0], step.x.shape[-1], step.x.dtype
    source, inputs = b.source_of(x)
    if source is not None and source.op.name == "linear":
        x, projection, *bias = inputs
        size = source.x.shape[-1]
    else:
        projection, bias, size = b.constant(np.eye(width), dtype), [], width
    zeros = b.constant(np.zeros(width), dtype)
    biases = [_ordered(b, bias[0], order) if bias else zeros, inner_bias or zeros]

    def weights(kernel, size):
        """(1, gates * u, size)."""
        return b.reshape(_ordered(b, b.transpose(kernel, (1, 0)), order), (1, width, size))

    y, *last = b.add(
        op_type, b.transpose(x, (1, 0, 2)), weights(projection, size), weights(kernel, units),
        b.reshape(b.add("Concat", *biases, axis=0), (1, 2 * width)), None,
        *(b.unsqueeze(state, 0) for state in states), outputs=1 + len(states), hidden_size=units,
        direction="reverse" if step.params["backwards"] else "forward", **attributes,
    )  # fmt: skip
    y = b.squeeze(y, 1)
    if step.params["backwards"]:  # ONNX keeps the order of the inputs, the op that of its steps
        y = b.slice(y, 0, -1, -LAST, -1)
    return (b.transpose(y, (1, 0, 2)), *(b.squeeze(state, 0) for state in last))


@emits("lstm")
def _lstm(b, step, x, kernel, h0, c0):
    return (*_run(b, step, "LSTM", x, LSTM_ORDER, kernel, None, (h0, c0)), None, None, None)


@emits("gru")
def _gru(b, step, x, kernel, bias, h0):
    return (*_run(b, step, "GRU", x, GRU_ORDER, kernel, bias, (h0,), linear_before_reset=1), None, None)
