"""Windows along one axis, laid side by side on the last axis, and the sum that puts them back.

    windows      x (outer, size, inner, c) -> y (outer, out, inner, taps * c)
                 y[o, j, i, t * c + k] = x[o, j * stride - before + t * dilation, i, k], 0 outside
    windows_sum  its transpose: what lies in several windows is added up

Patches of images are windows along one axis after the other; a convolution over three dimensions is one over two on
windows along the depth. Each record is the other's gradient.
"""

import math

import numpy as np

from fastnn.graph.row_rules import of_first_axis
from fastnn.ops.indexing import getitem
from fastnn.ops.joining import pad
from fastnn.ops.layout import copy_step, reshape, transpose
from fastnn.ops.record import Op, Spec, shape_of, uniform
from fastnn.plan.copying import contiguous_strides, copy_part


def _tap_spans(size, out, taps, stride, dilation, before):
    """For each tap the windows [first, last) in which it lies inside the axis, and where it lies in the first."""
    for t in range(taps):
        offset = t * dilation - before
        first = max(0, -(offset // stride))
        last = max(first, min(out, (size - 1 - offset) // stride + 1))
        yield t, min(first, out), min(last, out), first * stride + offset


def _windows_reference(x, out, taps, stride, dilation, before):
    outer, size, inner, c = x.shape
    y = np.zeros((outer, out, inner, taps * c), x.dtype)
    for t, first, last, at in _tap_spans(size, out, taps, stride, dilation, before):
        if first < last:
            y[:, first:last, :, t * c : (t + 1) * c] = x[:, at : at + (last - first - 1) * stride + 1 : stride]
    return y


def _windows_lower(node, b):
    """A box for each tap, and zeros for the windows in which it lies outside. Where windows are what lies side by side
    in `x`, and none reaches outside, one box for all taps."""
    x, y = node.inputs[0], node.outputs[0]
    outer, size, inner, c = x.shape
    to, own, stride = contiguous_strides(y.shape), contiguous_strides(x.shape), node.params["stride"]
    out, taps, before = y.shape[1], node.params["taps"], node.params["before"]
    if inner == node.params["dilation"] == 1 and before == 0 and (out - 1) * stride + taps <= size:
        box, steps = (outer, out, taps * c), (own[0], own[1] * stride, 1)
        return copy_step(b, [y, x], x.dtype, [copy_part(0, 1, box, (to[0], to[1], 1), steps)])
    parts = []
    for t, first, last, at in _tap_spans(size, **node.params):
        for begin, end in ((0, first), (last, y.shape[1])):
            box = (outer, end - begin, inner, c)
            parts.append(copy_part(0, -1, box, to, (0,) * 4, dst_offset=begin * to[1] + t * c))
        box, steps = (outer, last - first, inner, c), (own[0], own[1] * stride, *own[2:])
        parts.append(copy_part(0, 1, box, to, steps, dst_offset=first * to[1] + t * c, src_offset=at * own[1]))
    return copy_step(b, [y, x], x.dtype, parts)


windows_op = Op(
    "windows",
    shape=lambda x, out, taps, **_: Spec((x.shape[0], out, x.shape[2], taps * x.shape[3]), x.dtype),
    reference=_windows_reference,
    grad=lambda dy, y, x, out, **params: windows_sum_op(dy, size=x.shape[1], **params),
    lower=_windows_lower,
    domain=uniform(-3, 3),
    rows=of_first_axis(0),
)


def _windows_sum_reference(y, size, taps, stride, dilation, before):
    outer, out, inner, c = *y.shape[:3], y.shape[3] // taps
    x = np.zeros((outer, size, inner, c), y.dtype)
    for t, first, last, at in _tap_spans(size, out, taps, stride, dilation, before):
        if first < last:
            x[:, at : at + (last - first - 1) * stride + 1 : stride] += y[:, first:last, :, t * c : (t + 1) * c]
    return x


def _windows_sum_lower(node, b):
    y, x = node.inputs[0], node.outputs[0]
    if b.suffix(y) is None:
        return False
    p = node.params
    ints = [*x.shape, y.shape[1], p["taps"], p["stride"], p["dilation"], p["before"]]
    b.step(f"windows_sum_{b.suffix(y)}", [y, x], ints)
    return True


def _windows_sum_simplify(node):
    """Windows as pieces of `stride` elements, which are added whole: as many as a window has of them, not taps."""
    y, c = node.inputs[0], node.outputs[0].shape[3]
    outer, out, inner, _ = y.shape
    size, taps, stride, dilation, before = (node.params[n] for n in ("size", "taps", "stride", "dilation", "before"))
    pieces = -(-taps // stride)
    if not inner == dilation == 1 or before or pieces == taps or out == 0:
        return None
    filled = pad(y, ((0, 0),) * 3 + ((0, (pieces * stride - taps) * c),))
    whole = (out - 1 + pieces) * stride
    x = reshape(
        windows_sum_op(filled, size=out - 1 + pieces, taps=pieces, stride=1, dilation=1, before=0), (outer, whole, 1, c)
    )
    if size > whole:
        return pad(x, ((0, 0), (0, size - whole), (0, 0), (0, 0)))
    return getitem(x, (slice(None), slice(size)))


windows_sum_op = Op(
    "windows_sum",
    shape=lambda y, size, taps, **_: Spec((y.shape[0], size, y.shape[2], y.shape[3] // taps), y.dtype),
    reference=_windows_sum_reference,
    simplify=_windows_sum_simplify,
    grad=lambda dx, x, y, size, **params: windows_op(dx, out=y.shape[1], **params),
    lower=_windows_sum_lower,
    domain=uniform(-3, 3),
)


def windows(x, axis: int, out: int, taps: int, stride: int, dilation: int, before: int):
    """`x` with `out` windows along `axis`, the elements of each side by side on the last axis (tap by tap)."""
    sizes = shape_of(x)
    outer, size, inner, c = about = _about(sizes, axis)
    if _is_partition(size, out, taps, stride, dilation, before):
        y = transpose(reshape(x, (outer, out, taps, inner, c)), (0, 1, 3, 2, 4))
    else:
        y = windows_op(reshape(x, about), out=out, taps=taps, stride=stride, dilation=dilation, before=before)
    return reshape(y, (*sizes[:axis], out, *sizes[axis + 1 : -1], taps * sizes[-1]))


def windows_sum(y, axis: int, size: int, taps: int, stride: int, dilation: int, before: int):
    """The transpose of `windows`: an array with `size` elements along `axis`."""
    sizes = shape_of(y)
    outer, out, inner, c = about = _about(sizes, axis)
    if _is_partition(size, out, taps, stride, dilation, before):
        x = transpose(reshape(y, (outer, out, inner, taps, c // taps)), (0, 1, 3, 2, 4))
    else:
        x = windows_sum_op(reshape(y, about), size=size, taps=taps, stride=stride, dilation=dilation, before=before)
    return reshape(x, (*sizes[:axis], size, *sizes[axis + 1 : -1], sizes[-1] // taps))


def _is_partition(size, out, taps, stride, dilation, before) -> bool:
    """Whether each element lies in one window: these are the axis cut up, one copy and not one of each tap."""
    return (stride, dilation, before) == (taps, 1, 0) and out * taps == size


def _about(sizes, axis: int) -> tuple[int, int, int, int]:
    """(outer, size, inner, c) of an array of shape `sizes`, whose last axis is not `axis`."""
    return math.prod(sizes[:axis]), sizes[axis], math.prod(sizes[axis + 1 : -1]), sizes[-1]
