"""Depthwise convolution: each channel of x (n, h, w, c) with its own `mult` kernels, (kh, kw, c, mult).

Channel c * mult + m of y (n, oh, ow, c * mult) is channel c of x with kernel[:, :, c, m]. As in conv2d.py, each of the
three records has the other two as its gradients.
"""

import numpy as np

from fastnn.graph.row_rules import of_first_axis
from fastnn.ops.conv2d import output_sizes, padded, taps, without_zeros
from fastnn.ops.record import Op, Spec, always, uniform

_BIAS, _EPILOGUE = 15, 16  # where the kernels' ints have the buffer of a bias (of depthwise_conv2d alone), the program


def _ints(x, y, kernel_size, strides, pads, dilation):
    """The kernels' integers (enum depthwise_ints), from the shapes of x and y."""
    n, h, w, channels = x
    return [n, h, w, channels, *y[1:3], y[3] // channels, *kernel_size, *strides, *dilation, *pads[:2], 0, 0]


# ---- depthwise_conv2d: x, kernel -> y ----


def _shape(x, kernel, *, strides, pads, dilation):
    if len(x.shape) != 4 or len(kernel.shape) != 4 or x.shape[3] != kernel.shape[2]:
        raise ValueError(f"depthwise_conv2d: the input must be (n, h, w, channels) and the kernel (kh, kw, channels, "
                         f"multiplier), not of shapes {x.shape} and {kernel.shape}.")  # fmt: skip
    sizes = output_sizes("depthwise_conv2d", x.shape, kernel.shape[:2], strides, pads, dilation)
    return Spec((x.shape[0], *sizes, kernel.shape[2] * kernel.shape[3]), x.dtype)


def _reference(x, kernel, *, strides, pads, dilation):
    out = output_sizes("depthwise_conv2d", x.shape, kernel.shape[:2], strides, pads, dilation)
    y = np.zeros((x.shape[0], *out, *kernel.shape[2:]), x.dtype)
    big = padded(x, pads)
    for ky, kx, (rows, cols) in taps(x, kernel.shape[:2], out, strides, pads, dilation):
        y += big[:, rows, cols, :, None] * kernel[ky, kx]
    return y.reshape(*y.shape[:3], -1)


def _grad(dy, y, x, kernel, **params):
    dx = depthwise_conv2d_grad_input_op(dy, kernel, size=tuple(x.shape[1:3]), **params)
    return dx, depthwise_conv2d_grad_kernel_op(x, dy, kernel_size=tuple(kernel.shape[:2]), **params)


def _lower(node, b):
    x, kernel = node.inputs
    y = node.outputs[0]
    if b.suffix(y) is None:
        return False
    ints = _ints(x.shape, y.shape, kernel.shape[:2], **node.params)
    b.step(f"depthwise_conv2d_{b.suffix(y)}", [x, kernel, y], ints, epilogue_at=_EPILOGUE, bias_at=_BIAS)
    return True


def _simplify(node):
    (x, kernel), params = node.inputs, node.params
    if inner := without_zeros(x, kernel.shape[:2], params["pads"], params["dilation"]):
        return depthwise_conv2d_op(inner[0], kernel, **params | {"pads": inner[1]})
    return None


depthwise_conv2d_op = Op(
    "depthwise_conv2d",
    shape=_shape,
    reference=_reference,
    grad=_grad,
    lower=_lower,
    simplify=_simplify,
    epilogue=always,
    domain=uniform(-1, 1),
    rows=of_first_axis(0),
)


# ---- depthwise_conv2d_grad_input: dy, kernel -> dx of `size` (h, w) ----


def _grad_input_shape(dy, kernel, *, size, strides, pads, dilation):
    return Spec((dy.shape[0], *size, kernel.shape[2]), dy.dtype)


def _grad_input_reference(dy, kernel, *, size, strides, pads, dilation):
    top, left, bottom, right = pads
    tall, wide = size[0] + top + max(bottom, 0), size[1] + left + max(right, 0)
    dx = np.zeros((dy.shape[0], tall, wide, kernel.shape[2]), dy.dtype)
    dy = dy.reshape(*dy.shape[:3], *kernel.shape[2:])
    for ky, kx, (rows, cols) in taps(dx, kernel.shape[:2], dy.shape[1:3], strides, pads, dilation):
        dx[:, rows, cols] += (dy * kernel[ky, kx]).sum(-1)
    return dx[:, top : top + size[0], left : left + size[1]]


def _grad_input_grad(ddx, dx, dy, kernel, *, size, **params):
    by_kernel = depthwise_conv2d_grad_kernel_op(ddx, dy, kernel_size=tuple(kernel.shape[:2]), **params)
    return depthwise_conv2d_op(ddx, kernel, **params), by_kernel


def _grad_input_lower(node, b):
    dy, kernel = node.inputs
    dx = node.outputs[0]
    if b.suffix(dx) is None:
        return False
    params = {name: value for name, value in node.params.items() if name != "size"}
    ints = _ints(dx.shape, dy.shape, kernel.shape[:2], **params)
    b.step(f"depthwise_conv2d_grad_input_{b.suffix(dx)}", [dy, kernel, dx], ints, epilogue_at=_EPILOGUE)
    return True


depthwise_conv2d_grad_input_op = Op(
    "depthwise_conv2d_grad_input",
    shape=_grad_input_shape,
    reference=_grad_input_reference,
    grad=_grad_input_grad,
    lower=_grad_input_lower,
    epilogue=always,
    domain=uniform(-1, 1),
    rows=of_first_axis(0),
)


# ---- depthwise_conv2d_grad_kernel: x, dy -> dkernel ----


def _grad_kernel_shape(x, dy, *, kernel_size, strides, pads, dilation):
    return Spec((*kernel_size, x.shape[3], dy.shape[3] // x.shape[3]), dy.dtype)


def _grad_kernel_reference(x, dy, *, kernel_size, strides, pads, dilation):
    channels, big = x.shape[3], padded(x, pads)
    dy = dy.reshape(*dy.shape[:3], channels, dy.shape[3] // channels)
    dw = np.zeros((*kernel_size, *dy.shape[3:]), dy.dtype)
    for ky, kx, (rows, cols) in taps(x, kernel_size, dy.shape[1:3], strides, pads, dilation):
        dw[ky, kx] = (big[:, rows, cols, :, None] * dy).sum((0, 1, 2))
    return dw


def _grad_kernel_grad(ddw, dw, x, dy, *, kernel_size, **params):
    by_x = depthwise_conv2d_grad_input_op(dy, ddw, size=tuple(x.shape[1:3]), **params)
    return by_x, depthwise_conv2d_op(x, ddw, **params)


def _grad_kernel_lower(node, b):
    x, dy = node.inputs
    dw = node.outputs[0]
    if b.suffix(dw) is None:
        return False
    b.step(f"depthwise_conv2d_grad_kernel_{b.suffix(dw)}", [x, dy, dw], _ints(x.shape, dy.shape, **node.params))
    return True


def _grad_kernel_simplify(node):
    (x, dy), params = node.inputs, node.params
    if inner := without_zeros(x, params["kernel_size"], params["pads"], params["dilation"]):
        return depthwise_conv2d_grad_kernel_op(inner[0], dy, **params | {"pads": inner[1]})
    return None


depthwise_conv2d_grad_kernel_op = Op(
    "depthwise_conv2d_grad_kernel",
    shape=_grad_kernel_shape,
    reference=_grad_kernel_reference,
    grad=_grad_kernel_grad,
    lower=_grad_kernel_lower,
    simplify=_grad_kernel_simplify,
    domain=uniform(-1, 1),
)
