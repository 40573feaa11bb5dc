"""Max and average pooling over windows of images, and Keras's functions for one, two and three dimensions.

Records are in two dimensions, NHWC: x (n, h, w, c) -> y (n, oh, ow, c). Their parameters are `window` (kh, kw),
`strides` (sh, sw) and `pads` ((top, bottom), (left, right)). Padding is no data: it never is the maximum and does not
count in an average. In one dimension an axis of size 1 is added; in three the window is taken in two steps, which
gives the same maxima, averages and gradients.
"""

import math

import numpy as np

from fastnn import config
from fastnn.graph.dtypes import is_float
from fastnn.graph.row_rules import of_first_axis
from fastnn.graph.symbolic import accepts_symbolic
from fastnn.ops import elementwise as ew
from fastnn.ops.layout import moveaxis, reshape
from fastnn.ops.record import Op, Spec, always, as_operand, dtype_of, shape_of, uniform

# ---- windows ----


def _out_size(size: int, window: int, stride: int, pads: tuple[int, int]) -> int:
    return (size + sum(pads) - window) // stride + 1


def _pool_shape(x, window, strides, pads):
    n, h, w, c = x.shape
    oh, ow = (_out_size(*axis) for axis in zip((h, w), window, strides, pads, strict=True))
    is_inside = all(max(pad) < size for pad, size in zip(pads, window, strict=True))
    if oh < 1 or ow < 1 or not is_inside:
        raise ValueError(f"pooling with a window of {window} and padding {pads} does not fit images of {h} by {w}.")
    return Spec((n, oh, ow, c), x.dtype)


def _windows(x, window, strides, pads, fill):
    """A view of `x`, padded with `fill`: (n, oh, ow, c, kh, kw)."""
    padded = np.pad(x, ((0, 0), *pads, (0, 0)), constant_values=fill)
    views = np.lib.stride_tricks.sliding_window_view(padded, window, (1, 2))
    return views[:, :: strides[0], :: strides[1]]


def _lowest(dtype):
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def _pool_ints(x_shape, y_shape, window, strides, pads) -> list[int]:
    n, h, w, c = x_shape
    return [n, h, w, c, *y_shape[1:3], *window, *strides, pads[0][0], pads[1][0], 0]


def _lower(b, node, x_shape, y, buffers):
    """The kernel of the node's name, if the dtype has one; `y` is the result of the windows, or its gradient."""
    if b.suffix(y) is None:
        return False
    params = {name: value for name, value in node.params.items() if name != "shape"}
    ints = _pool_ints(x_shape, y.shape, **params)
    b.step(f"{node.op.name}_{b.suffix(y)}", buffers, ints, epilogue_at=len(ints) - 1)
    return True


# ---- max ----


def _max_shape(x, window, strides, pads):
    y = _pool_shape(x, window, strides, pads)
    return y, Spec(y.shape, "uint8" if math.prod(window) <= 256 else "int32")


def _max_reference(x, window, strides, pads):
    if x.size == 0:
        return tuple(
            np.zeros(y.shape, y.dtype or x.dtype) for y in _max_shape(Spec(x.shape, ""), window, strides, pads)
        )
    views = _windows(x, window, strides, pads, _lowest(x.dtype))
    is_image = _windows(np.ones(x.shape, bool), window, strides, pads, False)
    top = views.max(axis=(4, 5), keepdims=True)
    is_top = is_image & ((views == top) | ((views != views) & (top != top)))
    return top[..., 0, 0], is_top.reshape(*is_top.shape[:4], -1).argmax(axis=-1)


def _max_lower(node, b):
    y, places = node.outputs
    x = node.inputs[0]
    return _lower(b, node, x.shape, y, [x, y, places if places in b.needed else None])


# Beside the maxima y their places: where in its window the first maximum is, row by row (NaN is larger than all).
max_pool2d_op = Op(
    "max_pool2d",
    shape=_max_shape,
    reference=_max_reference,
    grad=lambda dys, ys, x, **params: max_pool2d_grad_op(dys[0], ys[1], shape=tuple(x.shape), **params),
    lower=_max_lower,
    epilogue=always,
    domain=uniform(-3, 3),
    rows=of_first_axis(0),
)


def _positions(places, window, strides, pads):
    """Where in x the maxima are: n, h, w, c."""
    n, oh, ow, c = np.indices(places.shape)
    rows = oh * strides[0] - pads[0][0] + places // window[1]
    cols = ow * strides[1] - pads[1][0] + places % window[1]
    return n, rows, cols, c


def _max_grad_reference(dy, places, shape, window, strides, pads):
    dx = np.zeros(shape, dy.dtype)
    np.add.at(dx, _positions(places, window, strides, pads), dy)
    return dx


def _max_grad_lower(node, b):
    dy, places = node.inputs
    return _lower(b, node, node.params["shape"], dy, [dy, places, node.outputs[0]])


# Each dy goes to the place in its window.
max_pool2d_grad_op = Op(
    "max_pool2d_grad",
    shape=lambda dy, places, shape, window, strides, pads: Spec(shape, dy.dtype),
    reference=_max_grad_reference,
    grad=lambda g, dx, dy, places, shape, **params: (max_pool2d_pick_op(g, places, **params), None),
    lower=_max_grad_lower,
    epilogue=always,
    domain=uniform(-3, 3),
)
# The elements of g at the places: the derivative of max_pool2d_grad by dy.
max_pool2d_pick_op = Op(
    "max_pool2d_pick",
    shape=lambda g, places, window, strides, pads: Spec(places.shape, g.dtype),
    reference=lambda g, places, window, strides, pads: g[_positions(places, window, strides, pads)],
    grad=lambda dy, y, g, places, **params: (max_pool2d_grad_op(dy, places, shape=tuple(g.shape), **params), None),
    domain=uniform(-3, 3),
)


# ---- average ----


def _counts(h, w, window, strides, pads):
    """How many elements of the image each window holds: (oh, ow, 1)."""
    ones = np.ones((1, h, w, 1))
    return _windows(ones, window, strides, pads, 0).sum(axis=(4, 5))[0]


def _average_reference(x, window, strides, pads):
    total = _windows(x, window, strides, pads, 0).sum(axis=(4, 5), dtype=x.dtype)
    return (total / _counts(*x.shape[1:3], window, strides, pads)).astype(x.dtype)


average_pool2d_op = Op(
    "average_pool2d",
    shape=_pool_shape,
    reference=_average_reference,
    grad=lambda dy, y, x, **params: average_pool2d_grad_op(dy, shape=x.shape, **params),
    lower=lambda node, b: _lower(b, node, node.inputs[0].shape, node.outputs[0], [node.inputs[0], node.outputs[0]]),
    epilogue=always,
    domain=uniform(-3, 3),
    rows=of_first_axis(0),
)


def _average_grad_reference(dy, shape, window, strides, pads):
    n, h, w, c = shape
    share = dy / _counts(h, w, window, strides, pads)
    dx = np.zeros((n, h + sum(pads[0]), w + sum(pads[1]), c), dy.dtype)
    oh, ow = dy.shape[1:3]
    for ky in range(window[0]):
        for kx in range(window[1]):
            dx[:, ky : ky + oh * strides[0] : strides[0], kx : kx + ow * strides[1] : strides[1]] += share
    return dx[:, pads[0][0] : pads[0][0] + h, pads[1][0] : pads[1][0] + w]


def _average_grad_lower(node, b):
    dy = node.inputs[0]
    return _lower(b, node, node.params["shape"], dy, [dy, node.outputs[0]])


# Each dy is shared equally by the elements of its window.
average_pool2d_grad_op = Op(
    "average_pool2d_grad",
    shape=lambda dy, shape, window, strides, pads: Spec(tuple(shape), dy.dtype),
    reference=_average_grad_reference,
    grad=lambda g, dx, dy, shape, **params: average_pool2d_op(g, **params),
    lower=_average_grad_lower,
    epilogue=always,
    domain=uniform(-3, 3),
)


# ---- Keras's functions ----


def _per_axis(name, value, rank: int) -> tuple[int, ...]:
    values = (value,) * rank if isinstance(value, (int, np.integer)) else tuple(value)
    if len(values) != rank or any(int(v) < 1 for v in values):
        raise ValueError(f"`{name}` must be a positive int or {rank} of them, got {value!r}.")
    return tuple(int(v) for v in values)


def _same_pads(size: int, window: int, stride: int) -> tuple[int, int]:
    """Padding that gives ceil(size / stride) windows; the odd one goes behind."""
    total = max((math.ceil(size / stride) - 1) * stride + window - size, 0)
    return total // 2, total - total // 2


def _pool(op, inputs, pool_size, strides, padding, data_format):
    x = as_operand(inputs)
    rank = len(shape_of(x)) - 2
    if rank not in (1, 2, 3):
        raise ValueError(f"pooling needs inputs of 3, 4 or 5 dimensions, got shape {shape_of(x)}.")
    window = _per_axis("pool_size", pool_size, rank)
    strides = window if strides is None else _per_axis("strides", strides, rank)
    if padding not in ("valid", "same"):
        raise ValueError(f"`padding` must be 'valid' or 'same', got {padding!r}.")
    data_format = data_format or config.image_data_format()
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(f"`data_format` must be 'channels_last' or 'channels_first', got {data_format!r}.")
    if data_format == "channels_first":
        x = moveaxis(x, 1, -1)
    n, *sizes, c = shape_of(x)
    pads = [(0, 0) if padding == "valid" else _same_pads(*a) for a in zip(sizes, window, strides, strict=True)]
    outs = [_out_size(*axis) for axis in zip(sizes, window, strides, pads, strict=True)]
    if min(outs) < 1:
        raise ValueError(
            f"pooling with pool_size={pool_size} does not fit inputs of shape {shape_of(inputs)}: use a smaller window "
            "or padding='same'."
        )
    lead, inner = sizes[:-2], [1] * (2 - len(sizes)) + sizes[-2:]
    x = reshape(x, (n * math.prod(lead), *inner, c))
    fill = [(1, 1, (0, 0))] * (2 - rank)
    last = list(zip(window, strides, pads, strict=True))[-2:]
    x = op(x, **dict(zip(("window", "strides", "pads"), zip(*fill, *last, strict=True), strict=True)))
    if rank == 3:
        x = reshape(x, (n, sizes[0], outs[1] * outs[2], c))
        x = op(x, window=(window[0], 1), strides=(strides[0], 1), pads=(pads[0], (0, 0)))
    y = reshape(x, (n, *outs, c))
    return moveaxis(y, -1, 1) if data_format == "channels_first" else y


@accepts_symbolic
def max_pool(inputs, pool_size, strides=None, padding="valid", data_format=None):
    """The largest element of each window.

    The gradient goes to the first maximum of a window, in row order.

    Args:
        inputs: shape (n, *spatial, c) with one, two or three spatial dimensions, or (n, c, *spatial) when
            `data_format` is "channels_first".
        pool_size: an int, or one for each spatial dimension.
        strides: the same; `pool_size` by default.
        padding: "valid", or "same" for ceil(size / stride) windows an axis; what is added is never the maximum.
        data_format: that of `fastnn.config` by default.

    Raises:
        ValueError: when the window does not fit.

    Example:
        >>> max_pool(np.arange(16.0).reshape(1, 4, 4, 1), 2)[0, :, :, 0]
        array([[ 5.,  7.],
               [13., 15.]])
    """
    return _pool(lambda x, **params: max_pool2d_op(x, **params)[0], inputs, pool_size, strides, padding, data_format)


@accepts_symbolic
def average_pool(inputs, pool_size, strides=None, padding="valid", data_format=None):
    """The mean of each window; what padding adds does not count.

    Args:
        inputs, pool_size, strides, padding, data_format: as in `max_pool`.

    Raises:
        ValueError: when the window does not fit.

    Example:
        >>> average_pool(np.arange(16.0).reshape(1, 4, 4, 1), 2)[0, :, :, 0]
        array([[ 2.5,  4.5],
               [10.5, 12.5]])
    """
    inputs = as_operand(inputs)
    if not is_float(dtype_of(inputs)):
        inputs = ew.cast(inputs, config.floatx())
    return _pool(average_pool2d_op, inputs, pool_size, strides, padding, data_format)
