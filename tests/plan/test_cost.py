"""What is decided by the expected cost of a kernel call."""

from functools import partial

import numpy as np
import pytest

import fastnn as k
from benchmarks import constants
from fastnn._kernels import isa
from fastnn.plan import cost


def kernel_of(channels, size=14):
    model = k.Sequential([k.Input((size, size, channels)), k.layers.Conv2D(16, 3, padding="same")])
    return model.explain(batch_size=1, mode="predict").steps[0].kernel


def test_small_work_stays_on_one_thread():
    flops = cost.SHARE_S * cost.FLOPS_PER_S
    assert cost.threads_for(([8], 0, 0, 0.9 * flops, 0.0)) == 1
    assert cost.threads_for(([8], 0, 0, 1.1 * flops, 0.0)) == cost.ALL_THREADS
    assert cost.threads_for(([1], 0, 0, 1.1 * flops, 0.0)) == 1  # nothing to share


@pytest.mark.parametrize(
    ("channels", "size", "expected"),
    [
        (736, 7, "gemm_f32"),
        (736, 9, "conv2d_f32"),
        (528, 7, "conv2d_f32"),
        (528, 3, "gemm_f32"),
        (1024, 15, "gemm_f32"),
    ],
)
def test_few_or_many_pixels_by_a_large_kernel_are_a_product(channels, size, expected):
    model = k.Sequential([k.Input((size, size, channels)), k.layers.Conv2D(channels, 1, activation="relu")])
    x = np.random.default_rng(0).random((1, size, size, channels), "float32")
    kernel, bias = model.layers[0].get_weights()
    assert model.explain(batch_size=1, mode="predict").steps[0].kernel == expected
    np.testing.assert_allclose(model(x), np.maximum(x @ kernel[0, 0] + bias, 0), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("filters", "size", "expected"), [(21, 1, "gemm_f32"), (48, 1, "conv2d_f32"), (21, 17, "conv2d_f32")]
)
def test_few_pixels_by_rows_that_are_no_whole_vectors_are_a_product(filters, size, expected):
    model = k.Sequential([k.Input((size, size, 30)), k.layers.Conv2D(filters, 1, activation="relu")])
    x = np.random.default_rng(0).random((1, size, size, 30), "float32")
    kernel, bias = model.layers[0].get_weights()
    assert model.explain(batch_size=1, mode="predict").steps[0].kernel == expected
    np.testing.assert_allclose(model(x), np.maximum(x @ kernel[0, 0] + bias, 0), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("padding", "size", "strides", "filters", "expected"),
    [
        ("valid", 14, 2, 1024, ["copy", "gemm_f32"]),
        ("same", 13, (2, 3), 1024, ["copy", "gemm_f32"]),
        ("same", 14, (1, 2), 1024, ["copy", "gemm_f32"]),
        ("valid", 14, 2, 512, ["conv2d_f32"]),
    ],
)
def test_a_large_kernel_multiplies_the_pixels_that_count(padding, size, strides, filters, expected):
    layer = k.layers.Conv2D(filters, 1, strides=strides, padding=padding, activation="relu")
    model = k.Sequential([k.Input((size, size, 512)), layer])
    x = np.random.default_rng(0).random((1, size, size, 512), "float32")
    kernel, bias = layer.get_weights()
    assert [step.kernel for step in model.explain(batch_size=1, mode="predict").steps] == expected
    down, along = (strides, strides) if isinstance(strides, int) else strides
    expected_y = np.maximum(x[:, ::down, ::along] @ kernel[0, 0] + bias, 0)
    np.testing.assert_allclose(model(x), expected_y, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("channels", "expected"), [(3, "conv2d_f32"), (16, "winograd_conv2d_f32")])
def test_algorithms_are_chosen_by_shapes_alone(channels, expected):
    try:
        for threads in (1, 2):
            k.config.set_threads(threads)
            assert kernel_of(channels) == expected
    finally:
        k.config.set_threads(None)


def test_kernel_gradients_of_5_by_5_taps_take_winograd_earlier_than_convolutions():
    model = k.Sequential([k.Input((34, 34, 32)), k.layers.Conv2D(16, 5), k.layers.Flatten(), k.layers.Dense(1)])
    model.compile("sgd", "mse")
    kernels = [step.kernel for step in model.explain(batch_size=10, mode="train").steps]
    assert "winograd_conv2d_grad_kernel_f32" in kernels
    assert cost.winograd_gain("conv2d_grad_kernel", 32, 16, (5, 5)) < cost.winograd_gain("conv2d", 32, 16, (5, 5))


def test_groups_that_share_vectors_take_winograd_later_and_not_where_no_cache_holds_them():
    gain = partial(cost.winograd_gain, "conv2d", size=(3, 3), groups=2)
    assert gain(8, 8) > gain(24, 24) == gain(32, 64)
    assert (gain(16, 16, is_far=True) == np.inf) == (isa() == "avx512")


def test_results_that_are_added_up_count_for_each_but_the_last():
    line = [8, 1, 256, 64, 1, 256, 64, 1, 7, 1, 1, 1, 1, 0, 3, 1, 0, 0]
    parts = [[*line[:8], taps, *line[9:14], pad, *line[15:]] for taps, pad in ((3, 3), (4, 0))]
    is_faster = partial(cost.is_faster_in_parts, "winograd_conv2d_f32", other="conv2d_f32", ints=line, times=0.5)
    many_bytes = 10 * cost.BYTES_PER_S
    assert is_faster(parts=parts, size=0) and not is_faster(parts=parts, size=many_bytes)
    assert is_faster(parts=parts[:1], size=many_bytes)


def test_no_output_is_too_small_to_choose():
    x = np.ones((0, 14, 14, 16), "float32")
    assert k.ops.conv(x, np.ones((3, 3, 16, 16), "float32"), padding="same").shape == (0, 14, 14, 16)


def test_the_best_limit_loses_nothing_where_the_estimate_is_in_order():
    expected, actual = [0.5, 0.8, 1.1, 2.0], [0.6, 1.2, 1.5, 2.5]
    losses = {gain: constants._loss(gain, expected, actual) for gain in constants._middles(expected)}
    assert min(losses.values()) == 1
    assert constants._loss(0.7, expected, actual) == 1
    assert constants._loss(1.0, expected, actual) == pytest.approx(1.2**0.25)
