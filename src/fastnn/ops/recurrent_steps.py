"""LSTM and GRU step by step, for NumPy and for traced values alike.

`xp` has sigmoid, tanh, transpose, where, join (of columns) and stack (over time). On arrays these functions are the
references of the records in `recurrent.py`; on values they are what second derivatives go through.

Shapes: b batch rows, t time steps, u units. What belongs to an input is returned in the order of the inputs, what
belongs to a step in that of the steps.
"""

from types import SimpleNamespace

import numpy as np

NUMPY = SimpleNamespace(
    sigmoid=lambda x: np.exp(-np.logaddexp(0, -x)), tanh=np.tanh, transpose=np.transpose,
    stack=lambda xs: np.stack(xs, 1), where=np.where, join=lambda xs: np.concatenate(xs, -1),
)  # fmt: skip


def order(time: int, backwards: bool) -> list[int]:
    """The input of each step."""
    return list(range(time))[:: -1 if backwards else 1]


def _keeper(xp, mask, k: int):
    """`keep(new, old)`: `new` where the mask (b, t) has input k, else `old`."""
    if mask is None:
        return lambda new, old: new
    return lambda new, old: xp.where(mask[:, k : k + 1], new, old)


def _parts(x, count: int):
    u = x.shape[-1] // count
    return [x[:, part * u : (part + 1) * u] for part in range(count)]


def lstm(xp, x, kernel, h, c, mask=None, *, backwards=False):
    """(y, h_last, c_last, c, gates, before) of the record `lstm`."""
    time = x.shape[1]
    ys, cs, gates, befores = [], [], [None] * time, [None] * time
    for k in order(time, backwards):
        keep = _keeper(xp, mask, k)
        z0, z1, z2, z3 = _parts(x[:, k] + h @ kernel, 4)
        i, f, g, o = xp.sigmoid(z0), xp.sigmoid(z1), xp.tanh(z2), xp.sigmoid(z3)
        new = f * c + i * g
        befores[k] = h
        h, c = keep(o * xp.tanh(new), h), keep(new, c)
        ys.append(h)
        cs.append(c)
        gates[k] = keep(xp.join([i, f, g, o]), 0 * x[:, k])
    return xp.stack(ys), h, c, xp.stack(cs), xp.stack(gates), xp.stack(befores)


def lstm_grad(xp, kernel, c0, c, gates, mask, dy, dh, dc, *, backwards=False):
    """(dx, dh0, dc0) of the record `lstm_grad`; dy, dh and dc may be None."""
    time = gates.shape[1]
    dxs = [None] * time
    dh, dc = (0 * c0 if d is None else d for d in (dh, dc))
    for step, k in reversed(list(enumerate(order(time, backwards)))):
        keep = _keeper(xp, mask, k)
        i, f, g, o = _parts(gates[:, k], 4)
        c_before = c[:, step - 1] if step else c0
        dh = dh if dy is None else dh + dy[:, step]
        tanh_c = xp.tanh(c[:, step])
        inner = dc + dh * o * (1 - tanh_c * tanh_c)
        d = [inner * g * i * (1 - i), inner * c_before * f * (1 - f), inner * i * (1 - g * g)]
        dxs[k] = keep(xp.join([*d, dh * tanh_c * o * (1 - o)]), 0 * gates[:, k])
        dh, dc = keep(dxs[k] @ xp.transpose(kernel), dh), keep(inner * f, dc)
    return xp.stack(dxs), dh, dc


def gru(xp, x, kernel, bias, h, mask=None, *, backwards=False):
    """(y, h_last, gates, before) of the record `gru`."""
    time = x.shape[1]
    ys, gates, befores = [], [None] * time, [None] * time
    for k in order(time, backwards):
        keep = _keeper(xp, mask, k)
        x0, x1, x2 = _parts(x[:, k], 3)
        m0, m1, m2 = _parts(h @ kernel + bias, 3)
        z, r = xp.sigmoid(x0 + m0), xp.sigmoid(x1 + m1)
        g = xp.tanh(x2 + r * m2)
        joined = xp.join([z, r, g, m2])
        befores[k] = h
        h = keep(z * h + (1 - z) * g, h)
        ys.append(h)
        gates[k] = keep(joined, 0 * joined)
    return xp.stack(ys), h, xp.stack(gates), xp.stack(befores)


def gru_grad(xp, kernel, before, gates, mask, dy, dh, *, backwards=False):
    """(dx, dinner, dh0) of the record `gru_grad`; dy and dh may be None."""
    time = gates.shape[1]
    dxs, dinners = [None] * time, [None] * time
    dh = 0 * before[:, 0] if dh is None else dh
    for step, k in reversed(list(enumerate(order(time, backwards)))):
        keep = _keeper(xp, mask, k)
        z, r, g, m2 = _parts(gates[:, k], 4)
        dh = dh if dy is None else dh + dy[:, step]
        dz, dg = dh * (before[:, k] - g) * z * (1 - z), dh * (1 - z) * (1 - g * g)
        dr = dg * m2 * r * (1 - r)
        dx, dinner = xp.join([dz, dr, dg]), xp.join([dz, dr, dg * r])
        dxs[k], dinners[k] = keep(dx, 0 * dx), keep(dinner, 0 * dinner)
        dh = keep(dh * z + dinners[k] @ xp.transpose(kernel), dh)
    return xp.stack(dxs), xp.stack(dinners), dh
