"""Gradients that the families' own tests do not walk: casts, copies, and a second derivative."""

import numpy as np
import pytest

import fastnn
from fastnn import ops
from fastnn.ops.reduce import linear_recurrence_op
from fastnn.testing import check_gradient

X = np.random.default_rng(0).standard_normal((3, 4))


def test_take_along_axis_twice():
    index = np.array([[0, 0, 3], [1, 2, 1], [3, 3, 3]])

    def gradient(x):
        with fastnn.GradientTape() as tape:
            y = ops.sum(ops.take_along_axis(x, index, axis=1) ** 3)
        return tape.gradient(y, x)

    check_gradient(gradient, [X])


@pytest.mark.parametrize("axis", [0, 1])
def test_cumprod_twice(axis):
    """Also where elements are 0, one and two of a row."""
    x = np.where(np.arange(12).reshape(3, 4) % 5 == 2, 0.0, X)
    x[1, :2] = 0.0

    def gradient(x):
        with fastnn.GradientTape() as tape:
            y = ops.sum(ops.cumprod(x, axis=axis) * X)
        return tape.gradient(y, x)

    check_gradient(lambda x: ops.cumprod(x, axis=axis), [x])
    check_gradient(gradient, [x])


@pytest.mark.parametrize("reverse", [False, True])
def test_linear_recurrence(reverse):
    check_gradient(lambda a, b: linear_recurrence_op(a, b, axis=1, reverse=reverse), [X, X[::-1].copy()])


def test_copy():
    check_gradient(lambda x: ops.copy(x) * x, [X])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_cast_hands_the_gradient_back_in_the_input_dtype(dtype):
    weights = X.astype("float32" if dtype == "float64" else "float64")

    def loss(x):
        return ops.sum(ops.cast(x, weights.dtype.name) * weights)

    _, gradient = fastnn.value_and_grad(loss)(X.astype(dtype))
    assert gradient.dtype == dtype
    np.testing.assert_array_equal(gradient, weights.astype(dtype))
