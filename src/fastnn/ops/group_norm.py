"""Group normalization: each sample's groups of neighbouring channels, the last axis, over all positions of the sample.

The kernels take the moments of columns and join those of a group, as batch normalization joins blocks of rows: no group
is moved. One sample after another is in cache while it is normalised.
"""

import math

import numpy as np

from fastnn.graph.row_rules import of_first_axis
from fastnn.ops import elementwise as ew
from fastnn.ops import reduce
from fastnn.ops.layout import broadcast_to, reshape
from fastnn.ops.normalization import gradient_by_composition, require_columns
from fastnn.ops.record import Op, Spec, always, uniform


def _group_norm_shape(x, gamma, beta, epsilon, groups):
    require_columns("group_norm", x, gamma, beta)
    if len(x.shape) < 2 or groups < 1 or x.shape[-1] % groups:
        raise ValueError(f"group_norm: {groups} groups do not divide the channels of shape {x.shape}.")
    moments = Spec((x.shape[0], x.shape[-1]), x.dtype)
    return x, moments, moments


def _wide(x) -> tuple[int, ...]:
    """The shape of moments of each sample and channel that broadcasts to that of `x`."""
    return x.shape[0], *(1 for _ in x.shape[1:-1]), x.shape[-1]


def _grouped(x, groups) -> tuple[int, ...]:
    """(samples, positions, groups, channels of a group)."""
    return x.shape[0], math.prod(x.shape[1:-1]), groups, x.shape[-1] // groups


def _group_norm_reference(x, gamma, beta, epsilon, groups):
    grouped = x.reshape(_grouped(x, groups))
    each = x.shape[-1] // groups
    mean, variance = (np.repeat(moment, each, 1) for moment in (grouped.mean((1, 3)), grouped.var((1, 3))))
    y = (x - mean.reshape(_wide(x))) / np.sqrt(variance.reshape(_wide(x)) + epsilon) * gamma + beta
    return y, mean, variance


def group_norm_composed(x, gamma, beta, epsilon, groups):
    """The record's outputs by other ops."""
    samples, _, _, each = _grouped(x, groups)
    grouped = reshape(x, _grouped(x, groups))
    mean = reduce.mean(grouped, (1, 3), keepdims=True)
    centred = ew.subtract(grouped, mean)
    variance = reduce.mean(ew.square(centred), (1, 3), keepdims=True)
    y = reshape(ew.multiply(centred, ew.rsqrt(ew.add(variance, epsilon))), x.shape)
    spread = (samples, 1, groups, each)
    moments = (reshape(broadcast_to(moment, spread), (samples, x.shape[-1])) for moment in (mean, variance))
    return ew.add(ew.multiply(y, gamma), beta), *moments


def _group_norm_grad(dy, y, x, gamma, beta, epsilon, groups):
    if dy[1] is not None or dy[2] is not None:
        return gradient_by_composition(group_norm_composed)(dy, y, x, gamma, beta, epsilon=epsilon, groups=groups)
    return group_norm_grad_op(dy[0], x, gamma, y[1], y[2], epsilon=epsilon, groups=groups)


def _lower(node, b):
    y = node.outputs[0]
    if b.suffix(y) is None or y.size == 0:
        return False
    samples, channels = y.shape[0], y.shape[-1]
    ints = [y.size // samples // channels, channels, 0, samples, channels // node.params["groups"]]
    b.step(
        f"{node.op.name}_{b.suffix(y)}", [*node.inputs, *node.outputs], ints, [node.params["epsilon"]], epilogue_at=2
    )
    return True


# (x, gamma, beta) -> y = (x - mean) / sqrt(variance + epsilon) gamma + beta, and for each sample and channel the mean
# and variance of its group.
group_norm_op = Op(
    "group_norm",
    shape=_group_norm_shape,
    reference=_group_norm_reference,
    grad=_group_norm_grad,
    lower=_lower,
    epilogue=always,
    domain=uniform(-3, 3),
    rows=of_first_axis(0),
)


def _group_norm_grad_reference(dy, x, gamma, mean, variance, epsilon, groups):
    r, shape = (1 / np.sqrt(variance + epsilon)).reshape(_wide(x)), _grouped(x, groups)
    s, g = (x - mean.reshape(_wide(x))) * r, dy * gamma

    def of_group(terms):
        return np.broadcast_to(terms.reshape(shape).mean((1, 3), keepdims=True), shape).reshape(x.shape)

    over = tuple(range(x.ndim - 1))
    return r * (g - of_group(g) - s * of_group(g * s)), (dy * s).sum(over), dy.sum(over)


def _group_norm_grad_composed(dy, x, gamma, mean, variance, epsilon, groups):
    r, shape = reshape(ew.rsqrt(ew.add(variance, epsilon)), _wide(x)), _grouped(x, groups)
    s, g = ew.multiply(ew.subtract(x, reshape(mean, _wide(x))), r), ew.multiply(dy, gamma)

    def of_group(terms):
        return reshape(broadcast_to(reduce.mean(reshape(terms, shape), (1, 3), keepdims=True), shape), x.shape)

    dx = ew.multiply(r, ew.subtract(ew.subtract(g, of_group(g)), ew.multiply(s, of_group(ew.multiply(g, s)))))
    over = tuple(range(len(x.shape) - 1))
    return dx, reduce.sum(ew.multiply(dy, s), over), reduce.sum(dy, over)


# (dy, x, gamma, mean, variance) -> dx, dgamma, dbeta, where the moments are those of x and depend on it.
group_norm_grad_op = Op(
    "group_norm_grad",
    shape=lambda dy, x, gamma, mean, variance, epsilon, groups: (x, gamma, gamma),
    reference=_group_norm_grad_reference,
    grad=gradient_by_composition(_group_norm_grad_composed),
    lower=_lower,
    epilogue=always,
)


def group_norm(x, groups, scale=None, offset=None, epsilon=1e-3):
    """`x` (samples, ..., channels) with mean 0 and variance 1 in each of `groups` groups of channels of a sample.

    Args:
        x: array of floats.
        groups: divides the channels.
        scale, offset: vectors of the channels' size; 1 and 0 by default.
        epsilon: added to the variance.

    Example:
        >>> group_norm(np.array([[1.0, 3.0, 10.0, 30.0]]), 2, epsilon=0.0)
        array([[-1.,  1., -1.,  1.]])
    """
    channels = (x.shape[-1],)
    scale = np.ones(channels, x.dtype) if scale is None else ew.cast(scale, x.dtype)
    offset = np.zeros(channels, x.dtype) if offset is None else ew.cast(offset, x.dtype)
    return group_norm_op(x, scale, offset, epsilon=float(epsilon), groups=groups)[0]
