"""Convolutions: NHWC here, NCHW there."""

from dataclasses import dataclass

import numpy as np

from fastnn.export.table import emits
from fastnn.export.traced import Size

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


def _axes(step, kernel_size) -> list[_Axis]:
    p = step.params
    numbers = (*step.x.shape, *step.y.shape, *p["pads"])
    count = max((len(n.values) for n in numbers if isinstance(n, Size)), default=1)

    def each(value):
        return value.values if isinstance(value, Size) else (value,) * count

    return [
        _Axis(
            each(step.x.shape[1 + k]),
            each(step.y.shape[1 + k]),
            each(p["pads"][k]),
            each(p["pads"][2 + k]),
            (kernel_size[k] - 1) * p["dilation"][k] + 1,
            p["strides"][k],
        )
        for k in range(2)
    ]


def _attributes(b, step, kernel_size):
    """Attributes of Conv, and how much of the input's ends is not looked at."""
    p, axes = step.params, _axes(step, kernel_size)
    attributes = {
        "kernel_shape": list(kernel_size), "strides": list(p["strides"]), "dilations": list(p["dilation"]),
    }  # fmt: skip
    ends = [axis.end for axis in axes]
    if None not in ends and not any(isinstance(pad, Size) for pad in p["pads"][:2]):
        return attributes | {"pads": [*p["pads"][:2], *(max(end, 0) for end in ends)]}, [min(end, 0) for end in ends]
    if all(axis.is_same for axis in axes):
        return attributes | {"auto_pad": "SAME_UPPER"}, (0, 0)
    raise b.cannot("pads by what depends on the sizes of the inputs (give `input_signature` shapes without None)")


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
    p, kernel_size = step.params, step.inputs[1].shape[:2]
    full = []
    for axis in range(2):
        span, stride = (kernel_size[axis] - 1) * p["dilation"][axis] + 1, p["strides"][axis]
        size = step.x.shape[1 + axis]
        sizes = size.values if isinstance(size, Size) else (size,)
        full.append([(n - 1) * stride + span for n in sizes])
    missing = []
    for axis, wanted in enumerate(p["size"]):
        values = wanted.values if isinstance(wanted, Size) else (wanted,) * len(full[axis])
        gaps = {w + p["pads"][axis] - n for w, n in zip(values, full[axis], strict=True)}
        if len(gaps) > 1:
            raise b.cannot("has an output whose size does not follow from that of the input")
        missing.append(gaps.pop())
    x = b.transpose(dy, TO_NCHW)
    kernel = b.transpose(kernel, (3, 2, 0, 1))
    y = b.add(
        "ConvTranspose", x, kernel, group=p["groups"], kernel_shape=list(kernel_size), strides=list(p["strides"]),
        dilations=list(p["dilation"]),
        pads=[p["pads"][0], p["pads"][1], max(-missing[0], 0), max(-missing[1], 0)],
    )  # fmt: skip
    if max(missing) > 0:
        zero = b.constant(0, step.x.dtype)
        y = b.add("Pad", y, b.ints(*[0] * 6, max(missing[0], 0), max(missing[1], 0)), zero)
    return b.transpose(y, TO_NHWC)


@emits("windows")
def _windows(b, step, x):
    """Rows of the padded input, by a table of which ones each window holds."""
    p = step.params
    size, out, taps = step.x.shape[1], p["out"], p["taps"]
    if isinstance(size, Size) or isinstance(out, Size) or isinstance(p["before"], Size):
        raise b.cannot("has windows whose number depends on the sizes of the inputs (give `input_signature` shapes "
                       "without None)")  # fmt: skip
    rows = np.arange(out)[:, None] * p["stride"] + np.arange(taps) * p["dilation"]
    after = max(int(rows.max()) + 1 - p["before"] - size, 0) if rows.size else 0
    if p["before"] or after:
        pads = b.ints(0, p["before"], 0, 0, 0, after, 0, 0)
        x = b.add("Pad", x, pads, b.constant(0, step.x.dtype))
    x = b.add("Gather", x, b.constant(rows, np.int64), axis=1)  # outer, out, taps, inner, c
    return b.reshape(b.transpose(x, (0, 1, 3, 2, 4)), step.y.shape)
