"""Which convolutions Winograd's algorithm computes, and that layers give the same with it and without."""

import numpy as np
import pytest

import fastnn as keras
from fastnn import config, layers
from fastnn._kernels import _engine, using


@pytest.fixture(autouse=True)
def settings(monkeypatch):
    monkeypatch.setattr(config, "choices", {})


def convolution_of(shape, batch_size, dtype="float32", **kwargs):
    """The kernel that computes a convolution to 16 channels."""
    layer = layers.Conv2D(16, **{"kernel_size": 3, "padding": "same", **kwargs}, dtype=dtype)
    model = keras.Sequential([keras.Input(shape, dtype=dtype), layer])
    model.compile("sgd", "mse")
    [kernel] = [s.kernel for s in model.explain(batch_size=batch_size, mode="predict").steps if "conv2d" in s.kernel]
    return kernel


@pytest.mark.parametrize(
    ("shape", "batch_size", "kwargs", "expected"),
    [
        ((32, 32, 16), 8, {}, "winograd_conv2d_f32"),
        ((32, 32, 16), 8, {"padding": "valid"}, "winograd_conv2d_f32"),
        ((28, 28, 32), 1, {}, "winograd_conv2d_f32"),
        ((28, 28, 1), 8, {}, "conv2d_f32"),  # one channel: the transforms cost more than they save
        ((2, 2, 16), 64, {}, "conv2d_f32"),  # a quarter of each tile is used
        ((4, 4, 64), 1, {}, "conv2d_f32"),  # the kernel's transform serves one tile
        ((32, 32, 16), 8, {"strides": 2}, "conv2d_f32"),
        ((32, 32, 16), 8, {"dilation_rate": 2}, "conv2d_f32"),
        ((32, 32, 64), 8, {"groups": 2}, "winograd_conv2d_f32"),
        ((32, 32, 16), 8, {"groups": 4}, "conv2d_f32"),  # a quarter of a vector each
        ((32, 32, 16), 8, {"kernel_size": 5}, "winograd_conv2d_f32"),
        ((28, 28, 32), 1, {"kernel_size": 5}, "winograd_conv2d_f32"),
        ((28, 28, 3), 8, {"kernel_size": 5}, "conv2d_f32"),
        ((32, 32, 16), 8, {"kernel_size": 5, "strides": 2}, "conv2d_f32"),
        ((32, 32, 16), 8, {"kernel_size": (3, 5)}, "conv2d_f32"),
        ((8, 8, 64), 8, {"kernel_size": (1, 3)}, "winograd_conv2d_f32"),
        ((8, 8, 64), 8, {"kernel_size": (3, 1)}, "winograd_conv2d_f32"),
        ((32, 32, 16), 8, {"kernel_size": 7}, "conv2d_f32"),
        ((32, 32, 16), 8, {"dtype": "float64"}, "conv2d_f64"),
    ],
)
def test_where_it_is_chosen(shape, batch_size, kwargs, expected):
    assert convolution_of(shape, batch_size, **kwargs) == expected


@pytest.mark.parametrize(
    ("channels", "kwargs", "expected"),
    [
        (64, {}, "winograd_conv2d_f32"),
        (64, {"padding": "causal", "dilation_rate": 8}, "winograd_conv2d_f32"),
        (64, {"padding": "causal", "dilation_rate": 48}, "conv2d_f32"),  # two results of a tile's four
        (64, {"strides": 2}, "conv2d_f32"),
        (1, {}, "conv2d_f32"),
    ],
)
def test_where_lines_have_it(channels, kwargs, expected):
    layer = layers.Conv1D(64, **{"kernel_size": 3, **kwargs})
    model = keras.Sequential([keras.Input((96, channels)), layer])
    model.compile("sgd", "mse")
    assert [s.kernel for s in model.explain(batch_size=16, mode="predict").steps] == [expected]


def convolutions_of(shape, filters, **kwargs):
    """The kernels that compute a convolution of 8 examples."""
    model = keras.Sequential([keras.Input(shape), layers.Conv2D(filters, **kwargs)])
    model.compile("sgd", "mse")
    return [step.kernel for step in model.explain(batch_size=8, mode="predict").steps if "conv2d" in step.kernel]


@pytest.mark.parametrize(("taps", "runs"), [(5, 1), (6, 2), (7, 2), (8, 2), (9, 3), (16, 4)])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("axis", [0, 1])
def test_lines_of_many_taps_are_sums_of_runs(taps, runs, padding, axis):
    size, shape = [1, 1], [4, 4, 64]
    size[axis], shape[axis] = taps, 96
    assert convolutions_of(shape, 64, kernel_size=size, padding=padding) == runs * ["winograd_conv2d_f32"]


@pytest.mark.parametrize(
    ("shape", "filters", "kwargs"),
    [
        ((8, 64, 64), 64, {"strides": 2}),
        ((8, 64, 1), 64, {}),
        ((8, 64, 64), 2, {}),
        ((8, 64, 16), 16, {}),  # the transforms cost what the products save
        ((1, 20, 192), 192, {"padding": "same"}),  # 160 pixels
        ((7, 64, 64), 64, {"kernel_size": 7, "padding": "valid"}),
        ((8, 64, 64), 64, {"kernel_size": (2, 7), "padding": "same"}),
        ((8, 64, 64), 64, {"kernel_size": (1, 7), "dtype": "float64"}),
    ],
)
def test_where_lines_of_many_taps_stay_whole(shape, filters, kwargs):
    [kernel] = convolutions_of(shape, filters, **{"kernel_size": (1, 7), **kwargs})
    assert not kernel.startswith("winograd")


@pytest.mark.parametrize("name", _engine.isas())
def test_kernel_gradients_of_few_channels_stay_whole(name):
    """Where runs save little, as each transforms x and dy for itself."""
    with using(name):
        model = keras.Sequential([keras.Input((128, 16)), layers.Conv1D(16, 7, padding="same")])
        model.compile("sgd", "mse")
        kernels = [step.kernel for step in model.explain(batch_size=64).steps]
        assert "conv2d_grad_kernel_f32" in kernels and "winograd_conv2d_grad_kernel_f32" not in kernels


def test_set_winograd():
    config.set_winograd(False)
    assert not config.winograd()
    assert convolution_of((32, 32, 16), 8) == "conv2d_f32"
    config.set_winograd(True)
    assert convolution_of((32, 32, 16), 8) == "winograd_conv2d_f32"


def test_lines_of_many_taps_stay_whole_without():
    config.set_winograd(False)
    assert convolutions_of((4, 96, 64), 64, kernel_size=(1, 7)) == ["conv2d_f32"]


def outputs_and_trained_weights(size, padding, activation):
    """Of two convolutions, the second with a sum in its epilogue: a prediction, and the weights after a step."""
    keras.utils.set_random_seed(1)
    x = keras.Input((20, 21, 16))
    y = layers.Conv2D(16, size, padding=padding, activation=activation, bias_initializer="random_normal")(x)
    z = layers.Conv2D(16, size, padding="same")(y)
    model = keras.Model(x, layers.ReLU()(layers.Add()([y, z])))
    model.compile(keras.optimizers.SGD(1.0), "mse")
    data = np.random.default_rng(0).standard_normal((6, 20, 21, 16)).astype(np.float32)
    out = model.predict(data, verbose=0)
    model.train_on_batch(data, np.zeros_like(out))
    return [out, *model.get_weights()]


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("activation", [None, "relu", "tanh"])
@pytest.mark.parametrize("size", [3, 5])
def test_same_numbers_as_without(size, padding, activation):
    fast = outputs_and_trained_weights(size, padding, activation)
    config.set_winograd(False)
    plain = outputs_and_trained_weights(size, padding, activation)
    assert any(not np.array_equal(a, b) for a, b in zip(fast, plain, strict=True))
    for got, expected in zip(fast, plain, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


def dilated(padding):
    """Of a stack of dilated convolutions with sums between them: a prediction, and the weights after a step."""
    keras.utils.set_random_seed(1)
    x = keras.Input((70, 32))
    y = x
    for size, rate in ((2, 1), (2, 4), (3, 8)):
        y = layers.Conv1D(32, size, padding=padding, dilation_rate=rate, activation="relu")(y)
        y = layers.Add()([y, layers.Conv1D(32, 1)(y)])
    model = keras.Model(x, y)
    model.compile(keras.optimizers.SGD(1.0), "mse")
    data = np.random.default_rng(0).standard_normal((6, 70, 32)).astype(np.float32)
    out = model.predict(data, verbose=0)
    model.train_on_batch(data, np.zeros_like(out))
    return [out, *model.get_weights()]


@pytest.mark.parametrize("padding", ["same", "causal", "valid"])
def test_dilated_lines_give_the_same_numbers_as_without(padding):
    fast = dilated(padding)
    config.set_winograd(False)
    plain = dilated(padding)
    assert any(not np.array_equal(a, b) for a, b in zip(fast, plain, strict=True))
    for got, expected in zip(fast, plain, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


def of_many_taps(taps, padding, groups):
    """Of two convolutions along lines and one along columns: a prediction, and the weights after a step."""
    keras.utils.set_random_seed(1)
    x = keras.Input((120, 128))
    y = layers.Conv1D(128, taps, padding=padding, activation="relu", bias_initializer="random_normal")(x)
    y = layers.Conv1D(128, taps, padding=padding, dilation_rate=2, groups=groups)(y)
    y = layers.Reshape((y.shape[1], 1, 128))(y)
    y = layers.Conv2D(128, (taps, 1), padding="same", activation="relu")(y)
    model = keras.Model(x, y)
    model.compile(keras.optimizers.SGD(1.0), "mse")
    data = np.random.default_rng(0).standard_normal((8, 120, 128)).astype(np.float32)
    out = model.predict(data, verbose=0)
    model.train_on_batch(data, np.zeros_like(out))
    kernels = [step.kernel for step in model.explain(batch_size=8).steps if "conv2d" in step.kernel]
    return kernels, [out, *model.get_weights()]


@pytest.mark.parametrize(("taps", "groups"), [(6, 1), (7, 1), (8, 2), (11, 1)])
@pytest.mark.parametrize("padding", ["same", "causal", "valid"])
def test_lines_of_many_taps_give_the_same_numbers_as_without(taps, padding, groups):
    kernels, fast = of_many_taps(taps, padding, groups)
    config.set_winograd(False)
    plain_kernels, plain = of_many_taps(taps, padding, groups)
    runs = -(-taps // 4)
    assert len(plain_kernels) == 3 + 3 + 2
    assert len(kernels) == runs * len(plain_kernels)
    for got, expected in zip(fast, plain, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())
