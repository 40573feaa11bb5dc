"""Convolution of volumes whose windows along the depth are read where they lie: x (n, depth, h, w, cin) with kernel
(kd, kh, kw, cin, cout) gives y (n, od, oh, ow, cout).

convolution.py takes these records where sums of products do best (`reads_in_place`); other convolutions over three
dimensions are ones over two on copies of the windows. The gradient by x is a convolution, or one over two dimensions of
all taps along the depth at once, whose sums by windows it then takes. Parameters are those of conv2d.py with three
numbers in place of two: `pads` = (front, top, left, back, bottom, right). Each of the three records has the other two
as its gradients.
"""

import math

import numpy as np

from fastnn.graph.row_rules import of_first_axis
from fastnn.ops.conv2d import (
    conv2d_grad_input_op,
    conv2d_grad_kernel_op,
    conv2d_op,
    exchanged_pads,
    grad_of_kernel_grad,
    output_size,
    summed_exchanged,
    turned,
    vector_lanes,
)
from fastnn.ops.layout import reshape, transpose
from fastnn.ops.matmul import kernel_and_bias
from fastnn.ops.record import Op, Spec, always, shape_of, uniform
from fastnn.ops.windows import windows, windows_op, windows_sum, windows_sum_op

_RELU, _EPILOGUE = 16, 17  # where the kernels' ints have the flag (of conv3d alone), and the program's offset
_FEW = 8  # filters; to no more the convolution of copied windows has lanes of taps (conv2d_dots_body.h and _turned_)
# Results of a volume, of which units have no other: for fewer the sums of a unit cost more than copies of the windows.
_LEAST_RESULTS, _LEAST_SUMMED = 8, 32


def reads_in_place(filters: int, kernel_size, strides, dilation) -> bool:
    """Whether these records do better, to so many filters, than copies of the windows: products of pixels and
    Winograd's algorithm take these."""
    is_fast = kernel_size[1:] in ((1, 1), (3, 3), (5, 5)) and strides[1:] == dilation[1:] == (1, 1)
    return (kernel_size[0], strides[0]) != (1, 1) and filters > _FEW and not is_fast


def _ints(x, y, kernel_size, strides, pads, dilation):
    """The kernels' integers (enum conv2d_ints), from the shapes of x and y."""
    n, depth, h, w, cin = x
    _, od, oh, ow, cout = y
    planes = [n, h, w, cin, oh, ow, cout, *kernel_size[1:], *strides[1:], *dilation[1:], *pads[1:3], 1, 0, 0]
    return [*planes, depth, od, kernel_size[0], strides[0], dilation[0], pads[0]]


def _of_planes(strides, pads, dilation) -> dict:
    """The parameters of the records over two dimensions."""
    return {"strides": strides[1:], "pads": (*pads[1:3], *pads[4:]), "dilation": dilation[1:], "groups": 1}


def _along(taps, strides, pads, dilation) -> dict:
    """The parameters of windows along the depth."""
    return {"taps": taps, "stride": strides[0], "dilation": dilation[0], "before": pads[0]}


def _planes_of_windows(x, out, taps, **params):
    """Windows of x along the depth, the channels of their taps side by side: an image for each."""
    n, depth, h, w, c = x.shape
    flat = x.reshape(n, depth, h * w, c)
    flat = windows_op.reference(flat, out=out, **_along(taps, **params))
    return flat.reshape(n * out, h, w, taps * c)


def kernel_of_planes(kernel):
    """A kernel (kd, kh, kw, a, b) in two dimensions, (kh, kw, kd * a, b)."""
    kd, kh, kw, a, b = shape_of(kernel)
    return reshape(transpose(kernel, (1, 2, 0, 3, 4)), (kh, kw, kd * a, b))


def _flat(kernel):
    """`kernel_of_planes` in NumPy."""
    kd, *size, a, b = kernel.shape
    return np.moveaxis(kernel, 0, 2).reshape(*size, kd * a, b)


# ---- conv3d: x, kernel[, bias (cout,)] -> y ----


def _shape(x, kernel, bias=None, *, strides, pads, dilation):
    if len(x.shape) != 5 or len(kernel.shape) != 5 or x.shape[4] != kernel.shape[3]:
        raise ValueError(f"conv3d: the input must be (n, depth, h, w, channels) and the kernel (kd, kh, kw, channels, "
                         f"filters), not of shapes {x.shape} and {kernel.shape}.")  # fmt: skip
    sizes = [output_size(x.shape[1 + k], kernel.shape[k], strides[k], dilation[k], pads[k], pads[3 + k])
             for k in range(3)]  # fmt: skip
    if min(sizes) < 1:
        raise ValueError(f"conv3d: the output would be empty: the kernel of shape {kernel.shape} with dilation "
                         f"{dilation} is larger than the input of shape {x.shape} with padding {pads}.")  # fmt: skip
    return Spec((x.shape[0], *sizes, kernel.shape[4]), x.dtype)


def _reference(x, kernel, bias=None, **params):
    out = _shape(x, kernel, **params).shape
    planes = _planes_of_windows(x, out[1], kernel.shape[0], **params)
    bias = () if bias is None else (bias,)
    return conv2d_op.reference(planes, _flat(kernel), *bias, **_of_planes(**params)).reshape(out)


def _grad(dy, y, x, kernel, bias=None, **params):
    dx = conv3d_grad_input_op(dy, kernel, size=tuple(x.shape[1:4]), **params)
    of_kernel, of_bias = kernel_and_bias(
        lambda: conv3d_grad_kernel_op(x, dy, kernel_size=tuple(kernel.shape[:3]), **params), dy
    )
    return (dx, of_kernel) if bias is None else (dx, of_kernel, of_bias)


def _lower(node, b):
    x, kernel, *bias = node.inputs
    y = node.outputs[0]
    if b.suffix(y) is None:
        return False
    ints = _ints(x.shape, y.shape, kernel.shape[:3], **node.params)
    buffers = [x, kernel, y, bias[0] if bias else None]
    b.step(f"conv3d_{b.suffix(y)}", buffers, ints, epilogue_at=_EPILOGUE, relu_at=_RELU)
    return True


def _simplify(node):
    if math.prod(node.outputs[0].shape[1:4]) < _LEAST_RESULTS:
        return conv3d_by_planes(*node.inputs, **node.params)
    return None


conv3d_op = Op(
    "conv3d",
    shape=_shape,
    reference=_reference,
    grad=_grad,
    lower=_lower,
    simplify=_simplify,
    epilogue=always,
    domain=uniform(-1, 1),
    rows=of_first_axis(0),
)


def conv3d_by_planes(x, kernel, *bias, **params):
    """conv3d by the record over two dimensions, on copies of the windows."""
    n, od, *sizes = _shape(x, kernel, **params).shape
    x = windows(x, axis=1, out=od, **_along(kernel.shape[0], **params))
    x = reshape(x, (n * od, *x.shape[2:]))
    return reshape(conv2d_op(x, kernel_of_planes(kernel), *bias, **_of_planes(**params)), (n, od, *sizes))


# ---- conv3d_grad_input: dy, kernel -> dx of `size` (depth, h, w) ----


def _grad_input_reference(dy, kernel, *, size, **params):
    n, od = dy.shape[:2]
    dy = dy.reshape(n * od, *dy.shape[2:])
    planes = conv2d_grad_input_op.reference(dy, _flat(kernel), size=size[1:], **_of_planes(**params))
    flat = planes.reshape(n, od, size[1] * size[2], planes.shape[3])
    summed = windows_sum_op.reference(flat, size=size[0], **_along(kernel.shape[0], **params))
    return summed.reshape(n, *size, kernel.shape[3])


def grad_input_by_planes(dy, kernel, size, **params):
    """conv3d_grad_input by the records over two dimensions."""
    (n, od, *sizes, cout), (kd, *_, cin, _) = dy.shape, kernel.shape
    images = reshape(dy, (n * od, *sizes, cout))
    planes = conv2d_grad_input_op(images, kernel_of_planes(kernel), size=tuple(size[1:]), **_of_planes(**params))
    planes = reshape(planes, (n, od, *size[1:], kd * cin))
    return windows_sum(planes, axis=1, size=size[0], **_along(kd, **params))


def _grad_input_simplify(node):
    """Without strides, to pairs of vectors of channels, the convolution with the roles of x and y exchanged, which
    keeps no sums by windows; else by planes, whose taps along the depth fill vectors together."""
    dy, kernel = node.inputs
    dx, params = node.outputs[0], {name: value for name, value in node.params.items() if name != "size"}
    pads = exchanged_pads(dx, dy, kernel.shape[:3], params["pads"], params["dilation"])
    if set(params["strides"]) == {1} and dx.shape[4] % (2 * vector_lanes(dx.dtype)) == 0 and min(pads[:3]) >= 0:
        return conv3d_op(dy, turned(kernel), **params | {"pads": pads})
    return grad_input_by_planes(dy, kernel, **node.params)


def _grad_input_grad(ddx, dx, dy, kernel, *, size, **params):
    by_kernel, _ = conv3d_grad_kernel_op(ddx, dy, kernel_size=tuple(kernel.shape[:3]), **params)
    return conv3d_op(ddx, kernel, **params), by_kernel


conv3d_grad_input_op = Op(
    "conv3d_grad_input",
    shape=lambda dy, kernel, size, **_: Spec((dy.shape[0], *size, kernel.shape[3]), dy.dtype),
    reference=_grad_input_reference,
    grad=_grad_input_grad,
    simplify=_grad_input_simplify,
    domain=uniform(-1, 1),
    rows=of_first_axis(0),
)


# ---- conv3d_grad_kernel: x, dy -> dkernel, dbias (cout,) ----


def _grad_kernel_shape(x, dy, *, kernel_size, **_):
    return Spec((*kernel_size, x.shape[4], dy.shape[4]), dy.dtype), Spec(dy.shape[4:], dy.dtype)


def _grad_kernel_reference(x, dy, *, kernel_size, **params):
    (n, od, *sizes, cout), cin, (kd, kh, kw) = dy.shape, x.shape[4], kernel_size
    planes = _planes_of_windows(x, od, kd, **params)
    dw, db = conv2d_grad_kernel_op.reference(
        planes, dy.reshape(n * od, *sizes, cout), kernel_size=(kh, kw), **_of_planes(**params)
    )
    return dw.reshape(kh, kw, kd, cin, cout).transpose(2, 0, 1, 3, 4), db


def _grad_kernel_lower(node, b):
    x, dy = node.inputs
    dw, db = node.outputs
    if b.suffix(dw) is None:
        return False
    ints = _ints(x.shape, dy.shape, **node.params)
    b.step(f"conv3d_grad_kernel_{b.suffix(dw)}", [x, dy, dw, db], ints, epilogue_at=_EPILOGUE)
    return True


def _grad_kernel_simplify(node):
    x, dy = node.inputs
    params = dict(node.params)
    (kd, kh, kw), (n, od, *sizes, cout) = params.pop("kernel_size"), dy.shape
    if math.prod((od, *sizes)) >= _LEAST_SUMMED:
        return summed_exchanged(conv3d_grad_kernel_op, x, dy, False, (kd, kh, kw), **params)
    x = windows(x, axis=1, out=od, **_along(kd, **params))
    x, dy = (reshape(value, (n * od, *value.shape[2:])) for value in (x, dy))
    dw, db = conv2d_grad_kernel_op(x, dy, kernel_size=(kh, kw), **_of_planes(**params))
    return transpose(reshape(dw, (kh, kw, kd, x.shape[3] // kd, cout)), (2, 0, 1, 3, 4)), db


conv3d_grad_kernel_op = Op(
    "conv3d_grad_kernel",
    shape=_grad_kernel_shape,
    reference=_grad_kernel_reference,
    grad=grad_of_kernel_grad(conv3d_op, conv3d_grad_input_op),
    lower=_grad_kernel_lower,
    simplify=_grad_kernel_simplify,
    epilogue=always,
    domain=uniform(-1, 1),
)
