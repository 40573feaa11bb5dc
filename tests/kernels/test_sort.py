"""The order along an axis and the places in a sorted vector, beside NumPy's, on every instruction set."""

import numpy as np
import pytest

from fastnn import _kernels
from fastnn._kernels import DTYPES, _engine
from tests.kernels.test_gather import code, guarded

ISAS = _engine.isas()
# Around a vector, the longest row that is sorted by ranks, and the shortest with digits of 11 bits.
LENGTHS = [0, 1, 2, 7, 8, 9, 17, 63, 64, 65, 100, 1000, 4095, 4096, 9001]


def numbers(rng, dtype, shape, spread):
    """Few of them, with ties, or all that there are."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    if dtype.kind == "f":
        x = rng.standard_normal(shape).astype(dtype) if spread else rng.integers(-2, 3, shape).astype(dtype)
        special = rng.choice(np.array([np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-42], dtype), shape)
        return np.where(rng.random(shape) < 0.2, special, x)
    info = np.iinfo(dtype)
    low, high = (info.min, info.max) if spread else (max(info.min, -2), 3)
    return rng.integers(low, high, shape, dtype=dtype, endpoint=True)


def order_of(x, axis, is_largest_first):
    """Stable, NaN last."""
    if not is_largest_first:
        return np.argsort(x, axis, kind="stable")
    if x.dtype.kind == "f":
        return np.argsort(-x, axis, kind="stable")
    return np.argsort(np.iinfo(np.int64).max - x.astype(np.uint64).astype(object) if x.dtype == np.uint64
                      else -x.astype(object), axis, kind="stable")  # fmt: skip


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("spread", [False, True])
def test_argsort(spread, dtype, isa):
    rng = np.random.default_rng(0)
    for n in LENGTHS:
        for outer, inner in [(3, 1), (2, 3)]:
            x = numbers(rng, dtype, (outer, n, inner), spread)
            for down, k, threads in ((0, n, 1), (1, n, 2), (1, n // 3, 2)):
                if down and n > 1000:
                    continue
                wanted = order_of(x, 1, down)[:, :k]
                order, check = guarded((outer, k, inner), "int32", offset=1)
                values, check_values = guarded((outer, k, inner), dtype)
                ints = [outer, n, inner, code(x), down, k]
                _kernels.run("argsort", [x, order, values], ints, (), threads, isa)
                np.testing.assert_array_equal(order, wanted)
                np.testing.assert_array_equal(values, np.take_along_axis(x, wanted, 1))
                _kernels.run("argsort", [x, order, None], ints, (), threads, isa)
                np.testing.assert_array_equal(order, wanted)
                check(), check_values()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("spread", [False, True])
def test_sort(spread, dtype, isa):
    rng = np.random.default_rng(2)
    for n in [*LENGTHS, *range(3, 140, 9), 16384, 16385]:
        for outer, inner in [(3, 1), (2, 3), (30000 // max(n, 1), 1)]:
            x = numbers(rng, dtype, (outer, n, inner), spread)
            y, check = guarded(x.shape, dtype, offset=1)
            _kernels.run("sort", [x, y], [outer, n, inner, code(x)], (), 2, isa)
            np.testing.assert_array_equal(y, np.sort(x, 1))
            check()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("spread", [False, True])
def test_select(spread, dtype, isa):
    """Each place of short rows, some of long ones; the row that has one digit in common; threads."""
    rng = np.random.default_rng(5)
    for n in [*LENGTHS[1:], 31, 32, 33, 70, 129]:
        x = numbers(rng, dtype, (5, n), spread)
        x[1] = np.nextafter(np.ones(n, dtype), 2) + rng.integers(0, 40, n) * np.finfo(dtype).eps
        x[2], x[3] = 7, np.nan
        places = np.arange(n) if n < 130 else np.array([0, n - 1, n // 2, n // 2 - 1, n // 2, n // 7])
        places = np.tile(places, (5, 1)).astype("int32")
        suffix, wanted = dtype.replace("float", "f"), np.take_along_axis(np.sort(x, 1), places, 1)
        for threads in (1, 3):
            y, check = guarded(places.shape, dtype, offset=1)
            _kernels.run(f"select_{suffix}", [x, places, y], [5, n, places.shape[1]], (), threads, isa)
            np.testing.assert_array_equal(y, wanted)
            check()


@pytest.mark.parametrize("isa", ISAS)
def test_select_of_places_that_are_not_there(isa):
    for place in (-1, 3):
        x, y = np.arange(3.0), np.full(2, 7.0)
        with pytest.raises(IndexError):
            _kernels.run("select_f64", [x, np.array([1, place], "int32"), y], [1, 3, 2], (), 1, isa)
        assert y.tolist() == [1, 7]


@pytest.mark.parametrize("isa", ISAS)
def test_sort_of_zeros_and_ones(isa):
    """A network that sorts every vector of two values sorts all (the 0-1 principle): random ones, dense and sparse."""
    rng = np.random.default_rng(3)
    for n in (16, 32, 64, 128, 256, 512, 1024, 2048):
        x = (rng.random((2000, n)) < rng.random((2000, 1))).astype("int32")
        y = np.empty_like(x)
        _kernels.run("sort", [x, y], [2000, n, 1, code(x)], (), 1, isa)
        np.testing.assert_array_equal(y, np.sort(x, 1))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", ["f32", "f64", "i32"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_searchsorted(side, kind, isa):
    rng = np.random.default_rng(1)
    dtype = {"f32": "float32", "f64": "float64", "i32": "int32"}[kind]
    for n in (0, 1, 2, 3, 7, 8, 100, 1023, 1024, 1025):
        for m in (0, 1, 15, 16, 17, 5000):
            sequence = np.sort(numbers(rng, dtype, n, False))
            x = numbers(rng, dtype, m, False)
            y, check = guarded(m, "int32", offset=1)
            _kernels.run(f"searchsorted_{kind}", [sequence, x, y], [n, m, side == "right"], (), 2, isa)
            np.testing.assert_array_equal(y, np.searchsorted(sequence, x, side))
            check()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", ["float32", "int32", "uint32"])
@pytest.mark.parametrize("n, inner", [(20_001, 1), (20_001, 2), ((1 << 21) + 1, 1)])
def test_order_of_long_rows(n, inner, dtype, isa):
    """By radix, of which passes over digits that are equal in all are left out."""
    rng = np.random.default_rng(4)
    for spread in (False, True):
        x = numbers(rng, dtype, (1, n, inner), spread)
        y, check = guarded(x.shape, dtype, offset=1)
        _kernels.run("sort", [x, y], [1, n, inner, code(x)], (), 1, isa)
        np.testing.assert_array_equal(y, np.sort(x, 1))
        check()
    order = np.empty(x.shape, np.int32)
    _kernels.run("argsort", [x, order, None], [1, n, inner, code(x), 0, n], (), 1, isa)
    np.testing.assert_array_equal(order, np.argsort(x, 1, kind="stable"))


def cut_badly(n, lanes):
    """A row whose samples, by which it is parted in vectors of so many lanes, are its least elements each time."""
    values, alive, following = np.full(n, n), np.arange(n), 0
    while len(alive) > 16 * lanes:
        vectors = 2 if len(alive) < 1024 else 8
        apart = len(alive) // (vectors * lanes)
        sampled = alive[np.arange(vectors * lanes) * apart + apart // 2]
        fresh = sampled[values[sampled] == n]
        values[fresh] = np.arange(following, following + len(fresh))
        following += len(fresh)
        alive = alive[values[alive] >= np.sort(values[sampled])[lanes // 2 * vectors]]
    return np.where(values < n, values, n + np.arange(n)[::-1])


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", ["int64", "uint64", "float64"])
def test_sort_by_parts(dtype, isa):
    """Rows of all kinds: with no order, with one, of equal ones, of few values, and such as chance does not give."""
    rng = np.random.default_rng(6)
    info = np.finfo(dtype) if dtype == "float64" else np.iinfo(dtype)
    for n in (129, 1023, 1024, 6000):
        x = numbers(rng, dtype, n, True)
        rows = [x, np.sort(x), np.sort(x)[::-1], np.full(n, info.min), np.full(n, info.max), np.full(n, 3)]
        rows += [np.where(x > x[0], info.max, 7), np.where(x > x[0], info.min, 7), np.where(x > x[0], x, info.min)]
        rows += [rng.choice(x, n), np.arange(n) % 7 * 1e9, *(cut_badly(n, lanes) * 1e9 for lanes in (2, 4, 8))]
        table = np.stack([row.astype(dtype) for row in rows])
        for x in (table[:, :, None], table.T[None].copy()):
            y, check = guarded(x.shape, dtype, offset=1)
            _kernels.run("sort", [x, y], [*x.shape, code(x)], (), 2, isa)
            np.testing.assert_array_equal(y, np.sort(x, 1))
            check()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", ["int16", "uint16", "int32", "uint32", "int64", "uint64"])
def test_sort_of_a_small_range(dtype, isa):
    """At the ends of the dtype and across 0, of ranges around those that are counted."""
    rng, info = np.random.default_rng(7), np.iinfo(dtype)
    for n in (2047, 2048, 16385, 400_000):
        for values in {1, 2, n // 4 - 1, n // 4, n // 4 + 1, 32768, 32769, 65535, 65536, 65537}:
            for least in {info.min, info.max - min(values - 1, info.max), max(info.min, -(values // 2))}:
                if values > 1 << info.bits:
                    continue
                most = least + values - 1
                x = rng.integers(least, min(most, info.max), (1, n, 1), dtype, endpoint=True)
                x[0, -1], x[0, -2] = least, min(most, info.max)
                y, check = guarded(x.shape, dtype, offset=1)
                _kernels.run("sort", [x, y], [1, n, 1, code(x)], (), 1, isa)
                np.testing.assert_array_equal(y, np.sort(x, 1))
                check()
