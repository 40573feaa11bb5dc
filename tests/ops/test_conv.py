"""Keras's convolutions of every rank against the released Keras, with their first and second derivatives."""

import itertools

import keras
import numpy as np
import pytest

import fastnn as k
from fastnn import KerasTensor, ops
from fastnn.graph.grad import gradients
from fastnn.graph.trace import current
from fastnn.ops.windows import windows, windows_op, windows_sum, windows_sum_op
from fastnn.testing import check_gradient, check_op

rng = np.random.default_rng(4)


def normal(*shape, dtype=np.float32):
    return rng.standard_normal(shape).astype(dtype)


def agrees_with_keras(name, *args, **kwargs):
    result, expected = getattr(ops, name)(*args, **kwargs), np.asarray(getattr(keras.ops, name)(*args, **kwargs))
    assert result.shape == expected.shape and result.dtype == expected.dtype
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


# ---- the windows that three dimensions and patches are made of ----

# out, taps, stride, dilation, before: overlapping, apart, reaching outside on both sides, wholly outside.
WINDOWS = [(5, 3, 1, 1, 1), (3, 3, 2, 1, 1), (2, 2, 2, 2, 0), (4, 2, 3, 1, 5), (9, 4, 1, 2, 4), (2, 1, 3, 1, 0)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", WINDOWS, ids=str)
def test_windows(case, dtype):
    params = dict(zip(("out", "taps", "stride", "dilation", "before"), case, strict=True))
    x = normal(2, 5, 3, 4, dtype=dtype)
    check_op(windows_op, [x], **params)
    y = normal(2, params.pop("out"), 3, 4 * params["taps"], dtype=dtype)
    check_op(windows_sum_op, [y], size=5, **params)


@pytest.mark.parametrize("c", [1, 3])
@pytest.mark.parametrize(
    "out, taps, stride, size", [(4, 6, 2, 12), (4, 5, 2, 11), (3, 5, 3, 13), (2, 4, 6, 10), (5, 3, 1, 7), (4, 6, 4, 18)]
)
def test_windows_side_by_side(out, taps, stride, size, c):
    """As sequences are: all taps of a window at once, and sums by pieces of `stride` elements."""
    params = {"taps": taps, "stride": stride, "dilation": 1, "before": 0}
    check_op(windows_op, [normal(2, size, 1, c)], out=out, **params)
    check_op(windows_sum_op, [normal(2, out, 1, taps * c)], size=size, **params)


@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("taps", [1, 2, 3, 6])
def test_windows_that_cut_an_axis_up(taps, axis):
    x, along = normal(2, 6, 6, 4), {"axis": axis, "taps": taps, "stride": taps, "dilation": 1, "before": 0}
    y = windows(x, out=6 // taps, **along)
    expected = np.stack([np.take(x, range(t, 6, taps), axis) for t in range(taps)], -2)
    np.testing.assert_array_equal(y, expected.reshape(*expected.shape[:3], -1))
    np.testing.assert_array_equal(windows_sum(y, size=6, **along), x)


# ---- conv ----

VOLUMES = [
    ((3, 2, 3), {}),
    ((2, 2, 2), {"strides": 2, "padding": "same"}),
    ((3, 1, 2), {"strides": (1, 2, 3), "padding": "same"}),
    ((3, 3, 2), {"dilation_rate": (2, 1, 2), "padding": "same"}),
    ((1, 3, 3), {"strides": (2, 1, 1)}),
]


@pytest.mark.parametrize("kernel, arguments", VOLUMES, ids=str)
@pytest.mark.parametrize("groups", [1, 2])
def test_volumes(kernel, arguments, groups):
    agrees_with_keras("conv", normal(2, 6, 5, 7, 4), normal(*kernel, 4 // groups, 6), **arguments)


@pytest.mark.parametrize("kernel, arguments", VOLUMES, ids=str)
def test_volumes_in_place(kernel, arguments):
    agrees_with_keras("conv", normal(2, 6, 5, 7, 4), normal(*kernel, 4, 17), **arguments)


@pytest.mark.parametrize("filters", [6, 12])
@pytest.mark.parametrize("sizes, kernel", [((9,), (3,)), ((7, 8), (7, 7)), ((4, 5, 6), (2, 3, 3))], ids=str)
def test_a_channel_a_group(sizes, kernel, filters):
    """Depthwise convolutions, by their kernel in one and two dimensions."""
    x, w = normal(2, *sizes, 6), normal(*kernel, 1, filters)
    agrees_with_keras("conv", x, w, padding="same")
    if len(sizes) < 3:
        layer = getattr(k.layers, f"Conv{len(sizes)}D")(filters, kernel, groups=6, activation="relu")
        model = k.Sequential([k.Input((*sizes, 6)), layer])
        assert [s.kernel for s in model.explain(2, "predict").steps] == ["depthwise_conv2d_f32"]


@pytest.mark.parametrize("kernel, arguments", VOLUMES, ids=str)
def test_depthwise_volumes(kernel, arguments):
    agrees_with_keras("depthwise_conv", normal(2, 6, 5, 7, 3), normal(*kernel, 3, 2), **arguments)


def test_separable_volumes():
    agrees_with_keras("separable_conv", normal(1, 4, 5, 6, 3), normal(2, 3, 2, 3, 2), normal(1, 1, 1, 6, 4))


# ---- conv_transpose: every rule of sizes in one dimension, then ranks ----


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("size, stride, dilation", [*itertools.product((1, 2, 3, 4), (1, 2, 3), (1,)), (2, 1, 3)])
@pytest.mark.parametrize("output_padding", [None, 0, 1, 2])
def test_transposed_sizes(size, stride, dilation, output_padding, padding):
    agrees_with_keras(
        "conv_transpose", normal(2, 5, 3), normal(size, 2, 3), strides=stride, padding=padding,
        output_padding=output_padding, dilation_rate=dilation,
    )  # fmt: skip


TRANSPOSED = [
    ((5, 4), (3, 2), {"strides": 2, "padding": "same"}),
    ((5, 4), (2, 4), {"strides": (2, 1), "output_padding": (1, 0)}),
    ((4, 3), (3, 3), {"dilation_rate": 2, "padding": "same"}),
    ((3, 4, 2), (3, 2, 3), {"strides": 2, "padding": "same"}),
    ((3, 4, 2), (2, 3, 1), {"strides": (3, 1, 2), "output_padding": (2, 0, 1)}),
    ((3, 4, 2), (2, 2, 2), {"dilation_rate": (2, 1, 1)}),
]


@pytest.mark.parametrize("sizes, kernel, arguments", TRANSPOSED, ids=str)
def test_transposed(sizes, kernel, arguments):
    x, w = normal(2, *sizes, 3), normal(*kernel, 4, 3)
    agrees_with_keras("conv_transpose", x, w, **arguments)
    first = ops.conv_transpose(np.moveaxis(x, -1, 1), w, data_format="channels_first", **arguments)
    np.testing.assert_allclose(np.moveaxis(first, 1, -1), ops.conv_transpose(x, w, **arguments), rtol=1e-5, atol=1e-5)


# ---- zeros that a layer put around the input ----

# sizes, kernel, widths of zeros, arguments
AROUND = [
    ((9, 8), (3, 3), ((1, 1), (1, 1)), {}),  # Winograd's
    ((13, 9), (3, 3), ((2, 2), (2, 2)), {}),
    ((9, 8), (3, 3), ((0, 1), (0, 1)), {"strides": 2}),
    ((11, 12), (7, 7), ((3, 3), (3, 3)), {"strides": 2}),
    ((5, 6), (3, 2), ((1, 1), (1, 0)), {"padding": "same"}),
    ((6, 7), (3, 3), ((4, 3), (2, 4)), {"dilation_rate": 2}),
    ((12,), (3,), ((8, 0),), {"dilation_rate": 4}),  # causal
    ((4, 5, 4), (2, 3, 3), ((1, 0), (1, 1), (2, 1)), {}),
]


@pytest.mark.parametrize("channels", [1, 3, 16])
@pytest.mark.parametrize("name", ["conv", "depthwise_conv"])
@pytest.mark.parametrize("sizes, kernel, widths, arguments", AROUND, ids=str)
def test_zeros_around_become_padding(name, sizes, kernel, widths, arguments, channels):
    x, w = normal(2, *sizes, channels), normal(*kernel, channels, 6)  # from 5 filters on none changes places with x
    zeros = [(0, 0), *widths, (0, 0)]

    def padded(x, w):
        return getattr(ops, name)(ops.pad(x, zeros), w, **arguments)

    traced = k.jit(padded)
    np.testing.assert_allclose(traced(x, w), padded(x, w), rtol=1e-4, atol=1e-4)
    if len(sizes) < 3:  # in three dimensions windows along the depth are copies
        assert "copy" not in [step.kernel for step in traced.executable_for(x, w).steps]


@pytest.mark.parametrize("name", ["conv", "depthwise_conv"])
@pytest.mark.parametrize("sizes, kernel, widths, arguments", AROUND, ids=str)
def test_derivative_with_zeros_around(name, sizes, kernel, widths, arguments):
    zeros = [(0, 0), *widths, (0, 0)]
    check_op(
        lambda x, w: getattr(ops, name)(ops.pad(x, zeros), w, **arguments),
        [normal(1, *sizes, 2), normal(*kernel, 2, 2)],
    )


@pytest.mark.parametrize("name", ["conv", "depthwise_conv"])
@pytest.mark.parametrize("widths", [[(1, 1)], [(1, 0), (0, 1)]], ids=str)
def test_gradients_of_what_was_padded(name, widths):
    """A traced gradient by the input, the kernel and the padded input itself, beside those of an array of zeros."""
    x, w = normal(2, *(6,) * len(widths), 3), normal(*(3,) * len(widths), 3, 5)
    zeros = [(0, 0), *widths, (0, 0)]

    def by(x, w, p):
        y = getattr(ops, name)(p, w)
        return gradients(current(), [ops.sum(y * y)], [x, w, p])

    by_x, by_w, by_p = k.jit(lambda x, w: by(x, w, ops.pad(x, zeros)))(x, w)
    expected_w, expected_p = k.jit(lambda p, w: by(p, w, p)[1:])(np.pad(x, zeros), w)
    inside = tuple(slice(a, a + n) for (a, _), n in zip(zeros, x.shape, strict=True))
    np.testing.assert_allclose(by_w, expected_w, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(by_p, expected_p, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(by_x, expected_p[inside], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("zeros, value, kept", [
    ([(0, 0), (3, 0), (0, 0), (0, 0)], 0, True),  # a window of zeros alone
    ([(0, 0), (1, 1), (1, 1), (0, 0)], 1, True),
    ([(0, 1), (1, 1), (1, 1), (0, 0)], 0, True),
    ([(0, 0), (1, 1), (1, 1), (1, 0)], 0, True),
    ([(0, 0), (1, 1), (1, 1), (0, 0)], 0, False),
], ids=str)  # fmt: skip
def test_what_else_is_around_stays(zeros, value, kept):
    x, w = normal(2, 5, 6, 3), normal(3, 3, 3 + sum(zeros[3]), 4)

    def padded(x, w):
        return ops.conv(ops.pad(x, zeros, constant_values=value), w)

    traced = k.jit(padded)
    np.testing.assert_allclose(traced(x, w), padded(x, w), rtol=1e-5, atol=1e-5)
    assert ("copy" in [step.kernel for step in traced.executable_for(x, w).steps]) == kept


# ---- derivatives ----

DIFFERENTIATED = [
    ("conv", [(1, 4, 3, 4, 4), (2, 2, 3, 2, 4)], {"strides": 2, "padding": "same"}),
    ("conv", [(1, 5, 3, 3, 2), (3, 1, 2, 2, 3)], {"dilation_rate": (2, 1, 1)}),
    ("conv", [(1, 5, 3, 3, 2), (3, 2, 2, 2, 9)], {"strides": 2, "padding": "same"}),
    ("conv", [(1, 5, 4, 2), (3, 2, 1, 4)], {"padding": "same"}),
    ("depthwise_conv", [(1, 4, 3, 4, 2), (2, 2, 3, 2, 2)], {"padding": "same"}),
    ("conv_transpose", [(1, 3, 4, 2), (3, 2, 3, 2)], {"strides": 2, "padding": "same"}),
    ("conv_transpose", [(1, 2, 3, 2, 2), (3, 2, 3, 3, 2)], {"strides": (2, 1, 1), "output_padding": 2}),
    ("conv_transpose", [(1, 2, 2, 2, 9), (3, 2, 3, 2, 9)], {"strides": 2, "padding": "same"}),
    ("separable_conv", [(1, 5, 3), (2, 3, 2), (1, 6, 4)], {}),
]


@pytest.mark.parametrize("name, shapes, arguments", DIFFERENTIATED, ids=str)
def test_first_derivative(name, shapes, arguments):
    check_op(lambda *xs: getattr(ops, name)(*xs, **arguments), [normal(*shape) for shape in shapes])


@pytest.mark.parametrize("name, shapes, arguments", DIFFERENTIATED[:6], ids=str)
def test_second_derivative(name, shapes, arguments):
    """The gradient of a cubic of the outputs along a direction, differentiated again."""

    direction = normal(*shapes[0], dtype=np.float64)

    def slope(*xs):
        y = getattr(ops, name)(*xs, **arguments)
        (dx,) = gradients(current(), [ops.sum(y * y * y)], [xs[0]])
        return ops.sum(dx * direction)

    check_gradient(slope, [normal(*shape) for shape in shapes])


# ---- what is not numbers ----


def test_symbolic_sizes():
    x = KerasTensor((None, None, 10, 8, 3))
    assert ops.conv(x, normal(3, 3, 3, 3, 4), padding="same", strides=2).shape == (None, None, 5, 4, 4)
    assert ops.conv_transpose(x, normal(2, 3, 3, 4, 3), strides=2).shape == (None, None, 21, 17, 4)
    assert ops.depthwise_conv(x, normal(3, 3, 3, 3, 2)).shape == (None, None, 8, 6, 6)


@pytest.mark.parametrize(
    "call, numbers",
    [
        (lambda: ops.conv(normal(1, 4, 4, 4, 3), normal(2, 2, 2, 2, 2)), ("3 channels", "(2, 2, 2, 2, 2)")),
        (lambda: ops.conv(normal(1, 2, 4, 4, 2), normal(3, 3, 3, 2, 2)), ("(3, 3, 3)", "(1, 2, 4, 4, 2)")),
        (lambda: ops.conv(normal(1, 4, 4, 4, 4, 2), normal(3, 3, 3, 3, 2, 2)), ("(1, 4, 4, 4, 4, 2)",)),
        (lambda: ops.conv_transpose(normal(1, 4, 3), normal(2, 3, 2)), ("3 channels", "2")),
        (lambda: ops.conv_transpose(normal(1, 4, 3), normal(2, 2, 3), output_padding=-1), ("output_padding", "-1")),
        (lambda: ops.conv_transpose(normal(1, 4, 3), normal(2, 2, 3), padding="causal"), ("causal",)),
        (lambda: ops.depthwise_conv(normal(1, 4, 3), normal(2, 2, 3)), ("3 channels", "2")),
    ],
)
def test_errors_have_the_numbers(call, numbers):
    with pytest.raises(ValueError) as error:
        call()
    for number in numbers:
        assert number in str(error.value)
