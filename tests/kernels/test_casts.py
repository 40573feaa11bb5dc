"""cast_array: every pair of types has NumPy's numbers, around the sizes of vectors, on every instruction set."""

import numpy as np
import pytest

from fastnn import _kernels, ops
from fastnn._kernels import DTYPE_CODE, _engine

INTEGERS = [d for d in _kernels.DTYPES if not d.startswith("float")]
PAIRS = [(a, b) for a in INTEGERS for b in _kernels.DTYPES if a != b]
PAIRS += [("float32", "bool"), ("float64", "bool"), ("float32", "float64"), ("float64", "float32")]


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
    for n in (0, 1, 7, 15, 16, 17, 63, 64, 65, 130, 8192, 20_001):
        x, y = numbers(source, n + 1)[1:], np.full(n + 128, 1, target)
        y[: n + 63] = 0
        _kernels.run("cast_array", [x, y[63 : n + 63]], [n, DTYPE_CODE[source], DTYPE_CODE[target]], (), 2, isa)
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(y[63 : n + 63], x.astype(target))
        assert not y[:63].any() and (y[n + 63 :] == 1).all(), "wrote outside"


@pytest.mark.parametrize("isa", _engine.isas())
@pytest.mark.parametrize("source, target", [("int64", "uint64"), ("uint64", "int64"), ("int64", "float64")])
def test_ops_keep_all_bits(source, target, isa):
    x = np.array([2**63 - 1, 2**53 + 1, 5, 0], source)
    with _kernels.using(isa):
        np.testing.assert_array_equal(ops.cast(x, target), x.astype(target))
