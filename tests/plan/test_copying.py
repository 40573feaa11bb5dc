"""Inputs that are not contiguous: their copies, by the kernel and by NumPy."""

import numpy as np
import pytest

from fastnn import ops
from fastnn.plan.copying import contiguous

VIEWS = {
    "transposed": lambda x: x.T,
    "transposed part": lambda x: x[3:-2, 1:-1].T,
    "columns": lambda x: x[:, ::3].T,
    "reversed columns": lambda x: x[:, ::-1],
    "reversed and transposed": lambda x: x[::-1].T[:, ::2],
    "three axes": lambda x: x.reshape(20, -1, x.shape[1]).transpose(2, 0, 1),
    "channels first": lambda x: x.reshape(5, 4, -1, x.shape[1]).transpose(0, 3, 1, 2),
    "row repeated": lambda x: np.broadcast_to(x[:, 0], (7, len(x))).T,
    "field": lambda x: np.stack([x, x], -1).view([("a", x.dtype), ("b", x.dtype)])["b"][..., 0].T,
    "rows": lambda x: x[::2],
}


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64", "complex128", ">f4", "U3"])
@pytest.mark.parametrize("shape", [(20, 3), (200, 113), (400, 256)])
def test_copy(name, dtype, shape):
    view = VIEWS[name]((100 * np.random.default_rng(0).random(shape)).astype(dtype))
    copy = contiguous(view)
    assert copy.flags.c_contiguous and copy.dtype.isnative and copy.dtype == view.dtype.newbyteorder("=")
    assert not np.shares_memory(copy, view)
    np.testing.assert_array_equal(copy, view)


def test_unaligned_array():
    raw = np.zeros(4 * 200 * 200 + 1, np.uint8)
    view = raw[1:].view(np.float32).reshape(200, 200).T
    view[...] = np.arange(40_000).reshape(200, 200)
    np.testing.assert_array_equal(contiguous(view), np.arange(40_000).reshape(200, 200))


def test_an_op_of_a_large_transposed_matrix():
    x = np.random.default_rng(1).standard_normal((300, 500)).astype(np.float32)
    for view in (x.T, x[:, ::-1], x.T):
        np.testing.assert_array_equal(ops.exp(view), ops.exp(view.copy()))
        np.testing.assert_array_equal(ops.max(view, axis=0), ops.max(view.copy(), axis=0))
    np.testing.assert_array_equal(ops.sum(x.T, axis=0), ops.sum(x, axis=1))
    bound = np.finfo("float32").eps * 33 * np.abs(x).sum(axis=1, dtype=float)  # see `_kernels/reduce.c`
    assert (np.abs(ops.sum(x.T, axis=0) - x.sum(axis=1, dtype=float)) <= bound).all()
