"""Resizing, padding and cropping images, against the released Keras."""

import keras
import numpy as np
import pytest

from fastnn.ops import image
from fastnn.testing import check_op

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


def test_errors():
    for call in (
        lambda: image.resize(X, (2, 2), "cubic"),
        lambda: image.resize(X, (2,)),
        lambda: image.resize(X[0, 0], (2, 2)),
        lambda: image.pad_images(X, 1, 1, 1, 1, target_height=7),
        lambda: image.crop_images(X, 3, 0, 3, 0),
    ):
        with pytest.raises(ValueError):
            call()
