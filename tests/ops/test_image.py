"""Resizing, padding and cropping images, against the released Keras."""

import keras
import numpy as np
import pytest

import fastnn
from fastnn.ops import image
from fastnn.testing import check_gradient, check_op

X = np.random.default_rng(0).random((2, 5, 4, 3)).astype(np.float32)


@pytest.mark.parametrize("size", [(7, 3), (3, 9), (5, 4), (1, 1)], ids=str)
@pytest.mark.parametrize(
    "kwargs",
    [
        {"interpolation": "nearest"},
        {"interpolation": "bilinear"},
        {"interpolation": "bicubic"},
        {"interpolation": "lanczos3"},
        {"interpolation": "lanczos5"},
        {"antialias": True},
        {"antialias": True, "interpolation": "bicubic"},
        {"crop_to_aspect_ratio": True},
        {"pad_to_aspect_ratio": True, "fill_value": 2.0},
    ],
    ids=str,
)
def test_resize(kwargs, size):
    wanted = keras.ops.image.resize(X, size, **kwargs)
    np.testing.assert_allclose(image.resize(X, size, **kwargs), wanted, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(image.resize(X[0], size, **kwargs), wanted[0], rtol=1e-4, atol=1e-5)
    first = image.resize(np.moveaxis(X, -1, 1).copy(), size, **kwargs, data_format="channels_first")
    np.testing.assert_allclose(np.moveaxis(first, 1, -1), wanted, rtol=1e-4, atol=1e-5)


def test_resize_bytes():
    x = (X * 255).astype(np.uint8)
    wanted = keras.ops.image.resize(x, (7, 3))
    result = image.resize(x, (7, 3))
    assert result.dtype == np.uint8
    # Where the exact value is half-way between two bytes, float32 rounding decides, and kernels with and without
    # fused multiply-add differ; everywhere else the byte is the nearest one.
    exact = np.asarray(keras.ops.image.resize(x.astype(np.float32), (7, 3)))
    is_tie = np.abs(exact % 1 - 0.5) < 256 * 4 * np.finfo(np.float32).eps
    assert is_tie.mean() < 0.2
    np.testing.assert_array_equal(result[~is_tie], wanted[~is_tie])
    np.testing.assert_array_equal(np.abs(result[is_tie] - exact[is_tie]).round(3), 0.5)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_resize_gradient(interpolation):
    check_op(lambda x: image.resize(x, (7, 3), interpolation), [X])


def test_pad_and_crop():
    wanted = keras.ops.image.pad_images(X, 1, 2, target_height=8, target_width=9)
    np.testing.assert_array_equal(image.pad_images(X, 1, 2, target_height=8, target_width=9), wanted)
    wanted = keras.ops.image.crop_images(X, 1, None, 1, 2, target_width=1)
    np.testing.assert_array_equal(image.crop_images(X, 1, None, 1, 2, target_width=1), wanted)


@pytest.mark.parametrize("function", [image.sobel_edges, image.gaussian_blur, image.rgb_to_hsv, image.hsv_to_rgb])
def test_gradient(function):
    check_op(function, [X])


def test_gradients_by_positions():
    """Off the whole numbers, where the gradient jumps."""
    rng = np.random.default_rng(1)
    points = rng.integers(-30, 70, (2, 9)) / 10 + 0.03
    for mode in ("constant", "nearest", "wrap", "mirror", "reflect"):
        check_op(lambda x, p, mode=mode: image.map_coordinates(x, p, 1, mode, 0.5), [rng.random((5, 4)), points])
    start = np.array([[0, 0], [3, 0], [0, 4], [3, 4]]) + 0.1
    check_op(image.perspective_transform, [X[0].astype(np.float64), start, start + rng.normal(size=(4, 2)) / 4])


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("rank", [1, 2])  # 2: by the kernel where the order is 1
@pytest.mark.parametrize(
    "mode, pad", [("nearest", "edge"), ("wrap", "wrap"), ("mirror", "reflect"), ("reflect", "symmetric")]
)
def test_map_coordinates_reads_what_an_array_that_goes_on_has(mode, pad, rank, order):
    """All whole positions from far on one side to far on the other, and halfway to the next; sizes of 1, too."""
    for n in (1, 2, 5):
        x = np.random.default_rng(n).random((n, 3)[:rank]).astype("float32")
        far = np.pad(x, [(20, 20), (0, 0)][:rank], mode=pad)
        rows = np.arange(-20, n + 19, dtype="float32")
        others = [np.full_like(rows, 1)] * (rank - 1)
        for share in (0, 0.5):
            y = image.map_coordinates(x, np.stack([rows + np.float32(share), *others]), order, mode)
            low, high = (part.reshape(len(rows), -1)[:, rank - 1] for part in (far[:-1], far[1:]))
            share = np.float32(share if order else share >= 0.5)
            np.testing.assert_array_equal(y, low * (1 - share) + high * share, str((n, share)))


def test_gradients_of_gradients():
    """Of both by pixels and by positions; images with positions of their own, and with shared ones."""
    rng = np.random.default_rng(2)
    x = rng.random((2, 5, 4, 2))
    for transform in ([0.8, 0.31, 0.77, -0.23, 0.9, 0.41, 0, 0], rng.normal(size=(2, 8)) / 4 + 0.5):

        def gradient(x, transform):
            with fastnn.GradientTape() as tape:
                tape.watch([x, transform])
                y = fastnn.ops.sum(image.affine_transform(x, transform, fill_value=0.5) ** 3)
            dx, dt = tape.gradient(y, [x, transform])
            return fastnn.ops.sum(dx**2) + fastnn.ops.sum(fastnn.ops.sin(dt))

        check_gradient(gradient, [x, np.array(transform)])


def test_blur_has_its_own_width_and_height():
    """`kernel_size` and `sigma` are (height, width), as documented; Keras's NumPy backend takes them the other way."""
    wanted = keras.ops.image.gaussian_blur(X, (5, 3), (2.0, 0.5))
    np.testing.assert_allclose(image.gaussian_blur(X, (3, 5), (0.5, 2.0)), wanted, rtol=1e-5)
    spot = image.gaussian_blur(np.pad(np.ones((1, 1, 1)), ((3, 3), (3, 3), (0, 0))), (3, 5), (1.0, 2.0))[..., 0]
    assert [int(np.any(spot, axis=axis).sum()) for axis in (1, 0)] == [3, 5]
    np.testing.assert_allclose(spot.sum(), 1)


def test_bytes_are_rounded():
    x = (X * 255).astype(np.uint8)
    exact = image.gaussian_blur(x.astype(np.float32))
    assert image.gaussian_blur(x).dtype == np.uint8
    np.testing.assert_array_equal(image.gaussian_blur(x), np.floor(exact + 0.5))
    half = np.array([1, 0, 0.5, 0, 1, 0, 0, 0], np.float32)
    exact = image.affine_transform(x.astype(np.float32), half, fill_mode="nearest")
    np.testing.assert_array_equal(image.affine_transform(x, half, fill_mode="nearest"), np.floor(exact + 0.5))


@pytest.mark.parametrize("sigma", [2.0, 4.0])
def test_elastic_transform(sigma):
    """Each image has a displacement of its own: normal, smooth, of the strength that is documented."""
    ramps = np.stack([np.broadcast_to(np.arange(96.0), (80, 96)).T, np.broadcast_to(np.arange(80.0), (96, 80))], -1)
    x = np.float32(np.stack([ramps] * 6))
    y = image.elastic_transform(x, alpha=5.0, sigma=sigma, fill_mode="nearest", seed=1)
    moved = (y - x)[:, 16:-16, 16:-16]
    deviation = 5 / (2 * np.sqrt(np.pi))
    # About a hundred independent patches an image and axis, 1200 in all: a deviation is known to 4 % at 2 sigma.
    assert abs(moved.std() / deviation - 1) < 0.1
    steps = np.diff(moved, axis=1).std() / moved.std()
    assert abs(steps * np.sqrt(2) * sigma - 1) < 0.1  # of a Gaussian process with this smoothing
    assert np.abs(moved[0] - moved[1]).max() > 1
    np.testing.assert_array_equal(y, image.elastic_transform(x, 5.0, sigma, fill_mode="nearest", seed=1))
    first = image.elastic_transform(np.moveaxis(x, -1, 1).copy(), 5.0, sigma, "bilinear", "nearest", 0, 1,
                                    "channels_first")  # fmt: skip
    np.testing.assert_allclose(np.moveaxis(first, 1, -1), y, atol=1e-4)


def test_errors():
    for call in (
        lambda: image.resize(X, (2, 2), "cubic"),
        lambda: image.resize(X, (2,)),
        lambda: image.resize(X[0, 0], (2, 2)),
        lambda: image.pad_images(X, 1, 1, 1, 1, target_height=7),
        lambda: image.crop_images(X, 3, 0, 3, 0),
        lambda: image.affine_transform(X, np.ones((3, 8))),
        lambda: image.affine_transform(X, np.ones(7)),
        lambda: image.perspective_transform(X, np.ones((4, 3)), np.ones((4, 2))),
        lambda: image.scale_and_translate(X, (2, 5, 4), np.ones(2), np.ones(2), (1, 2), "linear"),
        lambda: image.scale_and_translate(X, X.shape, np.ones(1), np.ones(2), (1, 2), "linear"),
        lambda: image.ssim(X, X[:1]),
        lambda: image.ssim(X, X),
        lambda: image.sobel_edges(X[0]),
        lambda: image.rgb_to_hsv(X[..., :2]),
    ):
        with pytest.raises(ValueError):
            call()
