"""Batch, group and layer normalization and their gradients, against NumPy in extended precision."""

import numpy as np
import pytest

from fastnn import _kernels
from fastnn._kernels import DTYPE_CODE, _engine
from fastnn.ops import group_norm, normalization
from tests.kernels.programs import Program

ISAS = _engine.isas()
FLOATS = {"f32": np.float32, "f64": np.float64}
SHAPES = [
    (1, 1), (7, 1), (1, 9), (2, 3), (33, 15), (256, 16), (257, 17), (600, 3), (1030, 64), (40, 130), (5, 9000),
    (5300, 101),  # which no L2 cache holds
]  # fmt: skip


def guarded(shape, dtype, offset=1):
    n = int(np.prod(shape))
    raw = _kernels.aligned_empty(n + 64 + offset, dtype)
    raw[...] = 77
    inner = raw[32 + offset : 32 + offset + n]
    inner[...] = np.nan

    def check():
        assert (raw[: 32 + offset] == 77).all() and (raw[32 + offset + n :] == 77).all(), "wrote outside"

    return inner.reshape(shape), check


def run(name, kind, isa, inputs, shapes, ints, reals=()):
    """The outputs of one thread, after a check that two give the same bits and that nothing else is written."""
    results = []
    for threads in (1, 2):
        outputs, checks = zip(*(guarded(shape, FLOATS[kind]) for shape in shapes), strict=True)
        _kernels.run(f"{name}_{kind}", [*inputs, *outputs], ints, reals, threads, isa)
        for check in checks:
            check()
        results.append(outputs)
    for one, two in zip(*results, strict=True):
        assert one.tobytes() == two.tobytes()
    return results[0]


def close(actual, wanted, bound, what):
    bad = ~(np.abs(actual.astype(np.longdouble) - wanted) <= bound)
    assert not bad.any(), (
        f"{what}: {actual[bad][:3]} for {wanted[bad][:3]}, bound {np.broadcast_to(bound, bad.shape)[bad][:3]}"
    )


def wide(*arrays):
    return [a.astype(np.longdouble) for a in arrays]


def sample(rng, shape, kind, mean=0.0):
    return (rng.standard_normal(shape) + mean).astype(FLOATS[kind])


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("mean", [0.0, 1000.0])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_batch_norm(shape, mean, kind, isa):
    rng = np.random.default_rng(0)
    rows, cols = shape
    eps, epsilon = np.finfo(FLOATS[kind]).eps, 1e-3
    x = sample(rng, shape, kind, mean)
    gamma, beta = sample(rng, cols, kind), sample(rng, cols, kind)
    shapes = [shape, (cols,), (cols,), (cols,)]
    y, mu, var, factor = run("batch_norm", kind, isa, [x, gamma, beta], shapes, [*shape, 0], [epsilon])
    wanted_y, wanted_mu, wanted_var, wanted_factor = normalization.batch_norm_op.reference(
        *wide(x, gamma, beta), epsilon=epsilon
    )
    # A block of at most 256 rows is summed in the type itself; blocks are joined in double.
    block = min(256, rows) + 3
    mu_error = block * eps * np.abs(x).mean(0, dtype=np.float64) + np.finfo(x.dtype).tiny
    close(mu, wanted_mu, mu_error, "mean")
    # The deviations are rounded relative to x; the error of a block's mean enters in the square.
    deviation = np.abs(x - wanted_mu)
    var_error = (block + 4) * eps * wanted_var + 2 * (deviation * (eps * np.abs(x) + mu_error)).mean(0) + mu_error**2
    close(var, wanted_var, var_error, "variance")
    r = 1 / np.sqrt(wanted_var + epsilon)
    r_error = r * (0.5 * var_error * r**2 + 3 * eps)
    close(factor, wanted_factor, np.abs(gamma) * r_error, "factor")
    y_error = np.abs(gamma) * ((mu_error + eps * np.abs(x)) * r + deviation * r_error)
    close(y, wanted_y, y_error + 3 * eps * (np.abs(wanted_y) + np.abs(beta)), "y")


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_batch_norm_grad(shape, kind, isa):
    rng = np.random.default_rng(1)
    rows, cols = shape
    eps, epsilon = np.finfo(FLOATS[kind]).eps, 1e-3
    dy, x = sample(rng, shape, kind), sample(rng, shape, kind)
    gamma, mean, var = (
        sample(rng, cols, kind),
        sample(rng, cols, kind),
        np.abs(sample(rng, cols, kind)) + FLOATS[kind](1),
    )
    inputs = [dy, x, gamma, mean, var]
    dx, dgamma, dbeta = run("batch_norm_grad", kind, isa, inputs, [shape, (cols,), (cols,)], [*shape, 0], [epsilon])
    wanted = normalization.batch_norm_grad_op.reference(*wide(*inputs), epsilon=epsilon)
    block = (min(256, rows) + 8) * eps
    r = 1 / np.sqrt(var + epsilon)
    scaled = np.abs(x - mean) * r
    beta_error = block * np.abs(dy).sum(0, dtype=np.float64)
    gamma_error = block * (np.abs(dy) * (scaled + np.abs(x) * r)).sum(0, dtype=np.float64)
    close(dbeta, wanted[2], beta_error, "dbeta")
    close(dgamma, wanted[1], gamma_error, "dgamma")
    terms = np.abs(dy) + np.abs(wanted[2]) / rows + scaled * np.abs(wanted[1]) / rows
    dx_error = np.abs(gamma) * r * (8 * eps * terms + beta_error / rows + scaled * gamma_error / rows)
    close(dx, wanted[0], dx_error + eps * np.abs(x) * r * np.abs(gamma * wanted[1]) / rows * r, "dx")


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("is_centered", [True, False])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_layer_norm(shape, is_centered, kind, isa):
    rng = np.random.default_rng(2)
    rows, cols = shape
    eps, epsilon = np.finfo(FLOATS[kind]).eps, 1e-3
    x = sample(rng, shape, kind, 10.0)
    gamma, beta = sample(rng, cols, kind), sample(rng, cols, kind)
    ints = [*shape, int(is_centered), 0]
    y, mu, r = run("layer_norm", kind, isa, [x, gamma, beta], [shape, (rows,), (rows,)], ints, [epsilon])
    wanted_y, wanted_mu, wanted_r = normalization.layer_norm_op.reference(
        *wide(x, gamma, beta), epsilon=epsilon, is_centered=is_centered
    )
    terms = cols / (16 / x.itemsize) + 16 + 3  # lanes of the narrowest vectors, and the lanes themselves
    mu_error = (terms * eps * np.abs(x).mean(1, dtype=np.float64))[:, None] * is_centered
    close(mu[:, None], wanted_mu[:, None], mu_error, "mean")
    deviation = np.abs(x - wanted_mu[:, None])
    var_error = (terms + 4) * eps / wanted_r**2 + 2 * (deviation * (eps * np.abs(x) + mu_error)).mean(1)
    r_error = wanted_r * (0.5 * (var_error + (mu_error**2).mean(1)) * wanted_r**2 + 3 * eps)
    close(r, wanted_r, r_error, "r")
    y_error = np.abs(gamma) * ((mu_error + eps * np.abs(x)) * wanted_r[:, None] + deviation * r_error[:, None])
    close(y, wanted_y, y_error + 3 * eps * (np.abs(wanted_y) + np.abs(beta)), "y")


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("is_centered", [True, False])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_layer_norm_grad(shape, is_centered, kind, isa):
    rng = np.random.default_rng(3)
    rows, cols = shape
    eps = np.finfo(FLOATS[kind]).eps
    dy, x, gamma = sample(rng, shape, kind), sample(rng, shape, kind), sample(rng, cols, kind)
    mean = sample(rng, rows, kind) if is_centered else np.zeros(rows, FLOATS[kind])
    r = np.abs(sample(rng, rows, kind)) + FLOATS[kind](0.5)
    inputs, ints = [dy, x, gamma, mean, r], [*shape, int(is_centered), 0]
    dx, dgamma, dbeta = run("layer_norm_grad", kind, isa, inputs, [shape, (cols,), (cols,)], ints)
    wanted = normalization.layer_norm_grad_op.reference(*wide(*inputs), is_centered=is_centered)
    scaled = (np.abs(x) + np.abs(mean)[:, None]) * r[:, None]  # each with its rounding
    block = (min(256, rows) + 8) * eps
    close(dbeta, wanted[2], block * np.abs(dy).sum(0, dtype=np.float64), "dbeta")
    close(dgamma, wanted[1], block * (np.abs(dy) * scaled).sum(0, dtype=np.float64), "dgamma")
    g = np.abs(dy * gamma)
    terms = (cols / (16 / x.itemsize) + 24) * eps
    along = (g * scaled).mean(1, dtype=np.float64)[:, None]
    centre = g.mean(1, dtype=np.float64)[:, None]
    close(dx, wanted[0], r[:, None] * (3 * eps * g + terms * (centre + scaled * along)), "dx")


# samples, rows, cols, groups: one block and several, few samples and many, groups within 64 columns and across them
GROUPS = [
    (1, 1, 1, 1), (2, 7, 6, 3), (9, 5, 8, 8), (3, 257, 64, 8), (8, 300, 12, 1), (1, 700, 70, 1), (2, 600, 130, 2),
    (2, 130, 390, 3), (8, 90, 400, 2),
]  # fmt: skip


def spread(moments, each):
    return np.repeat(moments, each, 1)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("mean", [0.0, 1000.0])
@pytest.mark.parametrize("sizes", GROUPS, ids=str)
def test_group_norm(sizes, mean, kind, isa):
    rng = np.random.default_rng(5)
    samples, rows, cols, groups = sizes
    eps, epsilon, shape, each = np.finfo(FLOATS[kind]).eps, 1e-3, (samples, rows, cols), cols // groups
    x = sample(rng, shape, kind, mean) + np.arange(cols, dtype=FLOATS[kind])  # channels of a group differ
    gamma, beta = sample(rng, cols, kind), sample(rng, cols, kind)
    ints, moments = [rows, cols, 0, samples, each], (samples, cols)
    y, mu, var = run("group_norm", kind, isa, [x, gamma, beta], [shape, moments, moments], ints, [epsilon])
    wanted_y, wanted_mu, wanted_var = group_norm.group_norm_op.reference(
        *wide(x, gamma, beta), epsilon=epsilon, groups=groups
    )
    block = min(256, rows) + 4  # as of batch_norm

    def of_group(terms):
        return spread(terms.reshape(samples, rows, groups, each).mean((1, 3)), each)

    mu_error = block * eps * of_group(np.abs(wide(x)[0])) + np.finfo(x.dtype).tiny
    close(mu, wanted_mu, mu_error, "mean")
    deviation = np.abs(x - wanted_mu[:, None])
    within = 2 * of_group(deviation * (eps * np.abs(x) + mu_error[:, None])) + mu_error**2
    var_error = (block + 4) * eps * wanted_var + within
    close(var, wanted_var, var_error, "variance")
    r = 1 / np.sqrt(wanted_var + epsilon)
    r_error = r * (0.5 * var_error * r**2 + 3 * eps)
    y_error = np.abs(gamma) * (
        (mu_error[:, None] + eps * np.abs(x)) * r[:, None] + deviation * r_error[:, None]
    )  # fmt: skip
    close(y, wanted_y, y_error + 3 * eps * (np.abs(wanted_y) + np.abs(beta)), "y")


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("sizes", GROUPS, ids=str)
def test_group_norm_grad(sizes, kind, isa):
    rng = np.random.default_rng(6)
    samples, rows, cols, groups = sizes
    eps, epsilon, shape, each = np.finfo(FLOATS[kind]).eps, 1e-3, (samples, rows, cols), cols // groups
    dy, x, gamma = sample(rng, shape, kind), sample(rng, shape, kind), sample(rng, cols, kind)
    mean = spread(sample(rng, (samples, groups), kind), each)
    var = spread(np.abs(sample(rng, (samples, groups), kind)) + FLOATS[kind](1), each)
    inputs, ints = [dy, x, gamma, mean, var], [rows, cols, 0, samples, each]
    dx, dgamma, dbeta = run("group_norm_grad", kind, isa, inputs, [shape, (cols,), (cols,)], ints, [epsilon])
    wanted = group_norm.group_norm_grad_op.reference(*wide(*inputs), epsilon=epsilon, groups=groups)
    block = (min(256, rows) + 10) * eps
    r = (1 / np.sqrt(wide(var)[0] + epsilon))[:, None]
    s = (np.abs(wide(x)[0]) + np.abs(mean[:, None])) * r  # each with its rounding
    close(dbeta, wanted[2], block * np.abs(dy).sum((0, 1), dtype=np.float64), "dbeta")
    close(dgamma, wanted[1], block * (np.abs(dy) * s).sum((0, 1)), "dgamma")
    g = np.abs(dy * gamma)

    def of_group(terms):
        return spread(terms.reshape(samples, rows, groups, each).mean((1, 3)), each)[:, None]

    close(dx, wanted[0], r * (4 * eps * g + block * (of_group(g) + s * of_group(g * s))), "dx")


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
def test_epilogues(kind, isa):
    """relu of the first output, in place, for all kernels; of group_norm with whole samples in a unit and without."""
    rng = np.random.default_rng(4)
    dtype = np.dtype(FLOATS[kind])
    shape = rows, cols = 700, 19
    x, dy = sample(rng, shape, kind), sample(rng, shape, kind)
    column, row = np.abs(sample(rng, cols, kind)), np.abs(sample(rng, rows, kind))
    cases = {
        "batch_norm": ([x, column, column], [shape, (cols,), (cols,), (cols,)], [1e-3], 2),
        "batch_norm_grad": ([dy, x, column, column, column], [shape, (cols,), (cols,)], [1e-3], 2),
        "layer_norm": ([x, column, column], [shape, (rows,), (rows,)], [1e-3], 3),
        "layer_norm_grad": ([dy, x, column, row, row], [shape, (cols,), (cols,)], [], 3),
    }
    ints_of = {name: [*shape, *([1] if name.startswith("layer") else []), 0] for name in cases}
    for samples in (2, 10):
        moments = np.abs(sample(rng, (samples, cols), kind))
        inputs, shapes = [x, column, column], [shape, moments.shape, moments.shape]
        cases[f"group_norm {samples}"] = inputs, shapes, [1e-3], 2
        inputs = [dy, x, column, moments, moments]
        cases[f"group_norm_grad {samples}"] = inputs, [shape, (cols,), (cols,)], [1e-3], 2
        ints_of.update({case: [rows // samples, cols, 0, samples, 1] for case in list(cases)[-2:]})
    for case, (inputs, shapes, reals, at) in cases.items():
        name, ints = case.split()[0], ints_of[case].copy()
        plain = run(name, kind, isa, inputs, shapes, ints, reals)
        program = Program((len(inputs), DTYPE_CODE[dtype.name], cols, 1))
        program.store(program.do("relu", 0), 0)
        ints[at] = len(ints)
        finished = run(name, kind, isa, inputs, shapes, [*ints, *program.encode(isa)], reals)
        np.testing.assert_array_equal(finished[0], np.maximum(plain[0], 0), case)
        np.testing.assert_array_equal(finished[1], plain[1], case)
