"""Factors, linear equations, inverses and determinants by the kernels, on every instruction set: their errors beside
those that elimination may make, whatever pads the matrices, and what no matrix is."""

import numpy as np
import pytest

from fastnn import _kernels
from fastnn._kernels import _engine
from fastnn.ops.factorizations import _lu_reference
from fastnn.ops.solving import _cofactors_reference
from tests.kernels.test_gather import code, guarded

ISAS = _engine.isas()
# Around the rows of a tile, a panel and a strip of vectors.
SIZES = [1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 24, 25, 33, 48, 65, 129]
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
@pytest.mark.parametrize("n", SIZES)
def test_cholesky_inverse(n, dtype, isa):
    rng = np.random.default_rng(n)
    x = (rng.standard_normal((3, n, n)) / n + np.eye(n)).astype(dtype)
    for upper, triangle in ((0, np.tril(x)), (1, np.triu(x))):
        factor = np.where(triangle == 0, np.nan, x).astype(dtype)  # the other triangle is not read
        y = bits_with_any_threads("cholesky_inverse", (factor,), x.shape, [3, n, code(x), upper], isa)
        turned, wide = y.swapaxes(1, 2), triangle.astype("longdouble")
        np.testing.assert_array_equal(y, turned)
        product = wide.swapaxes(1, 2) @ wide if upper else wide @ wide.swapaxes(1, 2)
        size = (np.abs(product) @ np.abs(y)).max((1, 2), keepdims=True)
        assert np.all(np.abs(product @ y - np.eye(n)) <= 4 * apart(dtype, n) * size)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES)
def test_solve_triangular(n, dtype, isa):
    rng = np.random.default_rng(n)
    for m, lower in ((1, True), (n, False), (3 * n // 2 + 1, True), (n + 2, False), (390, True)):
        a = (rng.standard_normal((3, n, n)) / n + np.eye(n)).astype(dtype)
        b = rng.standard_normal((3, n, m)).astype(dtype)
        triangle = np.tril(a) if lower else np.triu(a)
        a[triangle == 0] = np.nan  # the other one is not read
        x = bits_with_any_threads(
            "solve_triangular", (a, b), b.shape, [3, n, m, code(a), n * n, n * m, lower], isa
        )  # fmt: skip
        bound = apart(dtype, n) * (np.abs(triangle).astype("float64") @ np.abs(x)).max((1, 2), keepdims=True)
        assert np.all(np.abs(triangle.astype("longdouble") @ x - b) <= bound)
        one, check = guarded(b.shape, dtype)
        run("solve_triangular", (a[0], b), one, [3, n, m, code(a), 0, n * m, lower], 2, isa)
        check()
        np.testing.assert_array_equal(one[0], x[0])


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("m", [1, 2, 3, 5, 8, 9, 15, 16, 17, 24, 33, 50, 64, 65])
def test_lu_factor(m, dtype, isa):
    """Beside the reference in float64, whose pivots are the same where no two candidates are near each other."""
    rng = np.random.default_rng(m)
    for n in sorted({1, 2, max(1, m // 2), m - 1 or 1, m, m + 1, m + 8, 2 * m + 3, 40}):
        x, k = rng.standard_normal((2, m, n)).astype(dtype), min(m, n)
        lu, check = guarded(x.shape, dtype)
        pivots, check_pivots = guarded((2, k), "int32")
        for threads in (1, 2):
            _kernels.run("lu_factor", [x, lu, pivots], [2, m, n, code(x)], (), threads, isa)
            check(), check_pivots()
            wanted, wanted_pivots = _lu_reference(x.astype("float64"))
            np.testing.assert_array_equal(pivots, wanted_pivots)
            np.testing.assert_allclose(lu, wanted, rtol=1e-6 if dtype == "float32" else 1e-9, atol=1e-11)
    x = np.ones((1, m, m), dtype)
    lu, pivots = np.zeros_like(x), np.zeros((1, m), "int32")
    _kernels.run("lu_factor", [x, lu, pivots], [1, m, m, code(x)], (), 1, isa)
    np.testing.assert_array_equal(lu[0] != 0, np.minimum(*np.indices((m, m))) == 0)  # below pivots of 0 is 0
    np.testing.assert_array_equal(pivots[0], np.arange(m))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("m", [1, 2, 3, 5, 8, 9, 15, 16, 17, 24, 25, 33, 50, 65])
def test_qr(m, dtype, isa):
    """With the signs of LAPACK; and of columns of zeroes, of numbers whose squares are none, and of NaN."""
    rng = np.random.default_rng(m)
    for n in sorted({1, 2, max(1, m // 2), m - 1 or 1, m, m + 1, m + 8, 2 * m + 3, 40}):
        x = rng.standard_normal((4, m, n)).astype(dtype)
        x[1, :, 0] = 0
        x[2, :, n // 2] = x[2, :, 0]
        x[3] *= 1e200 if dtype == "float64" else 1e30
        for k in {min(m, n), m}:
            found = []
            for threads in (1, 3):
                q, check_q = guarded((4, m, k), dtype)
                r, check_r = guarded((4, k, n), dtype)
                _kernels.run("qr", [x, q, r], [4, m, n, code(x), k], (), threads, isa)
                check_q(), check_r()
                found.append((q, r))
            np.testing.assert_array_equal(found[0][0], found[1][0])
            np.testing.assert_array_equal(found[0][1], found[1][1])
            assert not np.tril(r, -1).any()
            wide = q.astype("longdouble")
            assert np.all(np.abs(wide.swapaxes(1, 2) @ wide - np.eye(k)) <= 2 * apart(dtype, m))
            size = np.sqrt((x.astype("longdouble") ** 2).sum(1, keepdims=True))
            assert np.all(np.abs(wide @ r - x) <= 2 * apart(dtype, m) * size)
            expected = np.linalg.qr(x[[0, 3]].astype("float64"), mode="complete" if k == m else "reduced")
            np.testing.assert_allclose(q[[0, 3]], expected[0], atol=1e-6 if dtype == "float32" else 1e-10)
    x[0, m // 2, n // 2] = np.nan
    _kernels.run("qr", [x, q, r], [4, m, n, code(x), k], (), 1, isa)
    assert np.isnan(r[0]).any() and not np.isnan(r[1]).any()


def least_squares(a, b, threads, isa, is_turned):
    """x and the bound of the kernel."""
    (m, n), columns = a.shape, b.shape[1]
    x, check = guarded((m if is_turned else n, columns), a.dtype)
    distance, check_distance = guarded((1,), "float64")
    run("lstsq", (a, b, x), distance, [m, n, columns, code(a), is_turned], threads, isa)
    check(), check_distance()
    return x, distance[0]


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("m", [1, 2, 5, 8, 9, 16, 24, 25, 33, 65, 97, 200])
def test_lstsq(m, dtype, isa):
    """Beside NumPy's, of columns fewer than rows; of their transposes; and what is told of the singular values."""
    rng = np.random.default_rng(m)
    for n in sorted({1, max(1, m // 2), max(1, m - 1), m}):
        a = rng.standard_normal((m, n)).astype(dtype)
        for columns in (1, 7, 25):
            for is_turned in (False, True):
                b = rng.standard_normal((n if is_turned else m, columns)).astype(dtype)
                x, distance = least_squares(a, b, 1, isa, is_turned)
                again = least_squares(a, b, 3, isa, is_turned)
                np.testing.assert_array_equal(again[0], x)
                wanted, _, _, values = np.linalg.lstsq(a.T if is_turned else a, b)
                true = float(values[-1]) / float(values[0])
                assert true / (n + 1) <= distance * (1 + 1e-6) and distance <= true * (1 + 1e-6)
                bound = apart(dtype, m) * (1 if dtype == "float32" else 4 / true**2) * np.abs(wanted).max()
                assert np.abs(x - wanted).max() <= bound


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("shape", [(9, 4), (40, 40), (200, 90)])
def test_lstsq_tells_what_is_not_of_full_rank(shape, isa):
    rng = np.random.default_rng(5)
    for change in range(5):
        a, b = rng.standard_normal(shape), rng.standard_normal((shape[0], 2))
        if change == 0:
            a[:, 1] = a[:, -1]
        elif change == 1:
            a[:, 2] = 0
        elif change == 2:
            a[:] = a[:, :1] @ a[:1]
        elif change == 3:
            a[1, 1] = np.nan
        else:
            a *= 1e200  # whose squares are none
        for threads in (1, 2):
            distance = least_squares(a, b, threads, isa, False)[1]
            assert not distance > 1e-14, (change, distance)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES)
def test_determinant(n, dtype, isa):
    x = (np.random.default_rng(n).standard_normal((4, n, n)) / np.sqrt(n)).astype(dtype)
    x[3, n // 2] = 0
    det, sign, logarithm = np.zeros((3, 4), dtype)
    for threads in (1, 3):
        _kernels.run("determinant", [x, det, None, None], [4, n, code(x)], (), threads, isa)
        _kernels.run("determinant", [x, None, sign, logarithm], [4, n, code(x)], (), threads, isa)
        wide = x.astype("float64")
        np.testing.assert_allclose(det, np.linalg.det(wide), rtol=3e-7 if dtype == "float32" else 1e-9)
        np.testing.assert_array_equal(sign, np.linalg.slogdet(wide)[0])
        np.testing.assert_allclose(logarithm, np.linalg.slogdet(wide)[1], rtol=1e-6 if dtype == "float32" else 1e-9,
                                   atol=1e-7 if dtype == "float32" else 1e-11)  # fmt: skip
    assert det[3] == sign[3] == 0 and logarithm[3] == -np.inf


def exact_cofactors(x):
    """Of a matrix of integers, which are Python's."""

    def determinant(rows):
        return sum((-1) ** k * row[0] * determinant([r[1:] for r in rows[:k] + rows[k + 1 :]])
                   for k, row in enumerate(rows)) if rows else 1  # fmt: skip

    rows = x.astype(int).tolist()
    size = range(len(rows))

    def minor(i: int, j: int) -> list:
        return [row[:j] + row[j + 1 :] for row in rows[:i] + rows[i + 1 :]]

    return np.array([[(-1) ** (i + j) * determinant(minor(i, j)) for j in size] for i in size], "float64")


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6])
def test_cofactors_of_integers(n, dtype, isa):
    """Of matrices of any rank: two less than n leave none but 0."""
    rng = np.random.default_rng(n)
    x = [rng.integers(-3, 4, (n, n)) for _ in range(3)]
    x += [rng.integers(-2, 3, (n, r)) @ rng.integers(-2, 3, (r, n)) for r in range(n) for _ in range(3)]
    x += [np.diag([0, *range(1, n)]), np.eye(n)[::-1], np.triu(np.ones((n, n)), 1), np.ones((n, n))]
    x = np.array(x).astype(dtype)
    y = bits_with_any_threads("cofactors", [x], x.shape, [len(x), n, code(x)], isa)
    for k, matrix in enumerate(x):
        largest = np.linalg.norm(matrix.astype("float64"), 2) ** (n - 1) if n > 1 else 1
        assert np.abs(y[k] - exact_cofactors(matrix)).max() <= apart(dtype, n) * largest, matrix


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES[1:])
def test_cofactors_beside_singular_values(n, dtype, isa):
    """Of full rank, of rank n - 1 but for rounding, and with a pivot that is small and not the last."""
    rng = np.random.default_rng(n)
    x = rng.standard_normal((3, n, n)) / np.sqrt(n)
    u, s, v = np.linalg.svd(x[1])
    x[1] = (u * np.append(s[:-1], 0)) @ v
    x[2, :, 0] *= 1e-12
    x = x.astype(dtype)
    y = bits_with_any_threads("cofactors", [x], x.shape, [3, n, code(x)], isa)
    expected = _cofactors_reference(x.astype("float64"))
    for k in range(3):
        np.testing.assert_allclose(y[k], expected[k], rtol=0, atol=np.abs(expected[k]).max() * apart(dtype, 64 * n))


@pytest.mark.parametrize("isa", ISAS)
def test_cofactors_at_the_ends_of_floats(isa):
    x = np.stack([np.diag(d) for d in ([1e200, 1e200, 1e-200, 1e-200], [1e-160, 1e-160, 1e300, 1e10], [1e200] * 4)])
    y = np.zeros(x.shape)
    _kernels.run("cofactors", [x, y], [3, 4, code(x)], (), 1, isa)
    found = np.stack([np.diag(matrix) for matrix in y])
    np.testing.assert_allclose(found[0], [0, 0, 1e200, 1e200], rtol=1e-14, atol=1e-199)
    np.testing.assert_allclose(found[1], [1e150, 1e150, 0, 0], rtol=1e-12, atol=1e-19)
    assert np.all(found[2] == np.inf)
    x[0, 1, 2] = np.nan
    _kernels.run("cofactors", [x[:1].copy(), y[:1]], [1, 4, code(x)], (), 1, isa)
    assert np.isnan(y[0]).any()


@pytest.mark.parametrize("isa", ISAS)
def test_determinants_at_the_ends_of_floats(isa):
    """The product may leave the numbers that there are and come back; and NaN is not 0."""
    diagonals = [[1e200, 1e200, 1e-200, -1e-200], [1e200] * 4, [1e-200, 1e-150, 1.0, 1.0], [np.nan, 1, 1, 1],
                 [np.inf, 1, 1, 1], [1e-300, 1e-200, 1e300, 1e200]]  # fmt: skip
    x = np.stack([np.diag(d) for d in diagonals])
    det = np.zeros(len(x))
    _kernels.run("determinant", [x, det, None, None], [len(x), 4, code(x)], (), 1, isa)
    np.testing.assert_allclose(det, [-1, np.inf, 0, np.nan, np.inf, 1])


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
                ("solve_triangular", (x, x), [1, n, n, code(x), 0, 0, 0]),
                ("solve_triangular", (x, x), [1, n, n, code(x), 0, 0, 1]),
                ("cholesky", (x,), [1, n, code(x), 0]), ("inv", (batch,), [2, n, code(x)]),
                ("cholesky_inverse", (batch,), [2, n, code(x), 0]),
            ):  # fmt: skip
                with pytest.raises(IndexError, match="positive" if name == "cholesky" else "Singular"):
                    run(name, buffers, np.zeros_like(buffers[0]) if ints[0] > 1 else y, ints, 1, isa)
            x[last, last] = np.nan
            run("inv", (x,), y, [1, n, code(x)], 1, isa)
            assert np.isnan(y[last, last])
            run("cholesky", (x,), y, [1, n, code(x), 0], 1, isa)
            assert np.isnan(y[last, last]) and np.all(np.diag(y)[:last] == 1)


def run_large(name, inputs, outputs, ints, threads, isa):
    """Outputs of a kernel: of one matrix, which threads share, or of two, which are a unit each."""
    arrays = [guarded((ints[0], *shape), dtype) for shape, dtype in outputs]
    _kernels.run(name, [*inputs, *(y for y, _ in arrays)], ints, (), threads, isa)
    for _, check in arrays:
        check()
    return [y for y, _ in arrays]


def check_sharing(name, inputs, outputs, sizes, isa):
    """That any number of threads finds the bits for the second of two matrices that a thread finds alone."""
    steps = [x[0].size for x in inputs] if name.startswith("solve") else []
    place = 3 if steps or name in ("lu_factor", "qr") else 2  # of the dtype and the steps in the parameters
    ints = [*sizes[: place - 1], code(inputs[0]), *steps, *sizes[place - 1 :]]
    wanted = run_large(name, inputs, outputs, [2, *ints], 1, isa)
    for threads in (1, 2, 3, 7):
        found = run_large(name, [x[1:].copy() for x in inputs], outputs, [1, *ints], threads, isa)
        for y, z in zip(found, wanted, strict=True):
            np.testing.assert_array_equal(y[0], z[1])


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [96, 97, 129, 200])
def test_threads_share_a_large_matrix(n, dtype, isa):
    rng = np.random.default_rng(n)
    x, square = rng.standard_normal((2, n, n)).astype(dtype), ((n, n), dtype)
    positive = (x @ x.swapaxes(1, 2) + n * np.eye(n)).astype(dtype)
    triangle = (x / n + np.eye(n)).astype(dtype)
    check_sharing("inv", [x], [square], [n], isa)
    for upper in (0, 1):
        check_sharing("cholesky", [positive], [square], [n, upper], isa)
        check_sharing("cholesky_inverse", [triangle], [square], [n, upper], isa)
    for m in (1, 25, n, 2 * n + 3):
        b = rng.standard_normal((2, n, m)).astype(dtype)
        check_sharing("solve", [x, b], [((n, m), dtype)], [n, m], isa)
        for lower in (0, 1):
            check_sharing("solve_triangular", [triangle, b], [((n, m), dtype)], [n, m, lower], isa)
    for m, k in ((n, n), (n, n + 1), (n, 2 * n + 3), (n + 30, n), (4 * n, 33)):
        y = rng.standard_normal((2, m, k)).astype(dtype)
        check_sharing("lu_factor", [y], [((m, k), dtype), ((min(m, k),), "int32")], [m, k], isa)
        for of_q in {min(m, k), m}:
            check_sharing("qr", [y], [((m, of_q), dtype), ((of_q, k), dtype)], [m, k, of_q], isa)
    for last in (None, 0, n // 2, n - 1):  # a column of zeroes, which becomes a pivot of 0
        if last is not None:
            x[1, :, last] = 0
            check_sharing("lu_factor", [x], [square, ((n,), "int32")], [n, n], isa)
        found = [np.zeros(1, dtype) for _ in range(6)]
        for y, threads in ((found[:3], 1), (found[3:], 3)):
            _kernels.run("determinant", [x[1:].copy(), y[0], None, None], [1, n, code(x)], (), threads, isa)
            _kernels.run("determinant", [x[1:].copy(), None, *y[1:]], [1, n, code(x)], (), threads, isa)
        two = [np.zeros(2, dtype) for _ in range(3)]
        _kernels.run("determinant", [x, two[0], None, None], [2, n, code(x)], (), 1, isa)
        _kernels.run("determinant", [x, None, *two[1:]], [2, n, code(x)], (), 1, isa)
        np.testing.assert_array_equal(found, np.array([y[1:] for y in two] * 2))
        assert last is None or two[1][1] == 0


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("threads", [1, 3])
def test_large_bad_matrices(threads, isa):
    n = 131
    for last in (0, 50, n - 1):
        x = np.eye(n)
        x[last, last] = 0
        for name, buffers, ints in (
            ("inv", (x,), [1, n, code(x)]), ("solve", (x, x), [1, n, n, code(x), 0, 0]),
            ("solve_triangular", (x, x), [1, n, n, code(x), 0, 0, 1]), ("cholesky", (x,), [1, n, code(x), 0]),
            ("cholesky_inverse", (x,), [1, n, code(x), 1]),
        ):  # fmt: skip
            with pytest.raises(IndexError, match="positive" if name == "cholesky" else "Singular"):
                run(name, buffers, np.zeros_like(x), ints, threads, isa)


def test_statuses_name_exceptions():
    assert [name for name, _ in _engine.STATUS.values()] == ["IndexError", "LinAlgError", "ValueError"]
    assert list(_engine.STATUS) == [1, 2, 3] and all(message for _, message in _engine.STATUS.values())
