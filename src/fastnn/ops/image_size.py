"""Images of other sizes: resize, pad and crop.

The nearest neighbours of numbers that are no floats are a `take`; all else has a record of its own (resizing.py).
"""

import math

import numpy as np

from fastnn import config
from fastnn.graph.dtypes import is_float
from fastnn.graph.symbolic import accepts_symbolic
from fastnn.ops import elementwise as ew
from fastnn.ops import logic, reduce
from fastnn.ops.gather import take
from fastnn.ops.indexing import getitem
from fastnn.ops.joining import pad
from fastnn.ops.layout import expand_dims, moveaxis, reshape, transpose
from fastnn.ops.matmul import matmul
from fastnn.ops.record import as_operand, dtype_of, shape_of
from fastnn.ops.resizing import KERNELS, nearest, resize_op
from fastnn.ops.rounding import round as round_to_even
from fastnn.plan.function import as_one_plan


def image_axes(x, data_format):
    """The axes of height and width, and the format."""
    data_format = data_format or config.image_data_format()
    if len(shape_of(x)) not in (3, 4):
        raise ValueError(f"images must have 3 dimensions, or 4 with a batch; got shape {shape_of(x)}.")
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(f"`data_format` must be 'channels_last' or 'channels_first', got {data_format!r}.")
    return (-3, -2) if data_format == "channels_last" else (-2, -1)


@as_one_plan
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
    if interpolation not in ("nearest", *KERNELS):
        raise ValueError(f"resize: interpolation {interpolation!r} is none of {('nearest', *KERNELS)}.")
    if fill_mode != "constant":
        raise ValueError(f"resize: fill_mode must be 'constant', got {fill_mode!r}.")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError("resize: only one of crop_to_aspect_ratio and pad_to_aspect_ratio can be true.")
    if len(size) != 2:
        raise ValueError(f"resize: size must be (height, width), got {size!r}.")
    x = as_operand(images)
    axes = image_axes(x, data_format)
    target = tuple(int(n) for n in size)
    h, w = (shape_of(x)[a] for a in axes)
    fit = (int(w * target[0] / target[1]), int(h * target[1] / target[0]))  # height for this width, width for height
    if crop_to_aspect_ratio:
        x = _cropped(x, axes, [(max(n - f, 0) // 2, min(n, f)) for n, f in zip((h, w), fit, strict=True)])
    elif pad_to_aspect_ratio:
        sides = [max(f - n, 0) // 2 for n, f in zip((h, w), fit, strict=True)]  # equal, as Keras's are
        x = _padded(x, axes, [(side, side) for side in sides], fill_value)
    dtype = dtype_of(x)
    if interpolation == "nearest" and not is_float(dtype):
        order = sorted(zip(axes, target, strict=True), key=lambda pair: pair[1] / shape_of(x)[pair[0]])
        for axis, n in order:  # what shrinks most, or grows least, first
            x = take(x, nearest(shape_of(x)[axis], n), axis=axis)
        return x
    wide = _resized(x if is_float(dtype) else ew.cast(x, config.floatx()), axes, target, interpolation, antialias)
    if is_float(dtype):
        return wide
    info = np.iinfo(dtype)
    return ew.cast(ew.clip(round_to_even(wide), info.min, info.max), dtype)


def _resized(x, axes, target, interpolation, antialias):
    """x (..., h, w, c) or, with other `axes`, (..., c, h, w), whose planes are images of one channel."""
    shape = shape_of(x)
    c = shape[-1] if axes == (-3, -2) else 1
    h, w = (shape[a] for a in axes)
    images = reshape(x, (math.prod(shape[: axes[0]]), h, w, c))
    y = resize_op(images, out=target, interpolation=interpolation, antialias=bool(antialias), is_transposed=False)
    return reshape(y, (*shape[: axes[0]], *target, *shape[len(shape) + axes[1] + 1 :]))


_ROW = 16  # elements that are worth a row of a product: a vector of them


def along(x, axis, weights):
    """x with weights (target, size) applied along a negative `axis`."""
    shape = shape_of(x)
    behind = math.prod(shape[axis + 1 :]) if axis < -1 else 1
    if behind < _ROW:
        return moveaxis(matmul(moveaxis(x, axis, -1), transpose(weights)), -1, axis)
    # What lies behind the axis is one row of the product, so that nothing moves.
    rows = reshape(x, (*shape[:axis], shape[axis], behind))
    return reshape(matmul(weights, rows), (*shape[:axis], shape_of(weights)[0], *shape[axis + 1 :]))


_METHODS = {
    "linear": "bilinear", "bilinear": "bilinear", "trilinear": "bilinear", "cubic": "bicubic", "bicubic": "bicubic",
    "tricubic": "bicubic", "lanczos3": "lanczos3", "lanczos5": "lanczos5",
}  # fmt: skip


@accepts_symbolic
def scale_and_translate(images, output_shape, scale, translation, spatial_dims, method, antialias=True):
    """An array resampled along some of its axes: what lay at x comes to lie at `x * scale + translation`.

    Args:
        images: array of any rank. The centre of pixel k of an axis lies at k + 0.5.
        output_shape: shape of the result, that of `images` but along `spatial_dims`.
        scale: one factor for each of `spatial_dims`.
        translation: one offset for each of `spatial_dims`.
        spatial_dims: axes.
        method: "linear" (or "bilinear", "trilinear"), "cubic" (or "bicubic", "tricubic"), "lanczos3" or "lanczos5".
        antialias: whether a reduction takes the mean over what a result covers.

    Returns:
        Array of shape `output_shape`; 0 where nothing of the input comes to lie. Integers are rounded.

    Raises:
        ValueError: for another method, or shapes that do not fit.

    Example:
        >>> scale_and_translate(np.array([0.0, 4.0]), (4,), np.array([2.0]), np.array([0.0]), (0,), "linear")
        array([0., 1., 3., 4.])
    """
    x = as_operand(images)
    shape, target, dtype = shape_of(x), tuple(int(n) for n in output_shape), dtype_of(x)
    if method not in _METHODS:
        raise ValueError(f"scale_and_translate: `method` {method!r} is none of {tuple(_METHODS)}.")
    dims = [d % len(shape) for d in spatial_dims]
    rest = [k for k in range(len(shape)) if k not in dims]
    if len(target) != len(shape) or any(target[k] != shape[k] for k in rest):
        raise ValueError(
            f"scale_and_translate: `output_shape` {target} must be {shape}, the input's, but along axes {dims}."
        )
    wide = dtype if is_float(dtype) else config.floatx()
    scale, translation = (
        ew.cast(as_operand(v), wide) for v in (scale, translation)
    )  # fmt: skip
    if shape_of(scale) != (len(dims),) or shape_of(translation) != (len(dims),):
        raise ValueError(
            f"scale_and_translate: `scale` of shape {shape_of(scale)} and `translation` of shape "
            f"{shape_of(translation)} must have one number for each of `spatial_dims` {tuple(spatial_dims)}."
        )
    y = ew.cast(x, wide)
    for k, d in enumerate(dims):
        weights = _moved_weights(
            shape[d], target[d], getitem(scale, k), getitem(translation, k), _METHODS[method], antialias, wide
        )
        y = along(y, d - len(shape), weights)
    return y if is_float(dtype) else ew.cast(round_to_even(y), dtype)


def _moved_weights(size, target, scale, translation, kernel, antialias, dtype):
    """As `axis_weights`, for a scale and a translation that are data; a row is 0 where the input has nothing."""
    step = ew.divide(1, scale)
    centres = np.arange(target).astype(dtype) + np.asarray(0.5, dtype)
    at = ew.subtract(ew.multiply(ew.subtract(centres, translation), step), 0.5)
    at = expand_dims(at, -1)
    distance = ew.absolute(ew.subtract(at, np.arange(size).astype(dtype)))
    weights = KERNELS[kernel](ew.divide(distance, ew.maximum(step, 1)) if antialias else distance)
    total = reduce.sum(weights, axis=1, keepdims=True)
    is_inside = logic.logical_and(logic.greater_equal(at, -0.5), logic.less_equal(at, size - 0.5))
    is_there = logic.logical_and(logic.greater(ew.absolute(total), 1000 * float(np.finfo(dtype).eps)), is_inside)
    return logic.where(is_there, ew.divide(weights, logic.where(is_there, total, 1)), 0)


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


@as_one_plan
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


@as_one_plan
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


__all__ = ["crop_images", "pad_images", "resize", "scale_and_translate"]
