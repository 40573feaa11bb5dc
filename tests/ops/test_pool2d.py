"""Pooling: against the released Keras, and gradients (also of gradients) against central differences."""

import keras
import numpy as np
import pytest

from fastnn import KerasTensor, ops
from fastnn.ops.pool2d import average_pool2d_grad_op, max_pool2d_grad_op, max_pool2d_op, max_pool2d_pick_op
from fastnn.testing import check_op

RNG = np.random.default_rng(0)


def image(*shape, dtype=np.float32):
    """Elements far from ties, so that central differences stay on one side of them."""
    return RNG.permutation(int(np.prod(shape))).reshape(shape).astype(dtype) / 8


CASES = [
    ((2, 8, 3), 2, 2, "valid"),
    ((2, 9, 3), 3, 1, "same"),
    ((2, 8, 8, 3), 2, 2, "valid"),
    ((1, 7, 5, 2), (3, 2), (2, 1), "same"),
    ((1, 7, 6, 17), 2, 1, "valid"),
    ((1, 5, 5, 2), 2, 3, "same"),
    ((1, 4, 5, 6, 2), 2, 2, "same"),
    ((1, 4, 5, 6, 2), (1, 2, 3), (1, 2, 1), "valid"),
]


@pytest.mark.parametrize("name", ["max_pool", "average_pool"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_same_as_keras(case, name):
    shape, *args = case
    x = image(*shape)
    rank = len(shape) - 2
    # The NumPy backend of Keras takes one number for each dimension only.
    spread = [(a,) * rank if isinstance(a, int) else a for a in args[:2]]
    wanted = getattr(keras.ops, name)(x, *spread, args[2])
    np.testing.assert_allclose(getattr(ops, name)(x, *args), wanted, rtol=1e-6)
    first = np.moveaxis(x, -1, 1).copy()
    result = getattr(ops, name)(first, *args, data_format="channels_first")
    np.testing.assert_allclose(result, np.moveaxis(wanted, -1, 1), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["max_pool", "average_pool"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_kernel_and_gradient(case, name, dtype):
    shape, *args = case
    check_op(lambda x: getattr(ops, name)(x, *args), [image(*shape, dtype=dtype)])


@pytest.mark.parametrize("case", CASES[2:6], ids=str)
def test_gradients_of_gradients(case):
    shape, window, strides, padding = case
    x = image(*shape)
    y = ops.max_pool(x, window, strides, padding)
    window, strides = np.broadcast_to(window, 2).tolist(), np.broadcast_to(strides, 2).tolist()
    pads = ((0, 0), (0, 0))
    if padding == "same":
        totals = [max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in zip(shape[1:3], window, strides, strict=True)]
        pads = tuple((t // 2, t - t // 2) for t in totals)
    params = {"window": tuple(window), "strides": tuple(strides), "pads": pads}
    dy = RNG.standard_normal(y.shape).astype(np.float32)
    places, g = max_pool2d_op(x, **params)[1], RNG.standard_normal(shape).astype(np.float32)
    check_op(lambda x: max_pool2d_op(x, **params), [x])
    check_op(lambda dy: max_pool2d_grad_op(dy, places, shape=shape, **params), [dy])
    check_op(lambda g: max_pool2d_pick_op(g, places, **params), [g])
    check_op(lambda dy: average_pool2d_grad_op(dy, shape=shape, **params), [dy])


def test_integers():
    x = RNG.integers(0, 100, (1, 4, 4, 2)).astype(np.int32)
    np.testing.assert_array_equal(ops.max_pool(x, 2), keras.ops.max_pool(x.astype("float32"), (2, 2), (2, 2)))
    assert ops.max_pool(x, 2).dtype == np.int32
    assert ops.average_pool(x, 2).dtype == np.float32


def test_global_pooling_is_a_reduction():
    x = image(2, 3, 4, 5)
    np.testing.assert_allclose(ops.mean(x, (1, 2)), ops.average_pool(x, (3, 4))[:, 0, 0], rtol=1e-6)
    np.testing.assert_array_equal(ops.max(x, (1, 2)), ops.max_pool(x, (3, 4))[:, 0, 0])


def test_symbolic():
    x = KerasTensor((None, 8, 8, 3))
    assert ops.max_pool(x, 2).shape == (None, 4, 4, 3)
    assert ops.average_pool(x, 3, 2, "same").shape == (None, 4, 4, 3)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((9,), "9"),
        ((2, None, "full"), "full"),
        ((2, None, "valid", "last"), "last"),
        (((2, 2, 2),), "2, 2, 2"),
        ((0,), "0"),
    ],
)
def test_errors(args, said):
    with pytest.raises(ValueError, match=said):
        ops.max_pool(image(1, 8, 8, 1), *args)
    with pytest.raises(ValueError, match=r"\(4, 4\)"):
        ops.max_pool(image(4, 4), 2)
