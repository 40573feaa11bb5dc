"""Depthwise convolutions: records against references on every instruction set, gradients twice, and Keras."""

import keras
import numpy as np
import pytest

from fastnn import ops
from fastnn.ops.depthwise import (
    depthwise_conv2d_grad_input_op,
    depthwise_conv2d_grad_kernel_op,
    depthwise_conv2d_op,
)
from fastnn.testing import check_op

rng = np.random.default_rng(4)
CASES = [
    ((2, 5, 6, 3), (3, 2, 3, 1), {}),
    ((2, 5, 4, 2), (3, 3, 2, 3), {"pads": (1, 1, 1, 1)}),
    ((1, 8, 7, 2), (3, 3, 2, 2), {"strides": (2, 3), "pads": (0, 1, 1, 0)}),
    ((1, 9, 8, 16), (2, 3, 16, 1), {"dilation": (3, 2)}),
]
each_case = pytest.mark.parametrize("x, kernel, params", CASES, ids=str)


def normal(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def with_defaults(params):
    return {"strides": (1, 1), "pads": (0, 0, 0, 0), "dilation": (1, 1)} | params


def output_shape(x, kernel, params):
    return depthwise_conv2d_op(np.zeros(x, np.float32), np.zeros(kernel, np.float32), **with_defaults(params)).shape


@each_case
def test_depthwise_conv2d(x, kernel, params):
    check_op(depthwise_conv2d_op, [normal(*x), normal(*kernel)], **with_defaults(params))


@each_case
def test_depthwise_conv2d_grad_input(x, kernel, params):
    dy = normal(*output_shape(x, kernel, params))
    check_op(depthwise_conv2d_grad_input_op, [dy, normal(*kernel)], size=x[1:3], **with_defaults(params))


@each_case
def test_depthwise_conv2d_grad_kernel(x, kernel, params):
    dy = normal(*output_shape(x, kernel, params))
    check_op(
        depthwise_conv2d_grad_kernel_op, [normal(*x), dy], atol=1e-4, kernel_size=kernel[:2], **with_defaults(params)
    )


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("strides, dilation_rate", [(1, 1), (2, 1), (1, 2)])
def test_agree_with_keras(strides, dilation_rate, padding):
    x, depthwise, pointwise = normal(2, 9, 10, 3), normal(3, 3, 3, 2), normal(1, 1, 6, 5)
    arguments = {"strides": strides, "padding": padding, "dilation_rate": dilation_rate}
    for name, args in [("depthwise_conv", (x, depthwise)), ("separable_conv", (x, depthwise, pointwise))]:
        result = getattr(ops, name)(*args, **arguments)
        expected = np.asarray(getattr(keras.ops, name)(*args, **arguments))
        assert result.shape == expected.shape and result.dtype == expected.dtype
        np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


def test_one_dimension_and_channels_first():
    x, kernel = normal(2, 9, 3), normal(4, 3, 2)
    expected = np.asarray(keras.ops.depthwise_conv(x, kernel))
    np.testing.assert_allclose(ops.depthwise_conv(x, kernel), expected, rtol=1e-5, atol=1e-5)
    first = ops.depthwise_conv(x.transpose(0, 2, 1), kernel, data_format="channels_first")
    np.testing.assert_allclose(first, expected.transpose(0, 2, 1), rtol=1e-5, atol=1e-5)


def test_errors_have_the_numbers():
    with pytest.raises(ValueError, match=r"\(1, 5, 5, 3\).*\(3, 3, 4, 1\)"):
        ops.depthwise_conv(normal(1, 5, 5, 3), normal(3, 3, 4, 1))
    with pytest.raises(ValueError, match=r"\(2, 1, 3, 4\)"):
        ops.separable_conv(normal(1, 5, 5, 3), normal(3, 3, 3, 1), normal(2, 1, 3, 4))
