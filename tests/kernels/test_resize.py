"""resize: images larger and smaller, bands of all widths, channels around the vector, pieces of columns, every ISA."""

import numpy as np
import pytest

from fastnn import _kernels
from fastnn._kernels import _engine
from fastnn.ops.resizing import band, matrices, resize_op
from tests.kernels.guarded import Guarded

DTYPES = [("f32", np.float32), ("f64", np.float64)]
# size, out, interpolation, antialias
WAYS = [
    ((5, 6), (10, 12), "bilinear", False),
    ((9, 40), (18, 80), "bilinear", False),
    ((5, 7), (13, 11), "bicubic", False),
    ((16, 9), (5, 20), "lanczos3", True),
    ((8, 8), (8, 8), "bilinear", False),
    ((40, 50), (10, 7), "bicubic", True),
    ((30, 12), (4, 5), "bilinear", False),  # pixels that no result reads
    ((4, 5), (8, 15), "nearest", False),
    ((7, 9), (4, 13), "nearest", False),
    ((1, 1), (3, 1), "bicubic", False),
]


def called(x, out, rows, cols, kind, isa, threads):
    """The result of the kernel for dense `rows` (oh, h) and `cols` (ow, w), and the bands of both."""
    (row_first, row_count, row_weights), (col_first, col_count, col_weights) = bands = band(rows), band(cols)
    is_rows = bool((row_count == 1).all() and (row_weights == 1).all())
    ints = [*x.array.shape, *out, row_weights.shape[1], col_weights.shape[1], is_rows]
    ints = [int(i) for i in (*ints, *row_first, *row_count, *col_first, *col_count)]
    y = Guarded.unwritten((x.array.shape[0], *out, x.array.shape[3]), x.array.dtype)
    _kernels.run(f"resize_{kind}", [x.array, y.array], ints, [*row_weights.flat, *col_weights.flat], threads, isa)
    y.assert_canaries()
    return y.array, bands


@pytest.mark.parametrize("isa", _engine.isas())
@pytest.mark.parametrize("kind, dtype", DTYPES)
@pytest.mark.parametrize("c", [1, 3, 7, 16, 33, 600])
@pytest.mark.parametrize("is_transposed", [False, True], ids=["", "transposed"])
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_resize(way, is_transposed, c, kind, dtype, isa):
    size, out, interpolation, antialias = way
    size, out = (out, size) if is_transposed else (size, out)
    x = Guarded(np.random.default_rng(0).uniform(-1, 1, (2, *size, c)), dtype)
    rows, cols = matrices(size, out, interpolation, antialias, is_transposed, dtype)
    y, bands = called(x, out, rows, cols, kind, isa, 1)
    x64, rows64, cols64 = (a.astype(np.float64) for a in (x.array, rows, cols))
    wanted = np.einsum("ph,nhwc,qw->npqc", rows64, x64, cols64, optimize=True)
    # As many roundings as the longest chain of a result has, of numbers that are together as large as this.
    total = np.einsum("ph,nhwc,qw->npqc", abs(rows64), abs(x64), abs(cols64), optimize=True)
    taps = sum(weights.shape[1] + 1 for _, _, weights in bands)
    assert np.all(abs(y - wanted) <= taps * np.finfo(dtype).eps * total)
    np.testing.assert_array_equal(called(x, out, rows, cols, kind, isa, 2)[0], y)


@pytest.mark.parametrize("isa", _engine.isas())
@pytest.mark.parametrize("shape", [(0, 3, 3, 2), (2, 3, 3, 0)])
def test_nothing(shape, isa):
    x = Guarded(np.zeros(shape), np.float32)
    rows, cols = matrices(shape[1:3], (6, 6), "bilinear", False, False, np.float32)
    assert called(x, (6, 6), rows, cols, "f32", isa, 2)[0].shape == (shape[0], 6, 6, shape[3])


@pytest.mark.parametrize("isa", _engine.isas())
@pytest.mark.parametrize("c", [1, 3, 20])
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_what_is_not_finite_stays_where_it_is(way, c, isa):
    """Results whose spans leave out a NaN do not see it."""
    size, out, interpolation, antialias = way
    x = np.ones((1, *size, c))
    at = size[0] // 2, size[1] // 2
    x[0, at[0], at[1]] = np.nan
    rows, cols = matrices(size, out, interpolation, antialias, False, np.float32)
    y, bands = called(Guarded(x, np.float32), out, rows, cols, "f32", isa, 1)
    reads = [(first <= z) & (z < first + count) for (first, count, _), z in zip(bands, at, strict=True)]
    np.testing.assert_array_equal(np.isnan(y[0]).all(axis=2), reads[0][:, None] & reads[1])
    np.testing.assert_array_equal(np.isnan(y[0]).any(axis=2), reads[0][:, None] & reads[1])


@pytest.mark.parametrize("weights", [np.zeros((3, 4)), np.eye(4)[[2, 0, 3]], np.eye(3)[[0, 2]], np.zeros((2, 0))])
def test_band(weights):
    """Firsts and ends do not fall, and what the band holds is the matrix."""
    first, count, inside = band(weights)
    assert np.all(np.diff(first) >= 0) and np.all(np.diff(first + count)[count[1:] > 0] >= 0)
    dense = np.zeros_like(weights)
    for k, (start, n) in enumerate(zip(first, count, strict=True)):
        dense[k, start : start + n] = inside[k, :n]
    np.testing.assert_array_equal(dense, weights)


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_gradient(way):
    """The product with the transposed matrices, in float64."""
    size, out, interpolation, antialias = way
    rng = np.random.default_rng(0)
    x, dy = rng.uniform(-1, 1, (2, *size, 3)), rng.uniform(-1, 1, (2, *out, 3))
    params = {"interpolation": interpolation, "antialias": antialias}
    dx = resize_op.grad(dy, None, x, out=out, is_transposed=False, **params)
    rows, cols = matrices(size, out, **params, is_transposed=False, dtype=np.float64)
    np.testing.assert_allclose(dx, np.einsum("ph,npqc,qw->nhwc", rows, dy, cols), rtol=1e-12, atol=1e-12)
