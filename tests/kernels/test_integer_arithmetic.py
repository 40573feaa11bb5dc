"""integer_arithmetic: quotients, remainders and powers of every type have NumPy's numbers, on every instruction set."""

import itertools

import numpy as np
import pytest

from fastnn import _kernels, ops
from fastnn._kernels import DTYPE_CODE, _engine

DTYPES = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
ISAS = _engine.isas()
NAMES = ["floor_divide", "mod", "power"]


def special(dtype):
    """The ends of the range, what is next to its halves, thirds and root, powers of two, and small numbers."""
    info = np.iinfo(dtype)
    numbers = {0, 1, 2, 3, 7, 10, 100, 127, -1, -2, -3, -7, -10, -100}
    for part in (info.max, info.min, info.max // 2, info.min // 2, info.max // 3, int(info.max**0.5)):
        numbers |= {part - 1, part, part + 1}
    numbers |= {sign * (2**k + d) for k in range(info.bits) for d in (-1, 0, 1) for sign in (-1, 1)}
    return np.array(sorted(v for v in numbers if info.min <= v <= info.max), dtype)


def samples(dtype):
    """Pairs of all sizes, of multiples and what is next to them."""
    rng, info = np.random.default_rng(0), np.iinfo(dtype)
    wide = rng.integers(info.min, info.max, 3001, dtype, endpoint=True)
    a = wide >> rng.integers(0, info.bits, wide.size).astype(dtype)
    b = np.roll(a, 7)
    one = np.array(1, dtype)
    with np.errstate(all="ignore"):
        multiples = np.floor_divide(wide, b) * b
        over = [a, wide, wide, multiples, multiples - one, multiples + one]
    return np.concatenate(over), np.concatenate([b, np.roll(wide, 3), b, b, b, b])


def of_numpy(name, a, b):
    """Powers below 0, which NumPy refuses, are those of the inverse, cut."""
    with np.errstate(all="ignore"):
        if name != "power":
            return getattr(np, name)(a, b)
        minus, below = np.array(-1).astype(a.dtype), b < 0
        base = np.where(below & (a != 1) & (a != minus), a.dtype.type(0), a)
        return np.power(base, np.where(below, 2 - (b & 1), b))


def combine(name, isa, a, b, rows, cols, strides, threads=1):
    y = np.full(rows * cols + 128, 77, a.dtype)
    ints = [rows, cols, DTYPE_CODE[a.dtype.name], NAMES.index(name), *strides]
    _kernels.run("integer_arithmetic", [a, b, y[63:-65]], ints, (), threads, isa)
    assert (y[:63] == 77).all() and (y[-65:] == 77).all(), "wrote outside"
    return y[63:-65].reshape(rows, cols)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_arrays_and_numbers(name, dtype, isa):
    numbers = special(dtype)
    a, b = (np.array(v, dtype) for v in zip(*itertools.product(numbers, numbers), strict=True))
    more = samples(dtype)
    a, b = np.concatenate([a, more[0]]), np.concatenate([b, more[1]])
    np.testing.assert_array_equal(combine(name, isa, a, b, 1, a.size, (0, 1, 0, 1), 2)[0], of_numpy(name, a, b))
    for number in numbers:
        one = np.array(number, dtype)
        x = np.concatenate([more[0][:500], numbers])
        np.testing.assert_array_equal(combine(name, isa, x, one, 1, x.size, (0, 1, 0, 0))[0], of_numpy(name, x, one))
        np.testing.assert_array_equal(combine(name, isa, one, x, 1, x.size, (0, 0, 0, 1))[0], of_numpy(name, one, x))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint64"])
@pytest.mark.parametrize("name", ["floor_divide", "power"])
@pytest.mark.parametrize("rows, cols", [(1, 1), (3, 0), (0, 3), (5, 1), (3, 7), (70, 257), (2, 9000), (3, 20011)])
def test_broadcasts(rows, cols, name, dtype, isa):
    rng = np.random.default_rng(1)
    full = rng.integers(-100 if dtype[0] == "i" else 0, 100, (2, rows, cols)).astype(dtype)
    shapes = {"full": (rows, cols), "row": (1, cols), "column": (rows, 1), "number": (1, 1)}
    strides = {"full": (cols, 1), "row": (0, 1), "column": (1, 0), "number": (0, 0)}
    for of_a, of_b in itertools.product(shapes, shapes):
        sizes = shapes[of_a], shapes[of_b]
        a, b = (np.ascontiguousarray(x[: s[0], : s[1]]) for x, s in zip(full, sizes, strict=True))
        if not a.size or not b.size:
            continue
        wanted = np.broadcast_to(of_numpy(name, a, b), (rows, cols))
        y = combine(name, isa, a, b, rows, cols, (*strides[of_a], *strides[of_b]), 2)
        np.testing.assert_array_equal(y, wanted)


def test_ops_beyond_what_float64_holds():
    a = np.array([2**62 + 1, -(2**62) - 1, 2**53 + 1, 2**63 - 1, -(2**63)])
    np.testing.assert_array_equal(ops.floor_divide(a, 3), a // 3)
    np.testing.assert_array_equal(ops.mod(a, 10**9 + 7), a % (10**9 + 7))
    np.testing.assert_array_equal(ops.floor_divide(a[:, None], a), a[:, None] // a)
    np.testing.assert_array_equal(ops.mod(a.reshape(5, 1, 1), a[:2, None]), a.reshape(5, 1, 1) % a[:2, None])
    np.testing.assert_array_equal(ops.mod(a.astype("uint64"), np.uint64(7)), a.astype("uint64") % np.uint64(7))
    assert ops.floor_divide(a, np.zeros(5, "int64")).tolist() == [0] * 5


@pytest.mark.parametrize("shape", [(5,), (5, 1, 1)])
def test_powers_wrap_around(shape):
    a = np.array([3, -7, 2**31 + 1, -(2**62) - 1, 1])
    p = np.array([40, 23, 2, 3, 2**62]).reshape(shape)
    exact = [(pow(int(x), int(q), 2**64) + 2**63) % 2**64 - 2**63 for x, q in zip(a, p.ravel(), strict=True)]
    y = ops.power(a.reshape(shape), p)
    assert y.dtype == np.int64 and y.ravel().tolist() == exact
    for dtype in DTYPES:
        x = np.arange(9).astype(dtype)
        np.testing.assert_array_equal(ops.power(x, 5), x**5)
        np.testing.assert_array_equal(ops.power(x[:, None], x), x[:, None] ** x)


@pytest.mark.parametrize("shape", [(6,), (6, 1, 1)])
def test_powers_below_0_are_those_of_the_inverse_cut(shape):
    a = np.array([1, -1, -1, 0, 2, -5]).reshape(shape)
    p = np.broadcast_to(np.array([-3, -3, -4, -1, -1, -2]).reshape(shape), (6, 2, 3) if len(shape) == 3 else (6,))
    assert ops.power(a, p).reshape(6, -1)[:, -1].tolist() == [1, -1, 1, 0, 0, 0]
    assert ops.power(np.array([2, -1]), -3).tolist() == [0, -1]
    assert ops.power(np.array([False, True]), np.array([False, False])).tolist() == [1, 1]
