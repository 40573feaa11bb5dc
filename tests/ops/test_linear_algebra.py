"""Factorizations and what is made of them: gradients in float64, and properties that a table of values cannot say."""

import numpy as np
import pytest

import fastnn
from fastnn import ops
from fastnn.ops import factorizations, norms
from fastnn.ops.solving import cofactors_op
from fastnn.testing import check_gradient

RNG = np.random.default_rng(0)
SQUARE = RNG.standard_normal((2, 3, 3))
TALL, WIDE = RNG.standard_normal((2, 4, 3)), RNG.standard_normal((2, 3, 4))
POSITIVE = SQUARE @ SQUARE.swapaxes(-1, -2) + np.eye(3)
SYMMETRIC = (SQUARE + SQUARE.swapaxes(-1, -2)) / 2
VECTORS, SIDES = RNG.standard_normal((2, 3)), RNG.standard_normal((2, 3, 4))


def without_signs(factors):
    """Products of the factors of an svd or eigh that the signs of the vectors do not change."""
    return [x if x.ndim == 2 else ops.square(x) for x in factors]


GRADIENTS = {
    "cholesky": (ops.cholesky, [POSITIVE]),
    "cholesky_upper": (lambda x: ops.cholesky(x, upper=True), [POSITIVE]),
    "cholesky_inverse": (ops.cholesky_inverse, [SQUARE]),
    "cholesky_inverse_upper": (lambda x: ops.cholesky_inverse(x, upper=True), [SQUARE]),
    "qr_tall": (ops.qr, [TALL]),
    "qr_square": (lambda x: ops.qr(x, mode="complete"), [SQUARE]),
    "qr_r_only": (lambda x: ops.qr(x)[1], [TALL]),
    "lu_factor": (lambda x: ops.lu_factor(x)[0], [SQUARE]),
    "eigh": (lambda x: without_signs(ops.eigh(x)), [SYMMETRIC]),
    "eigh_values": (lambda x: ops.eigh(x)[0], [SYMMETRIC]),
    "eigh_vectors": (lambda x: ops.square(ops.eigh(x)[1]), [SYMMETRIC]),
    "svd_tall": (lambda x: without_signs(ops.svd(x, full_matrices=False)), [TALL]),
    "svd_wide": (lambda x: without_signs(ops.svd(x, full_matrices=False)), [WIDE]),
    "svd_square": (lambda x: without_signs(ops.svd(x)), [SQUARE]),
    "svd_left": (lambda x: ops.square(ops.svd(x, full_matrices=False)[0]), [TALL]),
    "svd_values": (lambda x: ops.svd(x, compute_uv=False), [WIDE]),
    "svd_values_of_full": (lambda x: ops.svd(x)[1], [TALL]),
    "solve": (ops.solve, [SQUARE, SIDES]),
    "solve_vectors": (ops.solve, [SQUARE, VECTORS]),
    "solve_one_matrix_many_sides": (ops.solve, [SQUARE, SIDES[0]]),
    "solve_triangular": (ops.solve_triangular, [SQUARE, SIDES]),
    "solve_triangular_lower": (lambda a, b: ops.solve_triangular(a, b, lower=True), [SQUARE, VECTORS]),
    "inv": (ops.inv, [SQUARE]),
    "pinv_tall": (ops.pinv, [TALL]),
    "pinv_wide": (ops.pinv, [WIDE]),
    "lstsq_tall": (ops.lstsq, [TALL[0], RNG.standard_normal((4, 2))]),
    "lstsq_wide": (ops.lstsq, [WIDE[0], RNG.standard_normal(3)]),
    "det": (ops.det, [SQUARE]),
    "det_of_singular": (ops.det, [np.ones((3, 3)) + np.diag([1.0, 0.0, 0.0])]),
    "slogdet": (ops.slogdet, [SQUARE]),
    "logdet": (ops.logdet, [POSITIVE]),
    "norm_nuclear": (lambda x: ops.norm(x, "nuc", (1, 2)), [TALL]),
    "norm_spectral": (lambda x: ops.norm(x, 2, (1, 2)), [TALL]),
    "norm_columns": (lambda x: ops.norm(x, 1, (1, 2)), [TALL]),
    "norm_p": (lambda x: ops.norm(x, 3, 1), [TALL]),
    "cdist": (ops.cdist, [TALL, SQUARE]),
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradient(name):
    function, inputs = GRADIENTS[name]
    check_gradient(function, inputs, rtol=1e-5)


def test_second_derivative_of_the_determinant():
    """The gradient of a determinant is its cofactors, which have a gradient of their own."""
    check_gradient(cofactors_op, [SQUARE])


@pytest.mark.parametrize("shape", [(3, 3), (4, 3), (3, 4), (2, 5, 3), (2, 2, 4, 4), (1, 1), (0, 3, 3)])
def test_lu_factor_is_scipys(shape):
    from scipy.linalg import lu_factor

    x = RNG.standard_normal(shape)
    lu, pivots = ops.lu_factor(x)
    for k in np.ndindex(shape[:-2]):
        expected, expected_pivots = lu_factor(x[k])
        np.testing.assert_allclose(lu[k], expected, rtol=1e-12, atol=1e-12)
        np.testing.assert_array_equal(pivots[k], expected_pivots)


def test_what_has_no_gradient_says_so():
    for function, x in (
        (lambda x: ops.qr(x)[0], WIDE), (lambda x: ops.qr(x, mode="complete")[0], TALL),
        (lambda x: ops.svd(x)[0], TALL), (lambda x: ops.lu_factor(x)[0], TALL),
    ):  # fmt: skip
        with pytest.raises(NotImplementedError, match=str(x.shape[-1])):
            check_gradient(function, [x])


def test_empty_batches():
    x = np.zeros((0, 3, 3), "float32")
    assert ops.det(x).shape == (0,) and ops.inv(x).shape == x.shape
    assert [part.shape for part in ops.svd(x)] == [(0, 3, 3), (0, 3), (0, 3, 3)]


@pytest.mark.parametrize("shape", [(31, 31), (32, 32), (33, 33), (65, 40), (40, 97), (32, 50), (50, 32), (150, 150)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_lu_factor_by_blocks_is_scipys(shape, dtype):
    from scipy.linalg import lu_factor

    xs = RNG.standard_normal((2, *shape)).astype(dtype)
    lu, pivots = ops.lu_factor(xs)
    assert lu.dtype == dtype
    for k, x in enumerate(xs):
        expected, expected_pivots = lu_factor(x)
        np.testing.assert_array_equal(pivots[k], expected_pivots)
        np.testing.assert_allclose(lu[k], expected, atol=(2e-3 if dtype == "float32" else 1e-10))


@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("n", [0, 1, 31, 32, 33, 64, 100])
@pytest.mark.parametrize("matrices, sides", [((), (3,)), ((2,), (5,)), ((2,), ()), ((), ())])
def test_solve_triangular_by_blocks(lower, n, matrices, sides):
    a = RNG.standard_normal((*matrices, n, n)) / 10 + 2 * np.eye(n)  # the other triangle must not be read
    b = RNG.standard_normal((*matrices, n, *sides))
    x = ops.solve_triangular(a, b, lower=lower)
    product = (np.tril(a) if lower else np.triu(a)) @ (x if sides else x[..., None])
    np.testing.assert_allclose(product if sides else product[..., 0], b, atol=1e-12)
    assert x.shape == b.shape


def test_solve_triangular_of_a_singular_matrix():
    a = np.eye(80)
    a[70, 70] = 0
    with pytest.raises(np.linalg.LinAlgError):
        ops.solve_triangular(a, np.ones(80))


def test_cdist_by_blocks_is_cdist(monkeypatch):
    """Also of batches, and of fewer rows than a block has."""
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((2, 7, 3), "f"), rng.standard_normal((5, 3), "f")
    whole = ops.cdist(x, y)
    for size in (1, 40, 15 * 7, 1000):
        monkeypatch.setattr(norms, "_AT_ONCE", size)
        np.testing.assert_array_equal(ops.cdist(x, y), whole)
        np.testing.assert_array_equal(ops.cdist(x[0], y), whole[0])
    assert ops.cdist(x, y[:0]).shape == (2, 7, 0)


@pytest.mark.parametrize("n", [2, 10, 33, 200])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_kernels_give_is_numpys(n, dtype):
    """NumPy computes in float64 what is of float32, too. Of matrices as they lie, turned, with gaps, and of batches."""
    rng = np.random.default_rng(n)
    x = (rng.standard_normal((2, n, n)) + n * np.eye(n)).astype(dtype)
    side = rng.standard_normal((2, n, 3)).astype(dtype)
    tolerance = {"rtol": 1e-6, "atol": 1e-7} if dtype == "float32" else {"rtol": 1e-12, "atol": 1e-13}
    for a in (x, x[0], x.swapaxes(1, 2), x[0].T, x[:, ::-1, ::-1], x[:, None]):
        np.testing.assert_allclose(ops.inv(a), np.linalg.inv(a), **tolerance)
        product = a @ a.swapaxes(-1, -2)  # to rounding: its halves come from different loops of some BLAS
        positive = product + product.swapaxes(-1, -2)  # NumPy reads the lower half, ops.cholesky both
        np.testing.assert_allclose(ops.cholesky(positive), np.linalg.cholesky(positive), **tolerance)
        for b in (side, side[0], side[:, None]):
            if b.ndim == a.ndim and (a.ndim < 4 or b.shape[1] == 1):
                np.testing.assert_allclose(ops.solve(a, b), np.linalg.solve(a, b), **tolerance)
    for b in (side[:, None], side[None]):  # neither has the batch of the result
        a = x[:, None] if b.shape[0] == 1 else x[None]
        np.testing.assert_allclose(ops.solve(a, b), np.linalg.solve(a, b), **tolerance)
    vector = side[0, :, 0]
    np.testing.assert_allclose(ops.solve(x[0], vector), np.linalg.solve(x[0], vector), **tolerance)
    assert ops.inv(x).dtype == ops.solve(x, side).dtype == ops.cholesky(x @ x.swapaxes(1, 2)).dtype == dtype


@pytest.mark.parametrize("n", [3, 20, 1600])
def test_bad_matrices_say_so(n):
    x = np.ones((2, n, n))
    for _ in range(3):  # as the first call, and as one that is known
        with pytest.raises(np.linalg.LinAlgError, match="Singular"):
            ops.inv(x)
        with pytest.raises(np.linalg.LinAlgError, match="Singular"):
            ops.solve(x, x)
        with pytest.raises(ValueError, match=r"cholesky: decomposition failed.*not positive"):
            ops.cholesky(x - 2)


def test_empty_matrices():
    for shape in ((0, 0), (2, 0, 0), (0, 3, 3)):
        x = np.zeros(shape)
        assert ops.inv(x).shape == ops.cholesky(x).shape == ops.solve(x, x).shape == shape
    assert ops.solve(np.eye(3), np.zeros((3, 0))).shape == (3, 0)


def test_integers_are_floats():
    x = np.array([[2, 1], [1, 3]])
    for function in (ops.inv, ops.cholesky, lambda x: ops.solve(x, x)):
        np.testing.assert_allclose(function(x), function(x.astype("float32")))


def test_vectors_that_nobody_reads_are_not_computed(monkeypatch):
    kinds, whole = [], np.linalg.svd

    def svd(x, full_matrices=True, compute_uv=True):
        kinds.append(compute_uv)
        return whole(x, full_matrices, compute_uv)

    values = whole(TALL, compute_uv=False)
    monkeypatch.setattr(np.linalg, "svd", svd)
    of_values = {
        lambda x: ops.svd(x, compute_uv=False): values, fastnn.jit(lambda x: ops.svd(x)[1] + 1): values + 1,
        lambda x: ops.norm(x, 2, (1, 2)): values.max(-1), lambda x: ops.norm(x, "nuc", (1, 2)): values.sum(-1),
        ops.matrix_rank: np.full(2, 3),
    }  # fmt: skip
    for function, expected in of_values.items():
        np.testing.assert_allclose(function(TALL), expected, rtol=1e-12)
    assert kinds == [False] * len(of_values)
    fastnn.jit(lambda x: ops.svd(x)[::2])(TALL)
    for x in (fastnn.Variable(TALL), TALL):
        with fastnn.GradientTape() as tape:
            tape.watch(x)
            y = ops.svd(x, compute_uv=False)
        assert np.isfinite(tape.gradient(y, x)).all()
    assert kinds[len(of_values) :] == [True] * 3


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (30, 30), (150, 60), (60, 150)])
def test_lstsq_is_numpys(shape, dtype, monkeypatch):
    """By factors where the rank is surely full, by singular values where `rcond` may count one of them as 0."""
    rng, by_values, numpys = np.random.default_rng(2), [], np.linalg.lstsq
    a = rng.standard_normal(shape).astype(dtype)
    u, s, v = np.linalg.svd(a, full_matrices=False)
    s[-1] = s[0] * 1e-3
    near, few = ((u * s) @ v).astype(dtype), np.repeat(a[:, :1], shape[1], 1)

    def lstsq(*args, **params):
        by_values.append(params)
        return numpys(*args, **params)

    monkeypatch.setattr(np.linalg, "lstsq", lstsq)
    cases = ((a, None, 0), (a.T, None, 0), (a[:, ::-1], None, 0), (near, None, 0), (near, 1e-7, 0), (near, -1, 0),
             (near, 1e-2, 1), (near, 1e-4, None), (few, None, 1), (a, 2.0, 1))  # fmt: skip
    for x, rcond, is_by_values in cases:
        by_values.clear()
        for side in (rng.standard_normal(x.shape[0]), rng.standard_normal((x.shape[0], 4))[:, ::2]):
            b = side.astype(dtype)
            wanted = numpys(x, b, rcond=rcond)[0]
            atol = np.abs(wanted).max() * (1e-6 if dtype == "float32" else 1e-10)
            np.testing.assert_allclose(ops.lstsq(x, b, rcond), wanted, rtol=0, atol=atol)
        assert is_by_values is None or len(by_values) == 2 * is_by_values


def test_lstsq_of_nothing():
    for m, n, columns in ((0, 3, 2), (3, 0, 2), (3, 2, 0)):
        x = ops.lstsq(np.zeros((m, n)), np.zeros((m, columns)))
        assert x.shape == (n, columns) and not x.any()


@pytest.mark.parametrize("extra", [0, 1])
def test_matrices_of_as_many_rows_as_kernels_take_and_one_more(extra):
    n = factorizations.MOST_ROWS + extra
    x = np.random.default_rng(n).standard_normal((n, n)) + 60 * np.eye(n)
    np.testing.assert_allclose(ops.solve(x, x @ np.ones((n, 2))), np.ones((n, 2)), rtol=1e-9)
    for shape in ((n, 5), (5, n), (n + factorizations.MOST_FACTORED, 2), (2, n + factorizations.MOST_FACTORED)):
        tall = np.random.default_rng(1).standard_normal(shape)
        q, r = ops.qr(tall)
        np.testing.assert_allclose(q @ r, tall, atol=1e-12)
    x[3] = 0
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        ops.solve(x, x)
