"""Convolutions of volumes in place: records against references on every instruction set, gradients twice."""

import numpy as np
import pytest

import fastnn as k
from fastnn import ops
from fastnn.graph.simplify import simplify
from fastnn.graph.trace import tracing
from fastnn.graph.value import Graph
from fastnn.ops.conv3d import conv3d_grad_input_op, conv3d_grad_kernel_op, conv3d_op
from fastnn.testing import check_op

rng = np.random.default_rng(4)

# x, kernel and the records' parameters.
CASES = [
    ((2, 4, 5, 4, 3), (3, 2, 3, 3, 4), {}),
    ((1, 5, 6, 6, 2), (3, 2, 3, 2, 4), {}),
    ((1, 7, 7, 7, 2), (3, 3, 3, 2, 3), {"strides": (2, 2, 2)}),  # few results: the kernel's gradient by copies
    ((2, 2, 3, 2, 3), (2, 3, 2, 3, 9), {"strides": (2, 2, 2)}),  # as large as the volume
    ((1, 5, 4, 4, 2), (3, 3, 3, 2, 9), {"pads": (1, 1, 1, 1, 1, 1), "strides": (2, 2, 2)}),
    ((2, 4, 4, 3, 2), (2, 2, 2, 2, 3), {"strides": (2, 2, 1)}),
    ((1, 5, 3, 4, 2), (2, 2, 1, 2, 3), {"dilation": (3, 1, 2), "pads": (1, 0, 0, 1, 1, 0)}),
    ((1, 6, 4, 4, 3), (3, 2, 2, 3, 2), {"strides": (3, 2, 2), "pads": (0, 0, 0, -1, 0, -1)}),
    ((2, 1, 3, 3, 2), (2, 2, 2, 2, 3), {"dilation": (2, 1, 1), "pads": (1, 0, 0, 2, 0, 0)}),  # a plane of no tap
    ((1, 4, 5, 5, 32), (2, 2, 3, 32, 9), {}),  # gradients with exchanged roles
    ((1, 3, 5, 4, 32), (2, 3, 2, 32, 3), {"dilation": (2, 1, 2), "pads": (1, 0, 2, 0, 1, 1)}),
]
each_case = pytest.mark.parametrize("x, kernel, params", CASES, ids=str)


def normal(*shape, dtype=np.float32):
    return rng.standard_normal(shape).astype(dtype)


def with_defaults(params):
    return {"strides": (1, 1, 1), "pads": (0,) * 6, "dilation": (1, 1, 1)} | params


def output_shape(x, kernel, params):
    return conv3d_op(np.zeros(x, np.float32), np.zeros(kernel, np.float32), **with_defaults(params)).shape


@each_case
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_conv3d(x, kernel, params, dtype):
    inputs = [normal(*x, dtype=dtype), normal(*kernel, dtype=dtype)]
    check_op(conv3d_op, inputs, **with_defaults(params))
    check_op(conv3d_op, [*inputs, normal(kernel[4], dtype=dtype)], **with_defaults(params))


@each_case
def test_conv3d_grad_input(x, kernel, params):
    """Its own gradients are second derivatives of the convolution."""
    dy = normal(*output_shape(x, kernel, params))
    check_op(conv3d_grad_input_op, [dy, normal(*kernel)], size=x[1:4], **with_defaults(params))


@each_case
def test_conv3d_grad_kernel(x, kernel, params):
    dy = normal(*output_shape(x, kernel, params))
    check_op(conv3d_grad_kernel_op, [normal(*x), dy], atol=1e-4, kernel_size=kernel[:3], **with_defaults(params))


def test_without_a_batch():
    x, w = np.zeros((0, 4, 4, 4, 3), np.float32), normal(3, 3, 3, 3, 9)
    assert ops.conv(x, w, strides=2, padding="same").shape == (0, 2, 2, 2, 9)


@pytest.mark.parametrize(
    ("filters", "arguments", "is_in_place"),
    [
        (9, {"strides": 2}, True),
        (8, {"strides": 2}, False),  # filters that leave lanes idle
        (9, {}, False),  # Winograd's algorithm may take planes
        (9, {"dilation_rate": 2}, True),
        (9, {"kernel_size": (3, 1, 1)}, False),  # products
        (9, {"kernel_size": (1, 2, 2)}, False),  # planes as they are
        (9, {"kernel_size": (2, 2, 2)}, True),
        (10, {"strides": 2, "groups": 2}, False),
    ],
)
def test_which_are_in_place(filters, arguments, is_in_place):
    layer = k.layers.Conv3D(filters, **{"kernel_size": 3, "padding": "same", "activation": "relu"} | arguments)
    model = k.Sequential([k.Input((5, 6, 6, 4)), layer])
    kernels = [step.kernel for step in model.explain(2, "predict").steps]
    assert (kernels == ["conv3d_f32"]) == is_in_place


@pytest.mark.parametrize(
    ("channels", "filters", "params", "expected"),
    [
        (32, 9, {}, ("conv3d", (9, 32))),
        (32, 12, {"pads": (1, 1, 2, 0, 1, 1), "dilation": (1, 1, 2)}, ("conv3d", (12, 32))),
        (32, 33, {}, ("conv3d", (32, 33))),
        (33, 9, {}, ("conv2d_grad_input", (9, 33))),  # vectors of channels that are filled in part
        (32, 9, {"strides": (1, 1, 2)}, ("conv2d_grad_input", (32, 9))),
        (32, 9, {"pads": (2, 0, 0, 0, 0, 0)}, ("conv2d_grad_input", (32, 9))),  # more zeros than taps reach
    ],
    ids=str,
)
def test_which_gradients_exchange_roles(channels, filters, params, expected):
    """The record of the input gradient, and the channels of what the kernel gradient takes for x and for dy."""
    params, size = with_defaults(params), (2, 2, 2)
    x, kernel = normal(1, 5, 5, 6, channels), normal(*size, channels, filters)
    dy = normal(*conv3d_op(x, kernel, **params).shape)
    graph = Graph()
    with tracing(graph):
        values = [graph.input(value.shape, "float32") for value in (x, kernel, dy)]
        dx = conv3d_grad_input_op(values[2], values[1], size=x.shape[1:4], **params)
        graph.outputs = [dx, *conv3d_grad_kernel_op(values[0], values[2], kernel_size=size, **params)]
    nodes = [node for node in simplify(graph).nodes if node.op.name.startswith("conv")]
    found = {node.op.name: tuple(value.shape[-1] for value in node.inputs) for node in nodes}
    of_kernel = found.pop("conv3d_grad_kernel")
    assert (next(iter(found)), of_kernel) == expected


def test_a_kernel_as_large_as_the_volume_makes_a_product():
    model = k.Sequential([k.Input((2, 2, 2, 5)), k.layers.Conv3D(9, 2, strides=2)])
    assert [step.kernel for step in model.explain(3, "predict").steps][-1] == "gemm_f32"


@pytest.mark.parametrize("shape, kernel", [((2, 4, 5), (5, 3, 3, 2, 3)), ((2, 4, 5, 5, 3), (2, 2, 2, 2, 9))])
def test_errors_name_both_shapes(shape, kernel):
    with pytest.raises(ValueError, match="conv3d") as error:
        conv3d_op(normal(*shape), normal(*kernel), **with_defaults({}))
    assert str(shape) in str(error.value) and str(kernel) in str(error.value)


def test_a_window_larger_than_the_volume():
    with pytest.raises(ValueError, match="conv3d") as error:
        conv3d_op(normal(2, 2, 5, 5, 3), normal(3, 3, 3, 3, 9), **with_defaults({}))
    assert "(3, 3, 3, 3, 9)" in str(error.value) and "(2, 2, 5, 5, 3)" in str(error.value)
