"""Patches of images and volumes as vectors, and their sum back: windows along one axis after the other (windows.py)."""

import math

import numpy as np

from fastnn import config
from fastnn.graph.symbolic import accepts_symbolic
from fastnn.ops.convolution import Geometry, geometry
from fastnn.ops.joining import pad
from fastnn.ops.layout import expand_dims, moveaxis, reshape, squeeze, transpose
from fastnn.ops.record import as_operand, shape_of
from fastnn.ops.windows import windows, windows_sum
from fastnn.plan.function import as_one_plan


def _patches(x, g: Geometry):
    """x (n, *sizes, c) -> (n, *out, taps * c): the taps in row order, the channels of each together."""
    for k in reversed(range(g.rank)):
        x = windows(x, out=g.out[k], **g.along(k))
    return x


def _patches_sum(y, g: Geometry):
    """The transpose of `_patches`."""
    for k in range(g.rank):
        y = windows_sum(y, size=g.sizes[k], **g.along(k))
    return y


# ---- extract_patches ----


def _extract(name, x, size, strides, dilation_rate, padding, data_format, rank):
    x = as_operand(x)
    is_sequence = isinstance(size, (tuple, list)) and len(size) == rank
    if not is_sequence and (not isinstance(size, (int, np.integer)) or isinstance(size, bool)):
        raise TypeError(f"Invalid `size` argument of {name}: expected an int or {rank} of them. Received: size={size}")
    data_format = data_format or config.image_data_format()
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(f"{name}: data_format must be 'channels_last' or 'channels_first', not {data_format!r}.")
    is_batch = len(shape_of(x)) == rank + 2
    if not is_batch and len(shape_of(x)) != rank + 1:
        raise ValueError(f"{name}: the input must have {rank + 1} dimensions, or {rank + 2} with a batch; got shape "
                         f"{shape_of(x)}.")  # fmt: skip
    x = x if is_batch else expand_dims(x, 0)
    x = x if data_format == "channels_last" else moveaxis(x, 1, -1)
    size = tuple(size) if is_sequence else (size,) * rank
    y = _patches(x, geometry(name, shape_of(x), size, strides or size, padding, dilation_rate))
    y = y if data_format == "channels_last" else moveaxis(y, -1, 1)
    return y if is_batch else squeeze(y, 0)


@as_one_plan
@accepts_symbolic
def extract_patches(images, size, strides=None, dilation_rate=1, padding="valid", data_format=None):
    """Patches of images, each as one vector: its rows one after the other, and the channels of a pixel together.

    Args:
        images: shape (h, w, c) or (n, h, w, c), channels first when `data_format` says so.
        size: an int, or (height, width) of a patch; with three numbers the call is one of `extract_patches_3d`.
        strides: the distance of neighbouring patches; `size` by default.
        dilation_rate: the distance of neighbouring pixels of a patch.
        padding: "valid" (whole patches only) or "same" (size / stride patches an axis, rounded up; zeros outside).
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.

    Returns:
        Shape (n, rows of patches, columns of patches, height * width * c), with the last axis first of the three when
        the channels are.

    Raises:
        TypeError: for a `size` that is neither an int nor a tuple.
        ValueError: for a tuple of another length, and when no patch fits.

    Example:
        >>> extract_patches(np.arange(16.0).reshape(4, 4, 1), 2)[0, 1]
        array([2., 3., 6., 7.])
    """
    is_sequence = isinstance(size, (tuple, list))
    if is_sequence and len(size) not in (2, 3):
        raise ValueError(f"Invalid `size` argument of extract_patches: expected 2 or 3 numbers. Received: size={size}")
    rank = len(size) if is_sequence else 2
    return _extract("extract_patches", images, size, strides, dilation_rate, padding, data_format, rank)


@accepts_symbolic
def extract_patches_3d(volumes, size, strides=None, dilation_rate=1, padding="valid", data_format=None):
    """`extract_patches` of volumes.

    Args:
        volumes: shape (d, h, w, c) or (n, d, h, w, c), channels first when `data_format` says so.
        size: an int, or (depth, height, width) of a patch.
        strides, dilation_rate, padding, data_format: as in `extract_patches`.

    Raises:
        TypeError: for another `size`.
        ValueError: when no patch fits.

    Example:
        >>> extract_patches_3d(np.zeros((1, 4, 4, 4, 2)), 2).shape
        (1, 2, 2, 2, 16)
    """
    return _extract("extract_patches_3d", volumes, size, strides, dilation_rate, padding, data_format, 3)


# ---- unfold and fold ----


def _pair(name: str, argument: str, value) -> tuple[int, int]:
    pair = (value, value) if isinstance(value, (int, np.integer)) else tuple(value)
    if len(pair) != 2:
        raise ValueError(f"{name}: {argument} must be an int or two of them, got {value!r}.")
    return pair


def _image_windows(name, shape, kernel_size, dilation, padding, stride):
    """The padding, and the windows over images of `shape` (n, h, w, c) with zeros around them."""
    padding = _pair(name, "padding", padding)
    n, h, w, c = shape
    shape = (n, h + 2 * padding[0], w + 2 * padding[1], c)
    return padding, geometry(name, shape, _pair(name, "kernel_size", kernel_size), stride, "valid", dilation)


@accepts_symbolic
def unfold(x, kernel_size, dilation=1, padding=0, stride=1):
    """Sliding blocks of images as columns (im2col).

    Args:
        x: shape (n, c, h, w).
        kernel_size: an int, or (height, width) of a block.
        dilation: the distance of neighbouring elements of a block; an int or two.
        padding: how many zeros are added on each side; an int or two.
        stride: the distance of neighbouring blocks; an int or two.

    Returns:
        Shape (n, c * height * width, blocks), the blocks in row order.

    Raises:
        ValueError: when `x` has not four dimensions, or no block fits.

    Example:
        >>> unfold(np.arange(9.0).reshape(1, 1, 3, 3), 2)[0, :, 0]
        array([0., 1., 3., 4.])
    """
    x = as_operand(x)
    if len(shape_of(x)) != 4:
        raise ValueError(f"unfold: `x` must have the shape (n, c, h, w), got {shape_of(x)}.")
    x = transpose(x, (0, 2, 3, 1))
    (top, left), g = _image_windows("unfold", shape_of(x), kernel_size, dilation, padding, stride)
    n, _, _, c = shape_of(x)
    y = _patches(pad(x, ((0, 0), (top, top), (left, left), (0, 0))), g)
    y = transpose(reshape(y, (n, math.prod(g.out), math.prod(g.kernel_size), c)), (0, 3, 2, 1))
    return reshape(y, (n, c * math.prod(g.kernel_size), math.prod(g.out)))


@accepts_symbolic
def fold(x, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """The sum of sliding blocks where they lie in images (col2im): the transpose of `unfold`, as a linear map.

    Args:
        x: shape (n, c * height * width, blocks).
        output_size: an int, or (h, w) of the images.
        kernel_size, dilation, padding, stride: as in `unfold`.

    Returns:
        Shape (n, c, h, w).

    Raises:
        ValueError: when `x` has not three dimensions, or not the blocks that such images have.

    Example:
        >>> fold(np.ones((1, 4, 4)), 3, 2)[0, 0]
        array([[1., 2., 1.],
               [2., 4., 2.],
               [1., 2., 1.]])
    """
    x = as_operand(x)
    if len(shape_of(x)) != 3:
        raise ValueError(f"fold: `x` must have the shape (n, c * height * width, blocks), got {shape_of(x)}.")
    n, elements, blocks = shape_of(x)
    h, w = _pair("fold", "output_size", output_size)
    (top, left), g = _image_windows("fold", (n, h, w, 1), kernel_size, dilation, padding, stride)
    taps = math.prod(g.kernel_size)
    if elements % taps or blocks != math.prod(g.out):
        raise ValueError(f"fold: images of {h} by {w} have {math.prod(g.out)} blocks of {taps} elements a channel; got "
                         f"`x` of shape {shape_of(x)}.")  # fmt: skip
    y = transpose(reshape(x, (n, elements // taps, taps, blocks)), (0, 3, 2, 1))
    y = _patches_sum(reshape(y, (n, *g.out, elements)), g)
    return transpose(y[:, top : top + h, left : left + w], (0, 3, 1, 2))
