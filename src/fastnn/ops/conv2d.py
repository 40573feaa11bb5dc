"""Convolution: x (n, h, w, cin) with kernel (kh, kw, cin / groups, cout) gives y (n, oh, ow, cout).

    y[i, oy, ox, o] = sum over ky, kx, c of
                      x[i, oy * sh - top + ky * dh, ox * sw - left + kx * dw, c] * kernel[ky, kx, c, o]

The records take explicit padding `pads` = (top, left, bottom, right); `conv` works it out. y is bilinear in x and the
kernel, so each of the three records has the other two as its gradients.
"""

import numpy as np

from fastnn import config
from fastnn.graph.symbolic import accepts_symbolic
from fastnn.graph.value import Operators
from fastnn.ops.matmul import in_one_dtype
from fastnn.ops.record import Op, Spec, shape_of, uniform

_RELU, _EPILOGUE = 16, 17  # where the kernels' ints have the flag (of conv2d alone), and the program's offset


def output_size(size: int, kernel: int, stride: int, dilation: int, before: int, after: int) -> int:
    """How many positions a window of `kernel` taps has along an axis of `size` elements; may be 0 or less."""
    return (size + before + after - (kernel - 1) * dilation - 1) // stride + 1


def output_sizes(name: str, x, kernel_size, strides, pads, dilation) -> tuple[int, int]:
    """(oh, ow) for an input of shape `x`.

    Raises:
        ValueError: when the window is larger than the padded input.
    """
    sizes = tuple(
        output_size(x[1 + k], kernel_size[k], strides[k], dilation[k], pads[k], pads[2 + k]) for k in range(2)
    )
    if min(sizes) < 1:
        raise ValueError(f"{name}: the output would be empty: the kernel of size {tuple(kernel_size)} with dilation "
                         f"{dilation} is larger than the input of shape {tuple(x)} with padding {pads}.")  # fmt: skip
    return sizes


def taps(x, kernel_size, out, strides, pads, dilation):
    """For each tap, in order: its number along both axes, and the slices of padded `x` that it multiplies."""
    for ky in range(kernel_size[0]):
        for kx in range(kernel_size[1]):
            at = (ky * dilation[0], kx * dilation[1])
            yield ky, kx, tuple(slice(at[k], at[k] + (out[k] - 1) * strides[k] + 1, strides[k]) for k in range(2))


def padded(x, pads):
    """`x` with zeros around it."""
    top, left, bottom, right = pads
    return np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))


def _groups(groups: int, cin: int, cout: int):
    """The slices of the input's and the output's channels of each group."""
    for g in range(groups):
        yield slice(g * cin // groups, (g + 1) * cin // groups), slice(g * cout // groups, (g + 1) * cout // groups)


def _ints(x, y, kernel_size, strides, pads, dilation, groups):
    """The kernels' integers (enum conv2d_ints), from the shapes of x and y."""
    n, h, w, cin = x
    _, oh, ow, cout = y
    return [n, h, w, cin, oh, ow, cout, *kernel_size, *strides, *dilation, *pads[:2], groups, 0, 0]


# ---- conv2d: x, kernel[, bias (cout,)] -> y ----


def _check_kernel(x, kernel, groups):
    if len(x.shape) != 4 or len(kernel.shape) != 4:
        raise ValueError(f"conv2d: the input must be (n, h, w, channels) and the kernel (kh, kw, channels / groups, "
                         f"filters), not of shapes {x.shape} and {kernel.shape}.")  # fmt: skip
    if x.shape[3] != kernel.shape[2] * groups or kernel.shape[3] % groups:
        raise ValueError(f"conv2d: the input of shape {x.shape} has {x.shape[3]} channels, the kernel of shape "
                         f"{kernel.shape} with {groups} groups expects {kernel.shape[2] * groups}, and its "
                         f"{kernel.shape[3]} filters must be a multiple of the groups.")  # fmt: skip


def _conv2d_shape(x, kernel, bias=None, *, strides, pads, dilation, groups):
    _check_kernel(x, kernel, groups)
    if bias is not None and bias.shape != kernel.shape[3:]:
        raise ValueError(f"conv2d: the bias has shape {bias.shape}, the filters need {kernel.shape[3:]}.")
    sizes = output_sizes("conv2d", x.shape, kernel.shape[:2], strides, pads, dilation)
    return Spec((x.shape[0], *sizes, kernel.shape[3]), x.dtype)


def _conv2d_reference(x, kernel, bias=None, *, strides, pads, dilation, groups):
    out = output_sizes("conv2d", x.shape, kernel.shape[:2], strides, pads, dilation)
    y = np.zeros((x.shape[0], *out, kernel.shape[3]), x.dtype)
    big = padded(x, pads)
    for ky, kx, (rows, cols) in taps(x, kernel.shape[:2], out, strides, pads, dilation):
        for inputs, outputs in _groups(groups, x.shape[3], kernel.shape[3]):
            y[..., outputs] += big[:, rows, cols, inputs] @ kernel[ky, kx][:, outputs]
    return y if bias is None else y + bias


def _conv2d_grad(dy, y, x, kernel, bias=None, **params):
    dx = conv2d_grad_input_op(dy, kernel, size=tuple(x.shape[1:3]), **params)
    dw, db = conv2d_grad_kernel_op(x, dy, kernel_size=tuple(kernel.shape[:2]), **params)
    return (dx, dw) if bias is None else (dx, dw, db)


def _conv2d_lower(node, b):
    x, kernel, *bias = node.inputs
    y = node.outputs[0]
    if b.suffix(y) is None:
        return False
    ints = _ints(x.shape, y.shape, kernel.shape[:2], **node.params)
    buffers = [x, kernel, y, bias[0] if bias else None]
    b.step(f"conv2d_{b.suffix(y)}", buffers, ints, epilogue_at=_EPILOGUE, relu_at=_RELU)
    return True


conv2d_op = Op(
    "conv2d",
    shape=_conv2d_shape,
    reference=_conv2d_reference,
    grad=_conv2d_grad,
    lower=_conv2d_lower,
    epilogue=True,
    domain=uniform(-1, 1),
)


# ---- conv2d_grad_input: dy, kernel -> dx of `size` (h, w) ----


def _grad_input_shape(dy, kernel, *, size, strides, pads, dilation, groups):
    return Spec((dy.shape[0], *size, kernel.shape[2] * groups), dy.dtype)


def _grad_input_reference(dy, kernel, *, size, strides, pads, dilation, groups):
    top, left, bottom, right = pads
    cin = kernel.shape[2] * groups
    dx = np.zeros((dy.shape[0], size[0] + top + bottom, size[1] + left + right, cin), dy.dtype)
    for ky, kx, (rows, cols) in taps(dx, kernel.shape[:2], dy.shape[1:3], strides, pads, dilation):
        for inputs, outputs in _groups(groups, cin, kernel.shape[3]):
            dx[:, rows, cols, inputs] += dy[..., outputs] @ kernel[ky, kx][:, outputs].T
    return dx[:, top : top + size[0], left : left + size[1]]


def _grad_input_grad(ddx, dx, dy, kernel, *, size, **params):
    by_kernel, _ = conv2d_grad_kernel_op(ddx, dy, kernel_size=tuple(kernel.shape[:2]), **params)
    return conv2d_op(ddx, kernel, **params), by_kernel


def _grad_input_lower(node, b):
    dy, kernel = node.inputs
    dx = node.outputs[0]
    if b.suffix(dx) is None:
        return False
    params = {name: value for name, value in node.params.items() if name != "size"}
    ints = _ints(dx.shape, dy.shape, kernel.shape[:2], **params)
    b.step(f"conv2d_grad_input_{b.suffix(dx)}", [dy, kernel, dx], ints, epilogue_at=_EPILOGUE)
    return True


conv2d_grad_input_op = Op(
    "conv2d_grad_input",
    shape=_grad_input_shape,
    reference=_grad_input_reference,
    grad=_grad_input_grad,
    lower=_grad_input_lower,
    epilogue=True,
    domain=uniform(-1, 1),
)


# ---- conv2d_grad_kernel: x, dy -> dkernel, dbias (cout,) ----


def _grad_kernel_shape(x, dy, *, kernel_size, strides, pads, dilation, groups):
    return Spec((*kernel_size, x.shape[3] // groups, dy.shape[3]), dy.dtype), Spec(dy.shape[3:], dy.dtype)


def _grad_kernel_reference(x, dy, *, kernel_size, strides, pads, dilation, groups):
    cin, cout = x.shape[3], dy.shape[3]
    dw = np.zeros((*kernel_size, cin // groups, cout), dy.dtype)
    big = padded(x, pads)
    for ky, kx, (rows, cols) in taps(x, kernel_size, dy.shape[1:3], strides, pads, dilation):
        for inputs, outputs in _groups(groups, cin, cout):
            pixels = big[:, rows, cols, inputs].reshape(-1, cin // groups)
            dw[ky, kx][:, outputs] = pixels.T @ dy[..., outputs].reshape(-1, cout // groups)
    return dw, dy.sum((0, 1, 2))


def _grad_kernel_grad(gradients, outputs, x, dy, *, kernel_size, **params):
    """Of dkernel as of a bilinear form; dbias is the sum of dy, so its gradient is added to every pixel's."""
    ddw, ddb = gradients
    if ddw is not None:
        by_x = conv2d_grad_input_op(dy, ddw, size=tuple(x.shape[1:3]), **params)
        return by_x, conv2d_op(x, ddw, *([] if ddb is None else [ddb]), **params)
    return None, Operators.functions["broadcast_to"](ddb, dy.shape)


def _grad_kernel_lower(node, b):
    x, dy = node.inputs
    dw, db = node.outputs
    if b.suffix(dw) is None:
        return False
    ints = _ints(x.shape, dy.shape, **node.params)
    b.step(f"conv2d_grad_kernel_{b.suffix(dw)}", [x, dy, dw, db], ints, epilogue_at=_EPILOGUE)
    return True


conv2d_grad_kernel_op = Op(
    "conv2d_grad_kernel",
    shape=_grad_kernel_shape,
    reference=_grad_kernel_reference,
    grad=_grad_kernel_grad,
    lower=_grad_kernel_lower,
    epilogue=True,
    domain=uniform(-1, 1),
)


# ---- Keras's functions ----


def window_params(name: str, inputs, kernel_size, strides, padding, dilation_rate) -> dict:
    """Keras's arguments as the records' parameters, for an input of shape (n, *spatial, channels).

    Raises:
        ValueError: for a padding that is neither "valid" nor "same", or strides that are no positive numbers.
    """
    rank = len(kernel_size)
    strides, dilation = (
        (value,) * rank if isinstance(value, (int, np.integer)) else tuple(int(v) for v in value)
        for value in (strides, dilation_rate)
    )
    if len(strides) != rank or len(dilation) != rank or min(strides + dilation) < 1:
        raise ValueError(f"{name}: strides {strides} and dilation_rate {dilation} must be {rank} positive integers.")
    if str(padding).lower() not in ("valid", "same"):
        raise ValueError(f"{name}: padding must be 'valid' or 'same', not {padding!r}.")
    before, after = [0] * rank, [0] * rank
    if str(padding).lower() == "same":
        for k in range(rank):
            size, stride = inputs[1 + k], strides[k]
            total = max((-(-size // stride) - 1) * stride + (kernel_size[k] - 1) * dilation[k] + 1 - size, 0)
            before[k], after[k] = total // 2, total - total // 2
    return {"strides": strides, "pads": (*before, *after), "dilation": dilation}


def in_two_dimensions(function, name: str, inputs, kernel, strides, padding, data_format, dilation_rate, *rest):
    """Calls `function(x, kernel, *rest, **params)` on (n, h, w, channels), whatever the rank and the data format.

    A sequence (n, steps, channels) is an image of one row.
    """
    data_format = config.image_data_format() if data_format is None else data_format
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(f"{name}: data_format must be 'channels_last' or 'channels_first', not {data_format!r}.")
    rank = len(shape_of(kernel)) - 2
    if rank not in (1, 2):
        raise ValueError(f"{name}: kernels of rank 1 and 2 are implemented; the kernel of shape {shape_of(kernel)} has "
                         f"rank {rank}.")  # fmt: skip
    if len(shape_of(inputs)) != rank + 2:
        raise ValueError(f"{name}: a kernel of shape {shape_of(kernel)} needs an input of {rank + 2} dimensions, "
                         f"not of shape {shape_of(inputs)}.")  # fmt: skip
    transpose, reshape = Operators.functions["transpose"], Operators.functions["reshape"]
    is_last = data_format == "channels_last"
    x = inputs if is_last else transpose(inputs, (0, *range(2, rank + 2), 1))
    params = window_params(name, shape_of(x), shape_of(kernel)[:-2], strides, padding, dilation_rate)
    if rank == 1:
        (n, steps, channels), (k, *channels_k) = shape_of(x), shape_of(kernel)
        x, kernel = reshape(x, (n, 1, steps, channels)), reshape(kernel, (1, k, *channels_k))
        params = {"strides": (1, *params["strides"]), "dilation": (1, *params["dilation"]),
                  "pads": (0, params["pads"][0], 0, params["pads"][1])}  # fmt: skip
    y = function(x, kernel, *rest, **params)
    if rank == 1:
        y = reshape(y, (y.shape[0], *y.shape[2:]))
    return y if is_last else transpose(y, (0, rank + 1, *range(1, rank + 1)))


def _apply_conv(x, kernel, *bias, **params):
    channels, kernel_channels = shape_of(x)[-1], shape_of(kernel)[2]
    groups = channels // kernel_channels if kernel_channels and channels % kernel_channels == 0 else 1
    return conv2d_op(x, kernel, *bias, groups=max(groups, 1), **params)


@accepts_symbolic
def biased_conv(inputs, kernel, bias=None, strides=1, padding="valid", data_format=None, dilation_rate=1):
    """`conv` plus a bias of shape (filters,): what a convolution layer computes, and one kernel call."""
    inputs, kernel, *bias = in_one_dtype(inputs, kernel, *(() if bias is None else (bias,)))
    return in_two_dimensions(_apply_conv, "conv", inputs, kernel, strides, padding, data_format, dilation_rate, *bias)


@accepts_symbolic
def conv(inputs, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1):
    """Convolution over one or two spatial dimensions (a cross-correlation: the kernel is not flipped).

    Sums of float32 are taken in float32, one chain of fused multiply-adds over (ky, kx, channel).

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
        ValueError: when the channels do not fit, the output would be empty, or the kernel has three spatial dimensions.

    Example:
        >>> conv(np.ones((1, 28, 28, 1)), np.ones((3, 3, 1, 32)), padding="same").shape
        (1, 28, 28, 32)
    """
    return biased_conv(inputs, kernel, None, strides, padding, data_format, dilation_rate)


__all__ = ["conv"]
