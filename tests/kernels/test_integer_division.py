"""divide_integers: quotients and remainders of every type have NumPy's numbers, on every instruction set."""

import itertools

import numpy as np
import pytest

from fastnn import _kernels, ops
from fastnn._kernels import DTYPE_CODE, _engine

DTYPES = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
ISAS = _engine.isas()


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


def divide(name, isa, a, b, rows, cols, strides, threads=1):
    y = np.full(rows * cols + 128, 77, a.dtype)
    ints = [rows, cols, DTYPE_CODE[a.dtype.name], name == "mod", *strides]
    _kernels.run("divide_integers", [a, b, y[63:-65]], ints, (), threads, isa)
    assert (y[:63] == 77).all() and (y[-65:] == 77).all(), "wrote outside"
    return y[63:-65].reshape(rows, cols)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["floor_divide", "mod"])
def test_arrays_and_numbers(name, dtype, isa):
    numbers = special(dtype)
    a, b = (np.array(v, dtype) for v in zip(*itertools.product(numbers, numbers), strict=True))
    more = samples(dtype)
    a, b = np.concatenate([a, more[0]]), np.concatenate([b, more[1]])
    of_numpy = getattr(np, name)
    with np.errstate(all="ignore"):
        wanted = of_numpy(a, b)
        np.testing.assert_array_equal(divide(name, isa, a, b, 1, a.size, (0, 1, 0, 1), 2)[0], wanted)
        for number in numbers:
            one = np.array(number, dtype)
            x = np.concatenate([more[0][:500], numbers])
            np.testing.assert_array_equal(divide(name, isa, x, one, 1, x.size, (0, 1, 0, 0))[0], of_numpy(x, one))
            np.testing.assert_array_equal(divide(name, isa, one, x, 1, x.size, (0, 0, 0, 1))[0], of_numpy(one, x))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint64"])
@pytest.mark.parametrize("rows, cols", [(1, 1), (3, 0), (0, 3), (5, 1), (3, 7), (70, 257), (2, 9000), (3, 20011)])
def test_broadcasts(rows, cols, dtype, isa):
    rng = np.random.default_rng(1)
    full = rng.integers(-100 if dtype[0] == "i" else 0, 100, (2, rows, cols)).astype(dtype)
    shapes = {"full": (rows, cols), "row": (1, cols), "column": (rows, 1), "number": (1, 1)}
    strides = {"full": (cols, 1), "row": (0, 1), "column": (1, 0), "number": (0, 0)}
    for of_a, of_b in itertools.product(shapes, shapes):
        sizes = shapes[of_a], shapes[of_b]
        a, b = (np.ascontiguousarray(x[: s[0], : s[1]]) for x, s in zip(full, sizes, strict=True))
        if not a.size or not b.size:
            continue
        with np.errstate(all="ignore"):
            wanted = np.broadcast_to(np.floor_divide(a, b), (rows, cols))
        y = divide("floor_divide", isa, a, b, rows, cols, (*strides[of_a], *strides[of_b]), 2)
        np.testing.assert_array_equal(y, wanted)


def test_ops_beyond_what_float64_holds():
    a = np.array([2**62 + 1, -(2**62) - 1, 2**53 + 1, 2**63 - 1, -(2**63)])
    np.testing.assert_array_equal(ops.floor_divide(a, 3), a // 3)
    np.testing.assert_array_equal(ops.mod(a, 10**9 + 7), a % (10**9 + 7))
    np.testing.assert_array_equal(ops.floor_divide(a[:, None], a), a[:, None] // a)
    np.testing.assert_array_equal(ops.mod(a.reshape(5, 1, 1), a[:2, None]), a.reshape(5, 1, 1) % a[:2, None])
    np.testing.assert_array_equal(ops.mod(a.astype("uint64"), np.uint64(7)), a.astype("uint64") % np.uint64(7))
    assert ops.floor_divide(a, np.zeros(5, "int64")).tolist() == [0] * 5
