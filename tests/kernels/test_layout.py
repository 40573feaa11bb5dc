"""The strided copy: every element size, contiguous runs, transposes, fills and gaps, on every instruction set.

NumPy is the judge and results are equal to the bit.
"""

import numpy as np
import pytest

from fastnn import _kernels
from fastnn._kernels import _engine
from fastnn.ops.boxes import element_bits
from fastnn.plan.copying import MAX_DIMS, contiguous_strides, copy_part

ISAS = _engine.isas()
DTYPES = ["uint8", "int16", "float32", "float64"]


def copy(isa, buffers, parts, threads=1):
    parts = [part for part in parts if part]
    ints = [buffers[0].dtype.itemsize, len(parts), *(i for part in parts for i in part)]
    _kernels.run("copy", buffers, ints, threads=threads, isa_name=isa)


def numbered(shape, dtype, offset=0):
    """Distinct elements (as far as the dtype goes), starting `offset` elements off a cache line."""
    n = int(np.prod(shape))
    raw = _kernels.aligned_empty(n + offset, dtype)[offset:]
    raw[...] = np.arange(1, n + 1) % 251
    return raw.reshape(shape)


def guarded(shape, dtype, offset=0):
    """An array of 255s (NaN for floats) between canaries, and a check of these."""
    n = int(np.prod(shape))
    raw = _kernels.aligned_empty(n + 64 + offset, dtype)
    raw[...] = 77
    inner = raw[32 + offset : 32 + offset + n]
    inner[...] = np.nan if np.dtype(dtype).kind == "f" else 255

    def check():
        assert (raw[: 32 + offset] == 77).all() and (raw[32 + offset + n :] == 77).all(), "wrote outside"

    return inner.reshape(shape), check


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "shape",
    [(1, 1), (3, 5), (4, 4), (7, 9), (15, 17), (16, 16), (17, 33), (64, 130), (200, 3), (3, 200), (130, 257)],
    ids=str,
)
def test_transpose(shape, dtype, isa):
    for threads in (1, 2):
        x = numbered(shape, dtype, offset=1)
        y, check = guarded(shape[::-1], dtype, offset=1)
        copy(isa, [y, x], [copy_part(0, 1, y.shape, contiguous_strides(y.shape), (1, shape[1]))], threads)
        np.testing.assert_array_equal(y, x.T)
        check()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_turned_rows(dtype, isa):
    """Around a word of 16 and of 32 bytes, and tiles."""
    for cols in (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 65, 40_001):
        x = numbered((3, cols), dtype, offset=1)
        y, check = guarded(x.shape, dtype, offset=1)
        copy(isa, [y, x], [copy_part(0, 1, x.shape, (cols, 1), (cols, -1), src_offset=cols - 1)], threads=2)
        np.testing.assert_array_equal(y, x[:, ::-1])
        check()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [2, 3, 4, 5])
def test_turned_channels(channels, dtype, isa):
    """Rows of few elements, around words and tiles of them; those between which there are gaps, too."""
    for rows in (1, 2, 3, 4, 5, 7, 8, 11, 16, 17, 33, 12_000):
        for gap in (0, 1):
            x, _ = guarded((rows * (channels + gap),), dtype, offset=1)
            x[:] = numbered(x.shape, dtype)
            y, check = guarded((rows, channels), dtype, offset=1)
            strides = (channels + gap, -1)
            copy(isa, [y, x], [copy_part(0, 1, y.shape, (channels, 1), strides, src_offset=channels - 1)], threads=2)
            np.testing.assert_array_equal(y, x.reshape(rows, -1)[:, channels - 1 :: -1])
            check()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("step", [2, 3, 4, 5])
def test_elements_apart(step, dtype, isa):
    """Around vectors, and tiles, of them; nothing behind the last is read."""
    for cols in (31, 32, 33, 63, 64, 65, 66, 129, 257, 40_001):
        x, _ = guarded(((cols - 1) * step + 1 + (cols * step + 3) * 2,), dtype, offset=1)
        x[:] = numbered(x.shape, dtype)
        y, check = guarded((3, cols), dtype, offset=1)
        copy(isa, [y, x], [copy_part(0, 1, y.shape, (cols, 1), (cols * step + 3, step))], threads=2)
        for row in range(3):
            np.testing.assert_array_equal(y[row], x[row * (cols * step + 3) :][: (cols - 1) * step + 1 : step])
        check()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_any_view(dtype, isa):
    """Random shapes, permutations, steps, flips and repeats, against NumPy's views."""
    rng = np.random.default_rng(0)
    for trial in range(60):
        ndim = rng.integers(0, 6)
        source = numbered(tuple(rng.integers(1, 9, ndim)), dtype, offset=trial % 2)
        view = source.transpose(rng.permutation(ndim))
        view = view[(..., *(slice(None, None, int(rng.choice([1, 1, 2, -1, -2]))) for _ in range(ndim)))]
        if rng.random() < 0.3:
            view = np.broadcast_to(view, (3, *view.shape))
        y, check = guarded(view.shape, dtype, offset=trial % 3)
        strides = [s // view.itemsize for s in view.strides]
        start = (view.__array_interface__["data"][0] - source.ctypes.data) // view.itemsize
        part = copy_part(0, 1, view.shape, contiguous_strides(view.shape), strides, src_offset=start)
        copy(isa, [y, source], [part], threads=1 + trial % 2)
        np.testing.assert_array_equal(y, view, f"shape {view.shape}, strides {strides}")
        check()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_parts_and_fill(dtype, isa):
    """Two arrays side by side in a frame of a constant; what no part covers stays."""
    a, b = numbered((5, 7), dtype), numbered((5, 2), dtype)
    y, check = guarded((8, 12), dtype)
    before = y.copy()
    bits = element_bits(3, dtype)
    parts = [
        copy_part(0, 1, a.shape, (12, 1), (7, 1), dst_offset=12 + 1),
        copy_part(0, 2, b.shape, (12, 1), (2, 1), dst_offset=12 + 8),
        copy_part(0, -1, (1, 12), (12, 1), (0, 0), src_offset=bits),
        copy_part(0, -1, (5,), (12,), (0,), dst_offset=12, src_offset=bits),
    ]
    copy(isa, [y, a, b], parts, threads=2)
    wanted = before
    wanted[1:6, 1:8], wanted[1:6, 8:10], wanted[0], wanted[1:6, 0] = a, b, 3, 3
    np.testing.assert_array_equal(y, wanted)
    check()


@pytest.mark.parametrize("isa", ISAS)
def test_large_and_split(isa):
    """Sizes around the units of 32 and, of a run, 128 KiB, and one that two threads share."""
    for n in (8191, 8192, 8193, 32_767, 32_768, 32_769, 100_000):
        x = numbered((n,), "float32", offset=1)
        y, check = guarded((n,), "float32", offset=1)
        copy(isa, [y, x], [copy_part(0, 1, (n,), (1,), (1,))], threads=2)
        np.testing.assert_array_equal(y, x)
        check()
    y, check = guarded((300, 200), "float64")
    copy(isa, [y, np.float64([5])], [copy_part(0, 1, (300, 200), (200, 1), (0, 0))], threads=2)
    assert (y == 5).all()
    check()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("cut, offset", [(64, 0), (64, 1), (65, 0)])
def test_runs_beyond_every_cache(cut, offset, isa):
    """Two parts of whole lines, which go past the caches, begin elsewhere in a line, or are no lines."""
    shape = (10, 700, 704)
    x = numbered(shape, "float32")
    y, check = guarded(shape, "float32", offset)
    strides, rest = contiguous_strides(shape), shape[-1] - cut
    parts = [
        copy_part(0, 1, (*shape[:2], cut), strides, strides, src_offset=rest),
        copy_part(0, 1, (*shape[:2], rest), strides, strides, dst_offset=cut),
    ]
    copy(isa, [y, x], parts, threads=2)
    np.testing.assert_array_equal(y, np.roll(x, cut, -1))
    check()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("offset", [0, 1])
def test_transpose_around_squares(offset, dtype, isa):
    """Sizes around the sides of squares, 2 to 16, and blocks of 64 bytes; rows that begin a line and that do not."""
    for rows, cols in [(1, 16), (2, 2), (8, 17), (15, 16), (16, 31), (32, 32), (33, 64), (48, 128), (64, 48), (65, 65)]:
        x = numbered((3, cols, rows), dtype, offset)
        y, check = guarded((3, rows, cols), dtype, offset)
        strides = (rows * cols, 1, rows)
        copy(isa, [y, x], [copy_part(0, 1, y.shape, contiguous_strides(y.shape), strides)])
        np.testing.assert_array_equal(y, x.transpose(0, 2, 1))
        check()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize(
    "n", [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 8191, 8192]
)
def test_runs(n, isa):
    """Runs of n bytes, around the sizes of moves: cut out, put in, repeated, and in a transpose of runs."""
    rows, cols = (9, 5) if n < 1000 else (3, 2)
    x = numbered((rows, cols, n + 3), "uint8", offset=1)
    for view in (
        x[:, :, 1 : n + 1],
        x[:, :, 1 : n + 1].transpose(1, 0, 2),
        np.broadcast_to(x[:, :1, :n], (rows, cols, n)),
    ):
        strides, start = view.strides, view.__array_interface__["data"][0] - x.ctypes.data
        y, check = guarded(view.shape, "uint8", offset=3)
        copy(isa, [y, x], [copy_part(0, 1, view.shape, contiguous_strides(view.shape), strides, 0, start)], threads=2)
        np.testing.assert_array_equal(y, view)
        check()
    small = numbered((rows, n), "uint8")
    y, check = guarded((rows, n + 2), "uint8")
    copy(isa, [y, small], [copy_part(0, 1, small.shape, (n + 2, 1), (n, 1), dst_offset=1)])
    np.testing.assert_array_equal(y[:, 1:-1], small)
    assert (y[:, [0, -1]] == 255).all()
    check()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_repeat_of_an_element(dtype, isa):
    """Rows of one element each, around the sizes of stores."""
    for n in (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 129):
        x = numbered((7, 1), dtype, offset=1)
        y, check = guarded((7, n), dtype, offset=1)
        copy(isa, [y, x], [copy_part(0, 1, y.shape, (n, 1), (1, 0))])
        np.testing.assert_array_equal(y, np.broadcast_to(x, y.shape))
        check()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize(
    "widths", [(1, 63), (3, 5), (16, 16), (17, 47, 100), (1,) * 9, (33,) * 9, (200, 3000), (2, 130)]
)
def test_side_by_side(widths, isa):
    """What lies side by side in rows is written row by row or in turns; one of the parts may be a constant."""
    for dtype, is_filled in [("float32", False), ("uint8", False), ("int16", True)]:
        total = sum(widths)
        y, check = guarded((301, total + is_filled), dtype, offset=1)
        xs, parts = [], []
        for width in widths:
            start = sum(x.shape[1] for x in xs)
            xs.append(numbered((301, width), dtype, offset=1))
            strides = contiguous_strides(y.shape)
            parts.append(copy_part(0, len(xs), xs[-1].shape, strides, (width, 1), dst_offset=start))
        if is_filled:
            parts.append(copy_part(0, -1, (301, 1), contiguous_strides(y.shape), (0, 0), total, element_bits(5, dtype)))
        copy(isa, [y, *xs], parts, threads=2)
        np.testing.assert_array_equal(y[:, :total], np.concatenate(xs, axis=1))
        assert (y[:, total:] == 5).all()
        check()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_vectors_that_alternate(count, dtype, isa):
    """Around the sizes of vectors and of what threads share; the same vector twice; in another order; with a gap."""
    for n in (1, 5, 16, 33, 8192, 30_001):
        xs = [numbered((n,), dtype, offset=k) + np.array(k, dtype) for k in range(count)]
        for order, columns in ([*range(count)], count), ([0] * count, count), ([*range(count)][::-1], count + 1):
            y, check = guarded((n, columns), dtype, offset=1)
            y[...] = 9
            parts = [copy_part(0, 1 + k, (n,), (columns,), (1,), dst_offset=at) for at, k in enumerate(order)]
            copy(isa, [y, *xs], parts if columns == count else parts[::-1], threads=2)
            np.testing.assert_array_equal(y[:, :count], np.stack([xs[k] for k in order], axis=-1))
            assert (y[:, count:] == 9).all()
            check()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("few", [2, 3, 4, 5])
def test_channels_that_alternate(few, dtype, isa):
    """Of each of a batch: `few` vectors that alternate in y, and in x, without gaps and with one behind each place."""
    batch = 3
    for many in (7, 8, 9, 16, 31, 33, 9000):
        for gap in (0, 1):
            apart = numbered((batch, few, many), dtype, offset=1)
            places = few + gap
            y, check = guarded((batch, many, places), dtype, offset=1)
            y[...] = 9
            sizes, strides, turned = (batch, many, few), (many * places, places, 1), (few * many, 1, many)
            copy(isa, [y, apart], [copy_part(0, 1, sizes, strides, turned)], threads=2)
            np.testing.assert_array_equal(y[..., :few], apart.transpose(0, 2, 1))
            assert (y[..., few:] == 9).all()
            check()
            back, check = guarded(apart.shape, dtype, offset=1)
            part = copy_part(0, 1, apart.shape, contiguous_strides(apart.shape), (many * places, 1, places))
            copy(isa, [back, y], [part], threads=2)
            np.testing.assert_array_equal(back, apart)
            check()


@pytest.mark.parametrize("isa", ISAS)
def test_fill_keeps_every_bit(isa):
    for value, dtype in [(-1, "int8"), (2**63 - 1, "int64"), (-(2**62) - 1, "int64"), (2**64 - 1, "uint64")]:
        y = np.zeros(5, dtype)
        copy(isa, [y], [copy_part(0, -1, (5,), (1,), (0,), src_offset=element_bits(value, dtype))])
        assert (y == np.array(value, dtype)).all()
    y = np.zeros(3, "float32")
    copy(isa, [y], [copy_part(0, -1, (3,), (1,), (0,), src_offset=element_bits(-np.inf, "float32"))])
    assert (y == -np.inf).all()


def test_axes_are_merged():
    shape = (2, 3, 4, 5)
    strides = contiguous_strides(shape)
    assert copy_part(0, 1, shape, strides, strides)[4:] == [1, 120, 1, 1]
    assert copy_part(0, 1, (2, 0), (0, 1), (0, 1)) == []
    # Where src runs along another axis than dst, that one comes last but one.
    assert copy_part(0, 1, (4, 5, 6), (30, 6, 1), (1, 24, 4))[4:7] == [2, 4, 30]
    assert copy_part(0, 1, (4, 5, 6), (30, 6, 1), (1, 4, 20))[4:8] == [3, 5, 4, 6]
    # The same before a run.
    assert copy_part(0, 1, (4, 5, 6, 2), (60, 12, 2, 1), (2, 8, 40, 1))[4:9] == [4, 5, 4, 6, 2]
    many = (2,) * (MAX_DIMS + 1)
    odd = tuple(3**k for k in range(MAX_DIMS + 1))
    assert copy_part(0, 1, many, contiguous_strides(many), odd) is None
