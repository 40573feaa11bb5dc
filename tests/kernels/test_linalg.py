"""Cholesky factors, linear equations and inverses by the kernels, on every instruction set: their errors beside those
that elimination may make, whatever pads the matrices, and what no matrix is."""

import numpy as np
import pytest

from fastnn import _kernels
from fastnn._kernels import _engine
from tests.kernels.test_gather import code, guarded

ISAS = _engine.isas()
# Around the rows of a tile, a panel and a strip of vectors.
SIZES = [1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 23, 24, 25, 31, 32, 33, 48, 49, 63, 64, 65, 100, 129]
DTYPES = ["float32", "float64"]


def apart(dtype, n):
    """How far a result may be from the exact one, relative to the largest terms in it: of float32, which is computed in
    float64, half a unit of its last place."""
    return 2.0**-23 if dtype == "float32" else 2.0**-52 * (n + 8)


def run(name, x, y, ints, threads, isa):
    _kernels.run(name, [*x, y], ints, (), threads, isa)


def bits_with_any_threads(name, x, shape, ints, isa):
    y, check = guarded(shape, x[0].dtype)
    run(name, x, y, ints, 1, isa)
    check()
    again, check = guarded(shape, x[0].dtype, offset=1)
    run(name, x, again, ints, 3, isa)
    check()
    np.testing.assert_array_equal(again, y)
    return y


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES)
def test_solve(n, dtype, isa):
    rng = np.random.default_rng(n)
    for m, matrices in ((1, 1), (n, 2), (3 * n // 2 + 1, 3)):
        a, b = rng.standard_normal((matrices, n, n)).astype(dtype), rng.standard_normal((matrices, n, m)).astype(dtype)
        x = bits_with_any_threads("solve", (a, b), b.shape, [matrices, n, m, code(a), n * n, n * m], isa)
        bound = apart(dtype, n) * (np.abs(a).astype("float64") @ np.abs(x)).max((1, 2), keepdims=True)
        assert np.all(np.abs(a.astype("longdouble") @ x - b) <= bound)
        for step_a, step_b in ((0, n * m), (n * n, 0)):  # one matrix, or one side, for all
            y, check = guarded(b.shape, dtype)
            run("solve", (a, b), y, [matrices, n, m, code(a), step_a, step_b], 2, isa)
            check()
            for k in range(matrices):
                one = np.zeros(b.shape[1:], dtype)
                run("solve", (a[0 if not step_a else k], b[0 if not step_b else k]), one, [1, n, m, code(a), 0, 0],
                    1, isa)  # fmt: skip
                np.testing.assert_array_equal(y[k], one)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES)
def test_inv(n, dtype, isa):
    x = np.random.default_rng(n).standard_normal((3, n, n)).astype(dtype)
    y = bits_with_any_threads("inv", (x,), x.shape, [3, n, code(x)], isa)
    size = np.abs(x).astype("float64") @ np.abs(y)
    assert np.all(np.abs(x.astype("longdouble") @ y - np.eye(n)) <= apart(dtype, n) * size.max((1, 2), keepdims=True))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES)
def test_cholesky(n, dtype, isa):
    rng = np.random.default_rng(n)
    x = rng.standard_normal((3, n, n))
    x = (x @ x.swapaxes(1, 2) + np.eye(n)).astype(dtype)
    skew = np.tril(rng.standard_normal((n, n)).astype(dtype), -1)
    lower = bits_with_any_threads("cholesky", (x + (skew - skew.T),), x.shape, [3, n, code(x), 0], isa)
    upper = bits_with_any_threads("cholesky", (x + (skew - skew.T),), x.shape, [3, n, code(x), 1], isa)
    np.testing.assert_array_equal(upper, lower.swapaxes(1, 2))
    assert not np.triu(lower, 1).any() and np.all(np.diagonal(lower, axis1=1, axis2=2) > 0)
    symmetric = (x + (skew - skew.T)).astype("longdouble")
    symmetric = (symmetric + symmetric.swapaxes(1, 2)) / 2
    product = lower.astype("longdouble") @ upper
    assert np.all(np.abs(product - symmetric) <= 2 * apart(dtype, n) * np.diagonal(x, axis1=1, axis2=2).max())


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_pivots_are_the_largest(dtype, isa):
    """A small one would lose all digits."""
    for n in (2, 9, 40):
        x = np.eye(n, dtype=dtype)[::-1] + np.diag(np.full(n, 1e-30, dtype))
        y = np.zeros_like(x)
        run("inv", (x,), y, [1, n, code(x)], 1, isa)
        np.testing.assert_allclose(y, np.linalg.inv(x.astype("float64")), atol=1e-6)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_bad_matrices(dtype, isa):
    for n in (1, 2, 8, 9, 17, 40):
        for last in {0, n // 2, n - 1}:
            x = np.eye(n, dtype=dtype)
            x[last, last] = 0
            y = np.zeros_like(x)
            batch = np.stack([np.eye(n, dtype=dtype), x])
            for name, buffers, ints in (
                ("inv", (x,), [1, n, code(x)]), ("solve", (x, x), [1, n, n, code(x), 0, 0]),
                ("cholesky", (x,), [1, n, code(x), 0]), ("inv", (batch,), [2, n, code(x)]),
            ):  # fmt: skip
                with pytest.raises(IndexError, match="positive" if name == "cholesky" else "Singular"):
                    run(name, buffers, np.zeros_like(buffers[0]) if ints[0] > 1 else y, ints, 1, isa)
            x[last, last] = np.nan
            run("inv", (x,), y, [1, n, code(x)], 1, isa)
            assert np.isnan(y[last, last])
            run("cholesky", (x,), y, [1, n, code(x), 0], 1, isa)
            assert np.isnan(y[last, last]) and np.all(np.diag(y)[:last] == 1)
