"""ctc_loss and ctc_gradient: targets around whole vectors, that are empty, that are too long, on every ISA."""

import numpy as np
import pytest

from fastnn import _kernels
from fastnn._kernels import _engine
from fastnn.ops.ctc import ctc_gradient_op, ctc_loss_op
from tests.kernels.guarded import Guarded

ISAS = _engine.isas()
DTYPES = [("f32", np.float32), ("f64", np.float64)]
# n, t, c, l
SIZES = [
    (3, 12, 4, 5),
    (1, 1, 2, 1),
    (4, 40, 9, 7),
    (2, 40, 30, 8),
    (3, 37, 5, 17),
    (2, 6, 3, 0),
    (2, 0, 3, 2),
    (0, 4, 3, 2),
]


def problem(size, dtype, count_dtype="int32"):
    n, t, c, labels = size
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (n, t, c))
    log_probs = Guarded(logits - np.log(np.exp(logits).sum(-1, keepdims=True)), dtype)
    target = Guarded(rng.integers(0, c, (n, labels)), count_dtype)  # often twice the same, and the blank itself
    counts = Guarded(rng.integers(0, labels + 1, n), count_dtype)
    counts.array[:1] = labels
    steps = Guarded(rng.integers(0, t + 1, n), count_dtype)
    steps.array[-1:] = t
    return [target, log_probs, counts, steps]


def called(kernel, arrays, kind, isa, threads=1, blank=0):
    target, log_probs, *_ = arrays = [x.array for x in arrays]
    n, t, c = log_probs.shape
    y = Guarded.unwritten((n,) if kernel == "ctc_loss" else (n, t, c), log_probs.dtype)
    codes = [_kernels.DTYPE_CODE[x.dtype.name] for x in (target, *arrays[2:])]
    ints = [n, t, c, target.shape[1], blank, *codes]
    _kernels.run(f"{kernel}_{kind}", [*arrays, y.array], ints, (), threads, isa)
    y.assert_canaries()
    return y.array


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind, dtype", DTYPES)
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("op", [ctc_loss_op, ctc_gradient_op], ids=lambda op: op.name)
def test_ctc(op, size, kind, dtype, isa):
    """As the reference, in float64; the same bits by two threads."""
    arrays = problem(size, dtype)
    blank = size[2] - 1
    y = called(op.name, arrays, kind, isa, 1, blank)
    wanted = op.reference(*(x.array for x in arrays), mask_index=blank)
    # Each step rounds a logarithm whose size is that of the loss, once a sum; then the result is rounded.
    loss = np.abs(ctc_loss_op.reference(*(x.array for x in arrays), mask_index=blank)) + 1
    bound = 8 * (size[1] + 1) * np.finfo(np.float64).eps * loss
    if op is ctc_gradient_op:
        bound = bound[:, None, None]
    labels = size[3] + 1  # a class is as many labels at most
    assert np.all(np.abs(y - wanted) <= bound + labels * np.finfo(dtype).eps * np.abs(wanted) + np.finfo(dtype).tiny)
    np.testing.assert_array_equal(called(op.name, arrays, kind, isa, 2, blank), y)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("count_dtype", ["int16", "int64"])
def test_counts_of_other_types(count_dtype, isa):
    for kernel in ("ctc_loss", "ctc_gradient"):
        wanted = called(kernel, problem(SIZES[0], "float32"), "f32", isa)
        np.testing.assert_array_equal(called(kernel, problem(SIZES[0], "float32", count_dtype), "f32", isa), wanted)


@pytest.mark.parametrize("isa", ISAS)
def test_labels_that_do_not_count_are_not_read(isa):
    """Neither are steps behind the last one; what is not finite in a row stays there."""
    arrays = target, log_probs, counts, steps = problem((3, 10, 4, 6), "float32")
    counts.array[:], steps.array[:] = [6, 2, 3], [10, 7, 9]
    wanted = [called(kernel, arrays, "f32", isa) for kernel in ("ctc_loss", "ctc_gradient")]
    target.array[1, 2:] = 1000
    log_probs.array[1, 7:] = np.nan
    log_probs.array[2] = np.nan
    for kernel, before in zip(("ctc_loss", "ctc_gradient"), wanted, strict=True):
        y = called(kernel, arrays, "f32", isa)
        np.testing.assert_array_equal(y[:2], before[:2])
        assert np.isnan(y[2]).any()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kernel", ["ctc_loss", "ctc_gradient"])
def test_classes_that_cannot_be(kernel, isa):
    """Of a probability of 0: a loss that is infinite, or of alignments without them."""
    arrays = target, log_probs, counts, steps = problem((3, 10, 4, 3), "float64")
    target.array[:], counts.array[:], steps.array[:] = [1, 2, 1], 3, 10
    log_probs.array[0, :, 3] = -np.inf
    log_probs.array[1, :5, 1] = -np.inf
    log_probs.array[2, :, 2] = -np.inf
    with np.errstate(invalid="ignore"):
        op = ctc_loss_op if kernel == "ctc_loss" else ctc_gradient_op
        wanted = op.reference(*(x.array for x in arrays), mask_index=0)
    y = called(kernel, arrays, "f64", isa)
    np.testing.assert_allclose(y[:2], wanted[:2], rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(np.isfinite(y[2]), np.isfinite(wanted[2]))


@pytest.mark.parametrize("isa", ISAS)
def test_a_label_outside_is_an_error(isa):
    arrays = problem(SIZES[0], "float32")
    arrays[0].array[0, 0] = 4
    with pytest.raises(IndexError):
        called("ctc_loss", arrays, "f32", isa)
