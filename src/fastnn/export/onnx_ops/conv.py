"""Convolutions: NHWC here, NCHW there."""

from dataclasses import dataclass

import numpy as np

from fastnn.export.onnx_ops.layout import pad
from fastnn.export.table import emits
from fastnn.export.traced import Size, each, over

TO_NCHW, TO_NHWC = (0, 3, 1, 2), (0, 2, 3, 1)


@dataclass(frozen=True)
class _Axis:
    """The windows along one axis, each number in all of the traces."""

    sizes: tuple[int, ...]
    outs: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    span: int
    stride: int

    @property
    def end(self) -> int | None:
        """How much to add behind, below 0 to leave out; None when that depends on the size. What a step too short for
        another window leaves over is not looked at in any case."""
        ends = sorted({0, *self.after} if max(self.after) <= 0 else set(self.after), reverse=True)
        return next((end for end in ends if self._fits(end)), None)

    def _fits(self, end: int) -> bool:
        windows = zip(self.sizes, self.before, self.outs, strict=True)
        return all((n + before + end - self.span) // self.stride + 1 == out for n, before, out in windows)

    @property
    def is_same(self) -> bool:
        """Whether the padding is that of "same"."""
        for n, out, before in zip(self.sizes, self.outs, self.before, strict=True):
            total = max((-(-n // self.stride) - 1) * self.stride + self.span - n, 0)
            if out != -(-n // self.stride) or before != total // 2:
                return False
        return True


def window_attributes(b, step, kernel_size, dilation, pads):
    """Attributes of Conv and of pools, and how much of the input's ends is not looked at.

    Args:
        pads: (top, left, bottom, right).
    """
    strides, axes = step.params["strides"], []
    for k in range(2):
        numbers = each(step.x.shape[1 + k], step.y.shape[1 + k], pads[k], pads[2 + k])
        axes.append(_Axis(*numbers, (kernel_size[k] - 1) * dilation[k] + 1, strides[k]))
    attributes = {"kernel_shape": list(kernel_size), "strides": list(strides)}
    is_open = any(isinstance(size, Size) for size in step.x.shape[1:3])
    # What is padded may then depend on the size; ONNX Runtime computes it rightly for windows that leave nothing out.
    if is_open and max(strides) > 1 and all(axis.is_same and axis.span >= axis.stride for axis in axes):
        return attributes | {"auto_pad": "SAME_UPPER"}, (0, 0)
    ends = [axis.end for axis in axes]
    if None not in ends and not any(isinstance(pad, Size) for pad in pads[:2]):
        return attributes | {"pads": [*pads[:2], *(max(end, 0) for end in ends)]}, [min(end, 0) for end in ends]
    raise b.cannot("pads by what depends on the sizes of the inputs (give `input_signature` shapes without None)")


def _attributes(b, step, kernel_size):
    dilation = step.params["dilation"]
    attributes, unseen = window_attributes(b, step, kernel_size, dilation, step.params["pads"])
    return attributes | {"dilations": list(dilation)}, unseen


def _without_ends(b, x, unseen):
    """`x` (NCHW) without the rows and columns at the ends that no window looks at."""
    for axis, end in zip((2, 3), unseen, strict=True):
        if end:
            x = b.slice(x, axis, 0, end)
    return x


@emits("conv2d")
def _conv2d(b, step, x, kernel, bias=None):
    attributes, unseen = _attributes(b, step, step.inputs[1].shape[:2])
    x = _without_ends(b, b.transpose(x, TO_NCHW), unseen)
    kernel = b.transpose(kernel, (3, 2, 0, 1))
    return b.transpose(b.add("Conv", x, kernel, bias, group=step.params["groups"], **attributes), TO_NHWC)


@emits("depthwise_conv2d")
def _depthwise(b, step, x, kernel):
    *size, channels, mult = step.inputs[1].shape
    attributes, unseen = _attributes(b, step, size)
    x = _without_ends(b, b.transpose(x, TO_NCHW), unseen)
    kernel = b.reshape(b.transpose(kernel, (2, 3, 0, 1)), (channels * mult, 1, *size))
    return b.transpose(b.add("Conv", x, kernel, group=channels, **attributes), TO_NHWC)


@emits("conv2d_grad_input")
def _transposed(b, step, dy, kernel):
    """The whole transposed convolution, cut or filled up to the size that is wanted."""
    p, kernel_size, missing = step.params, step.inputs[1].shape[:2], []
    for k in range(2):
        span, stride = (kernel_size[k] - 1) * p["dilation"][k] + 1, p["strides"][k]
        sizes = step.x.shape[1 + k], p["size"][k], p["pads"][k]
        missing.append(
            over(lambda n, wanted, before, span=span, stride=stride: wanted + before - (n - 1) * stride - span, *sizes)
        )
    if any(isinstance(size, Size) for size in (*missing, *p["pads"])):
        raise b.cannot("has an output whose size does not follow from that of the input")
    y = b.add(
        "ConvTranspose", b.transpose(dy, TO_NCHW), b.transpose(kernel, (3, 2, 0, 1)), group=p["groups"],
        kernel_shape=list(kernel_size), strides=list(p["strides"]), dilations=list(p["dilation"]),
        pads=[*p["pads"][:2], *(max(-size, 0) for size in missing)],
    )  # fmt: skip
    y = pad(b, y, [0] * 4, [0, 0, *(max(size, 0) for size in missing)], 0, step.x.dtype)
    return b.transpose(y, TO_NHWC)


@emits("windows")
def _windows(b, step, x):
    """Rows of the padded input, by a table of which ones each window holds."""
    p = step.params
    begins = b.add("Mul", b.count_up(p["out"]), b.constant(p["stride"], np.int64))
    taps = np.arange(p["taps"]) * p["dilation"]
    rows = b.add("Add", b.unsqueeze(begins, 1), b.constant(taps, np.int64))
    after = over(
        lambda size, out, before: max((out - 1) * p["stride"] + int(taps[-1]) + 1 - before - size, 0),
        step.x.shape[1], p["out"], p["before"],
    )  # fmt: skip
    after = max(after.values) if isinstance(after, Size) else after  # too much does not matter
    x = pad(b, x, [0, p["before"], 0, 0], [0, after, 0, 0], 0, step.x.dtype)
    x = b.add("Gather", x, rows, axis=1)  # outer, out, taps, inner, c
    return b.reshape(b.transpose(x, (0, 1, 3, 2, 4)), step.y.shape)
