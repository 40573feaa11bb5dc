"""Convolutions: records against references on every instruction set, gradients twice, and Keras as the judge."""

import math

import keras
import numpy as np
import pytest

from fastnn import ops
from fastnn._kernels import _engine, isa, using
from fastnn.graph.simplify import simplify
from fastnn.graph.symbolic import KerasTensor
from fastnn.graph.trace import tracing
from fastnn.graph.value import Graph
from fastnn.ops.conv2d import conv2d_grad_input_op, conv2d_grad_kernel_op, conv2d_op
from fastnn.plan.function import Compiled
from fastnn.testing import check_gradient, check_op

rng = np.random.default_rng(4)


def normal(*shape, dtype=np.float32):
    return rng.standard_normal(shape).astype(dtype)


# x, kernel and the records' parameters: stride, padding, dilation, groups, and windows that leave pixels over.
CASES = [
    ((2, 5, 6, 3), (3, 2, 3, 4), {}),
    ((2, 5, 4, 2), (3, 3, 2, 17), {"pads": (1, 1, 1, 1)}),
    ((1, 8, 7, 2), (3, 3, 2, 3), {"strides": (2, 3), "pads": (0, 1, 1, 0)}),
    ((1, 9, 8, 2), (2, 3, 2, 3), {"dilation": (3, 2)}),
    ((2, 4, 4, 4), (3, 3, 2, 6), {"pads": (1, 1, 1, 1), "groups": 2}),
    ((2, 4, 3, 3), (1, 1, 3, 5), {"strides": (2, 2)}),  # few pixels, filters that are no whole vectors
    ((2, 3, 2, 4), (1, 1, 4, 21), {}),  # the same
    ((2, 6, 5, 5), (3, 3, 5, 1), {"pads": (1, 1, 1, 1)}),
    ((2, 6, 7, 6), (2, 3, 6, 3), {"pads": (0, 2, 1, -1)}),
    ((1, 9, 8, 20), (3, 2, 20, 2), {"dilation": (2, 3), "pads": (1, 0, -2, 3)}),
    ((1, 4, 4, 5), (2, 2, 5, 4), {"pads": (3, 3, 0, 0)}),
    ((2, 5, 5, 17), (3, 3, 17, 12), {}),
    ((3, 4, 3, 6), (4, 3, 6, 5), {"strides": (2, 3)}),  # one window
    ((2, 5, 6, 3), (3, 2, 3, 9), {"strides": (2, 3), "pads": (1, 0, 0, -1), "dilation": (1, 2)}),  # few windows
    ((5, 5, 4, 3), (2, 3, 3, 130), {"strides": (1, 2), "pads": (0, 1, 0, 0)}),  # rows of few
    ((2, 1, 20, 16), (1, 3, 16, 32), {"pads": (0, -4, 0, 1)}),  # the first window begins inside
    ((2, 12, 3, 16), (3, 1, 16, 32), {"pads": (-3, 0, -2, 0)}),
    ((1, 14, 13, 6), (3, 2, 6, 5), {"pads": (-2, -1, 0, 3), "strides": (2, 1), "dilation": (1, 2)}),
    ((2, 9, 12, 3), (3, 3, 3, 17), {"pads": (-1, -2, 0, 0), "strides": (2, 2)}),
    ((2, 9, 12, 2), (3, 3, 2, 33), {"pads": (1, -2, -1, 0)}),
    ((2, 9, 12, 33), (3, 3, 33, 3), {"pads": (-1, -2, 1, 0)}),
    ((2, 9, 12, 1), (5, 5, 1, 8), {"pads": (-1, -1, 2, 0)}),
    ((2, 9, 12, 8), (1, 1, 8, 8), {"pads": (-1, -1, -2, 0)}),
    ((1, 9, 20, 8), (1, 4, 4, 6), {"pads": (0, -3, 0, 0), "groups": 2}),
    ((1, 9, 20, 40), (1, 4, 40, 40), {"pads": (0, -3, 0, -1), "strides": (1, 2)}),
    ((1, 40, 40, 1), (3, 3, 1, 32), {"pads": (-1, -1, 0, 0)}),
    ((1, 10, 40, 32), (3, 3, 32, 1), {"pads": (-1, -1, 0, 0)}),
    ((1, 40, 40, 3), (3, 3, 3, 32), {"pads": (-1, -3, 0, 0), "strides": (2, 2)}),
]
each_case = pytest.mark.parametrize("x, kernel, params", CASES, ids=str)


def with_defaults(params):
    return {"strides": (1, 1), "pads": (0, 0, 0, 0), "dilation": (1, 1), "groups": 1} | params


def output_shape(x, kernel, params):
    return conv2d_op(np.zeros(x, np.float32), np.zeros(kernel, np.float32), **with_defaults(params)).shape


@each_case
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_conv2d(x, kernel, params, dtype):
    inputs = [normal(*x, dtype=dtype), normal(*kernel, dtype=dtype)]
    check_op(conv2d_op, inputs, **with_defaults(params))
    check_op(conv2d_op, [*inputs, normal(kernel[3], dtype=dtype)], **with_defaults(params))


@each_case
def test_conv2d_grad_input(x, kernel, params):
    """Its own gradients are second derivatives of the convolution."""
    dy = normal(*output_shape(x, kernel, params))
    check_op(conv2d_grad_input_op, [dy, normal(*kernel)], size=x[1:3], **with_defaults(params))


@each_case
def test_conv2d_grad_kernel(x, kernel, params):
    dy = normal(*output_shape(x, kernel, params))
    check_op(conv2d_grad_kernel_op, [normal(*x), dy], atol=1e-4, kernel_size=kernel[:2], **with_defaults(params))


@pytest.mark.parametrize("filters", [2, 256])
@pytest.mark.parametrize("size, strides", [((4, 4), (2, 2)), ((5, 6), (2, 4)), ((3, 4), (1, 3))], ids=str)
def test_gradient_of_a_wide_strided_kernel_is_a_product_of_the_pixels_that_count(size, strides, filters):
    graph, params = Graph(), with_defaults({"strides": strides})
    shape = output_shape((1, *size, 256), (1, 1, 256, filters), params)
    x, dy = normal(2, *size, 256), normal(2, *shape[1:])
    with tracing(graph):
        inputs = graph.input(x.shape, "float32"), graph.input(dy.shape, "float32")
        graph.outputs = list(conv2d_grad_kernel_op(*inputs, kernel_size=(1, 1), **params))
    taken = [node.params["strides"] for node in simplify(graph).nodes if node.op is conv2d_grad_kernel_op]
    assert taken == [(1, 1)]
    dw, db = Compiled(lambda x, dy: conv2d_grad_kernel_op(x, dy, kernel_size=(1, 1), **params), "gradient")(x, dy)
    expected = conv2d_grad_kernel_op.reference(x, dy, kernel_size=(1, 1), **params)
    np.testing.assert_allclose(dw, expected[0], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(db, expected[1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("few", "params", "expected"),
    [
        (4, {}, "conv2d_grad_input"),
        (4, {"strides": (2, 1)}, "conv2d"),
        (4, {"pads": (3, 0, 0, 0)}, "conv2d"),  # more zeroes than taps reach
        (5, {}, "conv2d"),
        (4, {"pads": (0, 0, 0, -1)}, "conv2d"),  # rows narrower than a tile
    ],
    ids=str,
)
def test_few_channels_exchange_roles(few, params, expected):
    graph = Graph()
    x, kernel, bias = graph.input((2, 9, 10, 8), "float32"), graph.input((3, 3, 8, few), "float32"), normal(few)
    with tracing(graph):
        graph.outputs = [ops.relu(conv2d_op(x, kernel, bias, **with_defaults(params)))]
    names = [node.op.name for node in simplify(graph).nodes]
    assert [name for name in names if name.startswith("conv2d")] == [expected]


@pytest.mark.parametrize(
    ("few", "params", "expected"),
    [
        (4, {}, "conv2d"),
        (2, {"pads": (1, 2, 0, 1), "dilation": (2, 1)}, "conv2d"),
        (4, {"strides": (2, 1)}, "conv2d_grad_input"),
        (4, {"dilation": (1, 2)}, "conv2d_grad_input"),
        (5, {}, "conv2d_grad_input"),
    ],
    ids=str,
)
def test_gradient_of_few_filters_is_a_convolution(few, params, expected):
    assert_input_gradient_is(expected, (2, 9, 10, 8), (3, 3, 8, few), params)


@pytest.mark.skipif(isa() != "avx512", reason="tiles of few channels have as many lanes as channels")
@pytest.mark.parametrize(
    ("channels", "filters", "params", "expected"),
    [
        (5, 6, {"pads": (2, 2, 1, 1)}, "conv2d"),
        (8, 20, {"pads": (3, 1, 3, 2), "dilation": (2, 1)}, "conv2d"),
        (9, 20, {"pads": (2, 2, 2, 2)}, "conv2d_grad_input"),
        (8, 25, {"pads": (2, 2, 2, 2)}, "conv2d_grad_input"),
        (14, 32, {"pads": (1, 2, 2, 1)}, "conv2d"),  # many products of a pixel
        (14, 20, {"pads": (1, 2, 2, 1)}, "conv2d_grad_input"),
        (12, 64, {"pads": (1, 2, 2, 1)}, "conv2d_grad_input"),  # rows of dx share the products
        (17, 64, {"pads": (1, 2, 2, 1)}, "conv2d_grad_input"),
        (5, 6, {}, "conv2d_grad_input"),  # fewer pixels of dy
        (5, 6, {"pads": (2, 2, 2, 2), "strides": (1, 2)}, "conv2d_grad_input"),
    ],
    ids=str,
)
def test_gradient_to_few_channels_is_a_convolution(channels, filters, params, expected):
    assert_input_gradient_is(expected, (2, 9, 10, channels), (4, 4, channels, filters), params)


@pytest.mark.skipif(isa() != "avx512", reason="measured with AVX-512 alone")
@pytest.mark.parametrize(
    ("channels", "filters", "size", "expected"),
    [
        (3, 3, 5, "conv2d"),
        (2, 8, 5, "conv2d"),
        (3, 9, 5, "conv2d_grad_input"),
        (3, 3, 4, "conv2d_grad_input"),
        (1, 2, 3, "conv2d"),
        (1, 3, 3, "conv2d_grad_input"),
    ],
)
def test_gradient_from_few_channels_to_few_is_a_convolution(channels, filters, size, expected):
    params = {"pads": (size // 2,) * 4 if size % 2 else (1, 1, 2, 2)}
    assert_input_gradient_is(expected, (2, 9, 10, channels), (size, size, channels, filters), params)


@pytest.mark.skipif(isa() != "avx512", reason="measured with AVX-512 alone")
def test_convolution_from_few_channels_to_fewer_stays_one():
    graph = Graph()
    with tracing(graph):
        values = graph.input((2, 9, 10, 8), "float32"), graph.input((5, 5, 8, 3), "float32")
        graph.outputs = [conv2d_op(*values, **with_defaults({"pads": (2, 2, 2, 2)}))]
    assert [node.op.name for node in simplify(graph).nodes if node.op.name != "input"] == ["conv2d"]


@pytest.mark.parametrize(
    ("filters", "size", "params", "is_exchanged"),
    [
        (12, (4, 4), {}, True),
        (16, (4, 4), {"pads": (1, 2, 2, 1)}, isa() == "avx512"),  # a vector of columns
        (13, (7, 1), {"pads": (3, 0, 3, 0)}, isa() == "avx512"),
        (17, (4, 4), {}, False),
        (16, (3, 3), {}, False),  # Winograd's algorithm
        (13, (7, 7), {}, False),  # few results beside the pixels
        (9, (1, 3), {"dilation": (1, 2)}, True),
        (3, (2, 1), {"dilation": (1, 2)}, True),
        (9, (1, 2), {}, True),
        (2, (1, 2), {}, False),
        (9, (4, 4), {"strides": (2, 1)}, False),
        (9, (4, 4), {"pads": (4, 0, 0, 0)}, False),  # more zeros than taps reach
    ],
    ids=str,
)
def test_kernel_gradient_of_few_filters_exchanges_roles(filters, size, params, is_exchanged):
    assert_kernel_gradient((2, 9, 10, 19), filters, size, params, is_exchanged)


def assert_kernel_gradient(shape, filters, size, params, is_exchanged):
    params = with_defaults(params)
    x, dy = normal(*shape), normal(*output_shape(shape, (*size, shape[3], filters), params))
    graph = Graph()
    with tracing(graph):
        values = graph.input(x.shape, "float32"), graph.input(dy.shape, "float32")
        graph.outputs = list(conv2d_grad_kernel_op(*values, kernel_size=size, **params))
    (node,) = [node for node in simplify(graph).nodes if node.op is conv2d_grad_kernel_op]
    assert [value.shape[3] for value in node.inputs] == ([filters, shape[3]] if is_exchanged else [shape[3], filters])
    gradient = Compiled(lambda x, dy: conv2d_grad_kernel_op(x, dy, kernel_size=size, **params), "gradient")
    reference = conv2d_grad_kernel_op.reference(x, dy, kernel_size=size, **params)
    for got, expected in zip(gradient(x, dy), reference, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("images", "filters", "size", "params", "is_exchanged"),
    [
        (7, 16, (7, 7), {}, False),  # 17 columns, or 119 of a row of taps
        (7, 16, (7, 7), {"pads": (3, 3, 3, 3)}, False),
        (2, 8, (7, 7), {"pads": (4, 4, 4, 4)}, False),  # which meet no rows of zeros around x
        (7, 5, (6, 6), {}, False),
        (7, 2, (7, 7), {}, False),
        (7, 2, (4, 4), {}, True),  # tiles of two rows take as long as of four
        (1, 14, (4, 4), {}, True),  # too few results for two strips
        (7, 12, (4, 4), {"pads": (2, 2, 2, 2), "dilation": (1, 2)}, True),
    ],
    ids=str,
)
@pytest.mark.skipif(isa() != "avx512", reason="by the width of a vector")
def test_kernel_gradient_of_few_filters_by_rows_of_taps(images, filters, size, params, is_exchanged):
    assert_kernel_gradient((images, 16, 15, 17), filters, size, params, is_exchanged)


def assert_input_gradient_is(expected, x, kernel, params):
    params = with_defaults(params)
    dy, kernel = normal(*output_shape(x, kernel, params)), normal(*kernel)
    graph = Graph()
    with tracing(graph):
        values = graph.input(dy.shape, "float32"), graph.input(kernel.shape, "float32")
        graph.outputs = [conv2d_grad_input_op(*values, size=(9, 10), **params)]
    names = [node.op.name for node in simplify(graph).nodes]
    assert [name for name in names if name.startswith("conv2d")] == [expected]
    dx = Compiled(lambda dy, kernel: conv2d_grad_input_op(dy, kernel, size=(9, 10), **params), "gradient")(dy, kernel)
    reference = conv2d_grad_input_op.reference(dy, kernel, size=(9, 10), **params)
    np.testing.assert_allclose(dx, reference, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "shape, filters, strides, is_product",
    [
        ((1, 16, 16, 5), 3, (1, 1), True),
        ((1, 16, 17, 16), 3, (1, 1), False),
        ((2, 32, 32, 64), 65, (1, 1), True),
        ((2, 32, 32, 63), 65, (1, 1), False),
        ((1, 46, 45, 64), 65, (1, 1), False),
        ((1, 46, 45, 256), 65, (1, 1), False),
        ((1, 46, 45, 65), 256, (1, 1), True),
        ((1, 46, 45, 72), 1, (1, 1), True),  # a row
        ((1, 46, 45, 3), 65, (1, 1), True),  # few channels, few filters: vectors of the others
        ((1, 46, 45, 75), 3, (1, 1), True),
        ((1, 46, 45, 64), 9, (1, 1), False),
        ((1, 20, 21, 64), 65, (2, 3), True),
        ((1, 20, 21, 63), 65, (2, 3), False),
    ],
    ids=str,
)
def test_gradient_of_a_1_by_1_kernel_is_a_product_of_few_pixels(shape, filters, strides, is_product):
    params = with_defaults({"strides": strides})
    x, dy = normal(*shape), normal(*output_shape(shape, (1, 1, shape[3], filters), params))
    gradient = Compiled(lambda x, dy: conv2d_grad_kernel_op(x, dy, kernel_size=(1, 1), **params), "gradient")
    kernels = [step.kernel for step in gradient.executable_for(x, dy).steps]
    assert ("conv2d_grad_kernel_f32" not in kernels) == is_product
    expected = conv2d_grad_kernel_op.reference(x, dy, kernel_size=(1, 1), **params)
    for one, other in zip(gradient(x, dy), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4 * abs(other).max())


@pytest.mark.parametrize(
    "size, params, is_product",
    [
        ((4, 3), {}, True),
        ((5, 3), {"strides": (2, 1)}, False),  # a row that no window reaches
        ((4, 3), {"pads": (1, 0, 0, 0), "strides": (2, 1)}, False),
        ((4, 3), {"groups": 2}, False),
    ],
    ids=str,
)
def test_one_window_is_a_product(size, params, is_product):
    params = with_defaults(params)
    graph = Graph()
    with tracing(graph):
        x, dy = graph.input((20, *size, 8), "float32"), graph.input((20, 1, 1, 6), "float32")
        kernel, bias = graph.input((4, 3, 8 // params["groups"], 6), "float32"), graph.input((6,), "float32")
        dx = conv2d_grad_input_op(dy, kernel, size=size, **params)
        dkernel = conv2d_grad_kernel_op(x, dy, kernel_size=(4, 3), **params)
        graph.outputs = [conv2d_op(x, kernel, bias, **params), dx, *dkernel]
    names = [node.op.name for node in simplify(graph).nodes if node.op.name not in ("input", "reshape")]
    products = ["linear", "linear_grad_kernel", "matmul"]
    assert sorted(names) == (products if is_product else ["conv2d", "conv2d_grad_input", "conv2d_grad_kernel"])


@pytest.mark.parametrize(
    "shape, filters, params, is_product",
    [
        ((1, 15, 16, 342), 342, {"strides": (2, 2), "pads": (1, 1, 0, 0)}, True),
        ((2, 6, 5, 342), 342, {"strides": (1, 2)}, True),
        ((1, 6, 7, 342), 342, {"dilation": (2, 1)}, True),
        ((1, 10, 10, 342), 342, {}, False),  # Winograd's algorithm
        ((1, 6, 7, 342), 340, {"dilation": (2, 1)}, False),  # a smaller kernel
        ((1, 17, 20, 342), 342, {"strides": (2, 2)}, False),  # more pixels
        ((1, 5, 5, 342), 342, {"strides": (2, 2), "pads": (1, 1, 1, 1)}, False),  # too many zeros
        ((1, 6, 7, 684), 342, {"dilation": (2, 1), "groups": 2}, False),
    ],
    ids=str,
)
def test_few_pixels_and_a_large_kernel_are_a_product_of_windows(shape, filters, params, is_product):
    check_product_of_windows(shape, (3, 3, 342, filters), params, is_product)


@pytest.mark.parametrize("name", _engine.isas())
@pytest.mark.parametrize(
    "shape, taps, params, is_product",
    [
        ((1, 6, 7, 342), 3, {}, True),  # 32 results of Winograd's tiles, and the transform of the kernel, for 20
        ((1, 6, 6, 342), 3, {"pads": (1, 1, 1, 1)}, True),  # 64 for 36
        ((1, 7, 7, 342), 3, {"pads": (1, 1, 1, 1)}, False),  # 64 for 49
        ((1, 10, 9, 342), 3, {}, False),
        ((1, 4, 4, 342), 3, {"pads": (0, 1, 1, 1)}, False),  # too many zeros
        ((1, 11, 11, 342), 5, {}, False),  # other tiles
    ],
    ids=str,
)
def test_few_pixels_for_which_winograd_is_no_faster_are_a_product_of_windows(shape, taps, params, is_product, name):
    with using(name):
        check_product_of_windows(shape, (taps, taps, 342, 342), params, is_product, isas=[name])


def check_product_of_windows(shape, kernel, params, is_product, isas=None):
    params, graph = with_defaults(params), Graph()
    with tracing(graph):
        x, bias = graph.input(shape, "float32"), graph.input(kernel[3:], "float32")
        graph.outputs = [conv2d_op(x, graph.input(kernel, "float32"), bias, **params)]
    names = [node.op.name for node in simplify(graph).nodes if node.op.name not in ("input", "reshape")]
    assert names == (["windows", "windows", "conv2d"] if is_product else ["conv2d"])
    if is_product:
        inputs = [normal(*shape), normal(*kernel) / np.float32(math.prod(kernel[:3]) ** 0.5), normal(*kernel[3:])]
        check_op(conv2d_op, inputs, atol=1e-5, isas=isas, **params)


def agrees_with_keras(name, *args, rtol=1e-5, **kwargs):
    result, expected = getattr(ops, name)(*args, **kwargs), np.asarray(getattr(keras.ops, name)(*args, **kwargs))
    assert result.shape == expected.shape and result.dtype == expected.dtype
    np.testing.assert_allclose(result, expected, rtol=rtol, atol=rtol * np.abs(expected).max())


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("strides, dilation_rate", [(1, 1), (2, 1), ((1, 2), 1), (1, 2), (1, (2, 1))], ids=str)
@pytest.mark.parametrize("kernel", [(3, 3, 2, 5), (2, 4, 2, 3), (3, 3, 1, 4)], ids=str)
def test_conv_agrees_with_keras(kernel, strides, dilation_rate, padding):
    x = normal(2, 9, 10, 2)
    agrees_with_keras("conv", x, normal(*kernel), strides=strides, padding=padding, dilation_rate=dilation_rate)


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_channels_first(padding):
    x, kernel = normal(2, 3, 7, 8), normal(3, 3, 3, 4)
    first = ops.conv(x, kernel, padding=padding, data_format="channels_first")
    last = ops.conv(x.transpose(0, 2, 3, 1), kernel, padding=padding, data_format="channels_last")
    np.testing.assert_allclose(first, last.transpose(0, 3, 1, 2), rtol=1e-6)


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_one_dimension(padding):
    agrees_with_keras("conv", normal(2, 9, 3), normal(4, 3, 5), strides=2, padding=padding)


def test_symbolic_sizes():
    x = KerasTensor((None, None, 10, 3))
    assert ops.conv(x, normal(3, 3, 3, 4), padding="same", strides=2).shape == (None, None, 5, 4)
    assert ops.conv(x, normal(3, 3, 3, 4)).shape == (None, None, 8, 4)


def test_gradient_of_the_public_function():
    check_gradient(lambda x, w: ops.conv(x, w, strides=2, padding="same"), [normal(1, 6, 5, 2), normal(3, 3, 2, 3)])


@pytest.mark.parametrize(
    "call, numbers",
    [
        (lambda: ops.conv(normal(1, 5, 5, 3), normal(3, 3, 4, 2)), ("3 channels", "4")),
        (lambda: ops.conv(normal(1, 5, 5, 4), normal(3, 3, 2, 3)), ("3 filters", "2 groups")),
        (lambda: ops.conv(normal(1, 5, 5, 3), normal(7, 6, 3, 2)), ("(7, 6)", "(1, 5, 5, 3)")),
        (lambda: ops.conv(normal(1, 5, 5, 3), normal(3, 3, 3, 2), padding="full"), ("full",)),
        (lambda: ops.conv(normal(1, 5, 5, 3), normal(3, 3, 3, 2), strides=0), ("(0, 0)",)),
        (lambda: ops.conv(normal(1, 5, 5, 3), normal(3, 3, 2)), ("(1, 5, 5, 3)", "(3, 3, 2)")),
        (lambda: ops.conv(normal(1, 5, 5, 3), normal(3, 3, 3, 2), data_format="nhwc"), ("nhwc",)),
    ],
)
def test_errors_have_the_numbers(call, numbers):
    with pytest.raises(ValueError) as error:
        call()
    for number in numbers:
        assert number in str(error.value)
