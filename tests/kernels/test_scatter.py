"""Rows replaced by, or combined with, others, on every instruction set."""

import numpy as np
import pytest

from fastnn import _kernels
from fastnn._kernels import _engine
from tests.kernels.test_gather import code, guarded, sample

ISAS = _engine.isas()
SHAPES = [(1, 1, 1), (7, 3, 20), (40, 17, 33), (300, 64, 500), (5, 1000, 9), (4, 0, 3), (3, 2, 0), (20_000, 1, 4000)]
UFUNCS = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
def test_scatter_replaces(dtype, shape, isa):
    """The last update of a row counts; in place and not."""
    rng = np.random.default_rng(0)
    n, inner, m = shape
    x, updates = sample(rng, (n, inner), dtype), sample(rng, (m, inner), dtype)
    index = rng.integers(-n, n, m).astype(np.int32)
    wanted = x.copy()
    for j, i in enumerate(index):
        wanted[i] = updates[j]
    ints = [n, inner, m, code(index), x.itemsize]
    y, check = guarded((n, inner), dtype, offset=1)
    _kernels.run("scatter", [x, index, updates, y], ints, (), 2, isa)
    np.testing.assert_array_equal(y, wanted)
    check()
    _kernels.run("scatter", [x, index, updates, x], ints, (), 1, isa)
    np.testing.assert_array_equal(x, wanted)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", ["f32", "f64", "i32"])
@pytest.mark.parametrize("reduction", UFUNCS)
def test_scatter_combines(reduction, kind, shape, isa):
    """In the order of the indices, with NaN, on any number of threads; integers wrap."""
    rng = np.random.default_rng(1)
    n, inner, m = shape
    dtype = {"f32": "float32", "f64": "float64", "i32": "int32"}[kind]
    x, updates = sample(rng, (n, inner), dtype), sample(rng, (m, inner), dtype)
    if dtype[0] == "f":
        x[rng.random(x.shape) < 0.05] = np.nan
        updates[rng.random(updates.shape) < 0.05] = np.nan
    index = rng.integers(-n, n, m).astype(np.int64)
    wanted = x.copy()
    with np.errstate(all="ignore"):
        UFUNCS[reduction].at(wanted, index, updates)
    for threads in (1, 2):
        y, check = guarded((n, inner), dtype, offset=1)
        ints = [n, inner, m, code(index), x.itemsize]
        _kernels.run(f"scatter_{reduction}_{kind}", [x, index, updates, y], ints, (), threads, isa)
        np.testing.assert_array_equal(y, wanted)
        check()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize(("bad", "dtype"), [(5, "int32"), (-6, "int64"), (200, "uint8"), (2**63 + 1, "uint64")])
@pytest.mark.parametrize("kernel", ["scatter", "scatter_add_f32"])
def test_bad_index(kernel, bad, dtype, isa):
    index = np.array([0, bad, 1], dtype)
    y, check = guarded((5, 2), np.float32)
    with pytest.raises(IndexError):
        buffers = [np.zeros((5, 2), np.float32), index, np.ones((3, 2), np.float32), y]
        _kernels.run(kernel, buffers, [5, 2, 3, code(index), 4], isa_name=isa)
    check()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("index_type", ["uint16", "int32", "int64"])
@pytest.mark.parametrize("dtype", ["uint8", "int32", "float64", "complex128"])
def test_single_elements_by_indices_of_any_type(dtype, index_type, isa):
    x, updates = (np.arange(n).astype(dtype) for n in (50, 30))
    index = np.random.default_rng(2).integers(0 if index_type[0] == "u" else -50, 50, 30).astype(index_type)
    wanted, total = x.copy(), x.copy()
    wanted[index] = updates
    ints, y = [50, 1, 30, code(index), x.itemsize], np.empty_like(x)
    _kernels.run("scatter", [x, index, updates, y], ints, (), 1, isa)
    np.testing.assert_array_equal(y, wanted)
    if dtype in ("int32", "float64"):
        np.add.at(total, index, updates)
        _kernels.run(f"scatter_add_{'i32' if dtype == 'int32' else 'f64'}", [x, index, updates, y], ints, (), 1, isa)
        np.testing.assert_array_equal(y, total)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_bincount(dtype, isa):
    """Few numbers, of which several sets of counts take turns, and many; weights in their order; what lies outside."""
    rng = np.random.default_rng(6)
    for n in (0, 1, 511, 512, 513, 4095, 4096, 4099, 9001):
        for length in (1, 3, 1000, 1024, 1025, 30_000):
            x = rng.integers(0, length, n).astype(dtype)
            ints = [n, length, code(x)]
            counts = np.full(length + 2, 77, np.int32)
            _kernels.run("bincount", [x, counts[1:-1]], ints, (), 1, isa)
            np.testing.assert_array_equal(counts, [77, *np.bincount(x, minlength=length), 77])
            for name, kind in (("bincount_f32", np.float32), ("bincount_f64", np.float64)):
                weights = rng.standard_normal(n).astype(kind)
                y = np.full(length + 2, 77, kind)
                _kernels.run(name, [x, y[1:-1], weights], ints, (), 1, isa)
                wanted = np.zeros(length, kind)
                np.add.at(wanted, x, weights)
                np.testing.assert_array_equal(y, [77, *wanted, 77])
            for outside in (-1, length, np.iinfo(dtype).min):
                if n:
                    x[n // 2] = outside
                    with pytest.raises(IndexError):
                        _kernels.run("bincount", [x, counts[1:-1]], ints, (), 1, isa)
