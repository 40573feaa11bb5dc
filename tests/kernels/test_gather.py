"""Rows and elements at given positions, and gradients: dtypes, no rows, bad indices, on every instruction set."""

import numpy as np
import pytest

from fastnn import _kernels
from fastnn._kernels import DTYPE_CODE, DTYPES, _engine
from tests.kernels.programs import Program

ISAS = _engine.isas()


def code(x):
    return DTYPE_CODE[np.asarray(x).dtype.name]


def guarded(shape, dtype, offset=0):
    n = int(np.prod(shape))
    raw = _kernels.aligned_empty(n + 64 + offset, dtype)
    canary = np.array(77).astype(dtype)
    raw[...] = canary
    inner = raw[32 + offset : 32 + offset + n]
    inner[...] = np.nan if np.dtype(dtype).kind == "f" else 99

    def check():
        assert (raw[: 32 + offset] == canary).all() and (raw[32 + offset + n :] == canary).all(), "wrote outside"

    return inner.reshape(shape), check


def sample(rng, shape, dtype):
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return (rng.standard_normal(shape) * 50).astype(dtype)
    return rng.integers(0 if dtype.kind in "ub" else -100, 2 if dtype.kind == "b" else 100, shape).astype(dtype)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("source", DTYPES)
@pytest.mark.parametrize("target", ["float32", "float64", "int32", "int64", "same"])
def test_gather_rows(target, source, isa):
    rng = np.random.default_rng(0)
    target = source if target == "same" else target
    for elements, threads in ((1, 1), (3, 2), (64, 2), (785, 2), (5000, 1)):
        x = sample(rng, (50, elements), source)
        index = rng.integers(0, 50, 40).astype(np.int32)
        y, check = guarded((13, elements), target, offset=1)
        ints = [1, 13, code(x), DTYPE_CODE[target], elements, elements]
        _kernels.run("gather_rows", [index, x, y], ints, [1.0, 0.0], threads, isa)
        np.testing.assert_array_equal(y, x[index[:13]].astype(target))
        check()


@pytest.mark.parametrize("isa", ISAS)
def test_gather_rows_of_several_arrays_in_order(isa):
    """No index: consecutive rows; wider source rows; scaled pixels; empty rows; one call for all."""
    rng = np.random.default_rng(1)
    images, labels, weights = sample(rng, (20, 30), "uint8"), sample(rng, (20,), "int64"), sample(rng, (20,), "float64")
    x, check_x = guarded((8, 20), "float32")
    y, check_y = guarded((8,), "int32")
    w, check_w = guarded((8,), "float32")
    nothing = np.zeros((20, 0), "float32")
    ints = [4, 8]
    for source, to, elements, stride in (
        (images, "float32", 20, 30), (labels, "int32", 1, 1), (weights, "float32", 1, 1), (nothing, "float32", 0, 0),
    ):  # fmt: skip
        ints += [code(source), DTYPE_CODE[to], elements, stride]
    buffers = [None, images, x, labels, y, weights, w, nothing, np.zeros((8, 0), "float32")]
    _kernels.run("gather_rows", buffers, ints, [1 / 255, -0.5, 1, 0, 1, 0, 1, 0], 2, isa)
    pixels = images[:8, :20].astype("float32")
    # One rounding of the product and one of the sum, or one of both where the CPU has FMA.
    np.testing.assert_allclose(x, pixels * np.float32(1 / 255) - np.float32(0.5), rtol=0, atol=2**-23)
    np.testing.assert_array_equal(y, labels[:8])
    np.testing.assert_array_equal(w, weights[:8].astype("float32"))
    check_x(), check_y(), check_w()


@pytest.mark.parametrize("isa", ISAS)
def test_gather_rows_empty_batch(isa):
    y, check = guarded((0, 3), "float32")
    ints = [1, 0, DTYPE_CODE["uint8"], DTYPE_CODE["float32"], 3, 3]
    _kernels.run("gather_rows", [None, np.zeros((5, 3), "uint8"), y], ints, [1, 0], 1, isa)
    check()


INDEX_DTYPES = [name for name in DTYPES if name[0] in "iu"]
SHAPES = [
    (1, 1, 1, 1), (2, 5, 3, 7), (3, 9, 16, 1), (1, 40, 17, 33), (1, 300, 64, 500), (2, 4, 0, 3), (1, 3, 2, 0),
    (1, 9, 256, 20), (1, 9, 272, 20), (2, 7, 1, 40), (1, 9, 2, 20), (2, 9, 4, 20), (1, 30_000, 1, 700),
    (3, 50, 1, 4096), (3, 50, 1, 4097), (45, 33, 1, 700),
]  # fmt: skip


def run_take(isa, x, index, y, threads=1):
    outer, n, inner = x.shape
    ints = [x.itemsize, outer, n, inner, index.size, code(index)]
    _kernels.run("take", [x, index, y], ints, threads=threads, isa_name=isa)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_take(shape, dtype, isa):
    rng = np.random.default_rng(2)
    outer, n, inner, m = shape
    x = sample(rng, (outer, n, inner), dtype)
    for k, index_dtype in enumerate(INDEX_DTYPES):
        low = 0 if index_dtype[0] == "u" else -min(n, 128)
        index = rng.integers(low, min(n, 127), m).astype(index_dtype)
        y, check = guarded((outer, m, inner), dtype, offset=1)
        run_take(isa, x, index, y, threads=1 + k % 2)
        np.testing.assert_array_equal(y, np.take(x, index.astype(np.int64), 1))
        check()


@pytest.mark.parametrize("isa", ISAS)
def test_rows_of_any_bytes(isa):
    """How a row is copied hangs on its bytes, and whether it is asked for on the bytes of x."""
    rng = np.random.default_rng(5)
    index = rng.integers(0, 4000, 40)
    for inner in (*range(1, 131), *range(509, 514), *range(1019, 1029)):
        x = sample(rng, (1, 4000 if inner > 200 or inner % 3 else 12, inner), "uint8")
        rows = index % x.shape[1]
        y, check = guarded((1, 40, inner), "uint8", offset=1)
        run_take(isa, x, rows, y)
        np.testing.assert_array_equal(y, x[:, rows])
        check()
        y, check = guarded((40, inner), "uint8", offset=1)
        _kernels.run("gather_rows", [np.int32(rows), x, y], [1, 40, code(x), code(y), inner, inner], [1.0, 0.0], 1, isa)
        np.testing.assert_array_equal(y, x[0, rows])
        check()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", ["f32", "f64"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_take_grad(shape, kind, isa):
    rng = np.random.default_rng(3)
    outer, n, inner, m = shape
    dtype = {"f32": np.float32, "f64": np.float64}[kind]
    dy = sample(rng, (outer, m, inner), dtype)
    index = rng.integers(-n, n, m).astype(np.int32)
    wanted = np.zeros((outer, n, inner), dtype)
    np.add.at(wanted, (slice(None), index), dy)  # in the order of the indices, as the kernel promises
    for threads in (1, 2):
        dx, check = guarded(wanted.shape, dtype, offset=1)
        _kernels.run(
            f"take_grad_{kind}", [dy, index, dx], [outer, n, inner, m, code(index), 0, inner], (), threads, isa
        )
        np.testing.assert_array_equal(dx, wanted)
        check()


SUMS = [(1, 1, 1, 1), (3, 5, 7, 2), (2, 9, 64, 5), (5, 40, 100, 3), (300, 30, 17, 9), (4, 4, 0, 3), (3, 2, 3, 0),
        (0, 3, 3, 2), (2, 3000, 300, 51), (7, 20, 31, 8), (7, 20, 48, 8), (7, 300, 240, 40)]  # fmt: skip


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", ["f32", "f64"])
@pytest.mark.parametrize("shape", SUMS, ids=str)
def test_take_sum(shape, kind, isa):
    """Rows of every kind of end, with weights and without; the same bits on two threads."""
    rng = np.random.default_rng(6)
    results, n, inner, m = shape
    x = sample(rng, (n, inner), f"float{kind[1:]}")
    weight = sample(rng, (results, m), x.dtype)
    for index_dtype in ("int32", "int64", "int16"):
        index = rng.integers(-n, n, (results, m)).astype(index_dtype)
        for weights in (None, weight):
            rows = x.astype("float64")[index] * (1.0 if weights is None else weights.astype("float64")[..., None])
            found = []
            for threads in (1, 2):
                y, check = guarded((results, inner), x.dtype, offset=1)
                ints = [n, inner, results, m, code(index)]
                _kernels.run(f"take_sum_{kind}", [x, index, weights, y], ints, threads=threads, isa_name=isa)
                check()
                found.append(y.copy())
            np.testing.assert_array_equal(*found)
            bound = (m + 1) * np.finfo(x.dtype).eps * np.abs(rows).sum(1)
            assert (np.abs(found[0] - rows.sum(1)) <= bound).all()


ALONG = [(1, 1, 1, 1), (5, 7, 1, 3), (9000, 3, 1, 1), (2, 5, 3, 7), (1, 40, 700, 9), (3, 5, 600, 4), (2, 4, 0, 3),
         (2, 3, 2, 0), (1, 9, 1, 20_000)]  # fmt: skip


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("shape", ALONG, ids=str)
def test_take_along_axis(shape, isa):
    """Every size of element and type of index; the gradient in the order of the indices."""
    rng = np.random.default_rng(5)
    outer, n, inner, m = shape
    for k, (dtype, index_dtype) in enumerate(
        [("uint8", "int32"), ("int16", "int64"), ("float32", "int32"), ("float64", "int64"), ("float32", "int8"),
         ("float64", "uint16"), ("float64", "int32"), ("float32", "int64")]
    ):  # fmt: skip
        x = sample(rng, (outer, n, inner), dtype)
        index = rng.integers(0 if index_dtype[0] == "u" else -n, n, (outer, m, inner)).astype(index_dtype)
        counted = np.where(index < 0, index.astype(np.int64) + n, index)
        y, check = guarded((outer, m, inner), dtype, offset=1)
        ints = [outer, n, inner, m, code(index)]
        _kernels.run("take_along_axis", [x, index, y], [x.itemsize, *ints], (), 1 + k % 2, isa)
        np.testing.assert_array_equal(y, np.take_along_axis(x, counted, 1))
        check()
        if dtype[0] != "f":
            continue
        wanted = np.zeros((outer, n, inner), dtype)
        np.add.at(wanted, (np.arange(outer)[:, None, None], counted, np.arange(inner)), y)
        dx, check = guarded(wanted.shape, dtype, offset=1)
        _kernels.run(f"take_along_axis_grad_f{8 * x.itemsize}", [y, index, dx], ints, (), 1 + k % 2, isa)
        np.testing.assert_array_equal(dx, wanted)
        check()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize(("bad", "dtype"), [(3, "int32"), (-4, "int64"), (200, "uint8"), (2**63 + 1, "uint64")])
def test_bad_index_along_an_axis(bad, dtype, isa):
    x, index = np.zeros((2, 3, 1), np.float32), np.array([[[0], [1]], [[bad], [1]]], dtype)
    for kernel, y, ints in (
        ("take_along_axis", np.zeros((2, 2, 1), np.float32), [4, 2, 3, 1, 2, code(index)]),
        ("take_along_axis_grad_f32", np.zeros((2, 3, 1), np.float32), [2, 3, 1, 2, code(index)]),
    ):
        with pytest.raises(IndexError):
            _kernels.run(kernel, [x if ints[0] == 4 else y[:, :2].copy(), index, y], ints, isa_name=isa)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize(("bad", "dtype"), [(5, "int32"), (-6, "int64"), (200, "uint8"), (2**63 + 1, "uint64")])
def test_bad_index(bad, dtype, isa):
    x = np.zeros((1, 5, 2), np.float32)
    index = np.array([0, bad, 1], dtype)
    y, check = guarded((1, 3, 2), np.float32)
    with pytest.raises(IndexError):
        run_take(isa, x, index, y)
    check()
    dx, check = guarded((1, 5, 2), np.float32)
    with pytest.raises(IndexError):
        _kernels.run("take_grad_f32", [y, index, dx], [1, 5, 2, 3, code(index), 0, 2], isa_name=isa)
    check()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("index", [None, [2, 0, 1]])
def test_put_rows(index, isa):
    """Rows of 3 floats, 1 byte and nothing, in the order of the index."""
    rows = [np.float32([1, 2, 3]), np.uint8([7]), np.zeros(0, np.float32)]
    outputs = [guarded((3, row.size), row.dtype) for row in rows]
    index = None if index is None else np.int32(index)
    slots = [array for row, (y, _) in zip(rows, outputs, strict=True) for array in (row, y)]
    buffers = [(-2, 0) if index is None else (6, 0), *((k, 0) for k in range(6))]
    plan = _engine.Plan(isa, [("put_rows", buffers, [3, 12, 1, 0], [], 1)], 0, 7)
    arena = plan.acquire(1)
    for slot, array in enumerate([*slots, index]):
        plan.bind(arena, slot, array)
    for batch in range(3):
        for row in rows[:2]:
            row[...] = np.arange(row.size) + 10 * batch
        plan.execute(arena, 0, 1, batch, 1, 1)
    order = [0, 1, 2] if index is None else [2, 0, 1]
    for row, (y, check) in zip(rows, outputs, strict=True):
        wanted = np.empty((3, row.size))
        wanted[order] = np.arange(row.size) + 10 * np.arange(3)[:, None]
        np.testing.assert_array_equal(y, wanted)
        check()


# Several tiles, rows longer than a tile, rows of several rows of the program's space, no indices.
SHAPES_OF_PROGRAMS = [
    (1, 700, 128, 300, 128), (3, 5, 6, 4, 2), (1, 1, 1, 1, 1), (2, 300, 257, 50, 257), (1, 3, 40000, 2, 8),
    (1, 9, 5, 0, 5),
]  # fmt: skip


def descent(kind, columns, rate, tile):
    """The program of w -= rate * dx, with dx in buffer 2 or in the kernel's tile, and w in buffer 3."""
    dtype, reals = DTYPE_CODE[kind], []
    program = Program((tile, dtype, columns, 1), (3, dtype, columns, 1), rate, (3, dtype, columns, 1))
    program.store(program.do("subtract_product", 1, 0, 2), 3)
    return program.encode(_kernels.isa(), reals), reals


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", ["f32", "f64"])
@pytest.mark.parametrize("shape", SHAPES_OF_PROGRAMS, ids=str)
def test_take_grad_with_a_program(shape, kind, isa):
    """With dx in memory, and in the kernel's scratch alone."""
    rng = np.random.default_rng(4)
    outer, n, inner, m, columns = shape
    dtype = {"f32": np.float32, "f64": np.float64}[kind]
    dy = sample(rng, (outer, m, inner), dtype)
    index = rng.integers(-n, n, m).astype(np.int64)
    gradient = np.zeros((outer, n, inner), dtype)
    np.add.at(gradient, (slice(None), index), dy)
    start = sample(rng, gradient.shape, dtype)
    wanted = start - gradient * dtype(0.5)  # exact: half of a number, whether or not the CPU rounds once
    for tile, threads in ((2, 1), (-2, 1), (-2, 2)):
        dx, check_dx = guarded(gradient.shape, dtype)
        w, check_w = guarded(gradient.shape, dtype)
        w[...] = start
        program, reals = descent(np.dtype(dtype).name, columns, 0.5, tile)
        ints = [outer, n, inner, m, code(index), 7, columns, *program]
        buffers = [dy, index, dx if tile == 2 else None, w]
        _kernels.run(f"take_grad_{kind}", buffers, ints, reals, threads, isa)
        np.testing.assert_array_equal(w, wanted)
        if tile == 2:
            np.testing.assert_array_equal(dx, gradient)
        check_dx(), check_w()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("index_dtype", ["int32", "int64", "int16"])
@pytest.mark.parametrize("inner", [1, 2])
def test_a_bad_index_among_many_leaves_the_others(inner, index_dtype, isa):
    rng, info = np.random.default_rng(8), np.iinfo(index_dtype)
    x = sample(rng, (1, 5, inner), "float32")
    for bad in (5, -6, info.min, info.max):
        for at in (0, 700, 1299):
            index = rng.integers(-5, 5, 1300).astype(index_dtype)
            wanted = x[:, index]
            wanted[:, at], index[at] = 7, bad
            y, check = guarded(wanted.shape, "float32", offset=1)
            y[:] = 7
            with pytest.raises(IndexError):
                run_take(isa, x, index, y)
            np.testing.assert_array_equal(y, wanted)
            check()


@pytest.mark.parametrize("isa", ISAS)
def test_a_bad_index_of_take_grad_leaves_what_the_program_writes(isa):
    w = np.ones((500, 128), np.float32)
    program, reals = descent("float32", 128, 0.5, -2)
    index = np.array([3, 500], np.int32)
    with pytest.raises(IndexError):
        ints = [1, 500, 128, 2, code(index), 7, 128, *program]
        _kernels.run("take_grad_f32", [np.ones((2, 128), np.float32), index, None, w], ints, reals, 2, isa)
    assert (w == 1).all()
