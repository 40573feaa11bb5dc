"""Keras's convolutions over one, two and three spatial dimensions, on the records in two (conv2d.py, depthwise.py).

In one dimension the input is an image of one row. In three, the windows along the depth are read where they lie
(conv3d.py), or laid side by side on the channels (windows.py), so that a plane of the result is a convolution in two
dimensions of taps * channels channels: one kernel call for all planes. A transposed convolution is the gradient of a
convolution by its input.
"""

from __future__ import annotations

import math

import numpy as np

from fastnn import config
from fastnn.graph.symbolic import accepts_symbolic
from fastnn.ops import reduce
from fastnn.ops.conv2d import conv2d_grad_input_op, conv2d_op, output_size
from fastnn.ops.conv3d import conv3d_grad_input_op, conv3d_op, kernel_of_planes, reads_in_place
from fastnn.ops.depthwise import depthwise_conv2d_op
from fastnn.ops.layout import reshape, transpose
from fastnn.ops.matmul import in_one_dtype
from fastnn.ops.record import shape_of
from fastnn.ops.windows import windows, windows_sum

# ---- where windows lie ----


class Geometry:
    """How a convolution goes from `sizes` to `out`: one number for each spatial dimension everywhere; `before` are the
    zeros that padding adds."""

    __slots__ = ("before", "dilation", "kernel_size", "out", "sizes", "strides")

    def __init__(self, sizes: tuple, out: tuple, kernel_size: tuple, strides: tuple, dilation: tuple, before: tuple):
        self.sizes = sizes
        self.out = out
        self.kernel_size = kernel_size
        self.strides = strides
        self.dilation = dilation
        self.before = before

    @property
    def rank(self) -> int:
        return len(self.sizes)

    def of_planes(self) -> dict:
        """The records' parameters: those of the last two dimensions, the first of which one dimension lacks."""

        def two(values, missing):
            return (*(missing,) * (2 - self.rank), *values[-2:])

        return {
            "strides": two(self.strides, 1),
            "dilation": two(self.dilation, 1),
            "pads": (*two(self.before, 0), *two(self.after, 0)),
        }

    def of_volumes(self) -> dict:
        """The parameters of the records in three dimensions."""
        return {"strides": self.strides, "dilation": self.dilation, "pads": (*self.before, *self.after)}

    @property
    def after(self) -> tuple[int, ...]:
        reach = zip(self.out, self.strides, self.kernel_size, self.dilation, self.before, self.sizes, strict=True)
        return tuple((o - 1) * s + (k - 1) * d + 1 - before - size for o, s, k, d, before, size in reach)

    def is_in_place(self, filters: int) -> bool:
        """Whether the records in three dimensions take a convolution to so many filters."""
        return self.rank == 3 and reads_in_place(filters, self.kernel_size, self.strides, self.dilation)

    def along(self, k: int) -> dict:
        """The parameters of `windows` and `windows_sum`, but for `out` and `size`, along the spatial dimension `k`."""
        return {"axis": k + 1, "taps": self.kernel_size[k], "stride": self.strides[k], "dilation": self.dilation[k],
                "before": self.before[k]}  # fmt: skip


def _is_same(name: str, padding) -> bool:
    if str(padding).lower() not in ("valid", "same"):
        raise ValueError(f"{name}: padding must be 'valid' or 'same', not {padding!r}.")
    return str(padding).lower() == "same"


def _per_axis(name: str, argument: str, value, rank: int, least: int = 1) -> tuple[int, ...]:
    values = (value,) * rank if isinstance(value, (int, np.integer)) else tuple(int(v) for v in value)
    if len(values) != rank or min(values) < least:
        raise ValueError(f"{name}: {argument} {values} must be {rank} integers of at least {least}.")
    return values


def geometry(name: str, x, kernel_size, strides, padding, dilation_rate) -> Geometry:
    """The windows over an input of shape `x`, (n, *sizes, channels), by Keras's arguments.

    Raises:
        ValueError: for arguments that say nothing, and when no window fits.
    """
    sizes, is_same = x[1:-1], _is_same(name, padding)
    strides = _per_axis(name, "strides", strides, len(sizes))
    dilation = _per_axis(name, "dilation_rate", dilation_rate, len(sizes))
    before, out = [], []
    for size, k, s, d in zip(sizes, kernel_size, strides, dilation, strict=True):
        total = max((-(-size // s) - 1) * s + (k - 1) * d + 1 - size, 0) if is_same else 0
        before.append(total // 2)
        out.append(output_size(size, k, s, d, 0, total))
    if min(out) < 1:
        raise ValueError(f"{name}: the output would be empty: the kernel of size {tuple(kernel_size)} with dilation "
                         f"{dilation} is larger than the input of shape {tuple(x)}.")  # fmt: skip
    return Geometry(tuple(sizes), tuple(out), tuple(kernel_size), strides, dilation, tuple(before))


def transposed_geometry(name: str, out, kernel_size, strides, padding, output_padding, dilation_rate) -> Geometry:
    """The windows of the convolution whose output has the sizes `out` of a transposed convolution's input.

    Without `output_padding` its result has (out - 1) * stride + max(size of the dilated kernel, stride) elements an
    axis ("valid"), or out * stride ("same"); with it, (out - 1) * stride + output_padding + the size of the dilated
    kernel, or with "same" that size's remainder by 2.

    Raises:
        ValueError: for arguments that say nothing.
    """
    rank, is_same = len(out), _is_same(name, padding)
    strides = _per_axis(name, "strides", strides, rank)
    dilation = _per_axis(name, "dilation_rate", dilation_rate, rank)
    extra = (None,) * rank
    if output_padding is not None:
        extra = _per_axis(name, "output_padding", output_padding, rank, least=0)
    sizes, before = [], []
    for n, k, s, d, e in zip(out, kernel_size, strides, dilation, extra, strict=True):
        k = (k - 1) * d + 1
        if is_same:
            size = n * s if e is None else (n - 1) * s + k % 2 + e
        else:
            size = (n - 1) * s + (max(k, s) if e is None else k + e)
        sizes.append(size)
        before.append(max((n - 1) * s + k - size, 0) // 2 if is_same else 0)
    return Geometry(tuple(sizes), tuple(out), tuple(kernel_size), strides, dilation, tuple(before))


# ---- any rank in two dimensions ----


def _channels_last(name: str, inputs, kernel, data_format):
    """`inputs` with the channels last, and the axes that take the result back to `data_format` (or None)."""
    data_format = config.image_data_format() if data_format is None else data_format
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(f"{name}: data_format must be 'channels_last' or 'channels_first', not {data_format!r}.")
    shape, kernel_shape = shape_of(inputs), shape_of(kernel)
    rank = len(kernel_shape) - 2
    if rank not in (1, 2, 3) or len(shape) != rank + 2:
        raise ValueError(f"{name}: a kernel with one, two or three spatial dimensions needs an input with as many, "
                         f"a batch and channels, not shapes {kernel_shape} and {shape}.")  # fmt: skip
    if data_format == "channels_last":
        return inputs, None
    return transpose(inputs, (0, *range(2, rank + 2), 1)), (0, rank + 1, *range(1, rank + 1))


def _planes(x):
    """`x` (n, *sizes, c) as images: one of one row for each sequence, one for each plane of a volume."""
    n, *sizes, c = shape_of(x)
    return reshape(x, (n * math.prod(sizes[:-2]), *(1,) * (2 - len(sizes)), *sizes[-2:], c))


def _kernel_of_planes(kernel):
    """A kernel (*kernel_size, a, b) in two dimensions: the taps along the depth come before a."""
    *size, a, b = shape_of(kernel)
    if len(size) < 3:
        return reshape(kernel, (*(1,) * (2 - len(size)), *size, a, b))
    return kernel_of_planes(kernel)


def _deep_planes(x, g: Geometry, groups: int):
    """`_planes`, of windows along the depth in three dimensions; the channels of a group stay together."""
    if g.rank < 3:
        return _planes(x)
    *sizes, c = shape_of(x)
    x = windows(reshape(x, (*sizes, groups, c // groups)), out=g.out[0], **g.along(0))
    return reshape(x, (sizes[0] * g.out[0], *sizes[2:], g.kernel_size[0] * c))


def _finish(y, order):
    return y if order is None else transpose(y, order)


# ---- Keras's functions ----


@accepts_symbolic
def biased_conv(inputs, kernel, bias=None, strides=1, padding="valid", data_format=None, dilation_rate=1):
    """`conv` plus a bias of shape (filters,): what a convolution layer computes, and one kernel call."""
    inputs, kernel, *bias = in_one_dtype(inputs, kernel, *(() if bias is None else (bias,)))
    x, order = _channels_last("conv", inputs, kernel, data_format)
    (n, *_, cin), (*kernel_size, cin_group, filters) = shape_of(x), shape_of(kernel)
    groups = cin // cin_group if cin_group and cin % cin_group == 0 else 0
    if not groups or filters % groups:
        raise ValueError(f"conv: the input of shape {shape_of(inputs)} has {cin} channels, which the {cin_group} that "
                         f"the kernel of shape {shape_of(kernel)} expects must divide; its {filters} filters must be a "
                         f"multiple of the {groups} groups.")  # fmt: skip
    g = geometry("conv", shape_of(x), kernel_size, strides, padding, dilation_rate)
    if groups == cin > 1 and g.rank < 3:  # a channel a group: depthwise, of filters / channels kernels each
        of_channels = reshape(kernel, (*(1,) * (2 - g.rank), *kernel_size, cin, filters // cin))
        y = depthwise_conv2d_op(_planes(x), of_channels, **g.of_planes())
        y = y + bias[0] if bias else y
    elif groups == 1 and g.is_in_place(filters):
        y = conv3d_op(x, kernel, *bias, **g.of_volumes())
    else:
        y = conv2d_op(_deep_planes(x, g, groups), _kernel_of_planes(kernel), *bias, groups=groups, **g.of_planes())
    return _finish(reshape(y, (n, *g.out, filters)), order)


def conv(inputs, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1):
    """Convolution over one, two or three spatial dimensions (a cross-correlation: the kernel is not flipped).

    Sums of float32 are taken in float32, one chain of fused multiply-adds over (kz, ky, kx, channel), or of windows
    along the depth that are copied (ky, kx, kz, channel).

    Args:
        inputs: array of shape (n, *spatial, channels), or (n, channels, *spatial) with "channels_first".
        kernel: array of shape (*kernel_size, channels / groups, filters); the number of groups follows from the
            channels of the input.
        strides: a number or one for each spatial dimension.
        padding: "valid", or "same": zeros around the input so that with stride 1 the size stays.
        data_format: "channels_last" or "channels_first"; None for `fastnn.config.image_data_format()`.
        dilation_rate: the distance of neighbouring taps, a number or one for each spatial dimension.

    Returns:
        Array of shape (n, *new_spatial, filters), channels where the input has them.

    Raises:
        ValueError: when the channels do not fit, or the output would be empty.

    Example:
        >>> conv(np.ones((1, 28, 28, 1)), np.ones((3, 3, 1, 32)), padding="same").shape
        (1, 28, 28, 32)
        >>> conv(np.ones((1, 8, 8, 8, 2)), np.ones((3, 3, 3, 2, 4)), strides=2).shape
        (1, 3, 3, 3, 4)
    """
    return biased_conv(inputs, kernel, None, strides, padding, data_format, dilation_rate)


@accepts_symbolic
def conv_transpose(inputs, kernel, strides=1, padding="valid", output_padding=None, data_format=None, dilation_rate=1):
    """The transpose of `conv`, as a linear map: each element of the input adds the kernel, times itself, to the output.

    Args:
        inputs: array of shape (n, *spatial, channels), or (n, channels, *spatial) with "channels_first".
        kernel: array of shape (*kernel_size, filters, channels).
        strides: the distance of neighbouring kernels in the output, a number or one for each spatial dimension.
        padding: "valid", or "same" for `size * stride` elements.
        output_padding: elements to add behind, a number or one for each spatial dimension; None for what makes the
            sizes those named under `padding`, with "valid" `(size - 1) * stride + max(kernel_size, stride)`.
        data_format: "channels_last" or "channels_first"; None for `fastnn.config.image_data_format()`.
        dilation_rate: the distance of neighbouring taps, a number or one for each spatial dimension.

    Returns:
        Array of shape (n, *new_spatial, filters), channels where the input has them.

    Raises:
        ValueError: when the channels do not fit.

    Example:
        >>> conv_transpose(np.ones((1, 3, 1)), np.ones((2, 1, 1)), strides=2)[0, :, 0]
        array([1., 1., 1., 1., 1., 1.])
    """
    inputs, kernel = in_one_dtype(inputs, kernel)
    x, order = _channels_last("conv_transpose", inputs, kernel, data_format)
    (n, *sizes, channels), (*kernel_size, filters, expected) = shape_of(x), shape_of(kernel)
    if channels != expected:
        raise ValueError(f"conv_transpose: the input of shape {shape_of(inputs)} has {channels} channels, the kernel "
                         f"of shape {shape_of(kernel)} expects {expected}.")  # fmt: skip
    g = transposed_geometry("conv_transpose", sizes, kernel_size, strides, padding, output_padding, dilation_rate)
    if g.is_in_place(channels):
        return _finish(conv3d_grad_input_op(x, kernel, size=g.sizes, **g.of_volumes()), order)
    size = (*(1,) * (2 - g.rank), *g.sizes[-2:])
    y = conv2d_grad_input_op(_planes(x), _kernel_of_planes(kernel), size=size, groups=1, **g.of_planes())
    if g.rank == 3:
        y = reshape(y, (n, sizes[0], *size, kernel_size[0] * filters))
        y = windows_sum(y, size=g.sizes[0], **g.along(0))
    return _finish(reshape(y, (n, *g.sizes, filters)), order)


@accepts_symbolic
def depthwise_conv(inputs, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1):
    """Convolution of each channel by itself, over one, two or three spatial dimensions.

    Args:
        inputs: array of shape (n, *spatial, channels), or (n, channels, *spatial) with "channels_first".
        kernel: array of shape (*kernel_size, channels, multiplier).
        strides: a number or one for each spatial dimension.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first"; None for `fastnn.config.image_data_format()`.
        dilation_rate: the distance of neighbouring taps, a number or one for each spatial dimension.

    Returns:
        Array of shape (n, *new_spatial, channels * multiplier), channels where the input has them.

    Raises:
        ValueError: when the channels do not fit, or the output would be empty.

    Example:
        >>> depthwise_conv(np.ones((1, 8, 8, 4)), np.ones((3, 3, 4, 2))).shape
        (1, 6, 6, 8)
    """
    inputs, kernel = in_one_dtype(inputs, kernel)
    x, order = _channels_last("depthwise_conv", inputs, kernel, data_format)
    (n, *_, channels), (*kernel_size, expected, multiplier) = shape_of(x), shape_of(kernel)
    if channels != expected:
        raise ValueError(f"depthwise_conv: the input of shape {shape_of(inputs)} has {channels} channels, the kernel "
                         f"of shape {shape_of(kernel)} expects {expected}.")  # fmt: skip
    g = geometry("depthwise_conv", shape_of(x), kernel_size, strides, padding, dilation_rate)
    y = depthwise_conv2d_op(_deep_planes(x, g, 1), _kernel_of_planes(kernel), **g.of_planes())
    if g.rank == 3:
        y = reduce.sum(reshape(y, (n, *g.out, kernel_size[0], channels * multiplier)), axis=-2)
    return _finish(reshape(y, (n, *g.out, channels * multiplier)), order)


@accepts_symbolic
def separable_conv(
    inputs, depthwise_kernel, pointwise_kernel, strides=1, padding="valid", data_format=None, dilation_rate=1
):
    """`depthwise_conv`, then a convolution with a kernel of size 1 that mixes the channels.

    Args:
        inputs: array of shape (n, *spatial, channels), or (n, channels, *spatial) with "channels_first".
        depthwise_kernel: array of shape (*kernel_size, channels, multiplier).
        pointwise_kernel: array of shape (1, ..., channels * multiplier, filters).
        strides, padding, data_format, dilation_rate: of the depthwise convolution.

    Returns:
        Array of shape (n, *new_spatial, filters), channels where the input has them.

    Raises:
        ValueError: when the channels do not fit, or the output would be empty.

    Example:
        >>> separable_conv(np.ones((1, 8, 8, 4)), np.ones((3, 3, 4, 1)), np.ones((1, 1, 4, 5))).shape
        (1, 6, 6, 5)
    """
    return biased_separable_conv(
        inputs, depthwise_kernel, pointwise_kernel, None, strides, padding, data_format, dilation_rate
    )


@accepts_symbolic
def biased_separable_conv(
    inputs, depthwise_kernel, pointwise_kernel, bias=None, strides=1, padding="valid", data_format=None,
    dilation_rate=1,
):  # fmt: skip
    """`separable_conv` plus a bias of shape (filters,)."""
    if set(shape_of(pointwise_kernel)[:-2]) > {1}:
        raise ValueError(f"separable_conv: the pointwise kernel must have size 1, not {shape_of(pointwise_kernel)}.")
    x = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return biased_conv(x, pointwise_kernel, bias, 1, "valid", data_format)
