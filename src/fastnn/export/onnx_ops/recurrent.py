"""LSTM and GRU without masks; with masks they are loops, see `composed`."""

import numpy as np

from fastnn.export.table import emits

# Where Keras's gates are in ONNX: i f g o become i o f g; z r g stay.
LSTM_ORDER, GRU_ORDER = (0, 3, 1, 2), (0, 1, 2)


def _gates(b, kernel, order, axis: int = 1):
    """The columns of `kernel`, with the gates in another order."""
    array = b.array_of(kernel)
    if array is not None:
        parts = np.split(array, len(order), axis=axis)
        return b.derived(kernel, np.concatenate([parts[k] for k in order], axis=axis))
    parts = b.add("Split", kernel, outputs=len(order), axis=axis, num_outputs=len(order))
    return b.add("Concat", *(parts[k] for k in order), axis=axis)


def _weights(b, kernel, order):
    """(1, gates * units, inputs)."""
    return b.unsqueeze(b.transpose(_gates(b, kernel, order), (1, 0)), 0)


def _run(b, step, op_type, x, order, kernel, bias, states, **attributes):
    """y (b, t, u), and the last states (b, u). x (b, t, gates * u) is projected already: its weights are the unit
    matrix."""
    width, units = step.x.shape[-1], step.inputs[1].shape[0]
    eye = np.eye(width, dtype=step.x.dtype)
    y, *last = b.add(
        op_type, b.transpose(x, (1, 0, 2)), _weights(b, b.initializer("projected", eye), order),
        _weights(b, kernel, order), bias, None, *(b.unsqueeze(state, 0) for state in states),
        outputs=1 + len(states), hidden_size=units,
        direction="reverse" if step.params["backwards"] else "forward", **attributes,
    )  # fmt: skip
    y = b.squeeze(y, 1)
    if step.params["backwards"]:  # ONNX keeps the order of the inputs, the op that of its steps
        y = b.slice(y, 0, -1, -np.iinfo(np.int64).max, -1)
    return (b.transpose(y, (1, 0, 2)), *(b.squeeze(state, 0) for state in last))


@emits("lstm")
def _lstm(b, step, x, kernel, h0, c0):
    return (*_run(b, step, "LSTM", x, LSTM_ORDER, kernel, None, (h0, c0)), None, None)


@emits("gru")
def _gru(b, step, x, kernel, bias, h0):
    zeros = b.constant(np.zeros(step.x.shape[-1]), step.x.dtype)
    bias = b.unsqueeze(b.add("Concat", zeros, bias, axis=0), 0)
    return (*_run(b, step, "GRU", x, GRU_ORDER, kernel, bias, (h0,), linear_before_reset=1), None)
