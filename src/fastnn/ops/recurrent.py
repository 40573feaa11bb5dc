"""LSTM and GRU over a whole sequence: one kernel forward, one backward.

The projection of the inputs is made outside, for all time steps in one product; the records take its result. Where
enough rows share a step's weights, a plan has lstm project its inputs itself. The gradient by the recurrent weights is
one product over all steps, of the states before them with the gates' gradients.

Letters: b batch rows, t time steps, u units. With `backwards` the steps take the inputs from the last to the first; y
is in the order of the steps. Where the mask (b, t) is false, a step leaves the state as it is.
"""

import functools
import math
from types import SimpleNamespace

import numpy as np

from fastnn.graph.row_rules import of_first_axis
from fastnn.ops import elementwise as ew
from fastnn.ops import recurrent_steps as steps
from fastnn.ops.boxes import concatenate
from fastnn.ops.joining import stack
from fastnn.ops.layout import transpose
from fastnn.ops.logic import where
from fastnn.ops.matmul import linear_grad_kernel_op, linear_op
from fastnn.ops.normalization import gradient_by_composition
from fastnn.ops.record import Op, Spec, dtype_of, shape_of

_OPS = SimpleNamespace(
    sigmoid=ew.sigmoid, tanh=ew.tanh, transpose=transpose, where=where, join=lambda xs: concatenate(xs, -1),
    stack=lambda xs: stack(xs, 1),
)  # fmt: skip
LSTM_GATES, GRU_GATES = 4, 3
# From so many rows of the batch on that share a step's weights, and rows of all steps for which they are packed, lstm
# projects its inputs itself.
_PROJECTED_ROWS, _PACKING_ROWS = 16, 512
# A single step of at most so many rows by weights of so many elements is composed of products and elementwise ops: to
# pack weights that are read once takes longer than to multiply by them.
_SINGLE_ROWS, _SINGLE_WEIGHTS = 32, 1 << 14


def _sizes(name, x, kernel, gates, states, mask):
    """b, t and u; raises when the shapes do not fit."""
    u = kernel.shape[0]
    if len(x.shape) != 3 or x.shape[-1] != gates * u or kernel.shape != (u, gates * u):
        raise ValueError(
            f"{name}: the projected inputs must have shape (batch, time, {gates} units) and the recurrent kernel "
            f"(units, {gates} units), not {x.shape} and {kernel.shape}."
        )
    b, t, _ = x.shape
    for state in states:
        if state.shape != (b, u):
            raise ValueError(f"{name}: a state has shape {state.shape}; {b} rows of {u} units need {(b, u)}.")
    for m in mask:
        if m.shape != (b, t) or m.dtype != "bool":
            raise ValueError(f"{name}: the mask is {m}; {b} rows of {t} steps need bool[{b},{t}].")
    return b, t, u


def _kernel_fits(x, b) -> bool:
    return b.suffix(x) is not None and x.size > 0


def _is_single(x, kernel, mask) -> bool:
    """Whether a sequence is one step that is composed of other ops."""
    rows, time, *_ = x.shape
    return time == 1 and mask is None and rows <= _SINGLE_ROWS and math.prod(kernel.shape) >= _SINGLE_WEIGHTS


def _wanted(node, b):
    """The outputs, None for those that nothing reads: what only a gradient needs is not stored without one."""
    return [y if y in b.needed else None for y in node.outputs]


def _ints(shape, backwards):
    b, t, u = shape
    return [b, t, u, int(backwards)]


def _split_flows(rest, masked: bool, given: tuple[bool, ...]):
    """(mask, *gradients) from the inputs that are present."""
    rest = iter(rest)
    mask = next(rest) if masked else None
    return mask, *(next(rest) if is_given else None for is_given in given)


# ---- lstm ----


def _lstm_shape(x, kernel, h0, c0, *mask, backwards):
    b, t, u = _sizes("lstm", x, kernel, LSTM_GATES, (h0, c0), mask)
    sequence, state = Spec((b, t, u), x.dtype), Spec((b, u), x.dtype)
    return sequence, state, state, sequence, x, sequence


def _lstm_grad(dys, ys, x, kernel, h0, c0, *mask, backwards):
    _, _, _, c, gates, before = ys
    if any(d is not None for d in dys[3:]):  # of a second derivative: rare, and then composed of other ops
        compose = functools.partial(steps.lstm, _OPS)
        return gradient_by_composition(compose)(dys, ys, x, kernel, h0, c0, *mask, backwards=backwards)
    given = tuple(d is not None for d in dys[:3])
    flows = [d for d in dys[:3] if d is not None]
    dx, dh0, dc0 = lstm_grad_op(
        kernel, c0, c, gates, *mask, *flows, masked=bool(mask), given=given, backwards=backwards
    )
    dkernel, _ = linear_grad_kernel_op(before, dx)
    return dx, dkernel, dh0, dc0, *(None for _ in mask)


def _lstm_lower(node, b):
    x, kernel, h0, c0, *mask = node.inputs
    if not _kernel_fits(x, b):
        return False
    buffers = [x, kernel, h0, c0, *(mask or [None]), None, None, *_wanted(node, b)]
    b.step(f"lstm_{b.suffix(x)}", buffers, [*_ints(node.outputs[0].shape, node.params["backwards"]), 0])
    return True


def _lstm_simplify(node):
    """The kernel projects the inputs itself where enough rows share each time step's weights, and those of the inputs
    are not many more than those of the states: what it makes of a step is read from the first cache, where the product
    over all steps is written to memory."""
    z, kernel, *states = node.inputs
    if z.node.op is not linear_op:
        return None
    x, w, *bias = z.node.inputs
    b, t, d = x.shape
    if b < _PROJECTED_ROWS or b * t < _PACKING_ROWS or d > 2 * kernel.shape[0]:
        return None
    bias = bias[0] if bias else np.zeros(w.shape[-1], w.dtype)
    return projecting_lstm_op(x, w, bias, kernel, *states, **node.params)


# (x (b, t, 4u), kernel (u, 4u), h0, c0[, mask]) -> y (b, t, u), h_last, c_last (b, u), and for the gradient c
# (b, t, u), gates (b, t, 4u): i, f, g, o of each input, 0 where masked, and before (b, t, u): the state before it.
lstm_op = Op(
    "lstm",
    shape=_lstm_shape,
    reference=functools.partial(steps.lstm, steps.NUMPY),
    grad=_lstm_grad,
    lower=_lstm_lower,
    simplify=_lstm_simplify,
    aliases=((4, 0),),
    rows=of_first_axis(0, 2, 3, 4),
)


def _projecting_lstm_lower(node, b):
    x, w, bias, kernel, h0, c0, *mask = node.inputs
    if not _kernel_fits(x, b):
        return False
    buffers = [x, kernel, h0, c0, *(mask or [None]), w, bias, *_wanted(node, b)]
    ints = [*_ints(node.outputs[0].shape, node.params["backwards"]), x.shape[-1]]
    b.step(f"lstm_{b.suffix(x)}", buffers, ints)
    return True


def _projecting_lstm(project, lstm):
    return lambda x, w, bias, *others, backwards: lstm(project(x, w, bias), *others, backwards=backwards)


# (x (b, t, d), w (d, 4u), bias (4u), kernel, h0, c0[, mask]) -> what lstm makes of x @ w + bias.
projecting_lstm_op = Op(
    "projecting_lstm",
    shape=_projecting_lstm(linear_op.shape, _lstm_shape),
    reference=_projecting_lstm(linear_op.reference, lstm_op.reference),
    grad=gradient_by_composition(_projecting_lstm(linear_op, lstm_op)),
    lower=_projecting_lstm_lower,
    rows=of_first_axis(0, 4, 5, 6),
)


def _lstm_grad_steps(xp, kernel, c0, c, gates, *rest, masked, given, backwards):
    flows = _split_flows(rest, masked, given)
    return steps.lstm_grad(xp, kernel, c0, c, gates, *flows, backwards=backwards)


def _lstm_grad_lower(node, b):
    kernel, c0, c, gates, *rest = node.inputs
    if not _kernel_fits(gates, b):
        return False
    mask, *flows = _split_flows(rest, node.params["masked"], node.params["given"])
    buffers = [*flows, kernel, c0, mask, c, gates, node.outputs[0], *_wanted(node, b)[1:]]
    b.step(f"lstm_grad_{b.suffix(gates)}", buffers, _ints(c.shape, node.params["backwards"]))
    return True


# (kernel, c0, c, gates[, mask][, dy][, dh_last][, dc_last]) -> dx (b, t, 4u), dh0, dc0 (b, u). `given` says which of
# the three gradients are there.
lstm_grad_op = Op(
    "lstm_grad",
    shape=lambda kernel, c0, c, gates, *rest, masked, given, backwards: (gates, c0, c0),
    reference=functools.partial(_lstm_grad_steps, steps.NUMPY),
    grad=gradient_by_composition(functools.partial(_lstm_grad_steps, _OPS)),
    lower=_lstm_grad_lower,
    aliases=((0, 3),),
)


def lstm(x, kernel, h0, c0, mask=None, backwards=False):
    """A long short-term memory over a sequence (Hochreiter and Schmidhuber 1997, with forget gates).

    With z = x[:, k] + h @ kernel of four parts, i, f, o = sigmoid of parts 0, 1 and 3 and g = tanh of part 2:
    c = f c + i g and h = o tanh(c).

    Args:
        x: floats (batch, time, 4 units): the inputs, projected, with their bias.
        kernel: (units, 4 units).
        h0, c0: states (batch, units) before the first step.
        mask: bool (batch, time) or None: a step whose entry is false leaves the states as they are.
        backwards: whether the first step takes the last input.

    Returns:
        `(y, h, c)`: h after each step (batch, time, units), and both states after the last.

    Raises:
        ValueError: when the shapes do not fit.

    Example:
        >>> lstm(np.zeros((2, 3, 4)), np.zeros((1, 4)), np.zeros((2, 1)), np.ones((2, 1)))[2]
        array([[0.125],
               [0.125]])
    """
    if _is_single(x, kernel, mask):
        _lstm_shape(x, kernel, h0, c0, backwards=backwards)
        return steps.lstm(_OPS, x, kernel, h0, c0)[:3]
    inputs = (x, kernel, h0, c0) if mask is None else (x, kernel, h0, c0, ew.cast(mask, "bool"))
    return lstm_op(*inputs, backwards=bool(backwards))[:3]


# ---- gru ----


def _gru_shape(x, kernel, bias, h0, *mask, backwards):
    b, t, u = _sizes("gru", x, kernel, GRU_GATES, (h0,), mask)
    if bias.shape != (GRU_GATES * u,):
        raise ValueError(f"gru: the bias has shape {bias.shape}; {u} units need {(GRU_GATES * u,)}.")
    sequence = Spec((b, t, u), x.dtype)
    return sequence, h0, Spec((b, t, 4 * u), x.dtype), sequence


def _gru_grad(dys, ys, x, kernel, bias, h0, *mask, backwards):
    _, _, gates, before = ys
    if any(d is not None for d in dys[2:]):
        compose = functools.partial(steps.gru, _OPS)
        return gradient_by_composition(compose)(dys, ys, x, kernel, bias, h0, *mask, backwards=backwards)
    given = tuple(d is not None for d in dys[:2])
    flows = [d for d in dys[:2] if d is not None]
    dx, dinner, dh0 = gru_grad_op(
        kernel, before, gates, *mask, *flows, masked=bool(mask), given=given, backwards=backwards
    )
    return dx, *linear_grad_kernel_op(before, dinner), dh0, *(None for _ in mask)


def _gru_lower(node, b):
    x, kernel, bias, h0, *mask = node.inputs
    if not _kernel_fits(x, b):
        return False
    buffers = [x, kernel, bias, h0, *(mask or [None]), *_wanted(node, b)]
    b.step(f"gru_{b.suffix(x)}", buffers, _ints(node.outputs[0].shape, node.params["backwards"]))
    return True


# (x (b, t, 3u), kernel (u, 3u), bias (3u), h0[, mask]) -> y (b, t, u), h_last (b, u), and for the gradient gates
# (b, t, 4u): z, r, g and the third part of h @ kernel + bias of each input, 0 where masked, and before (b, t, u): the
# state before it.
gru_op = Op(
    "gru",
    shape=_gru_shape,
    reference=functools.partial(steps.gru, steps.NUMPY),
    grad=_gru_grad,
    lower=_gru_lower,
    rows=of_first_axis(0, 3, 4),
)


def _gru_grad_shape(kernel, before, gates, *rest, masked, given, backwards):
    b, t, u = before.shape
    d = Spec((b, t, GRU_GATES * u), before.dtype)
    return d, d, Spec((b, u), before.dtype)


def _gru_grad_steps(xp, kernel, before, gates, *rest, masked, given, backwards):
    flows = _split_flows(rest, masked, given)
    return steps.gru_grad(xp, kernel, before, gates, *flows, backwards=backwards)


def _gru_grad_lower(node, b):
    kernel, before, gates, *rest = node.inputs
    if not _kernel_fits(gates, b):
        return False
    mask, *flows = _split_flows(rest, node.params["masked"], node.params["given"])
    buffers = [*flows, kernel, mask, before, gates, *node.outputs[:2], *_wanted(node, b)[2:]]
    b.step(f"gru_grad_{b.suffix(gates)}", buffers, _ints(before.shape, node.params["backwards"]))
    return True


# (kernel, before, gates[, mask][, dy][, dh_last]) -> dx, dinner (b, t, 3u): the gradients by x and by
# h @ kernel + bias, dh0 (b, u).
gru_grad_op = Op(
    "gru_grad",
    shape=_gru_grad_shape,
    reference=functools.partial(_gru_grad_steps, steps.NUMPY),
    grad=gradient_by_composition(functools.partial(_gru_grad_steps, _OPS)),
    lower=_gru_grad_lower,
)


def gru(x, kernel, bias, h0, mask=None, backwards=False):
    """A gated recurrent unit over a sequence (Cho et al. 2014), the reset gate applied after the product.

    With m = h @ kernel + bias, z and r = sigmoid of parts 0 and 1 of x[:, k] + m, and g = tanh(x2 + r m2):
    h = z h + (1 - z) g.

    Args:
        x: floats (batch, time, 3 units): the inputs, projected, with their bias.
        kernel: (units, 3 units).
        bias: (3 units,) of the recurrent product, or None.
        h0: state (batch, units) before the first step.
        mask: bool (batch, time) or None: a step whose entry is false leaves the state as it is.
        backwards: whether the first step takes the last input.

    Returns:
        `(y, h)`: h after each step (batch, time, units), and after the last.

    Raises:
        ValueError: when the shapes do not fit.

    Example:
        >>> gru(np.zeros((2, 3, 3)), np.zeros((1, 3)), None, np.ones((2, 1)))[1]
        array([[0.125],
               [0.125]])
    """
    bias = np.zeros(shape_of(kernel)[-1], dtype_of(kernel)) if bias is None else bias
    if _is_single(x, kernel, mask):
        _gru_shape(x, kernel, bias, h0, backwards=backwards)
        return steps.gru(_OPS, x, kernel, bias, h0)[:2]
    inputs = (x, kernel, bias, h0) if mask is None else (x, kernel, bias, h0, ew.cast(mask, "bool"))
    return gru_op(*inputs, backwards=bool(backwards))[:2]
