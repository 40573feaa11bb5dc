"""The problems by NumPy, as somebody who knows it writes them: products by its BLAS, convolution as a product of
windows (im2col by `sliding_window_view`), taps instead of windows where nothing is multiplied by a matrix."""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from benchmarks.kernels.operations import OPERATIONS
from benchmarks.timing import repeated


def prepare(problem):
    """`(run(times), result())` of `problem`, or None where there is no function for it."""
    arrays = problem.inputs()
    if problem.kind in OPTIMIZERS:
        step = OPTIMIZERS[problem.kind](arrays[0])
        return repeated(step), step
    function = FUNCTIONS.get(problem.kind)
    return function and (repeated(lambda: function(problem.params, *arrays)), lambda: function(problem.params, *arrays))


def _operation(function):
    return lambda _, *xs: function(np, *xs)


# ---- dense, convolution ----


def padded(x, pad):
    return np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0))) if pad else x


def columns(x, kernel, stride):
    """(n, h, w, c) to (n * out * out, kernel * kernel * c)."""
    if kernel == 1:
        return x[:, ::stride, ::stride].reshape(-1, x.shape[3])
    windows = sliding_window_view(x, (kernel, kernel), (1, 2))[:, ::stride, ::stride]
    return windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, kernel * kernel * x.shape[3])


def conv2d(p, x, w, b):
    n, out = x.shape[0], (p["size"] + 2 * p["pad"] - p["kernel"]) // p["stride"] + 1
    y = columns(padded(x, p["pad"]), p["kernel"], p["stride"]) @ w.reshape(-1, w.shape[3])
    y += b
    return y.reshape(n, out, out, w.shape[3])


def conv2d_grad_input(p, dy, w):
    """A convolution of dy, spread out by the stride, with the kernel turned around."""
    before, k = p["kernel"] - 1 - p["pad"], p["kernel"]
    n, out, _, cout = dy.shape
    spread = np.zeros((n, p["size"] + k - 1, p["size"] + k - 1, cout), dy.dtype)
    places = slice(before, before + (out - 1) * p["stride"] + 1, p["stride"])
    spread[:, places, places] = dy
    turned = w[::-1, ::-1].transpose(0, 1, 3, 2).reshape(-1, w.shape[2])
    return (columns(spread, k, 1) @ turned).reshape(n, p["size"], p["size"], w.shape[2])


def conv2d_grad_kernel(p, x, dy):
    flat = dy.reshape(-1, dy.shape[3])
    return columns(padded(x, p["pad"]), p["kernel"], p["stride"]).T @ flat, flat.sum(0)


def _grouped(function):
    """Group by group: all arguments and results have the groups along their last axis."""

    def of_groups(p, *arrays):
        found = [function(p, *parts) for parts in zip(*(np.split(x, p["groups"], -1) for x in arrays), strict=True)]
        if isinstance(found[0], tuple):
            return tuple(np.concatenate(parts, -1) for parts in zip(*found, strict=True))
        return np.concatenate(found, -1)

    return of_groups


def taps(x, window, stride, out):
    """Each element of every window, as a view (n, out, out, c)."""
    reach = (out - 1) * stride + 1
    for row in range(window):
        for column in range(window):
            yield row, column, x[:, row : row + reach : stride, column : column + reach : stride]


def _depthwise(p, x, w, b):
    out = (p["size"] + 2 * p["pad"] - p["kernel"]) // p["stride"] + 1
    y = np.empty((x.shape[0], out, out, x.shape[3]), x.dtype)
    y[...] = b
    product = np.empty_like(y)
    for row, column, tap in taps(padded(x, p["pad"]), p["kernel"], p["stride"], out):
        y += np.multiply(tap, w[row, column], out=product)
    return y


def _depthwise_grad_input(p, dy, w):
    size = p["size"] + 2 * p["pad"]
    dx = np.zeros((dy.shape[0], size, size, dy.shape[3]), dy.dtype)
    product = np.empty_like(dy)
    for row, column, tap in taps(dx, p["kernel"], p["stride"], dy.shape[1]):
        tap += np.multiply(dy, w[row, column], out=product)
    return dx[:, p["pad"] : p["pad"] + p["size"], p["pad"] : p["pad"] + p["size"]]


def _depthwise_grad_kernel(p, x, dy):
    dw = np.empty((p["kernel"], p["kernel"], x.shape[3]), x.dtype)
    for row, column, tap in taps(padded(x, p["pad"]), p["kernel"], p["stride"], dy.shape[1]):
        dw[row, column] = np.einsum("nhwc,nhwc->c", tap, dy)
    return dw


# ---- pooling, rows ----


def _pool(p, x, add):
    out = (x.shape[1] - p["window"]) // p["stride"] + 1
    elements = taps(x, p["window"], p["stride"], out)
    y = next(elements)[2].copy()
    for _, _, tap in elements:
        add(y, tap, out=y)
    return y


def max_pool(p, x):
    return _pool(p, x, np.maximum)


def max_pool_grad(p, dy, x):
    y, dx = max_pool(p, x), np.zeros_like(x)
    is_open = np.ones(y.shape, bool)
    of_x, of_dx = (taps(array, p["window"], p["stride"], y.shape[1]) for array in (x, dx))
    for (_, _, tap), (_, _, into) in zip(of_x, of_dx, strict=True):
        hit = (tap == y) & is_open
        is_open &= ~hit
        into += dy * hit
    return dx


def softmax(_, x):
    y = x - x.max(-1, keepdims=True)
    np.exp(y, out=y)
    y /= y.sum(-1, keepdims=True)
    return y


def cross_entropy_fit(_, logits, labels):
    """The mean loss, and its gradient by the logits."""
    rows = np.arange(len(logits))
    shifted = logits - logits.max(-1, keepdims=True)
    p = np.exp(shifted)
    total = p.sum(-1, keepdims=True)
    loss = (np.log(total[:, 0]) - shifted[rows, labels]).mean()
    p /= total
    p[rows, labels] -= 1
    p /= len(logits)
    return loss, p


def normalized(x, axis):
    z = x - x.mean(axis, keepdims=True)
    inverse = 1 / np.sqrt(np.einsum("rc,rc->c" if axis == 0 else "rc,rc->r", z, z) / x.shape[axis] + 1e-3)
    inverse = inverse[None] if axis == 0 else inverse[:, None]
    z *= inverse
    return z, inverse


def norm_gradients(z, inverse, gamma, dy, axis):
    """By x, gamma and beta, given what `normalized` returned."""
    dgamma, dbeta = np.einsum("rc,rc->c", dy, z), dy.sum(0)
    dz = dy * gamma
    mean = dz.mean(axis, keepdims=True)
    along = np.einsum("rc,rc->c" if axis == 0 else "rc,rc->r", dz, z) / z.shape[axis]
    return (dz - mean - z * (along[None] if axis == 0 else along[:, None])) * inverse, dgamma, dbeta


def _norm(axis):
    def function(_, x, gamma, beta):
        y, _ = normalized(x, axis)
        y *= gamma
        y += beta
        return y

    return function


def _norm_fit(axis):
    def function(_, x, gamma, beta, dy):
        z, inverse = normalized(x, axis)
        return z * gamma + beta, *norm_gradients(z, inverse, gamma, dy, axis)

    return function


# ---- elementwise, embedding ----


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _bias_gelu(_, x, b):
    x = x + b
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))


def _polynomial(_, x):
    y = x.copy()
    for _ in range(7):
        y *= x
        y += 1
    return y


def take_grad(p, dy, index):
    """Rows of one index side by side, then summed: several times faster than `np.add.at`."""
    order = np.argsort(index, axis=None, kind="stable")
    used, starts = np.unique(index.ravel()[order], return_index=True)
    dx = np.zeros((p["words"], dy.shape[-1]), dy.dtype)
    dx[used] = np.add.reduceat(dy.reshape(-1, dy.shape[-1])[order], starts)
    return dx


# ---- recurrent, attention ----


def lstm_states(x, w, r, bias):
    """y (b, t, u), c (b, t + 1, u) from the state before the first step, gates (b, t, 4u)."""
    (b, t, _), u = x.shape, r.shape[0]
    z = x @ w + bias
    y, c = np.zeros((b, t, u), x.dtype), np.zeros((b, t + 1, u), x.dtype)
    h = np.zeros((b, u), x.dtype)
    for k in range(t):
        gates = z[:, k]
        gates += h @ r
        g = np.tanh(gates[:, 2 * u : 3 * u])
        gates[...] = sigmoid(gates)
        gates[:, 2 * u : 3 * u] = g
        c[:, k + 1] = gates[:, u : 2 * u] * c[:, k] + gates[:, :u] * g
        h = gates[:, 3 * u :] * np.tanh(c[:, k + 1])
        y[:, k] = h
    return y, c, z


def _before(y):
    """The states before each step, (b * t, u)."""
    return np.concatenate([np.zeros_like(y[:, :1]), y[:, :-1]], 1).reshape(-1, y.shape[2])


def lstm_gradients(x, w, r, y, c, gates, dy):
    """By x, w, r and bias, given what `lstm_states` returned."""
    u = r.shape[0]
    dz = np.empty_like(gates)
    dh = dc = np.zeros_like(c[:, 0])
    for k in range(x.shape[1] - 1, -1, -1):
        i, f, g, o = (gates[:, k, part * u : (part + 1) * u] for part in range(4))
        dh = dh + dy[:, k]
        top = np.tanh(c[:, k + 1])
        dc = dc + dh * o * (1 - top * top)
        parts = dc * g * i * (1 - i), dc * c[:, k] * f * (1 - f), dc * i * (1 - g * g), dh * top * o * (1 - o)
        np.concatenate(parts, 1, out=dz[:, k])
        dh = dz[:, k] @ r.T
        dc = dc * f
    flat = dz.reshape(-1, 4 * u)
    return dz @ w.T, x.reshape(-1, x.shape[2]).T @ flat, _before(y).T @ flat, flat.sum(0)


def _lstm_fit(_, x, w, r, bias, dy):
    states = lstm_states(x, w, r, bias)
    return states[0], *lstm_gradients(x, w, r, *states, dy)


def _gru_states(x, w, r, bias, recurrent_bias):
    """y (b, t, u), gates (b, t, 3u), and what the reset gate multiplies (b, t, u)."""
    (b, t, _), u = x.shape, r.shape[0]
    gates = x @ w + bias
    y, inner = np.zeros((b, t, u), x.dtype), np.zeros((b, t, u), x.dtype)
    h = np.zeros((b, u), x.dtype)
    for k in range(t):
        m = h @ r + recurrent_bias
        both = gates[:, k, : 2 * u]
        both[...] = sigmoid(both + m[:, : 2 * u])
        inner[:, k] = m[:, 2 * u :]
        g = np.tanh(gates[:, k, 2 * u :] + both[:, u:] * inner[:, k])
        gates[:, k, 2 * u :] = g
        h = both[:, :u] * (h - g) + g
        y[:, k] = h
    return y, gates, inner


def _gru_fit(_, x, w, r, bias, recurrent_bias, dy):
    y, gates, inner = _gru_states(x, w, r, bias, recurrent_bias)
    u = r.shape[0]
    dx, dm = np.empty_like(gates), np.empty_like(gates)
    dh, before = np.zeros_like(y[:, 0]), _before(y).reshape(y.shape)
    for k in range(x.shape[1] - 1, -1, -1):
        z, reset, g = (gates[:, k, part * u : (part + 1) * u] for part in range(3))
        dh = dh + dy[:, k]
        dg = dh * (1 - z) * (1 - g * g)
        dx[:, k, :u] = dh * (before[:, k] - g) * z * (1 - z)
        dx[:, k, u : 2 * u] = dg * inner[:, k] * reset * (1 - reset)
        dx[:, k, 2 * u :] = dg
        dm[:, k] = dx[:, k]
        dm[:, k, 2 * u :] = dg * reset
        dh = dh * z + dm[:, k] @ r.T
    flat, recurrent = dx.reshape(-1, 3 * u), dm.reshape(-1, 3 * u)
    by_weights = x.reshape(-1, x.shape[2]).T @ flat, _before(y).T @ recurrent
    return y, dx @ w.T, *by_weights, flat.sum(0), recurrent.sum(0)


def heads_first(*arrays):
    """(b, t, h, d) to (b, h, t, d), and back."""
    return [array.transpose(0, 2, 1, 3) for array in arrays]


def attention_weights(q, k, causal=False):
    """(b, h, t, s) of q and k with their heads first."""
    scores = q @ k.transpose(0, 1, 3, 2)
    scores *= q.shape[-1] ** -0.5
    if causal:
        scores[..., np.triu(np.ones(scores.shape[-2:], bool), 1)] = -np.inf
    return softmax(None, scores)


def attention_gradients(weights, q, k, v, dy, keep=None):
    """By q, k and v, heads first; `keep`: what weights were multiplied by."""
    dv = (weights if keep is None else weights * keep).transpose(0, 1, 3, 2) @ dy
    ds = dy @ v.transpose(0, 1, 3, 2)
    if keep is not None:
        ds *= keep
    ds -= np.einsum("bhts,bhts->bht", ds, weights)[..., None]
    ds *= weights
    ds *= q.shape[-1] ** -0.5
    return ds @ k, ds.transpose(0, 1, 3, 2) @ q, dv


def _attention(p, q, k, v):
    q, k, v = heads_first(q, k, v)
    return (attention_weights(q, k, p["causal"]) @ v).transpose(0, 2, 1, 3)


def _attention_fit(p, q, k, v, dy):
    q, k, v, dy = heads_first(q, k, v, dy)
    weights = attention_weights(q, k, p["causal"])
    return heads_first(weights @ v, *attention_gradients(weights, q, k, v, dy))


def _attention_dropout_fit(p, q, k, v, dy):
    q, k, v, dy = heads_first(q, k, v, dy)
    weights = attention_weights(q, k, p["causal"])
    keep = np.random.default_rng(0).random(weights.shape, "float32") >= p["dropout"]
    keep = keep * np.float32(1 / (1 - p["dropout"]))
    return heads_first((weights * keep) @ v, *attention_gradients(weights, q, k, v, dy, keep))


# {kind: function(params, *arrays)}
FUNCTIONS = {
    "dense": lambda _, x, w, b: x @ w + b,
    "dense_grad_input": lambda _, dy, w: dy @ w.T,
    "dense_grad_kernel": lambda _, x, dy: (x.T @ dy, dy.sum(0)),
    "conv2d": conv2d,
    "conv2d_grad_input": conv2d_grad_input,
    "conv2d_grad_kernel": conv2d_grad_kernel,
    "grouped": _grouped(conv2d),
    "grouped_grad_input": _grouped(conv2d_grad_input),
    "grouped_grad_kernel": _grouped(conv2d_grad_kernel),
    "depthwise": _depthwise,
    "depthwise_grad_input": _depthwise_grad_input,
    "depthwise_grad_kernel": _depthwise_grad_kernel,
    "max_pool": max_pool,
    "max_pool_grad": max_pool_grad,
    "average_pool": lambda p, x: _pool(p, x, np.add) / p["window"] ** 2,
    "softmax": softmax,
    "cross_entropy_fit": cross_entropy_fit,
    "batch_norm": _norm(0),
    "batch_norm_fit": _norm_fit(0),
    "layer_norm": _norm(1),
    "layer_norm_fit": _norm_fit(1),
    "add_relu": lambda _, a, b: np.maximum(a + b, 0),
    "bias_gelu": _bias_gelu,
    "gate": lambda _, a, b: sigmoid(a) * np.tanh(b),
    "polynomial": _polynomial,
    "column_sum": lambda _, x: x.sum(0),
    "sum": lambda _, x: x.sum(1),
    "max": lambda _, x: x.max(1),
    "take": lambda _, table, index: np.take(table, index, 0),
    "take_grad": take_grad,
    "lstm": lambda _, *xs: lstm_states(*xs)[0],
    "lstm_fit": _lstm_fit,
    "gru": lambda _, *xs: _gru_states(*xs)[0],
    "gru_fit": _gru_fit,
    "attention": _attention,
    "attention_fit": _attention_fit,
    "attention_dropout_fit": _attention_dropout_fit,
    **{kind: _operation(of.numpy) for kind, of in OPERATIONS.items()},
}


# ---- optimizers: a step in place, from zeros ----


def _sgd(gradient):
    w, scratch = np.zeros_like(gradient), np.empty_like(gradient)

    def step():
        np.subtract(w, np.multiply(gradient, 0.01, out=scratch), out=w)
        return w[:10]

    return step


def _momentum(gradient):
    w, v, scratch = np.zeros_like(gradient), np.zeros_like(gradient), np.empty_like(gradient)

    def step():
        np.multiply(v, 0.9, out=v)
        np.subtract(v, np.multiply(gradient, 0.01, out=scratch), out=v)
        np.add(w, v, out=w)
        return w[:10]

    return step


def adam(gradient, w):
    """A step of Adam on `w`."""
    m, v, scratch, steps = np.zeros_like(w), np.zeros_like(w), np.empty_like(w), 0

    def step():
        nonlocal steps
        steps += 1
        rate = 0.001 * math.sqrt(1 - 0.999**steps) / (1 - 0.9**steps)
        np.multiply(m, 0.9, out=m)
        np.add(m, np.multiply(gradient, 0.1, out=scratch), out=m)
        np.multiply(v, 0.999, out=v)
        np.multiply(gradient, gradient, out=scratch)
        np.add(v, np.multiply(scratch, 0.001, out=scratch), out=v)
        np.add(np.sqrt(v, out=scratch), 1e-7, out=scratch)
        np.divide(m, scratch, out=scratch)
        np.subtract(w, np.multiply(scratch, rate, out=scratch), out=w)
        return w[:10]

    return step


OPTIMIZERS = {"sgd": _sgd, "momentum": _momentum, "adam": lambda gradient: adam(gradient, np.zeros_like(gradient))}
