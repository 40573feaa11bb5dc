"""Softmax, log-softmax and cross-entropies by rows: against float64 NumPy with a bound for each element."""

import numpy as np
import pytest

from fastnn import _kernels
from fastnn._kernels import DTYPE_CODE, DTYPES, _engine

ISAS = _engine.isas()
FLOATS = {"f32": np.float32, "f64": np.float64}
# The last two: rows of which the next is asked for, and that are longer than share a block.
SHAPES = [(1, 1), (3, 2), (5, 7), (4, 8), (130, 10), (9, 15), (3, 16), (37, 21), (2, 33), (50, 3), (2, 1000), (3, 5000)]
SHAPES += [(140, 4100), (3, 40000)]


def guarded(shape, dtype, offset=1):
    n = int(np.prod(shape))
    raw = _kernels.aligned_empty(n + 64 + offset, dtype)
    raw[...] = 77
    inner = raw[32 + offset : 32 + offset + n]
    inner[...] = np.nan

    def check():
        assert (raw[: 32 + offset] == 77).all() and (raw[32 + offset + n :] == 77).all(), "wrote outside"

    return inner.reshape(shape), check


def both_threads(name, kind, isa, inputs, outputs, ints):
    """The outputs of one thread, after a check that two give the same bits and that nothing else is written."""
    results = []
    for threads in (1, 2):
        arrays, checks = zip(*(guarded(shape, FLOATS[kind]) for shape in outputs), strict=True)
        _kernels.run(f"{name}_{kind}", [*inputs, *arrays], ints, (), threads, isa)
        for check in checks:
            check()
        results.append(arrays)
    for one, two in zip(*results, strict=True):
        assert one.tobytes() == two.tobytes()
    return results[0]


def close(actual, wanted, bound, what):
    error = np.abs(actual.astype(np.longdouble) - wanted)
    bad = ~(error <= bound)
    assert not bad.any(), (
        f"{what}: {actual[bad][:3]} for {wanted[bad][:3]}, error over bound {(error / bound)[bad][:3]}"
    )


def exact(x):
    """Softmax and log-softmax of rows in extended precision."""
    x = x.astype(np.longdouble)
    shifted = x - x.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return np.exp(shifted - log_sum), shifted - log_sum


# exp is good to 2 ulp, and the argument x - max is rounded once: |x - max| eps more. The sum: see softmax.c.
def exp_error(x, eps):
    spread = (x.max(axis=1, keepdims=True) - x).astype(np.float64)
    lanes = 16 / x.itemsize  # of the narrowest vectors
    return (spread + 4 + x.shape[1] / lanes + 4 + 3 + 2) * eps


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("cols", [7, 128])
def test_results_down_to_the_least_numbers(cols, isa):
    eps, tiny = np.finfo(np.float32).eps, np.finfo(np.float32).tiny
    x = np.linspace(-105, -80, 40 * cols, dtype=np.float32).reshape(40, cols) + np.float32(3)
    x[:, -1] = 3
    (y,) = both_threads("softmax", "f32", isa, [x], [x.shape], x.shape)
    close(y, exact(x)[0], exact(x)[0] * (exp_error(x, eps) + 20 * eps) + tiny, "softmax")


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_softmax_and_log_softmax(shape, kind, isa):
    rng = np.random.default_rng(0)
    eps = np.finfo(FLOATS[kind]).eps
    x = (rng.standard_normal(shape) * 5).astype(FLOATS[kind])
    p, log_p = exact(x)
    (y,) = both_threads("softmax", kind, isa, [x], [shape], shape)
    error = exp_error(x, eps) + exp_error(x, eps).max(axis=1, keepdims=True)
    close(y, p, p * error + np.finfo(x.dtype).tiny, "softmax")
    (z,) = both_threads("log_softmax", kind, isa, [x], [shape], shape)
    close(z, log_p, error.max(axis=1, keepdims=True) + 3 * eps * np.abs(log_p), "log_softmax")
    in_place = x.copy()
    _kernels.run(f"softmax_{kind}", [in_place, in_place], shape, isa_name=isa)
    assert in_place.tobytes() == y.tobytes()
    in_place = x.copy()
    _kernels.run(f"log_softmax_{kind}", [in_place, in_place], shape, isa_name=isa)
    assert in_place.tobytes() == z.tobytes()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_gradients(shape, kind, isa):
    rng = np.random.default_rng(1)
    eps = np.finfo(FLOATS[kind]).eps
    dy, x = (rng.standard_normal(shape).astype(FLOATS[kind]) for _ in range(2))
    p, log_p = (a.astype(FLOATS[kind]) for a in exact(x))
    wide_dy, wide_p, wide_log = dy.astype(np.longdouble), p.astype(np.longdouble), log_p.astype(np.longdouble)
    terms = shape[1] + 4
    (dx,) = both_threads("softmax_grad", kind, isa, [dy, p], [shape], shape)
    magnitude = np.abs(wide_dy * wide_p).sum(axis=1, keepdims=True)
    wanted = wide_p * (wide_dy - (wide_dy * wide_p).sum(axis=1, keepdims=True))
    close(dx, wanted, eps * (wide_p * (terms * magnitude + 2 * np.abs(wide_dy)) + 2 * np.abs(wanted)), "softmax_grad")
    (dx,) = both_threads("log_softmax_grad", kind, isa, [dy, log_p], [shape], shape)
    total, magnitude = wide_dy.sum(axis=1, keepdims=True), np.abs(wide_dy).sum(axis=1, keepdims=True)
    wanted = wide_dy - np.exp(wide_log) * total
    close(dx, wanted, eps * (np.exp(wide_log) * terms * magnitude + 2 * np.abs(wide_dy) + 2 * np.abs(wanted)), "log")
    for name, other in (("softmax_grad", p), ("log_softmax_grad", log_p)):
        (apart,) = both_threads(name, kind, isa, [dy, other], [shape], shape)
        in_place = dy.copy()
        _kernels.run(f"{name}_{kind}", [in_place, other, in_place], shape, isa_name=isa)
        assert in_place.tobytes() == apart.tobytes()


# outer, rows, inner: part of a vector, whole ones, several strips and the rest of one
COLUMNS = [(1, 1, 2), (3, 7, 5), (2, 300, 3), (1, 4, 64), (2, 33, 129), (70, 3, 37), (1, 5000, 17)]


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("shape", COLUMNS, ids=str)
def test_columns(shape, kind, isa):
    """Over the middle axis, as over rows of the transposed arrays."""
    rng = np.random.default_rng(5)
    eps = np.finfo(FLOATS[kind]).eps
    dy, x = (rng.standard_normal(shape).astype(FLOATS[kind]) * 3 for _ in range(2))
    p, log_p = exact(x)
    spread, terms = (x.max(1, keepdims=True) - x).astype(np.float64), shape[1] + 13
    error = (spread + spread.max(1, keepdims=True) + 2 * terms) * eps
    (y,) = both_threads("softmax_columns", kind, isa, [x], [shape], shape)
    close(y, p, p * error + np.finfo(x.dtype).tiny, "softmax")
    (z,) = both_threads("log_softmax_columns", kind, isa, [x], [shape], shape)
    close(z, log_p, error.max(1, keepdims=True) + 3 * eps * np.abs(log_p), "log_softmax")
    wide_dy, wide_y, wide_z = (a.astype(np.longdouble) for a in (dy, y, z))
    (dx,) = both_threads("softmax_grad_columns", kind, isa, [dy, y], [shape], shape)
    along, magnitude = ((f(wide_dy) * wide_y).sum(1, keepdims=True) for f in (np.positive, np.abs))
    wanted = wide_y * (wide_dy - along)
    close(dx, wanted, eps * (wide_y * (terms * magnitude + 2 * np.abs(wide_dy)) + 2 * np.abs(wanted)), "softmax_grad")
    (dlog,) = both_threads("log_softmax_grad_columns", kind, isa, [dy, z], [shape], shape)
    total, magnitude = (f(wide_dy).sum(1, keepdims=True) for f in (np.positive, np.abs))
    wanted = wide_dy - np.exp(wide_z) * total
    bound = eps * (np.exp(wide_z) * terms * magnitude + 2 * np.abs(wide_dy) + 2 * np.abs(wanted))
    close(dlog, wanted, bound + np.finfo(x.dtype).tiny, "log_softmax_grad")
    for name, inputs, apart in (
        ("softmax", [x], y), ("log_softmax", [x], z), ("softmax_grad", [dy, y], dx), ("log_softmax_grad", [dy, z], dlog)
    ):  # fmt: skip
        first = inputs[0].copy()
        _kernels.run(f"{name}_columns_{kind}", [first, *inputs[1:], first], shape, isa_name=isa)
        assert first.tobytes() == apart.tobytes()


@pytest.mark.parametrize("isa", ISAS)
def test_columns_of_what_is_not_finite(isa):
    """As rows: NaN where one is, and where nothing is finite; -inf gives 0."""
    x = np.array([[0, np.nan, -np.inf, np.inf], [0, 1, -np.inf, 1], [-np.inf, 1, -np.inf, 1]], np.float32)
    for name in ("softmax", "log_softmax"):
        (rows,) = both_threads(name, "f32", isa, [x.T.copy()], [(4, 3)], (4, 3))
        (columns,) = both_threads(f"{name}_columns", "f32", isa, [x], [(3, 4)], (1, 3, 4))
        np.testing.assert_array_equal(np.isnan(rows.T), np.isnan(columns))
        np.testing.assert_allclose(rows.T, columns, rtol=1e-6)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_cross_entropy(shape, kind, isa):
    rng = np.random.default_rng(2)
    rows, cols = shape
    eps = np.finfo(FLOATS[kind]).eps
    x = (rng.standard_normal(shape) * 4).astype(FLOATS[kind])
    target = rng.random(shape).astype(FLOATS[kind]) * (rng.random(shape) < 0.5)  # not normalised, with zeros
    _, log_p = exact(x)
    (same_p,) = both_threads("softmax", kind, isa, [x], [shape], shape)
    loss, p = both_threads("softmax_cross_entropy", kind, isa, [target, x], [(rows,), shape], shape)
    assert p.tobytes() == same_p.tobytes()
    error = exp_error(x, eps).max(axis=1) * 2
    mass = target.sum(axis=1, dtype=np.float64)
    wanted = -(target * log_p).sum(axis=1)
    close(loss, wanted, mass * error + (cols + 6) * eps * np.abs(wanted), "loss")
    dloss = rng.standard_normal(rows).astype(FLOATS[kind])
    (dx,) = both_threads("softmax_cross_entropy_grad", kind, isa, [dloss, target, p], [shape], shape)
    d = dloss[:, None].astype(np.longdouble)
    wanted = d * (p.astype(np.longdouble) * target.sum(axis=1, keepdims=True, dtype=np.longdouble) - target)
    close(dx, wanted, eps * np.abs(d) * ((cols + 4) * p * mass[:, None] + 3 * target), "gradient")


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_sparse_cross_entropy(dtype, kind, isa):
    rng = np.random.default_rng(3)
    for rows, cols in ((1, 1), (70, 10), (5, 17), (3, 300)):
        x = (rng.standard_normal((rows, cols)) * 4).astype(FLOATS[kind])
        labels = rng.integers(0, min(cols, 2 if dtype == "bool" else 128), rows).astype(dtype)
        classes = labels.astype(np.int64)
        ints = [rows, cols, DTYPE_CODE[dtype]]
        one_hot = np.eye(cols, dtype=FLOATS[kind])[classes]
        loss, p = both_threads("sparse_softmax_cross_entropy", kind, isa, [labels, x], [(rows,), x.shape], ints)
        dense, same_p = both_threads("softmax_cross_entropy", kind, isa, [one_hot, x], [(rows,), x.shape], ints[:2])
        np.testing.assert_array_equal(loss, dense)  # the same terms, and zeros
        assert p.tobytes() == same_p.tobytes()
        dloss = rng.standard_normal(rows).astype(FLOATS[kind])
        (dx,) = both_threads("sparse_softmax_cross_entropy_grad", kind, isa, [dloss, labels, p], [x.shape], ints)
        np.testing.assert_array_equal(dx, (p - one_hot) * dloss[:, None])
        (picked,) = both_threads("pick_label", kind, isa, [labels, x], [(rows,)], ints)
        np.testing.assert_array_equal(picked, x[np.arange(rows), classes])


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("shape", [(3, 5), (37, 21), (140, 4100), (4, 40000)], ids=str)
def test_loss_without_probabilities(shape, kind, isa):
    """Who reads the losses alone gives no array for the probabilities: the same bits."""
    rng = np.random.default_rng(6)
    rows, cols = shape
    x = (rng.standard_normal(shape) * 4).astype(FLOATS[kind])
    labels, target = rng.integers(0, cols, rows).astype(np.int32), rng.random(shape).astype(x.dtype)
    for name, of, ints in (
        ("sparse_softmax_cross_entropy", labels, [rows, cols, DTYPE_CODE["int32"]]),
        ("softmax_cross_entropy", target, shape),
    ):
        loss, _ = both_threads(name, kind, isa, [of, x], [(rows,), shape], ints)
        for threads in (1, 2):
            alone, check = guarded((rows,), x.dtype)
            _kernels.run(f"{name}_{kind}", [of, x, alone, None], ints, (), threads, isa)
            check()
            assert alone.tobytes() == loss.tobytes()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_cross_entropy_in_place(shape, kind, isa):
    """Probabilities over the logits, a gradient over the probabilities: the same bits."""
    rng = np.random.default_rng(5)
    rows, cols = shape
    x = (rng.standard_normal(shape) * 4).astype(FLOATS[kind])
    labels, dloss = rng.integers(0, max(cols, 1), rows).astype(np.int32), rng.standard_normal(rows).astype(x.dtype)
    target, ints = rng.random(shape).astype(x.dtype), [rows, cols, DTYPE_CODE["int32"]]
    loss, p = both_threads("sparse_softmax_cross_entropy", kind, isa, [labels, x], [(rows,), shape], ints)
    (dx,) = both_threads("sparse_softmax_cross_entropy_grad", kind, isa, [dloss, labels, p], [shape], ints)
    (dense,) = both_threads("softmax_cross_entropy_grad", kind, isa, [dloss, target, p], [shape], shape)
    for threads in (1, 2):
        same, found = x.copy(), loss.copy()
        _kernels.run(f"sparse_softmax_cross_entropy_{kind}", [labels, same, found, same], ints, (), threads, isa)
        assert found.tobytes() == loss.tobytes() and same.tobytes() == p.tobytes()
        _kernels.run(f"sparse_softmax_cross_entropy_grad_{kind}", [dloss, labels, same, same], ints, (), threads, isa)
        assert same.tobytes() == dx.tobytes()
        same = p.copy()
        _kernels.run(f"softmax_cross_entropy_grad_{kind}", [dloss, target, same, same], shape, (), threads, isa)
        assert same.tobytes() == dense.tobytes()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize(
    "bad", [np.int32(10), np.int8(-1), np.uint64(2**63), np.float32(10), np.float64(-0.5), np.float32(np.nan)]
)
def test_label_out_of_range(bad, isa):
    x = np.zeros((3, 10), np.float32)
    labels = np.array([1, bad, 2], bad.dtype)
    ints = [3, 10, DTYPE_CODE[labels.dtype.name]]
    loss, p = np.zeros(3, np.float32), np.zeros_like(x)
    for name, buffers in (
        ("sparse_softmax_cross_entropy_f32", [labels, x, loss, p]),
        ("sparse_softmax_cross_entropy_grad_f32", [loss, labels, x, p]),
        ("pick_label_f32", [labels, x, loss]),
    ):
        with pytest.raises(IndexError):
            _kernels.run(name, buffers, ints, isa_name=isa)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
def test_special_values(kind, isa):
    """Large logits, -inf as a mask, and NaN, in every lane."""
    cols = 35
    for k in range(cols):
        x = np.zeros((4, cols), FLOATS[kind])
        x[0, k] = 1e4
        x[1] = -np.inf
        x[1, k] = 3
        x[2, k] = np.nan
        x[3, k] = -np.inf
        (y,) = both_threads("softmax", kind, isa, [x], [x.shape], x.shape)
        one_hot = np.eye(cols)[k]
        np.testing.assert_array_equal(y[:2], [one_hot, one_hot])
        assert np.isnan(y[2]).all()
        assert y[3, k] == 0
        np.testing.assert_allclose(np.delete(y[3], k), 1 / (cols - 1), rtol=1e-6)
        target = np.stack([one_hot] * 4).astype(x.dtype)
        loss, _ = both_threads("softmax_cross_entropy", kind, isa, [target, x], [(4,), x.shape], x.shape)
        assert loss[0] == 0 and loss[1] == 0 and np.isnan(loss[2]) and loss[3] == np.inf


@pytest.mark.parametrize("isa", ISAS)
def test_no_rows(isa):
    for name in ("softmax", "log_softmax"):
        _kernels.run(f"{name}_f32", [np.zeros((0, 5), np.float32)] * 2, [0, 5], isa_name=isa)
