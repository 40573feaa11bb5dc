"""Images of other sizes: resize, pad and crop.

Resizing is separable: for each axis a matrix of weights, so that it runs on the matrix kernel and differentiates; the
nearest neighbour is a `take`.
"""

import numpy as np

from fastnn import config
from fastnn.graph.dtypes import is_float
from fastnn.graph.symbolic import accepts_symbolic
from fastnn.ops import elementwise as ew
from fastnn.ops.gather import take
from fastnn.ops.indexing import getitem
from fastnn.ops.layout import expand_dims, moveaxis, squeeze
from fastnn.ops.matmul import matmul
from fastnn.ops.rearrange import pad
from fastnn.ops.record import as_array, dtype_of, shape_of
from fastnn.ops.rounding import round as round_to_even


def _cubic(x):
    """Keys's kernel with a = -1/2: third-order accurate (Keys 1981)."""
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def _lanczos(radius):
    return lambda x: np.where(x < radius, np.sinc(x) * np.sinc(x / radius), 0)


_KERNELS = {
    "bilinear": lambda x: np.maximum(1 - x, 0),
    "bicubic": _cubic,
    "lanczos3": _lanczos(3),
    "lanczos5": _lanczos(5),
}


def _weights(size: int, target: int, interpolation: str, antialias: bool, dtype: str) -> np.ndarray:
    """(target, size): what each pixel adds to each result, about the centres of pixels; rows add up to 1."""
    scale = size / target
    at = (np.arange(target) + 0.5) * scale - 0.5
    width = max(scale, 1) if antialias else 1
    weights = _KERNELS[interpolation](np.abs(at[:, None] - np.arange(size)) / width)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(dtype)


def image_axes(x, data_format):
    """The axes of height and width, and the format."""
    data_format = data_format or config.image_data_format()
    if len(shape_of(x)) not in (3, 4):
        raise ValueError(f"images must have 3 dimensions, or 4 with a batch; got shape {shape_of(x)}.")
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(f"`data_format` must be 'channels_last' or 'channels_first', got {data_format!r}.")
    return (-3, -2) if data_format == "channels_last" else (-2, -1)


@accepts_symbolic
def resize(
    images, size, interpolation="bilinear", antialias=False, crop_to_aspect_ratio=False, pad_to_aspect_ratio=False,
    fill_mode="constant", fill_value=0.0, data_format=None,
):  # fmt: skip
    """Images in another size. Positions are those of the centres of pixels.

    Args:
        images: shape (h, w, c) or (n, h, w, c), channels first when `data_format` says so.
        size: `(height, width)`.
        interpolation: "nearest", "bilinear", "bicubic", "lanczos3" or "lanczos5".
        antialias: whether a reduction takes the mean over what a result covers.
        crop_to_aspect_ratio: crops the images, from their centre, to the ratio of `size` first.
        pad_to_aspect_ratio: pads them with `fill_value` to that ratio first.
        fill_mode: only "constant".
        fill_value: number.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.

    Raises:
        ValueError: for an unknown interpolation, or a wrong size.

    Example:
        >>> resize(np.array([[[0.0], [1.0]]]), (1, 4))[0, :, 0]
        array([0.  , 0.25, 0.75, 1.  ])
    """
    if interpolation not in ("nearest", *_KERNELS):
        raise ValueError(f"resize: interpolation {interpolation!r} is none of {('nearest', *_KERNELS)}.")
    if fill_mode != "constant":
        raise ValueError(f"resize: fill_mode must be 'constant', got {fill_mode!r}.")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError("resize: only one of crop_to_aspect_ratio and pad_to_aspect_ratio can be true.")
    if len(size) != 2:
        raise ValueError(f"resize: size must be (height, width), got {size!r}.")
    x = images if hasattr(images, "shape") else as_array(images)
    axes = image_axes(x, data_format)
    target = tuple(int(n) for n in size)
    h, w = (shape_of(x)[a] for a in axes)
    fit = (int(w * target[0] / target[1]), int(h * target[1] / target[0]))  # height for this width, width for height
    if crop_to_aspect_ratio:
        x = _cropped(x, axes, [(max(n - f, 0) // 2, min(n, f)) for n, f in zip((h, w), fit, strict=True)])
    elif pad_to_aspect_ratio:
        sides = [max(f - n, 0) // 2 for n, f in zip((h, w), fit, strict=True)]  # equal, as Keras's are
        x = _padded(x, axes, [(side, side) for side in sides], fill_value)
    if interpolation == "nearest":
        for axis, n in zip(axes, target, strict=True):
            scale = shape_of(x)[axis] / n
            x = take(x, np.floor((np.arange(n) + 0.5) * scale).astype(np.int32), axis=axis)
        return x
    dtype = dtype_of(x)
    wide = x if is_float(dtype) else ew.cast(x, config.floatx())
    for axis, n in zip(axes, target, strict=True):
        weights = _weights(shape_of(wide)[axis], n, interpolation, antialias, dtype_of(wide))
        # The axis before the last is the one that a product sums over.
        moved = moveaxis(expand_dims(wide, -1), axis - 1, -2)
        wide = moveaxis(squeeze(matmul(weights, moved), -1), -1, axis)
    if is_float(dtype):
        return wide
    info = np.iinfo(dtype)
    return ew.cast(ew.clip(round_to_even(wide), info.min, info.max), dtype)


def _cropped(x, axes, spans):
    """`length` pixels from `start` on, along each of two axes."""
    key = [slice(None)] * len(shape_of(x))
    for axis, (start, length) in zip(axes, spans, strict=True):
        key[axis] = slice(start, start + length)
    return getitem(x, tuple(key))


def _padded(x, axes, widths, value=0):
    pads = [(0, 0)] * len(shape_of(x))
    for axis, width in zip(axes, widths, strict=True):
        pads[axis] = width
    return pad(x, pads, constant_values=value)


def _both_ends(name, size, before, after, target, what):
    """What is added (or cut off) before and behind an axis, from any two of the three numbers."""
    known = [before, after, target]
    if known.count(None) != 1:
        raise ValueError(
            f"{name}: two of {what[0]}, {what[1]} and {what[2]} must be given, got {before}, {after} and {target}."
        )
    change = None if target is None else abs(target - size)
    before = change - after if before is None else before
    after = change - before if after is None else after
    return before, after


@accepts_symbolic
def pad_images(
    images, top_padding=None, left_padding=None, bottom_padding=None, right_padding=None, target_height=None,
    target_width=None, data_format=None,
):  # fmt: skip
    """Images with zeros around them. Of the three numbers of an axis two are given.

    Args:
        images: shape (h, w, c) or (n, h, w, c), channels first when `data_format` says so.
        top_padding, bottom_padding, target_height: rows to add, and the height then.
        left_padding, right_padding, target_width: columns to add, and the width then.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.

    Example:
        >>> pad_images(np.ones((2, 2, 1)), 1, 0, target_height=4, target_width=3).shape
        (4, 3, 1)
    """
    axes = image_axes(images, data_format)
    h, w = (shape_of(images)[a] for a in axes)
    rows = _both_ends(
        "pad_images", h, top_padding, bottom_padding, target_height,
        ("top_padding", "bottom_padding", "target_height"),
    )  # fmt: skip
    cols = _both_ends(
        "pad_images", w, left_padding, right_padding, target_width, ("left_padding", "right_padding", "target_width")
    )
    if min(*rows, *cols) < 0:
        raise ValueError(f"pad_images: paddings must not be negative, got rows {rows} and columns {cols}.")
    return _padded(images, axes, (rows, cols))


@accepts_symbolic
def crop_images(
    images, top_cropping=None, left_cropping=None, bottom_cropping=None, right_cropping=None, target_height=None,
    target_width=None, data_format=None,
):  # fmt: skip
    """Images without what lies at their edges. Of the three numbers of an axis two are given.

    Args:
        images: shape (h, w, c) or (n, h, w, c), channels first when `data_format` says so.
        top_cropping, bottom_cropping, target_height: rows to cut off, and the height then.
        left_cropping, right_cropping, target_width: columns to cut off, and the width then.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.

    Example:
        >>> crop_images(np.ones((4, 4, 1)), 1, 0, target_height=2, target_width=3).shape
        (2, 3, 1)
    """
    axes = image_axes(images, data_format)
    h, w = (shape_of(images)[a] for a in axes)
    rows = _both_ends(
        "crop_images", h, top_cropping, bottom_cropping, target_height,
        ("top_cropping", "bottom_cropping", "target_height"),
    )  # fmt: skip
    cols = _both_ends(
        "crop_images", w, left_cropping, right_cropping, target_width,
        ("left_cropping", "right_cropping", "target_width"),
    )  # fmt: skip
    lengths = h - sum(rows), w - sum(cols)
    if min(*rows, *cols) < 0 or min(lengths) < 1:
        raise ValueError(f"crop_images: rows {rows} and columns {cols} cannot be cut off images of {h} by {w}.")
    return _cropped(images, axes, [(rows[0], lengths[0]), (cols[0], lengths[1])])


__all__ = ["crop_images", "pad_images", "resize"]
