"""Batch, layer and RMS normalization, and vectors of length 1.

Records work on rows of the last axis: `batch_norm` normalises each column over all rows, `layer_norm` each row over its
columns. Inference with known moments, `batch_normalization`, is elementwise and composed.
"""

import math

import numpy as np

from fastnn import config
from fastnn.graph import trace
from fastnn.graph.dtypes import is_float
from fastnn.graph.grad import gradients
from fastnn.graph.row_rules import before_last_axis
from fastnn.graph.symbolic import accepts_symbolic
from fastnn.ops import elementwise as ew
from fastnn.ops import norms, reduce, statistics
from fastnn.ops.layout import broadcast_to, copy_op, expand_dims, moveaxis, reshape, transpose
from fastnn.ops.record import Op, Spec, always, as_operand, dtype_of, shape_of, uniform
from fastnn.ops.reduce import normalize_axes, normalize_axis
from fastnn.plan.function import as_one_plan


def gradient_by_composition(function):
    """The gradient rule of an op that `function(*xs, **params)` computes too, composed of other ops.

    It is what a kernel that is itself a gradient needs: its own derivative is wanted rarely, and then need not be fast.
    """

    def rule(dy, y, *xs, **params):
        graph = trace.current()
        # Copies, so that nothing but `function` lies between what is differentiated and what by.
        inputs = [copy_op.trace(graph, (x,), {}) for x in xs]
        outputs = function(*inputs, **params)
        dys = dy if isinstance(dy, tuple) else (dy,)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        flowing = [(y, dy) for y, dy in zip(outputs, dys, strict=True) if dy is not None]
        return tuple(gradients(graph, [y for y, _ in flowing], inputs, [dy for _, dy in flowing]))

    return rule


def _sum_of(a, b):
    return b if a is None else ew.add(a, b)


def _matrix(x) -> list[int]:
    cols = x.shape[-1]
    return [x.size // cols if cols else 0, cols]


# ---- batch normalization in training ----


def require_columns(name, x, *parameters):
    """A vector of the size of the last axis of `x`, each of `parameters`."""
    for p in parameters:
        if p.shape != x.shape[-1:]:
            raise ValueError(f"{name}: a parameter of shape {p.shape} does not fit {x.shape[-1]} columns of {x.shape}.")


def _batch_norm_shape(x, gamma, beta, epsilon):
    require_columns("batch_norm", x, gamma, beta)
    column = Spec(x.shape[-1:], x.dtype)
    return x, column, column, column


def _lead(x) -> tuple[int, ...]:
    return tuple(range(len(x.shape) - 1))


def _batch_norm_reference(x, gamma, beta, epsilon):
    mean, variance = x.mean(_lead(x)), x.var(_lead(x))
    factor = gamma / np.sqrt(variance + epsilon)
    return (x - mean) * factor + beta, mean, variance, factor


def _batch_norm_grad(dy, y, x, gamma, beta, epsilon):
    (dy, dmean, dvariance, dfactor), (_, mean, variance, factor) = dy, y
    rows = _matrix(x)[0]
    dx = dgamma = dbeta = None
    if dy is not None:
        dx, dgamma, dbeta = batch_norm_grad_op(dy, x, gamma, mean, variance, epsilon=epsilon)
    if dfactor is not None:  # factor = gamma r, dr = -r^3 / 2 dvariance
        r = ew.rsqrt(ew.add(variance, epsilon))
        dgamma = _sum_of(dgamma, ew.multiply(dfactor, r))
        dvariance = _sum_of(dvariance, ew.multiply(ew.multiply(dfactor, factor), ew.multiply(ew.square(r), -0.5)))
    if dmean is not None:
        dx = _sum_of(dx, broadcast_to(ew.divide(dmean, rows), x.shape))
    if dvariance is not None:
        dx = _sum_of(dx, ew.multiply(ew.subtract(x, mean), ew.multiply(dvariance, 2 / rows)))
    return dx, dgamma, dbeta


def _batch_norm_lower(node, b):
    x = node.inputs[0]
    if b.suffix(x) is None or x.size == 0:
        return False
    factor = node.outputs[3] if node.outputs[3] in b.needed else None
    buffers, ints = [*node.inputs, *node.outputs[:3], factor], [*_matrix(x), 0]
    b.step(f"batch_norm_{b.suffix(x)}", buffers, ints, [node.params["epsilon"]], epilogue_at=2)
    return True


def _batch_norm_again(node):
    x, _, beta = node.inputs
    _, mean, _, factor = node.outputs
    return ew.add(ew.multiply(ew.subtract(x, mean), factor), beta)


# (x, gamma, beta) -> y = (x - mean) factor + beta, with the mean, the variance and factor = gamma / sqrt(variance +
# epsilon) of each column.
batch_norm_op = Op(
    "batch_norm",
    shape=_batch_norm_shape,
    reference=_batch_norm_reference,
    grad=_batch_norm_grad,
    lower=_batch_norm_lower,
    epilogue=always,
    again=_batch_norm_again,
    domain=uniform(-3, 3),
)


def _batch_norm_grad_reference(dy, x, gamma, mean, variance, epsilon):
    rows = _matrix(x)[0]
    r = 1 / np.sqrt(variance + epsilon)
    scaled = (x - mean) * r
    dbeta, dgamma = dy.sum(_lead(x)), (dy * scaled).sum(_lead(x))
    return gamma * r * (dy - dbeta / rows - scaled * dgamma / rows), dgamma, dbeta


def _batch_norm_grad_composed(dy, x, gamma, mean, variance, epsilon):
    rows = _matrix(x)[0]
    r = ew.rsqrt(ew.add(variance, epsilon))
    scaled = ew.multiply(ew.subtract(x, mean), r)
    dbeta, dgamma = reduce.sum(dy, _lead(x)), reduce.sum(ew.multiply(dy, scaled), _lead(x))
    centred = ew.subtract(ew.subtract(dy, ew.divide(dbeta, rows)), ew.multiply(scaled, ew.divide(dgamma, rows)))
    return ew.multiply(ew.multiply(gamma, r), centred), dgamma, dbeta


def _batch_norm_lower_grad(node, b):
    x = node.inputs[1]
    if b.suffix(x) is None or x.size == 0:
        return False
    ints = [*_matrix(x), 0]
    b.step(
        f"batch_norm_grad_{b.suffix(x)}", [*node.inputs, *node.outputs], ints, [node.params["epsilon"]], epilogue_at=2
    )
    return True


# (dy, x, gamma, mean, variance) -> dx, dgamma, dbeta, where the moments are those of x and depend on it.
batch_norm_grad_op = Op(
    "batch_norm_grad",
    shape=lambda dy, x, gamma, mean, variance, epsilon: (x, gamma, gamma),
    reference=_batch_norm_grad_reference,
    grad=gradient_by_composition(_batch_norm_grad_composed),
    lower=_batch_norm_lower_grad,
    epilogue=always,
)


@accepts_symbolic
def batch_norm(x, scale=None, offset=None, axis=-1, epsilon=1e-3):
    """Batch normalization in training: `x` normalised over all axes but `axis`, by its own mean and variance.

    Args:
        x: array of floats.
        scale, offset: vectors of the size of `axis`; 1 and 0 by default.
        axis: of the channels.
        epsilon: added to the variance.

    Returns:
        `(y, mean, variance)`: the moments are vectors of the size of `axis`; the variance is the biased one.

    Example:
        >>> batch_norm(np.array([[1.0], [3.0]]), epsilon=0.0)[1]
        array([2.])
    """
    axis = normalize_axis("batch_norm", axis, len(shape_of(x)))
    is_last = axis == len(shape_of(x)) - 1
    x = x if is_last else moveaxis(x, axis, -1)
    channels, dtype = shape_of(x)[-1], dtype_of(x)
    scale = np.ones(channels, dtype) if scale is None else ew.cast(scale, dtype)
    offset = np.zeros(channels, dtype) if offset is None else ew.cast(offset, dtype)
    y, mean, variance, _ = batch_norm_op(x, scale, offset, epsilon=float(epsilon))
    return y if is_last else moveaxis(y, -1, axis), mean, variance


@as_one_plan
@accepts_symbolic
def batch_normalization(x, mean, variance, axis, offset=None, scale=None, epsilon=1e-3):
    """`(x - mean) / sqrt(variance + epsilon) * scale + offset`, with moments that are given.

    Args:
        x: array of floats.
        mean, variance: vectors of the size of `axis`.
        axis: of the channels.
        offset, scale: vectors of the size of `axis`; 0 and 1 by default.
        epsilon: added to the variance.

    Raises:
        ValueError: when a vector does not fit.

    Example:
        >>> batch_normalization(np.array([[1.0], [3.0]]), np.array([2.0]), np.array([4.0]), -1, epsilon=0.0)
        array([[-0.5],
               [ 0.5]])
    """
    sizes = shape_of(x)
    axis = normalize_axis("batch_normalization", axis, len(sizes))
    for name, vector in (("mean", mean), ("variance", variance), ("offset", offset), ("scale", scale)):
        if vector is not None and shape_of(vector) != (sizes[axis],):
            raise ValueError(
                f"batch_normalization: `{name}` has shape {shape_of(vector)}, axis {axis} of `x` (shape {sizes}) "
                f"has size {sizes[axis]}."
            )
    inverse = ew.rsqrt(ew.add(variance, epsilon))
    if scale is not None:
        inverse = ew.multiply(inverse, scale)
    shift = ew.negative(ew.multiply(mean, inverse))
    if offset is not None:
        shift = ew.add(shift, offset)
    if axis != len(sizes) - 1:
        wide = [-1] + [1] * (len(sizes) - axis - 1)
        inverse, shift = reshape(inverse, wide), reshape(shift, wide)
    return ew.add(ew.multiply(x, inverse), shift)


# ---- layer and RMS normalization ----


def _layer_norm_shape(x, gamma, beta, epsilon, is_centered):
    require_columns("layer_norm", x, gamma, beta)
    row = Spec(x.shape[:-1], x.dtype)
    return x, row, row


def _layer_norm_reference(x, gamma, beta, epsilon, is_centered):
    mean = x.mean(-1) if is_centered else np.zeros(x.shape[:-1], x.dtype)
    centred = x - mean[..., None]
    r = 1 / np.sqrt((centred * centred).mean(-1) + epsilon)
    return centred * r[..., None] * gamma + beta, mean, r


def _layer_norm_grad(dy, y, x, gamma, beta, epsilon, is_centered):
    (dy, dmean, dr), (_, mean, r) = dy, y
    dx = dgamma = dbeta = None
    if dy is not None:
        dx, dgamma, dbeta = layer_norm_grad_op(dy, x, gamma, mean, r, is_centered=is_centered)
    if dmean is not None and is_centered:
        dx = _sum_of(dx, broadcast_to(expand_dims(ew.divide(dmean, x.shape[-1]), -1), x.shape))
    if dr is not None:
        # dr/dx = -r^3 (x - mean) / cols
        factor = ew.multiply(ew.multiply(dr, ew.multiply(ew.multiply(r, r), r)), -1 / x.shape[-1])
        dx = _sum_of(dx, ew.multiply(ew.subtract(x, expand_dims(mean, -1)), expand_dims(factor, -1)))
    return dx, dgamma, dbeta


def _layer_norm_lower(node, b):
    x = node.inputs[0]
    if b.suffix(x) is None or x.size == 0:
        return False
    ints = [*_matrix(x), int(node.params["is_centered"]), 0]
    b.step(f"layer_norm_{b.suffix(x)}", [*node.inputs, *node.outputs], ints, [node.params["epsilon"]], epilogue_at=3)
    return True


# (x, gamma, beta) -> y = (x - mean) r gamma + beta, with mean (0 unless is_centered) and r = 1 / sqrt(mean((x -
# mean)^2) + epsilon) of each row.
layer_norm_op = Op(
    "layer_norm",
    shape=_layer_norm_shape,
    reference=_layer_norm_reference,
    grad=_layer_norm_grad,
    lower=_layer_norm_lower,
    epilogue=always,
    domain=uniform(-3, 3),
    rows=before_last_axis,
)


def _layer_norm_grad_reference(dy, x, gamma, mean, r, is_centered):
    scaled = (x - mean[..., None]) * r[..., None]
    g = dy * gamma
    centre = g.mean(-1, keepdims=True) if is_centered else 0
    dx = r[..., None] * (g - centre - scaled * (g * scaled).mean(-1, keepdims=True))
    return dx, (dy * scaled).sum(_lead(x)), dy.sum(_lead(x))


def _layer_norm_grad_composed(dy, x, gamma, mean, r, is_centered):
    wide_r = expand_dims(r, -1)
    scaled = ew.multiply(ew.subtract(x, expand_dims(mean, -1)), wide_r)
    g = ew.multiply(dy, gamma)
    inner = ew.subtract(g, ew.multiply(scaled, reduce.mean(ew.multiply(g, scaled), -1, keepdims=True)))
    if is_centered:
        inner = ew.subtract(inner, reduce.mean(g, -1, keepdims=True))
    return ew.multiply(wide_r, inner), reduce.sum(ew.multiply(dy, scaled), _lead(x)), reduce.sum(dy, _lead(x))


def _layer_norm_grad_lower(node, b):
    x = node.inputs[1]
    if b.suffix(x) is None or x.size == 0:
        return False
    ints = [*_matrix(x), int(node.params["is_centered"]), 0]
    b.step(f"layer_norm_grad_{b.suffix(x)}", [*node.inputs, *node.outputs], ints, epilogue_at=3)
    return True


# (dy, x, gamma, mean, r) -> dx, dgamma, dbeta, where mean and r are those of the rows of x and depend on it.
layer_norm_grad_op = Op(
    "layer_norm_grad",
    shape=lambda dy, x, gamma, mean, r, is_centered: (x, gamma, gamma),
    reference=_layer_norm_grad_reference,
    grad=gradient_by_composition(_layer_norm_grad_composed),
    lower=_layer_norm_grad_lower,
    epilogue=always,
)


def _over_axes(x, gamma, beta, axis, epsilon, is_centered):
    x = as_operand(x)
    dtype = dtype_of(x)
    if not is_float(dtype):
        dtype = config.floatx()
        x = ew.cast(x, dtype)
    sizes = shape_of(x)
    axes = normalize_axes("normalization", axis, len(sizes))
    cols = math.prod(sizes[k] for k in axes)
    order = [k for k in range(len(sizes)) if k not in axes] + list(axes)
    lead = [sizes[k] for k in order[: len(sizes) - len(axes)]]

    def parameter(p, default):
        return np.full(cols, default, dtype) if p is None else reshape(ew.cast(p, dtype), (cols,))

    flat = reshape(transpose(x, order), [*lead, cols])
    epsilon = config.epsilon() if epsilon is None else epsilon
    y = layer_norm_op(flat, parameter(gamma, 1), parameter(beta, 0), epsilon=float(epsilon), is_centered=is_centered)[0]
    return transpose(reshape(y, [sizes[k] for k in order]), [int(k) for k in np.argsort(order)])


@as_one_plan
@accepts_symbolic
def layer_normalization(x, gamma=None, beta=None, axis=-1, epsilon=None, **kwargs):
    """`(x - mean) / sqrt(variance + epsilon) * gamma + beta`, with the moments over `axis` of each sample.

    Args:
        x: array.
        gamma, beta: arrays of the sizes of `axis`; 1 and 0 by default.
        axis: an int, or several.
        epsilon: added to the variance; that of `fastnn.config` by default.
        kwargs: `rms_scaling=True` scales by `1 / sqrt(variance + epsilon)` without taking the mean away.

    Example:
        >>> layer_normalization(np.array([[1.0, 3.0]]), epsilon=0.0)
        array([[-1.,  1.]])
    """
    rms_scaling = kwargs.pop("rms_scaling", False)
    if kwargs:
        raise TypeError(f"layer_normalization: unknown arguments {sorted(kwargs)}.")
    if rms_scaling:
        variance = statistics.var(x, axis=axis, keepdims=True)
        y = ew.multiply(x, ew.rsqrt(ew.add(variance, config.epsilon() if epsilon is None else epsilon)))
        axes = normalize_axes("normalization", axis, len(shape_of(x)))
        wide = [size if k in axes else 1 for k, size in enumerate(shape_of(x))]
        return y if gamma is None else ew.multiply(y, reshape(gamma, wide))
    return _over_axes(x, gamma, beta, axis, epsilon, True)


@as_one_plan
@accepts_symbolic
def rms_normalization(x, scale=None, axis=-1, epsilon=None):
    """`x / sqrt(mean(x^2) + epsilon) * scale`, with the mean over `axis` of each sample.

    Args:
        x: array.
        scale: array of the sizes of `axis`; 1 by default.
        axis: an int, or several.
        epsilon: added to the mean square; that of `fastnn.config` by default.

    Example:
        >>> rms_normalization(np.array([[3.0, 4.0]]), epsilon=0.0) * np.sqrt(12.5)
        array([[3., 4.]])
    """
    return _over_axes(x, scale, None, axis, epsilon, False)


@as_one_plan
@accepts_symbolic
def normalize(x, axis=-1, order=2, epsilon=None):
    """`x` divided by its norm along `axis`; where that is below `epsilon`, by `epsilon`.

    Args:
        x: array.
        axis: an int, or several.
        order: of the norm: a number, 1 and 2 for the sum of magnitudes and the length.
        epsilon: that of `fastnn.config` by default.

    Example:
        >>> normalize(np.array([3.0, 4.0]))
        array([0.6, 0.8])
    """
    x = as_operand(x)
    if not is_float(dtype_of(x)):
        x = ew.cast(x, config.floatx())
    epsilon = config.epsilon() if epsilon is None else epsilon
    if order == 2:
        # The root of the larger square: its derivative is finite at 0.
        square = reduce.sum(ew.square(x), axis=axis, keepdims=True)
        return ew.multiply(x, ew.rsqrt(ew.maximum(square, epsilon**2)))
    return ew.divide(x, ew.maximum(norms.norm(x, ord=order, axis=axis, keepdims=True), epsilon))
