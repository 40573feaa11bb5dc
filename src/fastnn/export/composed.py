"""Rare ops, written with common ones, so that each file format needs to know the common ones only.

`RULES[name](node, *inputs, **params)` traces the same computation with other ops and returns the outputs (None for
those that only gradients read), or returns None where the op shall stay.
"""

from __future__ import annotations

import math

import numpy as np

from fastnn import ops
from fastnn.graph.body import Body
from fastnn.graph.halves import widen
from fastnn.graph.trace import tracing
from fastnn.graph.value import Graph, Node, Value
from fastnn.ops.attention import hidden_score
from fastnn.ops.conv3d import conv3d_by_planes, grad_input_by_planes
from fastnn.ops.gather import take_grad_op
from fastnn.ops.group_norm import group_norm_composed
from fastnn.ops.image_sampling import four_pixels
from fastnn.ops.image_size import along
from fastnn.ops.record import REGISTRY
from fastnn.ops.resizing import matrices, nearest

RULES = {}


def rule(name: str):
    def register(function):
        RULES[name] = function
        return function

    return register


def compose(graph: Graph) -> Graph:
    """`graph` with the ops of `RULES` replaced, in the bodies of its loops and branches too.

    What is in bfloat16, which few ops of ONNX take, is computed in float32 and rounded, as in a plan.
    """
    graph, again = widen(graph, _is_in_bfloat16), True
    while again:
        graph, again = _pass(graph)
    for node in graph.nodes:
        for value in node.params.values():
            for body in value if isinstance(value, tuple) else (value,):
                if isinstance(body, Body):
                    body.graph = compose(body.graph)
    return graph


def _is_in_bfloat16(node: Node) -> bool:
    return node.op.kind != "leaf" and node.op.has_kernel and any(x.dtype == "bfloat16" for x in node.inputs)


def _pass(graph: Graph) -> tuple[Graph, bool]:
    new, changed = Graph(), False
    becomes: dict[Value, Value] = {}
    for node in graph.nodes:
        if not node.inputs:
            new.nodes.append(node)
            becomes.update((y, y) for y in node.outputs)
            continue
        inputs = tuple(becomes[x] for x in node.inputs)
        new.labels = [node.label]
        outputs = _composed(new, node, inputs)
        if outputs is None:
            outputs = new.add(node.op, inputs, node.params, tuple(y.spec for y in node.outputs)).outputs
        else:
            changed = True
        becomes.update((old, y) for old, y in zip(node.outputs, outputs, strict=True) if y is not None)
    new.inputs, new.outputs = graph.inputs, [becomes[y] for y in graph.outputs]
    return new, changed


def _composed(graph: Graph, node: Node, inputs):
    as_ops = node.params.get("as_ops")
    if as_ops is None and node.op.name not in RULES:
        return None
    with tracing(graph):
        outputs = as_ops(*inputs) if as_ops is not None else RULES[node.op.name](node, *inputs, **node.params)
    return outputs if outputs is None or isinstance(outputs, tuple) else (outputs,)


@rule("custom_gradient")
def _custom_gradient(node, *inputs):
    return inputs[: len(node.outputs)]


@rule("attention")
def _attention(node, q, k, v, *extras, scale, is_causal, has_bias, has_mask, dropout=0.0):
    if dropout:
        return None
    heads = q.shape[2]
    q, k, v = (ops.transpose(x, (0, 2, 1, 3)) for x in (q, k, v))
    scores = ops.matmul(q, ops.transpose(_repeated(k, heads), (0, 1, 3, 2))) * scale
    scores = scores + extras[0] if has_bias else scores
    hidden = hidden_score(scores.dtype)
    if has_mask:
        scores = ops.where(extras[-1], scores, hidden)
    if is_causal:
        queries, keys = (np.arange(n, dtype="int32") for n in scores.shape[2:])
        queries = ops.expand_dims(ops.stop_gradient(queries), 1)
        scores = ops.where(ops.greater(keys, queries), hidden, scores)
    top = ops.max(scores, axis=-1)
    inverse = 1 / ops.sum(ops.exp(scores - ops.expand_dims(top, -1)), axis=-1)
    y = ops.matmul(ops.softmax(scores, axis=-1), _repeated(v, heads))
    return ops.transpose(y, (0, 2, 1, 3)), top, inverse


def _repeated(x, heads: int):
    """(b, h', n, d) as (b, heads, n, d): neighbouring heads share one of x."""
    b, own, n, d = x.shape
    if own == heads:
        return x
    return ops.reshape(ops.broadcast_to(ops.expand_dims(x, 2), (b, own, heads // own, n, d)), (b, heads, n, d))


@rule("lstm")
def _lstm(node, x, kernel, h0, c0, *mask, backwards):
    if not mask:
        return None

    def gates(x, state):
        h, c = state
        i, f, g, o = ops.split(x + ops.matmul(h, kernel), 4, axis=-1)
        new = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
        return ops.sigmoid(o) * ops.tanh(new), new

    y, h, c = _masked_loop(gates, x, (h0, c0), mask[0], backwards)
    return y, h, c, None, None, None


@rule("gru")
def _gru(node, x, kernel, bias, h0, *mask, backwards):
    if not mask:
        return None

    def gates(x, state):
        (h,) = state
        inner = ops.split(ops.matmul(h, kernel) + bias, 3, axis=-1)
        x0, x1, x2 = ops.split(x, 3, axis=-1)
        z, r = ops.sigmoid(x0 + inner[0]), ops.sigmoid(x1 + inner[1])
        g = ops.tanh(x2 + r * inner[2])
        return (z * h + (1 - z) * g,)

    return (*_masked_loop(gates, x, (h0,), mask[0], backwards), None, None)


def _masked_loop(gates, x, states, mask, backwards: bool):
    """y (b, t, u) in the order of the steps, and the last states; where the mask is false a step changes nothing."""

    def step(state, inputs):
        x, keeps = inputs
        state = tuple(ops.where(keeps, new, old) for new, old in zip(gates(x, state), state, strict=True))
        return state, state[0]

    steps = ops.transpose(x, (1, 0, 2)), ops.expand_dims(ops.transpose(mask), -1)
    states, y = ops.scan(step, states, steps, reverse=backwards)
    y = ops.flip(y, 0) if backwards else y
    return (ops.transpose(y, (1, 0, 2)), *states)


@rule("windows_sum")
def _windows_sum(node, y, size, taps, stride, dilation, before):
    """The taps of each window, added up where they belong."""
    outer, out, inner, width = y.shape
    c = width // taps
    total = None
    full = (out - 1) * stride + (taps - 1) * dilation + 1
    place = REGISTRY["place"]
    for tap in range(taps):
        part = place(
            y[..., tap * c : (tap + 1) * c], shape=(outer, full, inner, c), starts=(0, tap * dilation, 0, 0),
            steps=(1, stride, 1, 1), value=0,
        )  # fmt: skip
        total = part if total is None else total + part
    end = min(before + size, full)
    return ops.pad(total[:, before:end], ((0, 0), (0, size - (end - before)), (0, 0), (0, 0)))


@rule("conv3d")
def _conv3d(node, *inputs, **params):
    return conv3d_by_planes(*inputs, **params)


@rule("conv3d_grad_input")
def _conv3d_grad_input(node, *inputs, **params):
    return grad_input_by_planes(*inputs, **params)


@rule("resize")
def _resize(node, x, out, interpolation, antialias, is_transposed):
    """Along height and width: each pixel so many times, or those at the nearest positions; else a product."""
    sizes = x.shape[1:3]
    weights = matrices(sizes, out, interpolation, antialias, is_transposed, x.dtype)
    for axis in (1, 2):
        size, target = sizes[axis - 1], out[axis - 1]
        if interpolation != "nearest" or is_transposed:
            x = along(x, axis - 4, weights[axis - 1])
        elif target % size == 0:
            x = ops.repeat(x, target // size, axis)
        else:
            x = ops.take(x, nearest(size, target), axis)
    return x


@rule("batch_norm")
def _batch_norm(node, x, gamma, beta, epsilon):
    axes = tuple(range(x.ndim - 1))
    mean, variance = ops.mean(x, axes), ops.var(x, axes)
    factor = ops.rsqrt(variance + epsilon) * gamma
    return (x - mean) * factor + beta, mean, variance, factor


@rule("group_norm")
def _group_norm(node, x, gamma, beta, epsilon, groups):
    return group_norm_composed(x, gamma, beta, epsilon, groups)


@rule("cumprod")
def _cumprod(node, x, axis):
    """Each with the one 1, 2, 4, ... places before it."""
    y = ops.cast(x, node.outputs[0].dtype)
    by, n = 1, x.shape[axis]
    while by < n:
        stays = y[(slice(None),) * axis + (slice(0, n - by),)]
        y = y * ops.pad(stays, [(by if k == axis else 0, 0) for k in range(x.ndim)], constant_values=1)
        by *= 2
    return y


@rule("unravel_index")
def _unravel_index(node, indices, shape):
    places = []
    for size in reversed(shape):
        places.append(ops.mod(indices, size))
        indices = ops.floor_divide(indices, size)
    return tuple(ops.cast(place, y.dtype) for place, y in zip(reversed(places), node.outputs, strict=True))


@rule("dequantize_int4")
def _dequantize_int4(node, numbers, scale, zero, group, shape, packed, axis):
    """Two numbers in each byte: the remainder by 16, from -8 to 7, and the quotient."""
    numbers = ops.cast(numbers, "int32")
    low = ops.mod(numbers, 16)
    halves = ops.stack([ops.where(low > 7, low - 16, low), ops.floor_divide(numbers, 16)], packed + 1)
    unpacked = ops.reshape(halves, [2 * n if k == packed else n for k, n in enumerate(numbers.shape)])
    unpacked = ops.cast(unpacked[: shape[0], : shape[1]], "float32")
    return (unpacked - ops.take(zero, group, axis)) * ops.take(scale, group, axis)


def _rows_of_pixels(x_shape, points):
    """The rows of the table of all pixels that points read, one behind it for what is outside, and their weights."""
    n, h, w, _ = x_shape
    first = np.arange(n, dtype="int32")[:, None] * (h * w)
    for row, col, weight in four_pixels(*points):
        inside = (row >= 0) & (row < h) & (col >= 0) & (col < w)
        at = first + ops.cast(row, "int32") * w + ops.cast(col, "int32")
        yield ops.where(inside, at, n * h * w), ops.broadcast_to(weight, at.shape)


@rule("sample_bilinear")
def _sample_bilinear(node, x, *points, fill_value):
    outside = np.full((1, x.shape[3]), fill_value, x.dtype)
    table = ops.concatenate([ops.reshape(x, (-1, x.shape[3])), outside], axis=0)
    return sum(
        ops.take(table, at, axis=0) * ops.expand_dims(weight, -1) for at, weight in _rows_of_pixels(x.shape, points)
    )


@rule("sample_bilinear_grad")
def _sample_bilinear_grad(node, dy, *points, size):
    shape = (dy.shape[0], *size, dy.shape[2])
    pixels = math.prod(shape[:3])
    table = sum(
        take_grad_op(dy * ops.expand_dims(weight, -1), at, shape=(pixels + 1, shape[3]), axis=0)
        for at, weight in _rows_of_pixels(shape, points)
    )
    return ops.reshape(table[:pixels], shape)
