"""sample_bilinear: points inside and outside, blocks and units, all kinds of channels, every ISA."""

import numpy as np
import pytest

from fastnn import _kernels
from fastnn._kernels import _engine
from fastnn.ops.image_sampling import sample_bilinear_grad_op, sample_bilinear_op
from tests.kernels.guarded import Guarded

DTYPES = [("f32", np.float32), ("f64", np.float64)]
SIZE = 5, 7
FILL = 0.5


def points_of(n, m, dtype):
    """Rows and columns from outside to outside, some of them far, and a share of each."""
    rng = np.random.default_rng(m)
    points = []
    for size in SIZE:
        low = rng.integers(-3, size + 3, (n, m)).astype(dtype)
        low[:, m // 2 :: 50] = 1e12
        points += [Guarded(a, dtype) for a in (low, low + 1, rng.random((n, m)))]
    return points


def called(kernel, inputs, shape, ints, dtype, isa, threads):
    y = Guarded.unwritten(shape, dtype)
    _kernels.run(kernel, [*(x.array for x in inputs), y.array], ints, [FILL], threads, isa)
    y.assert_canaries()
    return y.array


@pytest.mark.parametrize("isa", _engine.isas())
@pytest.mark.parametrize("kind, dtype", DTYPES)
@pytest.mark.parametrize("c", [1, 2, 3, 4, 17])
@pytest.mark.parametrize("m", [1, 63, 65, 1100])
@pytest.mark.parametrize("is_apart", [False, True], ids=["shared", "apart"])
def test_sample_bilinear(m, c, is_apart, kind, dtype, isa):
    n, rng = 3, np.random.default_rng(0)
    points = points_of(n if is_apart else 1, m, dtype)
    x, dy = (Guarded(rng.uniform(-1, 1, shape), dtype) for shape in ((n, *SIZE, c), (n, m, c)))
    exact = [p.array.astype(np.float64) for p in points]
    ints = [n, *SIZE, c, m, is_apart]

    def check(kernel, first, shape, reference, sums):
        y = called(f"{kernel}_{kind}", [first, *points], shape, ints, dtype, isa, 1)
        wanted, total = (reference(a.astype(np.float64)) for a in (first.array, abs(first.array)))
        # Roundings of a weight and its product, and of each sum.
        assert np.all(abs(y - wanted) <= (4 + sums) * np.finfo(dtype).eps * total)
        two = called(f"{kernel}_{kind}", [first, *points], shape, ints, dtype, isa, 2)
        np.testing.assert_array_equal(two, y)

    check(
        "sample_bilinear", x, (n, m, c), lambda x: sample_bilinear_op.reference(x, *exact, fill_value=FILL), 4
    )  # fmt: skip
    halves = [p * 0 + 0.5 if k in (2, 5) else p for k, p in enumerate(exact)]
    terms = 4 * sample_bilinear_grad_op.reference(np.ones((n, m, 1)), *halves, size=SIZE).max()  # of a pixel
    check(
        "sample_bilinear_grad", dy, x.array.shape,
        lambda dy: sample_bilinear_grad_op.reference(dy, *exact, size=SIZE), terms,
    )  # fmt: skip


@pytest.mark.parametrize("isa", _engine.isas())
@pytest.mark.parametrize("n, m, c", [(0, 3, 2), (2, 0, 2), (2, 3, 0)])
def test_nothing(n, m, c, isa):
    points, ints = points_of(1, m, np.float32), [n, *SIZE, c, m, 0]
    for kernel, shapes in (("", [(n, *SIZE, c), (n, m, c)]), ("_grad", [(n, m, c), (n, *SIZE, c)])):
        first = Guarded(np.ones(shapes[0]), np.float32)
        y = called(f"sample_bilinear{kernel}_f32", [first, *points], shapes[1], ints, np.float32, isa, 2)
        np.testing.assert_array_equal(y, np.zeros(shapes[1]))
