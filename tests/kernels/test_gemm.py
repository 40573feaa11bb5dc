"""The matrix product kernel against NumPy in higher precision, on every instruction set.

Bounds are per element: a sum of k products in one chain is off by at most (k + 2) eps (|A| @ |B|), and scaling, bias
and C add a rounding each.
"""

import itertools

import numpy as np
import pytest

from fastnn import _kernels
from fastnn._kernels import _engine
from tests.kernels.guarded import Guarded
from tests.kernels.programs import Program
from tests.kernels.remembered import remembered
from tests.kernels.wide import product, wide

ISAS = _engine.isas()
FLOATS = {"f32": np.float32, "f64": np.float64}
# Around the tiles (6, 8 rows), the vectors (2 to 16 lanes), the panels (to 64 columns, 128 of a single row) and the row
# blocks (48); columns that are done as rows (from 8 on), and those that are not (k above 512); dot products (to 48 or
# 64 rows, from k = 32 and 4 or 8 more for each row on, by tiles of 2, 3 or 4 rows and 4 columns).
SIZES = [
    (1, 1, 1),
    (1, 1, 131),
    (1, 1, 1161),
    (1, 10, 64),
    (1, 61, 9),
    (1, 300, 7),
    (1, 37, 131),
    (1, 150, 1100),
    (1, 1101, 1503),  # a B so large that its rows are streams, for up to four rows
    (2, 1101, 1003),
    (3, 301, 3501),
    (4, 2090, 502),
    (37, 1, 131),
    (7, 15, 3),
    (8, 16, 16),
    (9, 17, 1),
    (6, 48, 5),
    (65, 49, 33),
    (13, 33, 2),
    (64, 96, 20),
    (7, 1, 5),
    (9, 1, 30),
    (300, 1, 17),
    (40, 1, 600),
    (45000, 1, 71),  # columns so short and many that they are one stream, which asks for what follows
    (50, 77, 1),
    (2, 4250, 1),
    (2, 9, 37),
    (7, 6, 130),
    (48, 5, 420),
    (64, 6, 300),
    (65, 3, 300),
    (24, 4, 798),
    (9, 2, 40),
    (37, 5, 9),
    (5, 9, 130),  # dot products, whose last tile has a row or two more
    (14, 23, 1700),
]
BATCH_DIMS = 3


def gemm(a, b, *, c=None, bias=None, alpha=1.0, beta=0.0, relu=False, column_sum=None, batch=(), threads=1, isa=None):
    """Runs the kernel on `a` (..., m, k) and `b` (..., k, n) of any strides; `batch` broadcasts over both."""
    dtype = a.dtype
    (m, k), n = a.shape[-2:], b.shape[-1]
    out = Guarded.unwritten((*batch, m, n), dtype)
    if c is not None:
        out.array[...] = c

    def stride(x, axis):
        return x.strides[axis] // dtype.itemsize

    dims = []
    for axis in range(-BATCH_DIMS, 0):
        inside = len(batch) + axis >= 0
        steps = [stride(x, axis - 2) if x.ndim + axis - 2 >= 0 and x.shape[axis - 2] > 1 else 0 for x in (a, b)]
        dims += [batch[axis] if inside else 1, *(steps if inside else (0, 0))]
    ints = [m, n, k, stride(a, -2), stride(a, -1), stride(b, -2), stride(b, -1), relu, 0, column_sum is not None, *dims]
    suffix = "f32" if dtype == np.float32 else "f64"
    _kernels.run(f"gemm_{suffix}", [a, b, out.array, bias, column_sum], ints, [alpha, beta], threads, isa)
    out.assert_canaries()
    return out.array


@remembered
def judge(a, b, *, c=0.0, bias=0.0, alpha=1.0, beta=0.0, relu=False):
    """The product in the next precision and the bound of each element."""
    size = abs(alpha) * np.matmul(np.abs(a), np.abs(b), dtype=np.float64) + np.abs(bias) + abs(beta) * np.abs(c)
    a, b = wide(a), wide(b)
    c, bias = (np.asarray(x, a.dtype) for x in (c, bias))
    result = alpha * product(a, b) + bias + beta * c
    return np.maximum(result, 0) if relu else result, (a.shape[-1] + 4) * size


multiplied = remembered(np.matmul)


def assert_close(got, expected, bound):
    error, bound = np.abs(got - expected), bound * np.finfo(got.dtype).eps
    if not np.all(error <= bound):
        worst = np.unravel_index(np.argmax(error - bound), error.shape)
        pytest.fail(f"at {worst}: {got[worst]} for {expected[worst]}, error / bound {error[worst] / bound[worst]}")


def stored(rng, shape, layout, dtype, offset=0, draw=np.random.Generator.standard_normal):
    """A random matrix whose memory is row-major ("n"), column-major ("t"), or with a longer row stride ("s")."""
    lead, (rows, cols) = shape[:-2], shape[-2:]
    memory = {"n": (rows, cols), "t": (cols, rows), "s": (rows, cols + 3)}[layout]
    size = int(np.prod(lead + memory))
    buffer = _kernels.aligned_empty(size + offset, dtype)[offset:]
    buffer[:] = draw(rng, size)
    x = buffer.reshape(lead + memory)
    return x.swapaxes(-1, -2) if layout == "t" else x[..., :cols]


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("suffix", FLOATS)
@pytest.mark.parametrize("layouts", ["nn", "nt", "tn", "tt", "ss"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_layouts(size, layouts, suffix, isa):
    m, n, k = size
    rng = np.random.default_rng(m * n + k)
    a = stored(rng, (m, k), layouts[0], FLOATS[suffix], offset=1)
    b = stored(rng, (k, n), layouts[1], FLOATS[suffix], offset=3)
    assert_close(gemm(a, b, isa=isa), *judge(a, b))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("suffix", FLOATS)
@pytest.mark.parametrize(
    "size",
    [
        (5, 10, 7),
        (9, 48, 30),
        (70, 50, 3),
        (3, 20, 1100),
        (150, 1, 9),
        (150, 2, 40),
        (1, 5003, 250),
        (60, 70, 1),
        (62, 150, 300),
    ],
    ids=str,
)
@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("layouts", ["nn", "tn", "nt"])
def test_alpha_beta_bias_relu(size, layouts, relu, suffix, isa):
    m, n, k = size
    rng = np.random.default_rng(7)
    a, b = stored(rng, (m, k), layouts[0], FLOATS[suffix]), stored(rng, (k, n), layouts[1], FLOATS[suffix])
    c, bias = (rng.standard_normal(shape).astype(FLOATS[suffix]) for shape in ((m, n), n))
    arguments = {"bias": bias, "alpha": 0.5, "beta": -2.0, "relu": relu}
    assert_close(gemm(a, b, c=c, **arguments, isa=isa), *judge(a, b, c=c, **arguments))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("suffix", FLOATS)
@pytest.mark.parametrize(
    "size",
    [
        (9, 10, 33),
        (70, 50, 511),
        (20, 17, 1025),
        (3, 5, 5000),
        (100, 150, 5300),
        (270, 260, 600),
        (331, 300, 700),
        (520, 530, 600),
        (300, 330, 2100),
        (600, 1100, 24),
        (26, 4250, 1),
        (40, 1, 9),
        (140, 1, 2100),
        (140, 1, 9000),
        (150, 2, 400),
        (90, 4, 2100),
        (77, 8, 2),
        (90, 50, 10),
        (200, 10, 33),
        (150, 20, 70),
    ],
    ids=str,
)
def test_column_sum_rides_along(size, suffix, isa):
    m, n, k = size
    rng = np.random.default_rng(8)
    x, dy = stored(rng, (k, m), "n", FLOATS[suffix]), stored(rng, (k, n), "n", FLOATS[suffix])
    db = Guarded.unwritten((n,), FLOATS[suffix])
    assert_close(gemm(x.T, dy, column_sum=db.array, isa=isa), *judge(x.T, dy))
    assert_close(db.array, *(part[0] for part in judge(np.ones((1, k), dy.dtype), dy)))
    db.assert_canaries()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("suffix", FLOATS)
@pytest.mark.parametrize("k", range(2, 13))
def test_column_sums_of_few_rows_are_added_in_turn(k, suffix, isa):
    """Whichever way the product takes, which differs with a program."""
    rng = np.random.default_rng(14)
    for m, n in [(42, 60), (64, 60), (6, 7), (40, 400), (300, 700)]:
        x, dy = stored(rng, (k, m), "n", FLOATS[suffix]), stored(rng, (k, n), "n", FLOATS[suffix])
        db = Guarded.unwritten((n,), FLOATS[suffix])
        gemm(x.T, dy, column_sum=db.array, isa=isa)
        np.testing.assert_array_equal(db.array, np.add.accumulate(dy)[-1])


# Where a panel is packed because its vectors straddle cache lines or are scattered over pages, where a transposed A is
# packed, where k is cut into splits, where it is done in blocks that leave their sums in between, where these are
# short as rows of B share the sets of a cache, where a row takes B as it lies or asks for it by panels, and where a
# few columns by as many rows are stored as long rows, where rows by few columns are dot products, in short blocks of
# rows too, where few columns, up to a vector and a half, are done as rows, where tiles pack the next panel, where few
# rows ask for it or are one or two high tiles, and where B, or A and B, are packed as a whole; one cuts a range of k,
# which its last tile has more rows of sums for than are valid.
@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("suffix", FLOATS)
@pytest.mark.parametrize("layouts", ["nn", "nt", "tn"])
@pytest.mark.parametrize(
    "size",
    [
        (100, 100, 200),
        (100, 300, 500),
        (331, 300, 700),
        (20, 40, 1030),
        (520, 520, 2100),
        (520, 1024, 1030),
        (1000, 520, 2100),
        (259, 270, 41),
        (600, 1100, 24),
        (100, 150, 5300),
        (300, 70, 1800),
        (100, 256, 2100),
        (140, 1, 2100),
        (140, 1, 500),
        (140, 1, 21),
        (1, 140, 21),
        (500, 3, 130),
        (100, 4, 2100),
        (700, 8, 129),
        (131, 2, 50),
        (77, 4, 1100),
        (45, 5, 700),
        (61, 6, 90),
        (50, 7, 2100),
        (101, 70, 2),
        (50, 131, 7),
        (37, 290, 12),
        (4, 2501, 600),
        (130, 130, 70),
        (60, 1100, 1000),
        (100, 1030, 1100),
        (33, 1024, 1030),
        (1000, 1030, 300),
        (1, 2501, 1031),
        (1, 785, 300),
        (1, 1100, 600),
        (1, 150, 2100),
        (1, 2501, 430),
        (3, 2501, 1031),
        (15, 200, 3000),
        (9, 700, 1000),
        (8, 1030, 600),
        (15, 1024, 530),
        (16, 1024, 530),
        (20, 1024, 530),
        (18, 1030, 530),
        (200, 130, 2100),
        (5, 1601, 130),
        (21, 1000, 700),
        (49, 1025, 600),
        (50, 4250, 1),
        (92, 150, 45_000),
        (100, 320, 10_000),
        (133, 512, 700),
        (77, 1100, 1300),
        (300, 400, 900),
        (40, 2048, 520),
        (11, 13_000, 530),
        (400, 1030, 1100),
        (200, 600, 2100),
        (1500, 144, 60),
        (2050, 150, 40),
        (2050, 140, 1030),
        (32, 130, 70),
        (62, 150, 300),
        (48, 1030, 600),
        (96, 700, 300),
        (128, 770, 1500),
        (56, 40, 30),
        (150, 10, 120),
        (150, 10, 80),
        (40, 5, 40),
        (133, 14, 70),
        (150, 20, 200),
        (40, 18, 300),
        (7, 131, 5),
        (100, 700, 2000),
        (200, 530, 2000),
        (60, 2048, 600),
        (480, 70, 1100),
        (4, 300, 2600),
        (4, 301, 3501),
    ],
    ids=str,
)
def test_cuts_of_long_products_are_exact_on_small_integers(size, layouts, suffix, isa):
    m, n, k = size
    rng = np.random.default_rng(13)

    def draw(rng, size):
        return rng.integers(-4, 5, size, np.int8)  # sums stay below 16 * 45000 < 2^24: every order gives the same

    a, b = (
        stored(rng, shape, layout, FLOATS[suffix], draw=draw)
        for shape, layout in zip(((m, k), (k, n)), layouts, strict=True)
    )
    expected = multiplied(a, b)
    for threads in (1, 2):
        np.testing.assert_array_equal(gemm(a, b, threads=threads, isa=isa), expected)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("suffix", FLOATS)
@pytest.mark.parametrize("layouts", ["nn", "nt", "tn"])
@pytest.mark.parametrize("m, n", [(5, 18), (40, 1)])
def test_batches_broadcast(m, n, layouts, suffix, isa):
    rng = np.random.default_rng(9)
    for left, right in itertools.product([(2, 3), (1, 3), (2, 1), ()], repeat=2):
        a = stored(rng, (*left, m, 4), layouts[0], FLOATS[suffix])
        b = stored(rng, (*right, 4, n), layouts[1], FLOATS[suffix])
        batch = np.broadcast_shapes(left, right)
        assert_close(gemm(a, b, batch=batch, isa=isa), *judge(a, b))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("suffix", FLOATS)
@pytest.mark.parametrize("layout", ["n", "t", "s"])
@pytest.mark.parametrize(
    "size", [(50, 30), (97, 2100), (130, 300), (200, 12), (250, 1030), (530, 70), (20, 300), (150, 0)], ids=str
)
def test_a_matrix_by_its_own_transpose_has_the_bits_of_two_matrices(size, layout, suffix, isa):
    """Half of it is copied, but where a bias, C or sums of columns need all panels."""
    dtype, rng = FLOATS[suffix], np.random.default_rng(17)
    x, other = (stored(rng, (2, *size), layout, dtype) for _ in range(2))
    other[...] = x
    m, _ = size
    c, bias = rng.standard_normal((m, m)).astype(dtype), rng.standard_normal(m).astype(dtype)
    for more in ({}, {"alpha": -2.0, "relu": True}, {"bias": bias}, {"c": c, "beta": 0.5}):
        for threads in (1, 2):
            y = gemm(x[0], x[0].T, **more, threads=threads, isa=isa)
            np.testing.assert_array_equal(y, gemm(x[0], other[0].T, **more, isa=isa), f"{list(more)}")
    both = gemm(x, other.swapaxes(-1, -2), batch=(2,), isa=isa)
    np.testing.assert_array_equal(gemm(x, x.swapaxes(-1, -2), batch=(2,), isa=isa), both)
    one, two = np.empty(m, dtype), np.empty(m, dtype)
    np.testing.assert_array_equal(
        gemm(x[1], x[1].T, column_sum=one, isa=isa), gemm(x[1], other[1].T, column_sum=two, isa=isa)
    )
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("suffix", FLOATS)
@pytest.mark.parametrize("layouts", ["nn", "tn", "nt"])
def test_outer_products_have_the_bits_of_tiles(layouts, suffix, isa):
    """A factor of two, which is exact, has tiles do the same product."""
    rng = np.random.default_rng(11)
    for k, n, m in itertools.product(range(1, 18), (2, 7, 16, 24, 131), (2, 50)):
        a = stored(rng, (m, k), layouts[0], FLOATS[suffix])
        b = stored(rng, (k, n), layouts[1], FLOATS[suffix])
        bias = rng.standard_normal(n).astype(FLOATS[suffix])
        for more, twice in (({}, {}), ({"bias": bias, "relu": True}, {"bias": 2 * bias, "relu": True})):
            tiles = gemm(a, b, **twice, alpha=2.0, isa=isa) / 2
            np.testing.assert_array_equal(gemm(a, b, **more, isa=isa), tiles, f"{m} {k} {n} {list(more)}")


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("suffix", FLOATS)
@pytest.mark.parametrize("n", [1, 4, 12, 16, 24, 33, 55, 64, 65])
@pytest.mark.parametrize("m", [2, 7, 10, 48, 64, 65, 192, 197])
def test_many_small_products(m, n, suffix, isa):
    """From 16 products on each is a unit, or up to 192 of its rows; what finishes a result takes the other way."""
    dtype, rng = FLOATS[suffix], np.random.default_rng(m)
    for k, layouts, batch in (
        (0, "nn", (16,)), (1, "nn", (17,)), (16, "tn", (16,)), (65, "nn", (3, 6)),
        (3, "nt", (16,)), (33, "tt", (16,)), (70, "nt", (3, 6)),
    ):  # fmt: skip
        a = stored(rng, (*batch[-1:], m, k), layouts[0], dtype)
        b = stored(rng, (*batch, k, n), layouts[1], dtype)
        y = gemm(a, b, batch=batch, isa=isa)
        assert_close(y, *judge(a, b))
        np.testing.assert_array_equal(gemm(a, b, batch=batch, isa=isa, threads=2), y)
        last = (-1,) * len(batch)
        if layouts[1] == "n":  # few rows by a transposed B may be turned where there is but one product
            np.testing.assert_array_equal(y[last], gemm(a[-1], b[last], isa=isa))
        bias = rng.standard_normal(n).astype(dtype)
        assert_close(
            gemm(a, b, batch=batch, isa=isa, bias=bias, alpha=-2.0, relu=True),
            *judge(a, b, bias=bias, alpha=-2.0, relu=True),
        )  # fmt: skip


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize(
    "size",
    [
        (64, 20, 2000),
        (5, 300, 2100),
        (130, 100, 40),
        (10, 10, 10),
        (300, 270, 300),
        (331, 300, 700),
        (300, 330, 2100),
        (100, 256, 2100),
        (130, 130, 70),
        (600, 1100, 24),
        (300, 300, 11),
        (300, 4, 700),
        (900, 13, 5),
        (20, 530, 520),
        (26, 530, 520),
        (133, 512, 700),
        (77, 1100, 1300),
        (40, 2048, 520),
        (20, 1601, 200),
        (8, 1024, 600),
        (400, 1030, 1100),
        (1500, 144, 60),
        (2050, 140, 1030),
        (48, 1030, 600),
        (62, 150, 300),
        (150, 20, 200),
        (100, 700, 2000),
        (200, 530, 2000),
        (60, 2048, 600),
        (480, 70, 1100),
        (4, 300, 2600),
        (4, 301, 3501),
    ],
    ids=str,
)
def test_same_bits_for_any_thread_count(size, isa):
    m, n, k = size
    rng = np.random.default_rng(10)
    for layouts in ("nn", "nt", "tn", "tt"):
        a, b = stored(rng, (m, k), layouts[0], np.float32), stored(rng, (k, n), layouts[1], np.float32)
        one, two, three = (gemm(a, b, threads=threads, isa=isa) for threads in (1, 2, 3))
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, three)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("suffix", FLOATS)
@pytest.mark.parametrize("n", [2, 3, 4, 8, 9, 16, 20, 24, 30, 33, 48, 52, 96])
def test_a_row_of_the_result_has_the_same_bits_in_any_tile(n, suffix, isa):
    rng = np.random.default_rng(11)
    k = min(41, 8 * n - 1)  # too short for dot products
    a, b = stored(rng, (20, k), "n", FLOATS[suffix]), stored(rng, (k, n), "n", FLOATS[suffix])
    whole = gemm(a, b, isa=isa)
    for rows in range(1, 10):
        np.testing.assert_array_equal(gemm(a[:rows], b, isa=isa), whole[:rows])
    np.testing.assert_array_equal(gemm(a, b[:, 1:2], isa=isa), whole[:, 1:2])


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("suffix", FLOATS)
def test_empty(suffix, isa):
    dtype = FLOATS[suffix]
    bias = np.arange(3, dtype=dtype)
    gemm(np.empty((2050, 0), dtype), np.empty((0, 150), dtype), isa=isa)
    result = gemm(np.empty((2, 0), dtype), np.empty((0, 3), dtype), bias=bias, c=1.0, beta=2.0, isa=isa)
    np.testing.assert_array_equal(result, np.broadcast_to(bias + 2, (2, 3)))
    gemm(np.empty((0, 4), dtype), np.empty((4, 3), dtype), isa=isa)
    gemm(np.empty((2, 4), dtype), np.empty((4, 0), dtype), isa=isa)
    gemm(np.empty((2000, 4), dtype).T, np.empty((2000, 0), dtype), isa=isa)
    gemm(np.empty((2000, 0), dtype).T, np.empty((2000, 3), dtype), isa=isa)


@pytest.mark.parametrize("isa", ISAS)
def test_not_a_number_and_infinity_flow_through(isa):
    a, b = np.ones((3, 2), np.float32), np.ones((2, 5), np.float32)
    a[1, 0], b[1, 2] = np.nan, np.inf
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(gemm(a, b, relu=True, isa=isa), np.maximum(a @ b, 0))
    # beta = 0 does not read C: test outputs start as NaN everywhere.


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("suffix", FLOATS)
@pytest.mark.parametrize(
    "size",
    [
        (70, 50, 6),
        (9, 10, 1500),
        (70, 150, 6),
        (1100, 260, 5),
        (150, 1, 6),
        (9, 1, 1500),
        (1, 2501, 450),
        (9, 530, 520),
        (2060, 140, 40),
        (2060, 140, 1030),
        (48, 1030, 600),
        (62, 150, 300),
    ],
    ids=str,
)
@pytest.mark.parametrize("layout", ["n", "t"])
def test_program_runs_on_finished_tiles(size, layout, suffix, isa):
    """The program stores relu(C + residual) over C; its operands have strides of (batch * m, n)."""
    m, n, k = size
    batch = 2 if m < 2000 and layout == "n" else 1
    rng = np.random.default_rng(12)
    dtype = FLOATS[suffix]
    a, b = stored(rng, (batch, m, k), "n", dtype), stored(rng, (batch, k, n), layout, dtype)
    residual = rng.standard_normal((batch, m, n)).astype(dtype)
    out = Guarded.unwritten((batch, m, n), dtype)
    code = _kernels.DTYPE_CODE[np.dtype(dtype).name]
    head = [m, n, k, k, 1, *((n, 1) if layout == "n" else (1, k)), 0, 19, 0, 1, 0, 0, 1, 0, 0, batch, m * k, k * n]
    program = Program((2, code, n, 1), (5, code, n, 1))
    program.store(program.do("relu", program.do("add", 0, 1)), 0)
    expected, bound = judge(a, b, c=residual, beta=1.0)
    for threads in (1, 2):
        out.array[...] = np.nan
        buffers = [a, b, out.array, None, None, residual]
        _kernels.run(f"gemm_{suffix}", buffers, head + program.encode(isa), [1.0, 0.0], threads, isa)
        out.assert_canaries()
        assert_close(out.array, np.maximum(expected, 0), bound)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("suffix", FLOATS)
@pytest.mark.parametrize(
    "size",
    [
        (256, 256, 1),
        (600, 700, 40),
        (401, 1031, 63),
        (259, 513, 256),
        (300, 6000, 7),  # few rows a unit
        (257, 300, 0),
    ],
    ids=str,
)
def test_a_program_reads_what_is_not_stored(size, suffix, isa):
    """w -= C / 2 has the same bits where C is in memory, on each number of threads."""
    m, n, k = size
    rng = np.random.default_rng(13)
    dtype, code = FLOATS[suffix], _kernels.DTYPE_CODE[np.dtype(FLOATS[suffix]).name]
    a, b = (rng.standard_normal((k, size)).astype(dtype) for size in (m, n))
    start, found = rng.standard_normal((m, n)).astype(dtype), []
    for tile, threads in ((2, 1), (-2, 1), (-2, 2)):
        w, sums, reals = Guarded.unwritten((m, n), dtype), Guarded.unwritten((n,), dtype), [1.0, 0.0]
        w.array[...] = start
        program = Program((tile, code, n, 1), (5, code, n, 1), 0.5)
        program.store(program.do("subtract_product", 1, 0, 2), 1)
        ints = [m, n, k, 1, m, n, 1, 0, 19, 1, 1, 0, 0, 1, 0, 0, 1, 0, 0, *program.encode(isa, reals)]
        c = np.full((m, n), np.nan, dtype) if tile == 2 else None
        _kernels.run(f"gemm_{suffix}", [a, b, c, None, sums.array, w.array], ints, reals, threads, isa)
        w.assert_canaries(), sums.assert_canaries()
        found.append((w.array, sums.array))
    expected, bound = judge(a.T, b, c=start, beta=-2.0)
    assert_close(found[0][0] * dtype(-2), expected, bound)
    for w, sums in found:
        np.testing.assert_array_equal(w, found[0][0])
        assert_close(sums, *judge(np.ones((1, k), dtype), b))
    np.testing.assert_array_equal(found[1][1], found[2][1])
