"""Convolution: x (n, h, w, cin) with kernel (kh, kw, cin / groups, cout) gives y (n, oh, ow, cout).

    y[i, oy, ox, o] = sum over ky, kx, c of
                      x[i, oy * sh - top + ky * dh, ox * sw - left + kx * dw, c] * kernel[ky, kx, c, o]

The records take explicit padding `pads` = (top, left, bottom, right), which the functions of convolution.py work out;
bottom and right may be negative: so much of x is not looked at. y is bilinear in x and the kernel, so each of the three
records has the other two as its gradients.
"""

import math

import numpy as np

from fastnn import config
from fastnn._kernels import isa
from fastnn.graph.row_rules import of_first_axis
from fastnn.graph.value import Operators
from fastnn.ops.boxes import place_op
from fastnn.ops.layout import reshape
from fastnn.ops.matmul import kernel_and_bias, linear_grad_kernel_op, linear_op, matmul_op
from fastnn.ops.record import Op, Spec, always, uniform
from fastnn.ops.windows import windows
from fastnn.plan import cost

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
    """`x` with zeros around it, or without pixels before the first window where `pads` are negative."""
    top, left, bottom, right = (max(pad, 0) for pad in pads)
    return np.pad(x[:, max(-pads[0], 0) :, max(-pads[1], 0) :], ((0, 0), (top, bottom), (left, right), (0, 0)))


def without_zeros(x, kernel_size, pads, dilation):
    """`x` before zeros were put around it, and the padding with them: no copy of them is read. None where there are no
    such zeros, or a window would see nothing else. A line of pixels was (n, w, c) before."""
    is_line = x.node.op.name == "reshape" and x.shape == (*(of := x.node.inputs[0].shape)[:1], 1, *of[1:])
    around = x.node.inputs[0].node if is_line else x.node
    if around.op is not place_op or around.params["value"] != 0 or set(around.params["steps"]) != {1}:
        return None
    inner, outer, starts = around.inputs[0], around.outputs[0].shape, around.params["starts"][1:-1]
    if (inner.shape[0], inner.shape[-1]) != (outer[0], outer[-1]):
        return None
    if is_line:
        inner, starts = reshape(inner, (*inner.shape[:1], 1, *inner.shape[1:])), (0, *starts)
    before = [pads[k] + starts[k] for k in range(2)]
    after = [pads[2 + k] + x.shape[1 + k] - starts[k] - inner.shape[1 + k] for k in range(2)]
    if any(max(before[k], after[k]) > (kernel_size[k] - 1) * dilation[k] for k in range(2)):
        return None
    return inner, (*before, *after)


def _groups(groups: int, cin: int, cout: int):
    """The slices of the input's and the output's channels of each group."""
    for g in range(groups):
        yield slice(g * cin // groups, (g + 1) * cin // groups), slice(g * cout // groups, (g + 1) * cout // groups)


def _ints(x, y, kernel_size, strides, pads, dilation, groups):
    """The kernels' integers (enum conv2d_ints), from the shapes of x and y."""
    n, h, w, cin = x
    _, oh, ow, cout = y
    return [n, h, w, cin, oh, ow, cout, *kernel_size, *strides, *dilation, *pads[:2], groups, 0, 0]


def _has_winograd(ints) -> bool:
    """Whether there is a Winograd algorithm: for 3 by 3 and 5 by 5 taps, and for a row or a column of up to 5 where
    these go along lines of pixels that follow each other in memory."""
    (h, w), (oh, ow), size, strides, dilation, pads = (ints[at : at + 2] for at in (1, 4, 7, 9, 11, 13))
    if strides != [1, 1]:
        return False
    if size in ([3, 3], [5, 5]):
        return dilation == [1, 1]
    is_line = (size[0] == 1 and h == oh and pads[0] == 0) or (size[1] == 1 and w == ow and pads[1] == 0)
    return is_line and 2 <= max(size) <= 5


def _is_far(x, y) -> bool:
    """Whether x and y together are in no near cache."""
    return x.spec.nbytes + y.spec.nbytes >= _FAR_PIXELS


def _kernel(name, x, y, ints, b):
    """The kernel `name` for the dtype of x and y: by Winograd's algorithm where that is faster and allowed."""
    plain = f"{name}_{b.suffix(y)}"
    fast = f"winograd_{plain}"
    cin, cout, size, groups = ints[3], ints[6], ints[7:9], ints[15]
    if y.dtype != "float32" or not config.winograd():
        return plain
    if not _has_winograd(ints):
        return plain
    gain = cost.winograd_gain(name, cin // groups, cout // groups, size, groups, _is_far(x, y))
    return fast if cost.is_faster(fast, plain, ints, gain) else plain


def _runs_of_line(name, x, y, kernel_size, **params):
    """Of a row or a column of many taps runs of a few, (slices of the kernel, size, parameters) each: the sum of their
    convolutions by Winograd's algorithm, which few taps have, is the whole one. None where that is not faster."""
    taps, axis = max(kernel_size), int(kernel_size[1] > 1)
    if min(kernel_size) > 1 or taps <= _LINE_TAPS or math.prod(y.shape[:3]) < _RUN_PIXELS:
        return None
    if y.dtype != "float32" or not config.winograd():
        return None
    pads, dilation, groups = params["pads"], params["dilation"][axis], params["groups"]
    runs, count = [], -(-taps // _RUN_TAPS)
    for i in range(count):
        begin, end = taps * i // count, taps * (i + 1) // count
        size, around = [1, 1], list(pads)
        size[axis] = end - begin
        around[axis] -= begin * dilation
        around[2 + axis] -= (taps - end) * dilation
        runs.append(((slice(None),) * axis + (slice(begin, end),), tuple(size), params | {"pads": tuple(around)}))
    ints = [_ints(x.shape, y.shape, size, **run) for _, size, run in runs]
    if not all(map(_has_winograd, ints)):
        return None
    channels = (x.shape[3] // groups, y.shape[3] // groups)
    gain = max(_RUN_GAIN, cost.winograd_gain(name, *channels, kernel_size, groups, _is_far(x, y)))
    summed = {"conv2d": y.spec.nbytes, "conv2d_grad_input": x.spec.nbytes}.get(name, 0)
    whole = _ints(x.shape, y.shape, kernel_size, **params)
    is_faster = cost.is_faster_in_parts(f"winograd_{name}_f32", ints, f"{name}_f32", whole, gain, summed)
    return runs if is_faster else None


# To no more channels than this a convolution, or one of its gradients, of so many taps is faster with the roles of x
# and y exchanged; its kernel's gradient to more from many channels, where x has about as few pixels as y, and where
# there is no Winograd algorithm to a whole vector of them, unless x has so many times the pixels of y.
_FEW, _FEW_SUMS, _FEW_SUMS_OF_MANY, _MANY_SUMMED = 4, 12, 15, 48
_FEW_TAPS, _SPARSE = 4, 6
# What a half vector of channels saves (tile_half.h), and beside one whole: there it shows to join broadcasts for it.
_HALF = (0.5, 0.3)
# Of tiles of conv2d_turned_body.h, with AVX-512 and without: their rows, and how many multiply-adds of an exchanged
# gradient take the time of one of theirs (of few filters as without); results from which they have two strips of rows.
_TURNED_ROWS, _EXCHANGED, _TURNED_PIXELS = (8, 6), (0.93, 1.05), 512
# Products of a pixel from which lines of tiles are slower than sums over lanes (LINE_DEEP_MOST), and elements of
# products that rows of an input gradient share, from which they are in no L2 cache.
_LONG, _SHARED_PRODUCTS = 320, 1 << 16
_TILE_COLS = 8  # pixels of a row, of fewer of which neither is: conv2d_lanes_body.h has no tile for them
# Taps of a row or a column that have a Winograd algorithm, and of a run of more: of 3 and 4 it does half the products.
# And pixels of y, of fewer of which threads that share a run wait for each other longer than they save, and how many
# times as fast as the whole all runs have to be expected at least: each transforms what the others do.
_LINE_TAPS, _RUN_TAPS, _RUN_PIXELS, _RUN_GAIN = 5, 4, 192, 0.95
# Channels from which a kernel's gradient is faster as a product, as columns of x lie pages apart; but where x and y
# have more bytes than a cache, only if both have as many: tiles of conv2d_point_body.h ask for them in order. With a
# stride pixels are copied first, if both have as many, or if dy has few and so few elements in all.
_WIDE, _FAR_PIXELS, _LITTLE = 256, 1 << 24, 1 << 12
# Up to so many pixels always, and to so many more of so many channels on both sides, as the sums of a convolution's
# units are added afterwards; of even more pixels only to so many filters.
_FEW_SUMMED, _SOME_SUMMED, _SUMMED_CHANNELS, _SUMMED_FILTERS = 256, 2048, 64, 128
_TILE_ROWS, _WIDE_TILES = 8, 12  # of tiles of conv2d_point_body.h: rows of one, and of two of four vectors
# Bytes of a kernel from which few pixels wait for it (GEMM_AHEAD_BYTES, for a pixel: GEMM_AHEAD_ROW_BYTES), or many
# share what is packed of it: half of that where its rows lie so far apart that they share few sets of a cache.
_FAR, _FAR_PIXEL, _LARGE = 3 << 18, 1 << 15, 1 << 22
_FEW_PIXELS, _APART = 64, 1 << 11
# Results of a row so short that copies of windows pay if many channels share them; all so few that they do anyway.
_SHORT_ROW, _MANY, _FEW_RESULTS = 2, 128, 16
# Of the products of a few pixels' windows with a large kernel at least so many, of four, must be of no zeros around x.
_INSIDE_OF_FOUR = 3
_ONE_BY_ONE = {"strides": (1, 1), "pads": (0, 0, 0, 0)}


def _is_product(kernel_size, strides, pads, dilation, groups):
    """Whether a convolution is a product of pixels and the kernel."""
    return tuple(kernel_size) == (1, 1) == tuple(strides) and not any(pads) and groups == 1


def _is_strided_product(kernel_size, strides, pads, dilation, groups):
    """Whether a convolution is the product of some pixels and the kernel."""
    return tuple(kernel_size) == (1, 1) != tuple(strides) and max(pads) <= 0 == pads[0] == pads[1] and groups == 1


def _is_whole(x, kernel_size, pads, groups, **_):
    """Whether a kernel is as large as the image x, so that a convolution is a product of images and the kernel."""
    return tuple(x.shape[1:3]) == tuple(kernel_size) and not any(pads) and groups == 1


def _rows(x):
    """The images of x as rows of a matrix."""
    return reshape(x, (x.shape[0], math.prod(x.shape[1:])))


def _is_of_windows(dy, kernel_size, strides, groups, **_):
    """Whether a kernel's gradient is faster as a product of copied windows and dy: tiles begin anew with each row of
    results, and keep sums aside."""
    is_short = dy.shape[2] <= _SHORT_ROW and dy.shape[3] >= _MANY
    is_short = is_short or math.prod(dy.shape[:3]) <= _FEW_RESULTS
    return is_short and math.prod(kernel_size) > 1 and tuple(strides) != (1, 1) and groups == 1 and dy.shape[3] > _FEW


def _is_product_of_windows(x, y, kernel, strides, pads, dilation, groups) -> bool:
    """Whether a convolution of few pixels, which Winograd's algorithm has not or is no faster for, is faster as a
    product of copied windows and its kernel, which no near cache holds: it asks for rows while it uses others."""
    taps, pixels = math.prod(kernel.shape[:2]), math.prod(y.shape[:3])
    if y.dtype not in ("float32", "float64") or taps == 1 or groups > 1:
        return False
    if pixels > _FEW_PIXELS or kernel.spec.nbytes < _LARGE:
        return False
    ints = _ints(x.shape, y.shape, kernel.shape[:2], strides, pads, dilation, groups)
    names, gain = ("winograd_conv2d_f32", "conv2d_f32"), cost.WINOGRAD_GAIN_OF_WINDOWS
    if _has_winograd(ints) and (taps != 9 or cost.is_faster(*names, ints, gain)):
        return False
    sizes = zip(y.shape[1:3], x.shape[1:3], pads, kernel.shape, dilation, strides, strict=False)
    inside = y.shape[0] * math.prod(_pairs_inside(*axis) for axis in sizes)
    return 4 * inside >= _INSIDE_OF_FOUR * taps * pixels


def _windows_of(x, out, kernel_size, params):
    """What each of the `out` pixels reads of x, side by side: (n, *out, kh * kw * cin)."""
    for k in (1, 0):
        along = {"taps": kernel_size[k], "stride": params["strides"][k], "dilation": params["dilation"][k]}
        x = windows(x, axis=1 + k, out=out[k], before=params["pads"][k], **along)
    return x


def _is_summed_as_product(x, dy) -> bool:
    """Whether the kernel's gradient of a convolution that is a product of pixels is faster as one: of few channels or
    filters that turns to have vectors of the others (gemm_turn), where tiles of conv2d_point_body.h would leave lanes
    or rows idle."""
    pixels, least, most = math.prod(dy.shape[:3]), *sorted((x.shape[3], dy.shape[3]))
    channels, filters, lanes = x.shape[3], dy.shape[3], vector_lanes(dy.dtype)
    is_far = _is_far(x, dy) and isa() == "avx512"
    if filters == 1 or channels < min(lanes, _TILE_ROWS):
        return True
    rows = _WIDE_TILES if filters % (4 * lanes) == 0 else _TILE_ROWS
    if channels < lanes and (filters % lanes or not (is_far or channels % rows == 0)):
        return True
    if is_far:
        return least >= _WIDE
    if channels > 2 * lanes and filters <= (3 * lanes // 4 if channels % lanes else lanes // 2):
        return True
    if pixels <= _SOME_SUMMED:
        return pixels <= _FEW_SUMMED or least >= _SUMMED_CHANNELS or most >= _WIDE
    return most >= _WIDE and dy.shape[3] >= _SUMMED_FILTERS


def vector_lanes(dtype) -> int:
    """How many elements a vector has."""
    return {"avx512": 64, "avx2": 32}.get(isa(), 16) // np.dtype(dtype).itemsize


def _is_better_as_product(y, kernel) -> bool:
    """Whether a product does better: of a large kernel and few pixels it asks for the next rows of the kernel while it
    uses some, for many it packs the kernel; of few pixels by one whose rows are no whole vectors too, as measured."""
    pixels, size, filters = y.size // kernel.shape[3], kernel.spec.nbytes, kernel.shape[3]
    lanes, few = vector_lanes(y.dtype), {"avx512": 256, "avx2": 32}.get(isa(), 4)
    if filters % lanes and pixels < (few if filters > lanes else lanes):
        return True
    if pixels <= _FEW_PIXELS:
        return size > max(_FAR, pixels * _FAR_PIXEL)
    return size >= (_LARGE // 2 if y.spec.nbytes // pixels % _APART == 0 else _LARGE)


def _is_from_few(y, x, kernel_size) -> bool:
    """Whether y has so few channels, and x too, that the convolution to y is no faster as an input gradient."""
    most = 2 * _FEW if min(kernel_size) >= 5 else 2
    is_known = isa() == "avx512" and y.dtype == "float32" and min(kernel_size) >= 3
    return is_known and y.shape[3] <= _FEW and x.shape[3] <= most


def _is_of_dots(dx, dy, kernel_size, strides, pads, dilation, groups) -> bool:
    """Whether an input gradient is faster as a convolution whose lanes are what a row of taps reads
    (conv2d_dots_body.h), of about as many pixels: of few channels, by seven tenths of the multiply-adds of tiles; of up
    to a vector, by about as many, without Winograd's algorithm and where dx is no sum of products that rows share; or
    from few channels to fewer."""
    if isa() != "avx512" or dx.dtype != "float32" or tuple(strides) != (1, 1) or groups != 1:
        return False
    few, lanes, run = dx.shape[3], vector_lanes(dx.dtype), kernel_size[1] * dy.shape[3]
    pixels = math.prod(dx.shape[:3])
    products = kernel_size[0] * run
    of_pixel = few * (kernel_size[0] * -(-run // lanes) + 3)
    is_as_small = 8 * math.prod(dx.shape[1:3]) <= 9 * math.prod(dy.shape[1:3])
    is_padded = all(p >= 0 for p in exchanged_pads(dx, dy, kernel_size, pads, dilation)[:2])
    has_few = _FEW < few <= 2 * _FEW and dy.shape[3] <= 3 * lanes // 2 and 10 * of_pixel <= 7 * products
    shared = (2 * kernel_size[0] - 1) * dy.shape[2] * math.prod(kernel_size) * few
    is_apart = few > 3 * _FEW or shared > _SHARED_PRODUCTS  # conv2d_scatter_body.h takes others
    most = 16 if few <= 2 * _FEW else 21
    has_many = products > _LONG and 20 * (of_pixel * pixels + few * products) <= most * pixels * products
    has_winograd = _has_winograd(_ints(dx.shape, dy.shape, kernel_size, strides, pads, dilation, groups))
    has_some = _FEW < few <= lanes and is_apart and has_many and not has_winograd
    return (has_few or has_some or _is_from_few(dx, dy, kernel_size)) and is_as_small and is_padded


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
    of_kernel, of_bias = kernel_and_bias(
        lambda: conv2d_grad_kernel_op(x, dy, kernel_size=tuple(kernel.shape[:2]), **params), dy
    )
    return (dx, of_kernel) if bias is None else (dx, of_kernel, of_bias)


def _conv2d_lower(node, b):
    x, kernel, *bias = node.inputs
    y = node.outputs[0]
    if b.suffix(y) is None:
        return False
    if _is_product(kernel.shape[:2], **node.params) and (kernel.shape[3] == 1 or _is_better_as_product(y, kernel)):
        return linear_op.lower(node, b)  # a single column tiles would pad to a vector
    ints = _ints(x.shape, y.shape, kernel.shape[:2], **node.params)
    buffers = [x, kernel, y, bias[0] if bias else None]
    b.step(_kernel("conv2d", x, y, ints, b), buffers, ints, epilogue_at=_EPILOGUE, relu_at=_RELU)
    return True


def is_exchangeable(x, y, few: int, kernel_size, strides, pads, dilation, groups=1) -> bool:
    """Whether y has so few channels that a vector of them is mostly padding, and its roles and those of x can be
    exchanged: kernels from few channels take these and the taps together."""
    return (
        y.dtype in ("float32", "float64")
        and 0 < y.shape[-1] <= min(few, x.shape[-1] - 1)
        and set(strides) == {1}
        and groups == 1
        and all(p >= 0 for p in exchanged_pads(x, y, kernel_size, pads, dilation)[: len(kernel_size)])
    )


def exchanged_pads(x, y, kernel_size, pads, dilation) -> tuple[int, ...]:
    """The padding of y that gives x back, with the taps in the opposite order."""
    axes = range(len(kernel_size))
    before = [(kernel_size[k] - 1) * dilation[k] - pads[k] for k in axes]
    return *before, *(x.shape[1 + k] - y.shape[1 + k] + pads[k] for k in axes)


def turned(kernel):
    """The taps in the opposite order, input and output channels exchanged."""
    transpose, flip, rank = Operators.functions["transpose"], Operators.functions["flip"], len(kernel.shape) - 2
    return transpose(flip(kernel, axis=tuple(range(rank))), axes=(*range(rank), rank + 1, rank))


def _strided(x, params):
    """The pixels of x that a 1 by 1 convolution takes."""
    every = [slice(None, None, stride) for stride in params["strides"]]
    return Operators.functions["getitem"](x, (slice(None), *every))


def _conv2d_simplify(node):
    x, kernel, *bias = node.inputs
    y, params = node.outputs[0], node.params
    if inner := without_zeros(x, kernel.shape[:2], params["pads"], params["dilation"]):
        return conv2d_op(inner[0], kernel, *bias, **params | {"pads": inner[1]})
    if _is_strided_product(kernel.shape[:2], **params) and _is_better_as_product(y, kernel):
        # The pixels that count are little beside such a kernel, and a product waits less for it.
        return conv2d_op(_strided(x, params), kernel, *bias, **params | _ONE_BY_ONE)
    if _is_whole(x, kernel.shape[:2], **params) and x.shape[1:3] != (1, 1):
        return reshape(linear_op(_rows(x), reshape(kernel, (math.prod(kernel.shape[:3]), y.shape[3])), *bias), y.shape)
    if _is_product_of_windows(x, y, kernel, **params):
        rows = reshape(kernel, (1, 1, math.prod(kernel.shape[:3]), y.shape[3]))
        return conv2d_op(_windows_of(x, y.shape[1:3], kernel.shape[:2], params), rows, *bias, **params | _ONE_BY_ONE)
    if runs := _runs_of_line("conv2d", x, y, kernel.shape[:2], **params):
        first, *rest = (conv2d_op(x, kernel[at], *([] if i else bias), **run) for i, (at, _, run) in enumerate(runs))
        return sum(rest, first)
    if y.shape[2] < _TILE_COLS or math.prod(kernel.shape[:2]) < _FEW_TAPS or _is_from_few(y, x, kernel.shape[:2]):
        return None
    if not is_exchangeable(x, y, _FEW, kernel.shape[:2], **params):
        return None
    pads = exchanged_pads(x, y, kernel.shape[:2], params["pads"], params["dilation"])
    result = conv2d_grad_input_op(x, turned(kernel), size=tuple(y.shape[1:3]), **params | {"pads": pads})
    return result + bias[0] if bias else result


conv2d_op = Op(
    "conv2d",
    shape=_conv2d_shape,
    reference=_conv2d_reference,
    grad=_conv2d_grad,
    lower=_conv2d_lower,
    simplify=_conv2d_simplify,
    epilogue=always,
    domain=uniform(-1, 1),
    rows=of_first_axis(0),
)


# ---- conv2d_grad_input: dy, kernel -> dx of `size` (h, w) ----


def _grad_input_shape(dy, kernel, *, size, strides, pads, dilation, groups):
    return Spec((dy.shape[0], *size, kernel.shape[2] * groups), dy.dtype)


def _grad_input_reference(dy, kernel, *, size, strides, pads, dilation, groups):
    top, left, bottom, right = pads
    cin = kernel.shape[2] * groups
    dx = np.zeros((dy.shape[0], size[0] + top + max(bottom, 0), size[1] + left + max(right, 0), cin), dy.dtype)
    for ky, kx, (rows, cols) in taps(dx, kernel.shape[:2], dy.shape[1:3], strides, pads, dilation):
        for inputs, outputs in _groups(groups, cin, kernel.shape[3]):
            dx[:, rows, cols, inputs] += dy[..., outputs] @ kernel[ky, kx][:, outputs].T
    return padded(dx, (-top, -left, 0, 0))[:, : size[0], : size[1]]


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
    b.step(_kernel("conv2d_grad_input", dx, dy, ints, b), [dy, kernel, dx], ints, epilogue_at=_EPILOGUE)
    return True


def _grad_input_simplify(node):
    """Of a kernel as large as the image a product, which reads the kernel as it lies; of few filters, or
    to few channels, the convolution with the roles of x and y exchanged (conv2d_thin_body.h, conv2d_dots_body.h)."""
    dy, kernel = node.inputs
    dx, params = node.outputs[0], {name: value for name, value in node.params.items() if name != "size"}
    size = tuple(kernel.shape[:2])
    if _is_whole(dx, size, **params):
        rows = math.prod(kernel.shape[:3])
        return reshape(matmul_op(_rows(dy), reshape(kernel, (rows, dy.shape[3])), transpose_b=True), dx.shape)
    if runs := _runs_of_line("conv2d_grad_input", dx, dy, size, **params):
        first, *rest = (conv2d_grad_input_op(dy, kernel[at], size=dx.shape[1:3], **run) for at, _, run in runs)
        return sum(rest, first)
    is_near = params["dilation"][1] == 1 and dx.shape[2] >= _TILE_COLS and dx.shape[3] < _WIDE
    is_thin = size == (3, 3) and is_exchangeable(dx, dy, _FEW, size, **params)
    if not is_near or not (is_thin or _is_of_dots(dx, dy, size, **params)):
        return None
    pads = exchanged_pads(dx, dy, size, params["pads"], params["dilation"])
    return conv2d_op(dy, turned(kernel), **params | {"pads": pads})


conv2d_grad_input_op = Op(
    "conv2d_grad_input",
    shape=_grad_input_shape,
    reference=_grad_input_reference,
    grad=_grad_input_grad,
    lower=_grad_input_lower,
    simplify=_grad_input_simplify,
    epilogue=always,
    domain=uniform(-1, 1),
    rows=of_first_axis(0),
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


def grad_of_kernel_grad(forward_op, grad_input_op):
    """The `grad` of a record that gives dkernel and dbias, from the records of the convolution and of dx."""

    def grad(gradients, outputs, x, dy, *, kernel_size, **params):
        """Of dkernel as of a bilinear form; dbias is the sum of dy, so its gradient is added to every pixel's."""
        ddw, ddb = gradients
        if ddw is not None:
            by_x = grad_input_op(dy, ddw, size=tuple(x.shape[1:-1]), **params)
            return by_x, forward_op(x, ddw, *([] if ddb is None else [ddb]), **params)
        return None, Operators.functions["broadcast_to"](ddb, dy.shape)

    return grad


def _pairs_inside(results: int, size: int, before: int, taps: int, dilation: int, stride: int = 1) -> int:
    """Along an axis: pairs of a result and a tap that is inside x."""
    firsts = (k * dilation - before for k in range(taps))  # where the first result has the tap
    return sum(max(0, min(results, -((first - size) // stride)) - max(0, -(first // stride))) for first in firsts)


def _is_summed_by_rows_of_taps(x, dy, kernel_size, pads, dilation, **_) -> bool:
    """Whether tiles whose columns are what a row of taps reads of x (conv2d_turned_body.h) take the kernel's gradient,
    and about as few multiply-adds of vectors as tiles with the roles of x and dy exchanged. Those meet no zeros around
    an image where they end with each tap, of as many filters as whole tiles have rows; elsewhere they do of all pixels
    of x. The former meet none of the rows around it. Measured."""
    lanes, channels, filters = vector_lanes(dy.dtype), x.shape[3], dy.shape[3]
    is_narrow, run, results = isa() != "avx512", kernel_size[1] * channels, math.prod(dy.shape[:3])
    height = _TURNED_ROWS[is_narrow]
    strips = -(-filters // height)
    rows = -(-filters // strips)
    rows = strips * (4 if rows <= 4 else height)  # fewer wait for what they read
    summed, most = -(-run // lanes) * rows, 4 * run
    if 2 * filters > lanes:
        most = 7 * run if run >= 2 * lanes and results >= _TURNED_PIXELS else 0
    if dilation[1] != 1 or run < lanes or 5 * summed > most:
        return False
    is_half = not is_narrow and channels > lanes and 0 < channels % lanes <= lanes // 2  # tile_half.h
    vectors = -(-channels // lanes)
    vectors -= _HALF[vectors == 2] if is_half else 0
    pairs = math.prod((*x.shape[1:3], *kernel_size))
    if filters % height == 0:
        axes = zip(dy.shape[1:3], x.shape[1:3], pads[:2], kernel_size, dilation, strict=True)
        pairs = math.prod(_pairs_inside(*axis) for axis in axes)
    inside = _pairs_inside(dy.shape[1], x.shape[1], pads[0], kernel_size[0], dilation[0])
    of_taps = _EXCHANGED[is_narrow or filters < _FEW] * dy.shape[0] * inside * dy.shape[2] * summed
    return of_taps <= x.shape[0] * pairs * filters * vectors


def summed_exchanged(op, x, dy, has_winograd: bool, kernel_size, dilation, **params):
    """The kernel's gradient by the record `op` with the roles of x and dy exchanged, or None where it is no faster: of
    one vector of columns each multiply-add has an element of its own to read."""
    lanes, taps, params = vector_lanes(dy.dtype), math.prod(kernel_size), params | {"dilation": dilation}
    pixels, results = (math.prod(value.shape[1:-1]) for value in (x, dy))
    few = _FEW_SUMS_OF_MANY if x.shape[-1] >= _MANY_SUMMED and 8 * pixels <= 9 * results else _FEW_SUMS
    if not has_winograd and pixels <= _SPARSE * results:
        few = max(few, lanes)
    has_taps = taps >= _FEW_TAPS or (taps > 1 and (dilation[-1] > 1 or dy.shape[-1] > lanes // 2))
    if not has_taps or not is_exchangeable(x, dy, few, kernel_size, **params):
        return None
    params["pads"] = exchanged_pads(x, dy, kernel_size, params["pads"], dilation)
    dw, _ = op(dy, x, kernel_size=kernel_size, **params)
    return turned(dw), Operators.functions["sum"](dy, axis=tuple(range(len(dy.shape) - 1)))


def _grad_kernel_lower(node, b):
    x, dy = node.inputs
    dw, db = node.outputs
    if b.suffix(dw) is None:
        return False
    if _is_product(**node.params) and _is_summed_as_product(x, dy):
        return linear_grad_kernel_op.lower(node, b)
    ints = _ints(x.shape, dy.shape, **node.params)
    b.step(_kernel("conv2d_grad_kernel", x, dy, ints, b), [x, dy, dw, db], ints, epilogue_at=_EPILOGUE)
    return True


def _grad_kernel_simplify(node):
    x, dy = node.inputs
    params = dict(node.params)
    kernel_size = params.pop("kernel_size")
    if inner := without_zeros(x, kernel_size, params["pads"], params["dilation"]):
        return conv2d_grad_kernel_op(inner[0], dy, kernel_size=kernel_size, **params | {"pads": inner[1]})
    is_little = dy.shape[3] <= 2 * _FEW and math.prod(dy.shape) <= _LITTLE
    is_wide = x.shape[3] >= _WIDE and (dy.shape[3] >= _WIDE or is_little)
    is_wide |= min(x.shape[3], dy.shape[3]) >= _SUMMED_CHANNELS and math.prod(dy.shape[:3]) <= _SOME_SUMMED
    if _is_strided_product(kernel_size, **params) and is_wide:
        return conv2d_grad_kernel_op(_strided(x, params), dy, kernel_size=kernel_size, **params | _ONE_BY_ONE)
    if _is_whole(x, kernel_size, **params) and x.shape[1:3] != (1, 1):
        dw, db = linear_grad_kernel_op(_rows(x), _rows(dy))
        return reshape(dw, node.outputs[0].shape), db
    if _is_of_windows(dy, kernel_size, **params):
        wide = _windows_of(x, dy.shape[1:3], kernel_size, params)
        pixels = math.prod(dy.shape[:3])
        dw, db = linear_grad_kernel_op(*(reshape(value, (pixels, value.shape[3])) for value in (wide, dy)))
        return reshape(dw, node.outputs[0].shape), db
    if runs := _runs_of_line("conv2d_grad_kernel", x, dy, kernel_size, **params):
        found = [conv2d_grad_kernel_op(x, dy, kernel_size=size, **run) for _, size, run in runs]
        axis = int(kernel_size[1] > 1)
        return Operators.functions["concatenate"]([dw for dw, _ in found], axis=axis), found[0][1]
    has_winograd = dy.dtype == "float32" and _has_winograd(_ints(x.shape, dy.shape, kernel_size, **params))
    if not has_winograd and _is_summed_by_rows_of_taps(x, dy, kernel_size, **params):
        return None
    return summed_exchanged(conv2d_grad_kernel_op, x, dy, has_winograd, kernel_size, **params)


conv2d_grad_kernel_op = Op(
    "conv2d_grad_kernel",
    shape=_grad_kernel_shape,
    reference=_grad_kernel_reference,
    grad=grad_of_kernel_grad(conv2d_op, conv2d_grad_input_op),
    lower=_grad_kernel_lower,
    simplify=_grad_kernel_simplify,
    epilogue=always,
    domain=uniform(-1, 1),
)
