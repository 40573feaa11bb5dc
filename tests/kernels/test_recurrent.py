"""LSTM and GRU kernels and their gradients, on every instruction set, against NumPy in extended precision.

Letters: b batch rows, t time steps, u units.
"""

import functools

import numpy as np
import pytest

from fastnn import _kernels
from fastnn._kernels import _engine
from fastnn.ops import recurrent_steps as steps
from tests.kernels.guarded import Guarded
from tests.kernels.remembered import remembered
from tests.kernels.wide import wide

ISAS = _engine.isas()
FLOATS = {"f32": np.float32, "f64": np.float64}
# b around the height of a tile (6, 8), two blocks of 8 rows and one of most (24); u around the lanes of a vector (2 to
# 16) and a panel.
SIZES = [(1, 1, 1), (5, 3, 3), (7, 4, 15), (6, 2, 16), (9, 3, 17), (16, 2, 9), (24, 2, 4), (25, 2, 33), (200, 1, 5)]
SIZES += [(2, 2, 65), (50, 2, 300)]  # the last: weights of more than 1 MiB, so that one thread joins blocks
SIZES += [(50, 2, 60)]  # which of more than 32 KiB those without AVX-512 do
lstm, lstm_grad, gru, gru_grad = (
    remembered(functools.partial(step, steps.NUMPY))
    for step in (steps.lstm, steps.lstm_grad, steps.gru, steps.gru_grad)
)
ROUNDINGS = 32  # of a step outside the product: of tanh and sigmoid 3 ulp each, twice where 1 - tanh^2 cancels
# (backwards, has a mask, which gradients are given): every pair of choices occurs.
CASES = {
    "forwards": (False, False, (True, True, True)),
    "backwards": (True, False, (False, True, True)),
    "masked": (False, True, (True, False, False)),
    "masked-backwards": (True, True, (True, True, True)),
}


def names(size):
    return "b{}-t{}-u{}".format(*size)


@pytest.fixture(params=[f"{isa}-{kind}" for isa in ISAS for kind in FLOATS])
def run(request):
    """`run(name, inputs, shapes)`: the outputs of a kernel, of one thread, after a check that two give the same bits,
    and that nothing around an output is written; shape None: no such output."""
    isa, _, kind = request.param.partition("-")
    dtype = FLOATS[kind]

    def call(name, inputs, shapes, ints):
        arrays = [None if x is None else Guarded(x, x.dtype if x.dtype == bool else dtype).array for x in inputs]
        results = []
        for threads in (1, 2):
            outputs = [None if shape is None else Guarded.unwritten(shape, dtype) for shape in shapes]
            written = [None if y is None else y.array for y in outputs]
            _kernels.run(f"{name}_{kind}", [*arrays, *written], ints, (), threads, isa)
            for y in outputs:
                if y is not None:
                    y.assert_canaries()
            results.append(written)
        for one, two in zip(*results, strict=True):
            assert one is None or one.tobytes() == two.tobytes()
        return results[0]

    call.dtype, call.isa, call.kind = dtype, isa, kind
    return call


def sample(rng, dtype, *shape):
    return rng.uniform(-1, 1, shape).astype(dtype)


def sample_mask(rng, b, t, masked):
    """With gaps before, between and after; None unless `masked`."""
    return rng.random((b, t)) < 0.6 if masked else None


def widened(*arrays):
    return [a if a is None or a.dtype == bool else wide(a) for a in arrays]


def close(actual, wanted, bound, what):
    bad = ~(np.abs(actual.astype(np.longdouble) - wanted) <= bound + np.finfo(actual.dtype).tiny)
    assert not bad.any(), f"{what}: {actual[bad][:3]} for {wanted[bad][:3]}, bound {bound[bad][:3]}"


@remembered
def lstm_error(x, kernel, h, c, mask, backwards, eps, size=None, terms=0):
    """Bounds of the errors of (y, c, gates): those of one step, and what the step makes of those of the step before.
    Where x is a sum of so many `terms`, `size` is that of their sizes."""
    size = np.abs(x) if size is None else size
    time, u = x.shape[1], kernel.shape[0]
    e_h, e_c, ys, cs, gates = 0 * h, 0 * c, [], [], [None] * time
    for k in steps.order(time, backwards):
        z = size[:, k] + np.abs(h) @ np.abs(kernel)
        e_z = (u + terms + 3) * eps * z + e_h @ np.abs(kernel)
        i, f, g, o = np.split(x[:, k] + h @ kernel, 4, -1)
        i, f, g, o = steps.NUMPY.sigmoid(i), steps.NUMPY.sigmoid(f), np.tanh(g), steps.NUMPY.sigmoid(o)
        e_i, e_f, e_g, e_o = np.split(e_z, 4, -1)  # sigmoid' is at most 1/4, tanh' at most 1
        e_i, e_f, e_o, e_g = e_i / 4 + 3 * eps * i, e_f / 4 + 3 * eps * f, e_o / 4 + 3 * eps * o, e_g + 3 * eps
        new = f * c + i * g
        e_new = f * e_c + np.abs(c) * e_f + i * e_g + np.abs(g) * e_i + 3 * eps * (np.abs(f * c) + np.abs(i * g))
        tanh_c = np.tanh(new)
        e_y = o * (e_new + 3 * eps) + np.abs(tanh_c) * e_o + eps
        keep = np.ones((len(h), 1), bool) if mask is None else mask[:, k : k + 1]
        gates[k] = np.concatenate([e_i, e_f, e_g, e_o], -1) * keep
        h, e_h = np.where(keep, o * tanh_c, h), np.where(keep, e_y, e_h)
        c, e_c = np.where(keep, new, c), np.where(keep, e_new, e_c)
        ys.append(e_h)
        cs.append(e_c)
    return [1.1 * np.stack(es, 1) for es in (ys, cs, gates)]  # 1.1: products of errors


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("size", SIZES, ids=names)
def test_lstm(size, case, run):
    b, t, u = size
    backwards, masked, _ = CASES[case]
    rng = np.random.default_rng(b + t + u)
    draw = lambda *shape: sample(rng, run.dtype, *shape)  # noqa: E731
    x, kernel, h0, c0, mask = draw(b, t, 4 * u), draw(u, 4 * u), draw(b, u), draw(b, u), sample_mask(rng, b, t, masked)
    assert_lstm(run, [x, kernel, h0, c0, mask, None, None], [b, t, u, int(backwards), 0])


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("d", [1, 15, 16, 33])
@pytest.mark.parametrize("size", [(1, 3, 17), (16, 2, 16), (25, 3, 5), (200, 1, 33)], ids=names)
def test_lstm_that_projects(size, d, case, run):
    b, t, u = size
    backwards, masked, _ = CASES[case]
    rng = np.random.default_rng(b + t + u + d)
    draw = lambda *shape: sample(rng, run.dtype, *shape)  # noqa: E731
    inputs = [draw(b, t, d), draw(u, 4 * u), draw(b, u), draw(b, u), sample_mask(rng, b, t, masked)]
    assert_lstm(run, [*inputs, draw(d, 4 * u), draw(4 * u)], [b, t, u, int(backwards), d])


def assert_lstm(run, inputs, ints):
    b, t, u, backwards, d = ints
    shapes = [(b, t, u), (b, u), (b, u), (b, t, u), (b, t, 4 * u), (b, t, u)]
    y, h, c, cs, gates, before = run("lstm", inputs, shapes, ints)
    x, *others, w, bias = widened(*inputs)
    x, size = (x @ w + bias, np.abs(x) @ np.abs(w) + np.abs(bias)) if d else (x, np.abs(x))
    wanted = lstm(x, *others, backwards=backwards)
    e_y, e_c, e_gates = lstm_error(x, *others, backwards, np.finfo(run.dtype).eps, size, d)
    close(y, wanted[0], e_y, "y")
    close(cs, wanted[3], e_c, "c of each step")
    np.testing.assert_array_equal(h, y[:, -1])
    np.testing.assert_array_equal(c, cs[:, -1])
    close(gates, wanted[4], e_gates, "gates")
    assert_before(before, y, inputs[2], backwards)


def assert_before(before, y, h0, backwards):
    """The states before the inputs are those after the steps before, at first h0."""
    states = np.concatenate([h0[:, None], y[:, :-1]], 1)
    np.testing.assert_array_equal(before, states[:, ::-1] if backwards else states)


@pytest.mark.parametrize("masked", [False, True], ids=["all", "masked"])
@pytest.mark.parametrize("size", SIZES[:5], ids=names)
def test_outputs_that_nobody_wants(size, masked, run):
    """Each output is the same without the others, and gates may replace x."""
    b, t, u = size
    rng = np.random.default_rng(0)
    for name, width, states in (("lstm", 4 * u, 2), ("gru", 3 * u, 1)):
        mask = sample_mask(rng, b, t, masked)
        bias = [] if name == "lstm" else [sample(rng, run.dtype, width)]
        inputs = [sample(rng, run.dtype, b, t, width), sample(rng, run.dtype, u, width), *bias]
        inputs += [*(sample(rng, run.dtype, b, u) for _ in range(states)), mask]
        inputs += [None, None] if name == "lstm" else []
        sequences = [(b, t, u)] if name == "lstm" else []
        shapes = [(b, t, u), *[(b, u)] * states, *sequences, (b, t, 4 * u), (b, t, u)]
        ints = [b, t, u, 0, 0]
        full = run(name, inputs, shapes, ints)
        for k in range(len(shapes)):
            one = run(name, inputs, [shape if j == k else None for j, shape in enumerate(shapes)], ints)
            np.testing.assert_array_equal(one[k], full[k])
        if name == "lstm":
            x, y = inputs[0].copy(), np.empty((b, t, u), run.dtype)
            buffers = [x, *inputs[1:], y, None, None, None, x, None]
            _kernels.run(f"lstm_{run.kind}", buffers, ints, (), 1, run.isa)
            np.testing.assert_array_equal(x, full[-2])
            np.testing.assert_array_equal(y, full[0])


@pytest.mark.parametrize("masked", [False, True], ids=["all", "masked"])
@pytest.mark.parametrize("size", [(1, 1, 17), (3, 1, 16), *SIZES[:5]], ids=names)
def test_gradients_by_states_that_nobody_wants(size, masked, run):
    """The others are the same without them: of a single step no product is left."""
    b, t, u = size
    rng = np.random.default_rng(0)
    draw = lambda *shape: sample(rng, run.dtype, *shape)  # noqa: E731
    for name, gates, states in (("lstm", 4, 2), ("gru", 3, 1)):
        flows = [draw(b, t, u), *(draw(b, u) for _ in range(states))]
        others = [draw(u, gates * u), *([draw(b, u)] if name == "lstm" else []), sample_mask(rng, b, t, masked)]
        shapes = [(b, t, gates * u)] * (1 if name == "lstm" else 2)
        inputs = [*flows, *others, draw(b, t, u), draw(b, t, 4 * u)]
        full = run(f"{name}_grad", inputs, [*shapes, *[(b, u)] * states], [b, t, u, 0])
        found = run(f"{name}_grad", inputs, [*shapes, *[None] * states], [b, t, u, 0])
        for k in range(len(shapes)):
            np.testing.assert_array_equal(found[k], full[k])


def given(flags, *gradients):
    return [d if flag else None for flag, d in zip(flags, gradients, strict=False)]


def absolute(*arrays):
    return [a if a is None or a.dtype == bool else np.abs(a) for a in arrays]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("size", SIZES, ids=names)
def test_lstm_grad(size, case, run):
    b, t, u = size
    backwards, masked, flags = CASES[case]
    rng = np.random.default_rng(b * t * u)
    draw = lambda *shape: sample(rng, run.dtype, *shape)  # noqa: E731
    kernel, c0, c = draw(u, 4 * u), draw(b, u), draw(b, t, u)
    mask, gates = sample_mask(rng, b, t, masked), (draw(b, t, 4 * u) + 1) / 2
    gates[..., 2 * u : 3 * u] = draw(b, t, u) * run.dtype(0.8)
    flows = given(flags, draw(b, t, u), draw(b, u), draw(b, u))
    shapes, ints = [(b, t, 4 * u), (b, u), (b, u)], [b, t, u, int(backwards)]
    dx, dh0, dc0 = run("lstm_grad", [*flows, kernel, c0, mask, c, gates], shapes, ints)
    arguments = widened(kernel, c0, c, gates, mask, *flows)
    wanted = lstm_grad(*arguments, backwards=backwards)
    # All terms positive: the sum of the sizes of the terms, each of which passed through so many roundings.
    terms = lstm_grad(*absolute(*arguments), backwards=backwards)
    bound = t * (4 * u + ROUNDINGS) * np.finfo(run.dtype).eps
    for name, actual, exact, term in zip(("dx", "dh0", "dc0"), (dx, dh0, dc0), wanted, terms, strict=True):
        close(actual, exact, bound * term, name)
    inplace = gates.copy()
    others = [np.empty(shape, run.dtype) for shape in shapes[1:]]
    buffers = [*flows, kernel, c0, mask, c, inplace, inplace, *others]
    _kernels.run(f"lstm_grad_{run.kind}", buffers, ints, (), 1, run.isa)
    np.testing.assert_array_equal(inplace, dx)
    np.testing.assert_array_equal(others[0], dh0)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("size", SIZES, ids=names)
def test_gru(size, case, run):
    b, t, u = size
    backwards, masked, _ = CASES[case]
    rng = np.random.default_rng(b + t + u)
    draw = lambda *shape: sample(rng, run.dtype, *shape)  # noqa: E731
    x, kernel, bias, h0, mask = (
        draw(b, t, 3 * u),
        draw(u, 3 * u),
        draw(3 * u),
        draw(b, u),
        sample_mask(rng, b, t, masked),
    )
    ints = [b, t, u, int(backwards)]
    shapes = [(b, t, u), (b, u), (b, t, 4 * u), (b, t, u)]
    y, h, gates, before = run("gru", [x, kernel, bias, h0, mask], shapes, ints)
    arrays = widened(x, kernel, bias, h0, mask)
    wanted = gru(*arrays, backwards=backwards)
    e_y, e_gates = gru_error(*arrays, backwards, np.finfo(run.dtype).eps)
    close(y, wanted[0], e_y, "y")
    np.testing.assert_array_equal(h, y[:, -1])
    close(gates, wanted[2], e_gates, "gates")
    assert_before(before, y, h0, backwards)


@remembered
def gru_error(x, kernel, bias, h, mask, backwards, eps):
    """A bound of the error of (y, gates), as `lstm_error`."""
    time, u = x.shape[1], kernel.shape[0]
    e_h, ys, gates = 0 * h, [], [None] * time
    for k in steps.order(time, backwards):
        size = np.abs(x[:, k]) + np.abs(h) @ np.abs(kernel) + np.abs(bias)
        e_z, e_r, e_m = np.split((u + 4) * eps * size + e_h @ np.abs(kernel), 3, -1)
        x0, x1, x2 = np.split(x[:, k], 3, -1)
        m0, m1, m2 = np.split(h @ kernel + bias, 3, -1)
        z, r = steps.NUMPY.sigmoid(x0 + m0), steps.NUMPY.sigmoid(x1 + m1)
        e_z, e_r = e_z / 4 + 3 * eps * z, e_r / 4 + 3 * eps * r
        g = np.tanh(x2 + r * m2)
        e_g = r * e_m + np.abs(m2) * e_r + 6 * eps * (np.abs(x2) + np.abs(m2)) + 3 * eps
        e_new = z * e_h + (1 - z) * e_g + (np.abs(h) + np.abs(g)) * e_z + 4 * eps * (np.abs(h) + np.abs(g))
        keep = np.ones((len(h), 1), bool) if mask is None else mask[:, k : k + 1]
        gates[k] = 1.1 * np.concatenate([e_z, e_r, e_g, e_m], -1) * keep
        h, e_h = np.where(keep, z * h + (1 - z) * g, h), np.where(keep, e_new, e_h)
        ys.append(1.1 * e_h)
    return np.stack(ys, 1), np.stack(gates, 1)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("size", SIZES, ids=names)
def test_gru_grad(size, case, run):
    b, t, u = size
    backwards, masked, flags = CASES[case]
    rng = np.random.default_rng(b * t * u)
    draw = lambda *shape: sample(rng, run.dtype, *shape)  # noqa: E731
    kernel, before, mask, gates = (
        draw(u, 3 * u),
        draw(b, t, u),
        sample_mask(rng, b, t, masked),
        draw(b, t, 4 * u),
    )
    gates[..., : 2 * u] = (gates[..., : 2 * u] + 1) / 2
    gates[..., 2 * u : 3 * u] *= run.dtype(0.8)
    flows = given(flags[:2], draw(b, t, u), draw(b, u))
    shapes, ints = [(b, t, 3 * u), (b, t, 3 * u), (b, u)], [b, t, u, int(backwards)]
    actual = run("gru_grad", [*flows, kernel, mask, before, gates], shapes, ints)
    arguments = widened(kernel, before, gates, mask, *flows)
    wanted = gru_grad(*arguments, backwards=backwards)
    sizes = absolute(*arguments)
    sizes[2][..., 2 * u : 3 * u] *= -1  # h - g is then the sum of both sizes, and nothing else asks for the sign of g
    terms = gru_grad(*sizes, backwards=backwards)
    bound = t * (3 * u + ROUNDINGS) * np.finfo(run.dtype).eps
    for name, y_, exact, term in zip(("dx", "dinner", "dh0"), actual, wanted, terms, strict=True):
        close(y_, exact, bound * term, name)
