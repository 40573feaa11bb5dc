"""Resizing images of many sizes: in NumPy, as a plan for each size would cost more than it saves."""

import functools

import numpy as np

from fastnn import ops
from fastnn.ops.resizing import axis_weights

INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")
_weights = functools.lru_cache(maxsize=4096)(axis_weights)


def smart_resize(x, size, interpolation="bilinear", data_format="channels_last", **kwargs):
    """Images in another size, without distortion: what does not fit its ratio is cut off at both ends first.

    Args:
        x: (height, width, channels) or (n, height, width, channels), channels first when `data_format` says so.
        size: (height, width).
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".
        data_format: "channels_last" or "channels_first".
        kwargs: none are known.

    Returns:
        Array of `size`, of the dtype of `x`.

    Raises:
        ValueError: for a wrong rank or size.
        TypeError: for unknown arguments.

    Example:
        >>> fastnn.preprocessing.image.smart_resize(np.ones((34, 50, 3)), (20, 20)).shape
        (20, 20, 3)
    """
    if kwargs:
        raise TypeError(f"smart_resize() got unexpected keyword arguments: {list(kwargs)}")
    if len(size) != 2:
        raise ValueError(f"Expected `size` to be a tuple of 2 integers, but got: {size}.")
    x = np.asarray(x)
    if x.ndim not in (3, 4):
        raise ValueError(
            "Expected an image array with shape `(height, width, channels)`, or `(batch_size, height, width, "
            f"channels)`, but got input with incorrect rank, of shape {x.shape}."
        )
    axes = (-3, -2) if data_format == "channels_last" else (-2, -1)
    return ops.image.resize(cropped(x, size, axes), size, interpolation=interpolation, data_format=data_format)


def cropped(x: np.ndarray, size, axes=(0, 1)) -> np.ndarray:
    """The largest part of the ratio of `size`, about the centre, of images whose height and width are the `axes`."""
    height, width = (x.shape[axis] for axis in axes)
    inner = (
        max(min(height, int(width * size[0] / size[1])), 1),
        max(min(width, int(height * size[1] / size[0])), 1),
    )
    key = [slice(None)] * x.ndim
    for axis, whole, part in zip(axes, (height, width), inner, strict=True):
        start = (whole - part) // 2
        key[axis] = slice(start, start + part)
    return x[tuple(key)]


def padded(x: np.ndarray, size) -> np.ndarray:
    """`x` (height, width, channels) with zeros at both ends, so that it has the ratio of `size`."""
    height, width = x.shape[:2]
    missing = (max(int(width * size[0] / size[1]) - height, 0), max(int(height * size[1] / size[0]) - width, 0))
    return np.pad(x, [(n // 2, n // 2) for n in missing] + [(0, 0)])


def resized(x: np.ndarray, size, interpolation: str) -> np.ndarray:
    """`x` (height, width, channels) in another size, float32: what `ops.image.resize` computes."""
    if interpolation not in INTERPOLATIONS:
        raise ValueError(f"fastnn resizes images by one of {INTERPOLATIONS}, not by interpolation={interpolation!r}.")
    x = x.astype(np.float32)
    if x.shape[:2] == tuple(size):
        return x
    if interpolation == "nearest":
        rows, columns = (
            ((np.arange(n) + 0.5) * (whole / n)).astype(np.int64) for n, whole in zip(size, x.shape, strict=False)
        )
        return x[rows[:, None], columns]
    down, across = (
        _weights(whole, n, interpolation, False, "float32") for n, whole in zip(size, x.shape, strict=False)
    )
    height, width, channels = x.shape
    x = (down @ x.reshape(height, width * channels)).reshape(size[0], width, channels)
    return across @ x
