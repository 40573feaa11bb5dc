"""cast_array: every pair of types has NumPy's numbers, around the sizes of vectors, on every instruction set."""

import ml_dtypes
import numpy as np
import pytest

from fastnn import _kernels, ops
from fastnn._kernels import DTYPE_CODE, HALF_CODE, _engine

INTEGERS = [d for d in _kernels.DTYPES if not d.startswith("float")]
PAIRS = [(a, b) for a in INTEGERS for b in _kernels.DTYPES if a != b]
PAIRS += [("float32", "bool"), ("float64", "bool"), ("float32", "float64"), ("float64", "float32")]


FLOATS = ["float32", "float64"]
HALVES = {"float16": np.dtype("float16"), "bfloat16": np.dtype(ml_dtypes.bfloat16)}
SIZES = (0, 1, 7, 15, 16, 17, 63, 64, 65, 130, 8192, 20_001)


def numbers(dtype, n):
    rng, dtype = np.random.default_rng(n), np.dtype(dtype)
    if dtype.kind == "f":
        x = (rng.standard_normal(n) * 10.0 ** rng.integers(-30, 30, n)).astype(dtype)
        x[rng.random(n) < 0.3] = rng.choice(np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 1e-45], dtype))
        return x
    if dtype.kind == "b":
        return rng.random(n) < 0.5
    info = np.iinfo(dtype)
    x = rng.integers(info.min, info.max, n, dtype, endpoint=True) >> rng.integers(0, info.bits, n).astype(dtype)
    x[rng.random(n) < 0.2] = 0
    return x


@pytest.mark.parametrize("isa", _engine.isas())
@pytest.mark.parametrize("source, target", PAIRS)
def test_cast(source, target, isa):
    for n in SIZES:
        x, y = numbers(source, n + 1)[1:], np.full(n + 128, 1, target)
        y[: n + 63] = 0
        _kernels.run("cast_array", [x, y[63 : n + 63]], [n, DTYPE_CODE[source], DTYPE_CODE[target]], (), 2, isa)
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(y[63 : n + 63], x.astype(target))
        assert not y[:63].any() and (y[n + 63 :] == 1).all(), "wrote outside"


def cast(x, target, code, isa):
    """`x` as `target` by cast_array, beginning at any address, and that nothing beside it is written."""
    codes, n = DTYPE_CODE | HALF_CODE, x.size
    y = np.full(n + 128, 1, "uint16" if code in HALVES else target)
    _kernels.run("cast_array", [x, y[63 : n + 63]], [n, codes[str(x.dtype)], codes[code]], (), 2, isa)
    assert (y[:63] == 1).all() and (y[n + 63 :] == 1).all(), "wrote outside"
    return y[63 : n + 63].view(target)


def as_integers(x, target):
    """Toward zero, then the low bits; INT64_MIN of what 64 bits do not hold, but for uint64's own numbers."""
    with np.errstate(all="ignore"):
        fits = (x >= -(2.0**63)) & (x < 2.0**63)
        y = np.where(fits, x, 0).astype("int64")
        y[~fits] = np.iinfo("int64").min
        if target != "uint64":
            return y.astype(target)
        is_high = (x >= 2.0**63) & (x < 2.0**64)
        return np.where(is_high, np.where(is_high, x, 0).astype("uint64"), y.astype("uint64"))


@pytest.mark.parametrize("isa", _engine.isas())
@pytest.mark.parametrize("kind", ["within 8 bits", "within 32 bits", "mixed", "at the limits"])
@pytest.mark.parametrize("source, target", [(a, b) for a in FLOATS for b in INTEGERS if b != "bool"])
def test_integers_of_floats(source, target, kind, isa):
    for n in SIZES:
        rng = np.random.default_rng(n)
        x = rng.uniform(-(2.0**31), 2.0**31 - 65, n + 1)
        if kind == "within 8 bits":
            x = rng.uniform(-128, 256, n + 1)
        elif kind == "mixed":  # most vectors are of int32's numbers, some have others
            far = rng.random(n + 1) < 0.02
            x[far] = rng.uniform(-(2.0**65), 2.0**65, far.sum())
            x[rng.random(n + 1) < 0.02] = rng.choice([np.nan, np.inf, -np.inf, -0.0, -0.9, 1e-40, 2.0**63])
        elif kind == "at the limits":
            powers = 2.0 ** np.array([7, 8, 15, 16, 31, 32, 63, 64])
            x = rng.choice(np.concatenate([powers, -powers, powers - 0.5, -powers - 0.5, powers - 1, [np.nan]]), n + 1)
        x = x.astype(source)[1:]
        np.testing.assert_array_equal(cast(x, target, target, isa), as_integers(x, target))


@pytest.mark.parametrize("isa", _engine.isas())
@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("source", FLOATS)
def test_halves_of_floats(source, half, isa):
    """Rounded once, where float32 lies in the middle of two halves too."""
    for n in SIZES:
        rng = np.random.default_rng(n)
        far = rng.random(n + 1) < 0.9  # vectors without a middle
        with np.errstate(all="ignore"):
            x = rng.integers(0, 2**16, n + 1, "uint16").view(HALVES[half]).astype("float64")
            x *= 1 + rng.choice([0, 2.0**-11, 2.0**-8, 2.0**-9], n + 1)
            x *= 1 + rng.choice([0, 2.0**-40, -(2.0**-40), 2.0**-52], n + 1)
            x[far] = rng.standard_normal(far.sum()) * 10.0 ** rng.integers(-9, 5, far.sum())
            x = x.astype(source)[1:]
            wanted = x.astype(HALVES[half]) if half == "float16" else once_rounded(x)
        found = cast(x, HALVES[half], half, isa)
        np.testing.assert_array_equal(found.view("uint16")[x == x], wanted.view("uint16")[x == x])
        assert np.isnan(found.astype("float32")[x != x]).all()


def once_rounded(x):
    """To the nearest bfloat16, of two the even one, from float64."""
    y = x.astype("float32")
    bits = y.view("uint32").copy()
    is_cut = (y.astype("float64") != x) & np.isfinite(x)
    bits[is_cut & (abs(y.astype("float64")) > abs(x))] -= 1
    bits[is_cut] |= 1
    return bits.view("float32").astype(HALVES["bfloat16"])


@pytest.mark.parametrize("isa", _engine.isas())
@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("target", FLOATS)
def test_floats_of_halves(half, target, isa):
    for n in (0, 1, 15, 16, 17, 65, 2**16):
        bits, y = np.arange(n, dtype="uint16"), np.empty(n, target)
        _kernels.run("cast_array", [bits, y], [n, HALF_CODE[half], DTYPE_CODE[target]], (), 2, isa)
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(y, bits.view(HALVES[half]).astype("float32").astype(target))


@pytest.mark.parametrize("isa", _engine.isas())
@pytest.mark.parametrize("source, target", [("int64", "uint64"), ("uint64", "int64"), ("int64", "float64")])
def test_ops_keep_all_bits(source, target, isa):
    x = np.array([2**63 - 1, 2**53 + 1, 5, 0], source)
    with _kernels.using(isa):
        np.testing.assert_array_equal(ops.cast(x, target), x.astype(target))
