"""Activations. All but `relu`, `relu6`, `gelu` and `mish` are short compositions of the records in `elementwise.py`
and `logic.py`, so they fuse into one pass, and their gradients too. The forms are chosen so that neither value nor
gradient overflows: an exponential is taken only of what is not positive."""

import math

import numpy as np

from fastnn.graph.value import Operators, Value
from fastnn.ops.elementwise import (
    absolute,
    add,
    clip,
    divide,
    elementwise,
    exp,
    expm1,
    multiply,
    negative,
    number_of,
    sigmoid,
    sigmoid_op,
    softplus,
    softplus_op,
    sqrt,
    square,
    subtract,
    tanh,
)
from fastnn.ops.layout import reshape_op
from fastnn.ops.logic import greater, less, where
from fastnn.ops.record import Op, dtype_of, shape_of, uniform
from fastnn.plan.function import as_one_plan


def _before_reshape(value):
    return value.node.inputs[0] if value.node.op is reshape_op else value


def _dropout(dy, y):
    """Where `dy` is the gradient of what a dropout leaves of `y`: (the same as if it had left all, what it leaves of
    `y`); else None."""
    if dy.node.op.name != "where" or dy.node.inputs[0].node.op.name != "random_bernoulli":
        return None
    keep, d_all, _ = dy.node.inputs
    scale = d_all.node.inputs[1] if d_all.node.op.name == "multiply" else None
    is_whole = d_all.spec == dy.spec == y.spec and keep.shape == y.shape
    if not is_whole or scale is None or not (number_of(scale) or 0) >= 1:
        return None
    return d_all, multiply(where(keep, y, 0), scale)


def _simplify_relu_grad(node):
    """Of maxima of `y`, their own signs say where `dy` passes: they are fewer, and then nothing reads `y` again. So do
    those of what a dropout leaves of `y`, and then nothing reads its mask again, either."""
    dy, y = node.inputs
    if (dropout := _dropout(dy, y)) is not None:
        return relu_grad_op(*dropout)
    pool_grad = _before_reshape(dy).node
    if pool_grad.op.name != "max_pool2d_grad" or dy.shape != y.shape:
        return None
    d_maxima, places = pool_grad.inputs
    pool = places.node
    if pool.op.name != "max_pool2d" or _before_reshape(pool.inputs[0]) is not _before_reshape(y):
        return None
    dx = pool_grad.op(relu_grad_op(d_maxima, pool.outputs[0]), places, **pool_grad.params)
    return reshape_op(dx, newshape=y.shape)


relu_grad_op = elementwise(
    "relu_grad",
    lambda dy, y: np.where(y > 0, dy, np.zeros_like(dy)),
    lambda ddy, dz, dy, y: (relu_grad_op(ddy, y), None),
    simplify=_simplify_relu_grad,
)
relu_op = elementwise("relu", lambda x: np.where(x < 0, np.zeros_like(x), x), lambda dy, y, x: relu_grad_op(dy, y))

relu6_op = elementwise(
    "relu6",
    lambda x: np.where(x > 6, np.full_like(x, 6), np.where(x < 0, np.zeros_like(x), x)),
    lambda dy, y, x: relu_grad_op(where(less(y, 6), dy, 0), y),
    domain=uniform(-3, 9),
)  # fmt: skip

_ROOT, _DENSITY = math.sqrt(0.5), 1 / math.sqrt(2 * math.pi)  # the density of a standard normal number at 0


def _normal_cdf(x):
    return (np.vectorize(math.erf, otypes=[x.dtype])(x * _ROOT) if x.size else x) / 2 + 0.5


def _exact_gelu_second(ddx, dx, dy, x):
    """The gradient of gelu is P + x p, of which p (2 - x^2) is the derivative: P is the normal probability, p its
    density."""
    density = multiply(exp(multiply(square(x), -0.5)), _DENSITY)
    return exact_gelu_grad_op(ddx, x), multiply(multiply(ddx, dy), multiply(density, subtract(2, square(x))))


exact_gelu_grad_op = elementwise(
    "exact_gelu_grad",
    lambda dy, x: dy * (_normal_cdf(x) + x * _DENSITY * np.exp(-x * x / 2)),
    _exact_gelu_second,
    dtype="float",
)
exact_gelu_op = elementwise(
    "exact_gelu", lambda x: x * _normal_cdf(x), lambda dy, y, x: exact_gelu_grad_op(dy, x), dtype="float"
)

_LINEAR = math.sqrt(8 / math.pi)
_CUBIC = _LINEAR * 0.044715


def _gelu_gate(x):
    """sigmoid(u), u = x (_CUBIC x^2 + _LINEAR), and u' (arrays)."""
    return sigmoid_op.reference(x * (x * x * _CUBIC + _LINEAR)), x * x * (3 * _CUBIC) + _LINEAR


def _reference_gelu_grad(dy, x):
    gate, slope = _gelu_gate(x)
    return dy * (gate + x * slope * (gate * (1 - gate)))


def _gelu_second(ddx, dx, dy, x):
    """With s = sigmoid(u), (x s)'' = s (1 - s) (2 u' + x u'' + x u'^2 (1 - 2 s))."""
    z = square(x)
    s = sigmoid(multiply(x, add(multiply(z, _CUBIC), _LINEAR)))
    slope = add(multiply(z, 3 * _CUBIC), _LINEAR)
    bend = multiply(multiply(x, square(slope)), subtract(1, multiply(s, 2)))
    linear = add(multiply(slope, 2), multiply(z, 6 * _CUBIC))
    second = multiply(multiply(s, subtract(1, s)), add(linear, bend))
    return gelu_grad_op(ddx, x), multiply(multiply(ddx, dy), second)


gelu_grad_op = elementwise("gelu_grad", _reference_gelu_grad, _gelu_second, dtype="float")
gelu_op = elementwise("gelu", lambda x: x * _gelu_gate(x)[0], lambda dy, y, x: gelu_grad_op(dy, x), dtype="float")


def _tanh_of_softplus(x):
    return np.tanh(softplus_op.reference(x))


def _reference_mish_grad(dy, x):
    t = _tanh_of_softplus(x)
    return dy * (t + x * ((1 - t * t) * sigmoid_op.reference(x)))


def _mish_second(ddx, dx, dy, x):
    """With t = tanh(softplus(x)) and s = sigmoid(x), t' = (1 - t^2) s and (x t)'' = t' (2 + x (1 - s - 2 t s))."""
    t, s = tanh(softplus(x)), sigmoid(x)
    bend = multiply(x, subtract(subtract(1, s), multiply(multiply(t, s), 2)))
    second = multiply(multiply(subtract(1, square(t)), s), add(bend, 2))
    return mish_grad_op(ddx, x), multiply(multiply(ddx, dy), second)


mish_grad_op = elementwise("mish_grad", _reference_mish_grad, _mish_second, dtype="float")
mish_op = elementwise("mish", lambda x: x * _tanh_of_softplus(x), lambda dy, y, x: mish_grad_op(dy, x), dtype="float")

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805  # Klambauer et al. 2017, equation 14

# ---- gradients that results tell: they are kept anyway, so nothing of how they were made has to be ----

_SLOPES = {
    "leaky_relu": lambda y, alpha: where(greater(y, 0), 1.0, alpha),
    "elu": lambda y, alpha: where(greater(y, 0), 1.0, add(y, alpha)),
    "selu": lambda y, alpha: where(greater(y, 0), SELU_SCALE, add(y, alpha)),
    "celu": lambda y, alpha: where(greater(y, 0), 1.0, add(multiply(y, 1 / alpha), 1.0)),
    "softsign": lambda y, alpha: square(subtract(1.0, absolute(y))),
}


def _own_slope_grad(dy, z, y, x, slope, alpha):
    if slope == "leaky_relu" and isinstance(dy, Value) and (dropout := _dropout(dy, z)) is not None:
        z = dropout[1]  # of the same signs, where it is not 0; nothing has to keep `y` then
    return None, multiply(dy, _SLOPES[slope](z, alpha))


# own_slope(y, x, slope, alpha): y, whose gradient by x is what `_SLOPES[slope]` makes of it; not those of what made it.
own_slope_op = Op(
    "own_slope",
    shape=lambda y, x, slope, alpha: y,
    reference=lambda y, x, slope, alpha: y.view(),
    grad=_own_slope_grad,
    simplify=lambda node: node.inputs[0],
    rows=lambda node, axes, _rows: axes[0] is not None and axes[0] == axes[1],
)


def _with_slope(x, y, slope, alpha=1.0):
    """`y` made of `x`, with a gradient that `y` tells: in halves it would not tell it well, and where `alpha` is
    negative, its sign is not that of `x`."""
    is_told = alpha > 0 and dtype_of(x) == dtype_of(y) and dtype_of(y) in ("float32", "float64")
    return own_slope_op(y, x, slope=slope, alpha=alpha) if is_told else y


def relu(x):
    """`max(x, 0)`; NaN stays NaN. The gradient at 0 is 0.

    Example:
        >>> relu(np.array([-1.0, 2.0]))
        array([0., 2.])
    """
    return relu_op(x)


def relu6(x):
    """`min(max(x, 0), 6)`; NaN stays NaN. The gradient at 0 and at 6 is 0.

    Example:
        >>> relu6(np.array([-1.0, 2.0, 8.0]))
        array([0., 2., 6.])
    """
    return relu6_op(x)


@as_one_plan
def leaky_relu(x, negative_slope=0.2):
    """`x` where it is positive, `negative_slope * x` elsewhere.

    Example:
        >>> leaky_relu(np.array([-1.0, 2.0]))
        array([-0.2,  2. ])
    """
    y = multiply(x, where(greater(x, 0), 1.0, float(negative_slope)))
    return _with_slope(x, y, "leaky_relu", float(negative_slope))


def _not_positive(x):
    """The lesser of `x` and 0, whose gradient at 0 is that of `x`: that of `relu` is 0 there."""
    return clip(x, -math.inf, 0.0)


@as_one_plan
def elu(x, alpha=1.0):
    """`x` where it is positive, `alpha * (exp(x) - 1)` elsewhere.

    Example:
        >>> elu(np.array([-1.0, 2.0]))
        array([-0.63212056,  2.        ])
    """
    return _with_slope(x, _elu(x, alpha), "elu", float(alpha))


def _elu(x, alpha):
    return add(relu(x), multiply(expm1(_not_positive(x)), float(alpha)))


@as_one_plan
def selu(x):
    """`1.0507 * elu(x, 1.6733)`: layers of it keep mean 0 and variance 1.

    Example:
        >>> selu(np.array([-1.0, 2.0]))
        array([-1.11133074,  2.10140197])
    """
    return _with_slope(x, multiply(_elu(x, SELU_ALPHA), SELU_SCALE), "selu", SELU_SCALE * SELU_ALPHA)


@as_one_plan
def celu(x, alpha=1.0):
    """`max(x, 0) + min(0, alpha * (exp(x / alpha) - 1))`.

    Example:
        >>> celu(np.array([-1.0, 2.0]))
        array([-0.63212056,  2.        ])
    """
    y = add(relu(x), multiply(expm1(multiply(_not_positive(x), 1 / float(alpha))), float(alpha)))
    return _with_slope(x, y, "celu", float(alpha))


@as_one_plan
def gelu(x, approximate=True):
    """`x` times the probability that a standard normal number is below `x`.

    Args:
        x: array.
        approximate: `x * sigmoid(2 u)` with `u = sqrt(2 / pi) (x + 0.044715 x^3)`, which is
            `0.5 x (1 + tanh(u))`; otherwise `0.5 x (1 + erf(x / sqrt(2)))`.

    Example:
        >>> gelu(np.array([-1.0, 2.0]), approximate=False)
        array([-0.15865525,  1.95449974])
    """
    return gelu_op(x) if approximate else exact_gelu_op(x)


@as_one_plan
def silu(x):
    """`x * sigmoid(x)`.

    Example:
        >>> silu(np.array([0.0, 100.0]))
        array([  0., 100.])
    """
    return multiply(x, sigmoid(x))


swish = silu


@as_one_plan
def softsign(x):
    """`x / (1 + |x|)`.

    Example:
        >>> softsign(np.array([-1.0, 3.0]))
        array([-0.5 ,  0.75])
    """
    return _with_slope(x, divide(x, add(absolute(x), 1)), "softsign")


@as_one_plan
def hard_sigmoid(x):
    """`min(max(x / 6 + 1/2, 0), 1)`.

    Example:
        >>> hard_sigmoid(np.array([-3.0, 0.0, 3.0]))
        array([0. , 0.5, 1. ])
    """
    return multiply(clip(add(x, 3.0), 0.0, 6.0), 1 / 6)  # 0 and 1 at the ends, to the bit


@as_one_plan
def hard_silu(x):
    """`x * hard_sigmoid(x)`.

    Example:
        >>> hard_silu(np.array([-3.0, 0.0, 3.0]))
        array([-0.,  0.,  3.])
    """
    return multiply(x, hard_sigmoid(x))


hard_swish = hard_silu


def mish(x):
    """`x * tanh(softplus(x))`. Public as `fastnn.activations.mish`, as in Keras.

    Example:
        >>> mish(np.array([0.0, 1.0]))
        array([0.        , 0.86509839])
    """
    return mish_op(x)


@as_one_plan
def log_sigmoid(x):
    """`log(sigmoid(x))` without overflow.

    Example:
        >>> log_sigmoid(np.array([0.0, -100.0]))
        array([  -0.69314718, -100.        ])
    """
    return negative(softplus(negative(x)))


@as_one_plan
def tanh_shrink(x):
    """`x - tanh(x)`.

    Example:
        >>> tanh_shrink(np.array([0.0, 1.0]))
        array([0.        , 0.23840584])
    """
    return subtract(x, tanh(x))


@as_one_plan
def soft_shrink(x, threshold=0.5):
    """`x` moved toward 0 by `threshold`, and 0 where it is nearer.

    Example:
        >>> soft_shrink(np.array([-1.0, 0.2, 2.0]))
        array([-0.5,  0. ,  1.5])
    """
    return subtract(x, clip(x, -float(threshold), float(threshold)))


@as_one_plan
def hard_shrink(x, threshold=0.5):
    """`x` where `|x| > threshold`, 0 elsewhere.

    Example:
        >>> hard_shrink(np.array([-1.0, 0.2, 2.0]))
        array([-1.,  0.,  2.])
    """
    return where(greater(absolute(x), float(threshold)), x, 0)


def hard_tanh(x):
    """`min(max(x, -1), 1)`.

    Example:
        >>> hard_tanh(np.array([-2.0, 0.5]))
        array([-1. ,  0.5])
    """
    return clip(x, -1.0, 1.0)


@as_one_plan
def squareplus(x, b=4):
    """`(x + sqrt(x^2 + b)) / 2`.

    Example:
        >>> squareplus(np.array([0.0]))
        array([1.])
    """
    return multiply(add(x, sqrt(add(square(x), float(b)))), 0.5)


@as_one_plan
def sparse_plus(x):
    """0 below -1, `x` above 1, `(x + 1)^2 / 4` between.

    Example:
        >>> sparse_plus(np.array([-2.0, 0.0, 2.0]))
        array([0.  , 0.25, 2.  ])
    """
    return add(multiply(square(add(clip(x, -1.0, 1.0), 1)), 0.25), relu(subtract(x, 1)))


@as_one_plan
def sparse_sigmoid(x):
    """`min(max(x / 2 + 1/2, 0), 1)`.

    Example:
        >>> sparse_sigmoid(np.array([-1.0, 0.0, 1.0]))
        array([0. , 0.5, 1. ])
    """
    return multiply(clip(add(x, 1.0), 0.0, 2.0), 0.5)


@as_one_plan
def threshold(x, threshold, default_value):
    """`x` where it is above `threshold`, `default_value` elsewhere.

    Example:
        >>> threshold(np.array([-1.0, 2.0]), 0, 5)
        array([5., 2.])
    """
    return where(greater(x, threshold), x, default_value)


@as_one_plan
def glu(x, axis=-1):
    """The first half of `x` along `axis`, times the sigmoid of the second.

    Args:
        x: array whose size along `axis` is even.
        axis: the axis to halve.

    Raises:
        ValueError: for an odd size.

    Example:
        >>> glu(np.array([1.0, 2.0, 0.0, 0.0]))
        array([0.5, 1. ])
    """
    size = shape_of(x)[axis]
    if size is not None and size % 2:
        raise ValueError(f"glu halves `x` along axis {axis}, whose size {size} is odd (shape {shape_of(x)}).")
    value, gate = Operators.functions["split"](x, 2, axis=axis)
    return multiply(value, sigmoid(gate))
