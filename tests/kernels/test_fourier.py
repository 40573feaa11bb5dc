"""dft: sizes of each kind of factor, rows and columns around the vector, several axes, every ISA; rdft, irdft: rows."""

import numpy as np
import pytest

from fastnn import _kernels
from fastnn._kernels import _engine
from fastnn.ops.fourier import dft_numbers, factors_of, rdft_numbers, rows_numbers
from tests.kernels.guarded import Guarded
from tests.kernels.remembered import remembered

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
    ((2, 3, 20, 33), (1, 2, 3)),  # whole vectors of columns, of which the second are transformed in place
    ((2, 61), (1,)),
    ((18, 127), (1,)),
    ((1, 256), (1,)),
    ((2, 7, 3), (0, 1)),
    ((2, 32, 17), (1,)),
    ((2, 512), (1,)),
    ((5, 77, 1), (1,)),
    ((0, 4), (1,)),
    ((4, 4, 0), (1,)),
]


def _on_both_thread_counts(kernel, inputs, shapes, dtype, numbers, isa):
    """The outputs, which are the same by one thread and by two."""
    results = []
    for threads in (1, 2):
        outputs = [Guarded.unwritten(shape, dtype) for shape in shapes]
        _kernels.run(kernel, [x.array for x in (*inputs, *outputs)], *numbers, threads, isa)
        for y in outputs:
            y.assert_canaries()
        results.append([y.array for y in outputs])
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)
    return results[0]


@remembered
def _transformed(x, axes):
    """By matrices of long doubles; long rows by NumPy, which rounds less than the bounds by far."""
    for axis in axes:
        n = x.shape[axis]
        if n > 1000:
            x = np.fft.fft(x.astype(np.complex128), axis=axis)
            continue
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
    ints, reals = dft_numbers(shape, axes, 0.5, np.dtype(dtype).name)
    expected = 0.5 * _transformed(re.array.astype(np.longdouble) + 1j * im.array, axes)
    # A number is a sum of products by cosines and sines: in each pass `factor` terms of each part, and two roundings
    # for the turn after them.
    sizes = [shape[axis] for axis in axes]
    terms = 1 + sum(2 * factor + 4 for n in sizes for factor in factors_of(n))
    bound = terms * np.finfo(dtype).eps * np.prod(sizes)
    y = _on_both_thread_counts(f"dft_{kind}", [re, im], [shape] * 2, dtype, (ints, reals), isa)
    for part, right in zip(y, (expected.real, expected.imag), strict=True):
        np.testing.assert_allclose(part, right.astype(np.float64), rtol=0, atol=bound)


# rows, n, numbers of a row of x: as many as the transform takes, fewer, more
REAL_CASES = [
    (1, 1, 1), (3, 2, 2), (16, 3, 3), (17, 4, 4), (5, 6, 6), (33, 15, 15), (2, 61, 61), (2, 122, 122), (18, 70, 70),
    (1, 256, 256), (3, 512, 512), (20, 12, 5), (20, 9, 4), (4, 40, 1), (7, 10, 23), (7, 11, 23),
]  # fmt: skip


def _rounding_bound(n, dtype):
    """As above, and one pass more, which parts frequencies of even and odd numbers or puts them together."""
    m = n if n % 2 else n // 2
    return (9 + sum(2 * factor + 4 for factor in factors_of(m))) * np.finfo(dtype).eps * n


@pytest.mark.parametrize("isa", _engine.isas())
@pytest.mark.parametrize("kind, dtype", [("f32", np.float32), ("f64", np.float64)])
@pytest.mark.parametrize("case", REAL_CASES, ids=str)
def test_rdft(case, kind, dtype, isa):
    outer, n, given = case
    x = Guarded(np.random.default_rng(0).uniform(-1, 1, (outer, given)), dtype)
    row = np.zeros((outer, n), np.longdouble)
    row[:, :given] = x.array[:, :n]
    expected = 0.5 * _transformed(row, (1,))[:, : n // 2 + 1]
    y = _on_both_thread_counts(
        f"rdft_{kind}", [x], [expected.shape] * 2, dtype, rdft_numbers(outer, n, given, 0.5, np.dtype(dtype).name), isa
    )
    for part, right in zip(y, (expected.real, expected.imag), strict=True):
        np.testing.assert_allclose(part, right.astype(np.float64), rtol=0, atol=_rounding_bound(n, dtype))
    assert not y[1][:, 0].any() and (n % 2 or not y[1][:, -1].any())


@pytest.mark.parametrize("isa", _engine.isas())
@pytest.mark.parametrize("kind, dtype", [("f32", np.float32), ("f64", np.float64)])
@pytest.mark.parametrize("case", [(outer, n, max(1, given // 2 + 1)) for outer, n, given in REAL_CASES], ids=str)
def test_irdft(case, kind, dtype, isa):
    outer, n, given = case
    rng = np.random.default_rng(0)
    re, im = (Guarded(rng.uniform(-1, 1, (outer, given)), dtype) for _ in range(2))
    half = np.zeros((outer, n // 2 + 1), np.clongdouble)
    kept = min(given, n // 2 + 1)
    half[:, :kept] = re.array[:, :kept] + 1j * im.array[:, :kept].astype(np.longdouble)
    half[:, 0] = half[:, 0].real
    if n % 2 == 0:
        half[:, -1] = half[:, -1].real
    whole = np.concatenate([half, half[:, 1 : (n + 1) // 2][:, ::-1].conj()], axis=1)
    expected = 0.5 * _transformed(whole.conj(), (1,)).real
    numbers = rdft_numbers(outer, n, given, 0.5, np.dtype(dtype).name)
    (y,) = _on_both_thread_counts(f"irdft_{kind}", [re, im], [(outer, n)], dtype, numbers, isa)
    np.testing.assert_allclose(y, expected.astype(np.float64), rtol=0, atol=_rounding_bound(n, dtype))


# rows, more numbers of a row than are transformed, the lengths of its columns and rows: less than a vector, whole ones
# and more; columns so long that turns are products; half of the frequencies so many that they are units
MATRICES = [
    (3, 0, 2, 2), (1, 3, 3, 5), (2, 0, 4, 16), (1, 0, 16, 16), (2, 1, 7, 32), (3, 5, 18, 20), (1, 0, 61, 17),
    (2, 0, 66, 3), (1, 2, 96, 8), (1, 0, 32, 20), (1, 0, 48, 49),
]  # fmt: skip


def _on_rows(kind, numbers_of, inputs, shapes, dtype, isa):
    """The outputs, which are the same of rows that are a unit each and of phases."""
    results = []
    for is_whole in (True, False):
        numbers = numbers_of(np.dtype(dtype).name, is_whole)
        results.append(_on_both_thread_counts(kind, inputs, shapes, dtype, numbers, isa))
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)
    return results[0]


def _matrix_bound(down, across, dtype, n):
    """As of one transform after the other, with two turns between them, and of one more pass."""
    return (
        (17 + sum(2 * factor + 4 for side in (down, across) for factor in factors_of(side))) * np.finfo(dtype).eps * n
    )


@pytest.mark.parametrize("isa", _engine.isas())
@pytest.mark.parametrize("kind, dtype", [("f32", np.float32), ("f64", np.float64)])
@pytest.mark.parametrize("case", MATRICES, ids=str)
def test_dft_rows(case, kind, dtype, isa):
    outer, _, down, across = case
    m = down * across
    rng = np.random.default_rng(0)
    re, im = (Guarded(rng.uniform(-1, 1, (outer, m)), dtype) for _ in range(2))
    expected = 0.5 * _transformed(re.array.astype(np.longdouble) + 1j * im.array, (1,))

    def numbers(name, is_whole):
        return rows_numbers(outer, m, m, (down, across), 0.5, name, is_whole)

    y = _on_rows(f"dft_rows_{kind}", numbers, [re, im], [(outer, m)] * 2, dtype, isa)
    for part, right in zip(y, (expected.real, expected.imag), strict=True):
        np.testing.assert_allclose(part, right.astype(np.float64), rtol=0, atol=_matrix_bound(down, across, dtype, m))


@pytest.mark.parametrize("isa", _engine.isas())
@pytest.mark.parametrize("kind, dtype", [("f32", np.float32), ("f64", np.float64)])
@pytest.mark.parametrize("case", MATRICES, ids=str)
def test_rdft_rows_and_back(case, kind, dtype, isa):
    outer, more, down, across = case
    m, n, bound = down * across, 2 * down * across, _matrix_bound(down, across, dtype, 2 * down * across)
    rng = np.random.default_rng(0)
    x = Guarded(rng.uniform(-1, 1, (outer, n + more)), dtype)
    expected = 0.5 * _transformed(x.array[:, :n].astype(np.longdouble), (1,))[:, : m + 1]

    def numbers(name, is_whole):
        return rows_numbers(outer, n + more, m, (down, across), 0.25, name, is_whole, is_real=True)

    y = _on_rows(f"rdft_rows_{kind}", numbers, [x], [(outer, m + 1)] * 2, dtype, isa)
    for part, right in zip(y, (expected.real, expected.imag), strict=True):
        np.testing.assert_allclose(part, right.astype(np.float64), rtol=0, atol=bound)
    assert not y[1][:, 0].any() and not y[1][:, -1].any()

    re, im = (Guarded(rng.uniform(-1, 1, (outer, m + 1 + more)), dtype) for _ in range(2))
    half = re.array[:, : m + 1] + 1j * im.array[:, : m + 1].astype(np.longdouble)
    half[:, [0, -1]] = half[:, [0, -1]].real
    expected = 0.5 * _transformed(np.concatenate([half, half[:, 1:-1][:, ::-1].conj()], axis=1).conj(), (1,)).real

    def numbers_back(name, is_whole):
        return rows_numbers(outer, m + 1 + more, m, (down, across), 0.5, name, is_whole, is_real=True)

    (y,) = _on_rows(f"irdft_rows_{kind}", numbers_back, [re, im], [(outer, n)], dtype, isa)
    np.testing.assert_allclose(y, expected.astype(np.float64), rtol=0, atol=bound)


@pytest.mark.parametrize("isa", _engine.isas())
def test_rows_of_real_numbers_that_are_not_finite_stay_alone(isa):
    x = np.ones((40, 12), "float32")
    x[7, 3] = np.nan
    y = [np.zeros((40, 7), "float32") for _ in range(2)]
    _kernels.run("rdft_f32", [x, *y], *rdft_numbers(40, 12, 12, 1.0, "float32"), 1, isa)
    assert (np.flatnonzero(np.isnan(y[0]).any(1)) == [7]).all()
    back = np.zeros_like(x)
    _kernels.run("irdft_f32", [*y, back], *rdft_numbers(40, 12, 7, 1.0, "float32"), 1, isa)
    assert (np.flatnonzero(np.isnan(back).any(1)) == [7]).all()


@pytest.mark.parametrize("isa", _engine.isas())
def test_what_is_not_finite_stays_in_its_row(isa):
    shape = (40, 12)
    x = np.ones(shape, "float32")
    x[7, 3] = np.nan
    y = [np.zeros_like(x), np.zeros_like(x)]
    _kernels.run("dft_f32", [x, np.zeros_like(x), *y], *dft_numbers(shape, (1,), 1.0, "float32"), 1, isa)
    assert (np.flatnonzero(np.isnan(y[0]).any(1)) == [7]).all()
