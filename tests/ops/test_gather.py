"""Positions that are data: against NumPy and the released Keras; gradients against central differences."""

import keras
import numpy as np
import pytest

from fastnn import KerasTensor, jit, ops
from fastnn.ops.gather import scatter_op, take_grad_op, take_op, take_sum_op
from fastnn.plan.function import Compiled
from fastnn.testing import check_op

RNG = np.random.default_rng(0)
X = RNG.permutation(60).reshape(3, 4, 5).astype(np.float32) / 8  # no ties, and far apart


@pytest.mark.parametrize(
    ("indices", "axis"),
    [([2, 0], 0), ([[1, -1], [0, 3]], 1), (2, 2), ([0, 0, 4], -1), ([59, -60], None), (np.zeros((0,), int), 1)],
    ids=str,
)
def test_take(indices, axis):
    wanted = np.take(X, np.asarray(indices), axis)
    np.testing.assert_array_equal(ops.take(X, indices, axis), wanted)
    check_op(lambda x: ops.take(x, indices, axis), [X])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", [(2, 3), (3,), (2, 2, 5)], ids=str)
def test_take_sum(shape, weighted):
    indices, weights = RNG.integers(-3, 3, shape), [RNG.standard_normal(shape).astype(np.float32)] * weighted
    check_op(lambda x, *w: take_sum_op(x, indices, *w), [X, *weights])


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("pooled", ["sum", "mean", "weighted", "weights first"])
def test_rows_that_are_taken_and_pooled_are_in_no_memory(pooled, keepdims):
    indices, w = RNG.integers(0, 3, (6, 7)), RNG.standard_normal((6, 7, 1, 1)).astype(np.float32)

    def pool(x, w):
        rows = ops.take(x, indices, axis=0)
        rows = {"weighted": rows * w, "weights first": w * rows}.get(pooled, rows)
        return (ops.mean if pooled == "mean" else ops.sum)(rows, axis=1, keepdims=keepdims)

    compiled = Compiled(pool, "pool")
    np.testing.assert_allclose(compiled(X, w), pool(X, w), rtol=1e-5, atol=1e-6)
    kernels = [step.kernel for step in compiled.executables()[0].steps]
    assert "take_sum_f32" in kernels and "take" not in kernels


def test_rows_that_others_read_are_taken():
    """Another axis, weights that differ within a row, one row a sum, rows that somebody else reads."""
    indices, w = np.array([[0, 2, 1], [1, 1, 2]]), RNG.standard_normal((2, 3, 4, 5)).astype(np.float32)

    def twice(x):
        rows = ops.take(x, indices, axis=0)
        return ops.sum(rows, axis=1) + ops.sum(ops.square(rows), axis=1)

    for pool in (
        twice,
        lambda x: ops.sum(ops.take(x, indices, axis=0), axis=0),
        lambda x: ops.sum(ops.take(x, indices, axis=1), axis=2),
        lambda x: ops.sum(ops.take(x, indices, axis=0) * w, axis=1),
        lambda x: ops.sum(ops.take(x, indices, axis=0), axis=(1, 2)),
        lambda x: ops.sum(ops.take(x, indices[:, :1], axis=0), axis=1),
    ):
        compiled = Compiled(pool, "pool")
        np.testing.assert_allclose(compiled(X), pool(X), rtol=1e-5, atol=1e-6)
        assert not any("take_sum" in (step.kernel or "") for step in compiled.executables()[0].steps)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "int64", "float32"])
def test_index_dtypes(dtype):
    np.testing.assert_array_equal(ops.take(X, np.array([2, 1], dtype), 0), X[[2, 1]])


@pytest.mark.parametrize("bad", [3, -4])
def test_out_of_bounds(bad):
    with pytest.raises(IndexError):
        ops.take(X, [0, bad], 0)
    with pytest.raises(IndexError):
        ops.take_along_axis(X[:, 0, 0], np.array([bad]), 0)
    with pytest.raises(IndexError, match=str(bad)):
        take_op.reference(X, np.array([bad]), axis=0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_take_records(dtype):
    indices = np.array([1, 1, 0, -1])
    check_op(take_op, [X.astype(dtype), indices], axis=1)
    dy = RNG.standard_normal((3, 4, 5)).astype(dtype)
    check_op(take_grad_op, [dy, indices], shape=(3, 6, 5), axis=1)


def test_take_along_axis():
    indices = RNG.integers(-4, 4, (3, 2, 5))
    np.testing.assert_array_equal(ops.take_along_axis(X, indices, 1), np.take_along_axis(X, indices, 1))
    np.testing.assert_array_equal(
        ops.take_along_axis(X, indices[:1, :, :1], 1), np.take_along_axis(X, indices[:1, :, :1], 1)
    )
    np.testing.assert_array_equal(ops.take_along_axis(X, np.array([3, 7])), X.ravel()[[3, 7]])
    check_op(lambda x: ops.take_along_axis(x, indices, 1), [X])


@pytest.mark.parametrize("reduction", [None, "add", "mul", "max", "min"])
def test_scatter_update(reduction):
    indices = np.array([[0, 1], [2, 3], [1, 0]])
    updates = RNG.standard_normal((3, 5)).astype(np.float32)
    wanted = keras.ops.scatter_update(X.copy(), indices, updates, reduction)
    np.testing.assert_allclose(ops.scatter_update(X, indices, updates, reduction), wanted, rtol=1e-6)
    if reduction in (None, "add"):
        check_op(lambda x, u: ops.scatter_update(x, indices, u, reduction), [X, updates])


def test_scatter():
    indices, values = np.array([[0], [2], [0]]), np.float32([1, 2, 3])
    np.testing.assert_array_equal(ops.scatter(indices, values, (4,)), [4, 0, 2, 0])
    with pytest.raises(ValueError, match="mean"):
        ops.scatter_update(values, indices, values, "mean")
    check_op(scatter_op, [X[0], np.array([3, 1]), X[1, :2]], reduction="add")


@pytest.mark.parametrize("axis", [-1, 0, None])
def test_sort(axis):
    np.testing.assert_array_equal(ops.argsort(X, axis), np.argsort(X, axis))
    np.testing.assert_array_equal(ops.sort(X, axis), np.sort(X, axis))
    check_op(lambda x: ops.sort(x, axis), [X])


def test_top_k():
    values, indices = ops.top_k(X, 3)
    wanted = keras.ops.top_k(X, 3)
    np.testing.assert_array_equal(values, wanted[0])
    np.testing.assert_array_equal(indices, wanted[1])
    assert indices.dtype == np.int32
    check_op(lambda x: ops.top_k(x, 3)[0], [X])
    many = np.random.default_rng(0).standard_normal((3, 300)).astype("float32")
    for k in (128, 129):  # by the kernel, and by sorting
        values, indices = ops.top_k(many, k)
        np.testing.assert_array_equal(indices, np.argsort(-many, axis=1)[:, :k])
        np.testing.assert_array_equal(values, -np.sort(-many, axis=1)[:, :k])
    assert ops.top_k(np.zeros((0, 4), "float32"), 2)[0].shape == (0, 2)
    assert ops.top_k(X, 0)[0].shape == (*X.shape[:-1], 0)
    with pytest.raises(ValueError, match="6"):
        ops.top_k(X, 6)


def test_in_top_k():
    targets, predictions = np.array([0, 4, 2, 1]), X.reshape(12, 5)[:4]
    for k in (1, 2, 5):
        np.testing.assert_array_equal(
            ops.in_top_k(targets, predictions, k), keras.ops.in_top_k(targets, predictions, k)
        )
    tied = np.zeros((2, 3), np.float32)
    assert ops.in_top_k(np.array([0, 2]), tied, 1).all()
    assert not ops.in_top_k(np.array([0]), np.float32([[np.nan, 0, 0]]), 3).any()


def test_searchsorted_nonzero_unique():
    sequence = np.float32([1, 3, 5])
    for side in ("left", "right"):
        wanted = keras.ops.searchsorted(sequence, sequence, side=side)
        np.testing.assert_array_equal(ops.searchsorted(sequence, sequence, side), wanted)
    for ours, theirs in zip(ops.nonzero(X), np.nonzero(X), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    values, counts = ops.unique(np.array([3, 1, 3]), return_counts=True)
    assert values.tolist() == [1, 3] and counts.tolist() == [1, 2]
    assert ops.unique(np.array([3, 1, 3]), size=4, fill_value=9).tolist() == [1, 3, 9, 9]
    assert ops.unique(np.array([3, 1, 3]), size=1).tolist() == [1]


@pytest.mark.parametrize("name", ["segment_sum", "segment_max", "segment_min", "segment_prod"])
def test_segments(name):
    ids = np.array([1, 0, 1])
    wanted = getattr(keras.ops, name)(X, ids, 3)
    np.testing.assert_allclose(getattr(ops, name)(X, ids, 3), wanted, rtol=1e-6)
    np.testing.assert_allclose(getattr(ops, name)(X, ids), wanted[:2], rtol=1e-6)
    if name == "segment_sum":
        check_op(lambda x: ops.segment_sum(x, ids, 3), [X])
        np.testing.assert_array_equal(ops.segment_sum(X, np.array([-1, 0, 5]), 2)[0], X[1])


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_one_hot(axis):
    classes = np.array([[0, 2], [1, 1]])
    np.testing.assert_array_equal(ops.one_hot(classes, 3, axis=axis), keras.ops.one_hot(classes, 3, axis=axis))
    outside = np.array([5, -1, (1 << 24) + 1, (1 << 31) - 1], "int32")
    for one_hot in (lambda x: ops.one_hot(x, 3), Compiled(lambda x: ops.one_hot(x, 3), "one_hot")):
        assert one_hot(outside).sum() == 0
        np.testing.assert_array_equal(one_hot(np.array([2, 0], "int32")), [[0, 0, 1], [1, 0, 0]])
    np.testing.assert_array_equal(ops.one_hot(np.float32([1, 1.5]), 3), [[0, 1, 0], [0, 0, 0]])
    assert ops.one_hot([1], 3, dtype="int32").dtype == np.int32


def test_multi_hot():
    classes = np.array([[0, 2], [1, 1]])
    np.testing.assert_array_equal(ops.multi_hot(classes, 3), keras.ops.multi_hot(classes, 3))
    outside = np.array([[0, -1, 7], [3, 2, 2]])
    for x in (outside, outside.astype("int8"), outside.astype("uint8"), outside + np.float32([[0, 0, 0], [0, 0.5, 0]])):
        np.testing.assert_array_equal(ops.multi_hot(x, 4, dtype="int32"), [[1, 0, 0, 0], [0, 0, 1, 1]])
    np.testing.assert_array_equal(ops.multi_hot([2, 0, 2], 3), [1, 0, 1])
    assert ops.multi_hot(np.zeros((2, 0), "int32"), 3).sum() == 0
    with pytest.raises(ValueError, match="num_classes"):
        ops.multi_hot(classes)


def test_symbolic():
    ids = KerasTensor((None, 7), "int32")
    assert ops.take(np.zeros((10, 4), np.float32), ids, 0).shape == (None, 7, 4)
    assert ops.one_hot(ids, 5).shape == (None, 7, 5)
    values, indices = ops.top_k(KerasTensor((None, 7)), 2)
    assert values.shape == indices.shape == (None, 2) and indices.dtype == "int32"


EDGES = {
    "rising": np.array([-1.5, -0.1, 0.7, 0.7, 2.0]),
    "beyond float32": np.array([-np.inf, -1e300, 0.1, 1e300]),
    "falling": np.array([2.0, 0.3, -0.7]),
    "none": np.array([]),
}


@pytest.mark.parametrize("name", EDGES)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_digitize_compares_with_edges_as_they_are(name, dtype):
    """A number of float32 is not one with the edge of float64 that rounds to it."""
    edges = EDGES[name]
    near = edges[np.abs(edges) < 1e30].astype(dtype)
    x = np.concatenate([near, np.array([-9, 0, 9], dtype)])
    if dtype != "int32":
        x = np.concatenate([x, np.nextafter(x, np.array(9, dtype)), np.array([np.nan, np.inf, -np.inf], dtype)])
    found = ops.digitize(x, edges)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, np.digitize(x, edges))
    np.testing.assert_array_equal(jit(lambda x: ops.digitize(x, edges))(x), np.digitize(x, edges))
