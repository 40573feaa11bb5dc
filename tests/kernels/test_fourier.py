"""dft: sizes of each kind of factor, rows and columns around the vector, several axes, every ISA."""

import numpy as np
import pytest

from fastnn import _kernels
from fastnn._kernels import _engine
from fastnn.ops.fourier import dft_numbers, factors_of
from tests.kernels.guarded import Guarded

# shape, axes
CASES = [
    ((1, 1), (1,)),
    ((3, 2), (1,)),
    ((16, 16), (1,)),
    ((17, 15), (1,)),
    ((33, 8), (0,)),  # columns: half a vector and less
    ((2, 12, 17), (1,)),
    ((2, 6, 35), (1, 2)),
    ((2, 4, 5, 3), (1, 2, 3)),
    ((2, 61), (1,)),
    ((1, 256), (1,)),
    ((5, 77, 1), (1,)),
    ((0, 4), (1,)),
    ((4, 4, 0), (1,)),
]


def _transformed(x, axes):
    """By matrices of long doubles."""
    for axis in axes:
        n = x.shape[axis]
        places = np.arange(n)
        angle = 2 * np.pi * (np.outer(places, places) % n).astype(np.longdouble) / n
        x = np.moveaxis(np.tensordot(x, np.cos(angle) - 1j * np.sin(angle), (axis, 0)), -1, axis)
    return x


@pytest.mark.parametrize("isa", _engine.isas())
@pytest.mark.parametrize("kind, dtype", [("f32", np.float32), ("f64", np.float64)])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_dft(case, kind, dtype, isa):
    shape, axes = case
    rng = np.random.default_rng(0)
    re, im = (Guarded(rng.uniform(-1, 1, shape), dtype) for _ in range(2))
    ints, reals = dft_numbers(shape, axes, 0.5)
    expected = 0.5 * _transformed(re.array.astype(np.longdouble) + 1j * im.array, axes)
    # A number is a sum of products by cosines and sines: in each pass `factor` terms of each part, and two roundings
    # for the turn after them.
    sizes = [shape[axis] for axis in axes]
    terms = 1 + sum(2 * factor + 4 for n in sizes for factor in factors_of(n))
    bound = terms * np.finfo(dtype).eps * np.prod(sizes)
    results = []
    for threads in (1, 2):
        y = [Guarded.unwritten(shape, dtype) for _ in range(2)]
        arrays = [re.array, im.array, *(part.array for part in y)]
        _kernels.run(f"dft_{kind}", arrays, ints, reals, threads, isa)
        for part, right in zip(y, (expected.real, expected.imag), strict=True):
            part.assert_canaries()
            np.testing.assert_allclose(part.array, right.astype(np.float64), rtol=0, atol=bound)
        results.append([part.array for part in y])
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("isa", _engine.isas())
def test_what_is_not_finite_stays_in_its_row(isa):
    shape = (40, 12)
    x = np.ones(shape, "float32")
    x[7, 3] = np.nan
    y = [np.zeros_like(x), np.zeros_like(x)]
    _kernels.run("dft_f32", [x, np.zeros_like(x), *y], *dft_numbers(shape, (1,), 1.0), 1, isa)
    assert (np.flatnonzero(np.isnan(y[0]).any(1)) == [7]).all()
