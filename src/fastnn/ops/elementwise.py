"""Arithmetic, powers, exponentials and logarithms, element by element.

Records are written in the order: casts, arithmetic, extremes, powers, exponentials and logarithms. Each is one opcode
of the same name in `_kernels/elementwise.c`; chains of them become one program. Gradients use `y` instead of `x` where
they can, so that the buffer of `x` is free. Trigonometry and rounding are in `trigonometry.py` and `rounding.py`,
comparisons and selection in `logic.py`, activations in `activations.py`, what is rarely used in `rare.py`.
"""

import itertools
import math
import operator

import numpy as np

from fastnn import _kernels
from fastnn.graph import trace
from fastnn.graph.dtypes import is_complex, is_float, is_inexact, standardize_dtype
from fastnn.graph.value import CONSTANT, Value
from fastnn.graph.variable import Variable
from fastnn.ops.record import REGISTRY, Op, Spec, as_array, dtype_of, uniform
from fastnn.plan.function import as_one_plan, as_one_plan_of_arrays
from fastnn.plan.program import row_and_column_strides


def quiet(reference):
    """`reference` without NumPy's warnings: infinities and NaN are results here."""

    def run(*arrays, **params):
        with np.errstate(all="ignore"):
            return reference(*arrays, **params)

    return run


def elementwise(
    name, reference, grad=None, *, number=None, dtype=None, domain=None, simplify=None, promote=None, lower=None
) -> Op:
    """The record of an elementwise op; `reference` may ignore the parameters that the shape rule needs."""

    def simpler(node):
        own = None if simplify is None else simplify(node)
        return _before_broadcasts(node) if own is None else own

    return Op(
        name, kind="elementwise", reference=quiet(reference), number=number, grad=grad, dtype=dtype,
        domain=domain or uniform(-3, 3), simplify=simpler, promote=promote, lower=lower, inplace=True,
    )  # fmt: skip


def _before_broadcasts(node):
    """The op on what its inputs are broadcasts of, and the result broadcast where it is smaller then."""
    for x in node.inputs:
        if x.node.op.name == "broadcast_to":
            break
    else:
        return None
    inputs = tuple([x.node.inputs[0] if x.node.op.name == "broadcast_to" else x for x in node.inputs])
    y = node.op.trace(trace.current(), inputs, node.params)
    shape = node.outputs[0].shape
    return y if y.shape == shape else REGISTRY["broadcast_to"](y, shape=shape)


def number_of(value: Value) -> float | None:
    """The number that every element of a constant has, or None."""
    if value.node.op is not CONSTANT:
        return None
    array = value.node.params["array"]
    if array.size == 1:
        return array.item()
    return array.flat[0].item() if array.size and (array == array.flat[0]).all() else None


def _keep(node, k: int):
    """Input `k` in place of the node, when it has the output's shape and dtype."""
    x = node.inputs[k]
    return x if x.spec == node.outputs[0].spec else None


# ---- cast ----


def _simplify_cast(node):
    return _keep(node, 0)


def _reference_cast(x, dtype):
    """Of a complex number cast to a real dtype, the real part."""
    is_cut = np.iscomplexobj(x) and not is_complex(dtype) and dtype != "bool"
    return (x.real if is_cut else x).astype(dtype)


cast_op = Op(
    "cast",
    kind="elementwise",
    shape=lambda x, dtype: Spec(x.shape, dtype),
    reference=quiet(_reference_cast),
    grad=lambda dy, y, x, dtype: cast(dy, x.dtype) if is_inexact(x.dtype) else None,
    simplify=_simplify_cast,
    promote=(),
    domain=uniform(-3, 3),
)


def cast(x, dtype):
    """`x` converted to `dtype`: floats to integers toward zero, anything to bool by `x != 0`.

    Args:
        x: array of any dtype.
        dtype: name or NumPy dtype.

    Example:
        >>> cast(np.array([1.7, -1.7]), "int32")
        array([ 1, -1], dtype=int32)
    """
    dtype = standardize_dtype(dtype)
    if dtype_of(x) == dtype:
        if not isinstance(x, Variable):
            return as_array(x) if not hasattr(x, "dtype") else x
        if trace.current() is not None:
            return x.value
    return cast_op(x, dtype=dtype)


@as_one_plan
def saturate_cast(x, dtype):
    """`x` clipped to the range of `dtype`, then converted.

    Example:
        >>> saturate_cast(np.array([-5.0, 300.0]), "uint8")
        array([  0, 255], dtype=uint8)
    """
    dtype = standardize_dtype(dtype)
    if dtype == "bool" or dtype_of(x) == "bool":
        return cast(x, dtype)
    wide = dtype_of(x) if is_float(dtype_of(x)) else "float64"
    info = np.finfo(dtype) if is_float(dtype) else np.iinfo(dtype)
    high = np.asarray(info.max, wide)
    if float(high) > info.max:  # 2^31 - 1, say, is no float32: the next number below it
        high = np.nextafter(high, np.asarray(0, wide))
    return cast(clip(cast(x, wide), float(info.min), float(high)), dtype)


# ---- a stop for gradients ----

stop_gradient_op = Op(
    "stop_gradient", kind="view", shape=lambda x: x, reference=lambda x: x.view(), simplify=lambda node: node.inputs[0],
    domain=uniform(-3, 3),
)  # fmt: skip


def stop_gradient(variable):
    """`variable`, as a constant for differentiation.

    Example:
        >>> stop_gradient(np.array([1.0]))
        array([1.])
    """
    return stop_gradient_op(variable)


# ---- arithmetic ----


def _simplify_add(node):
    if number_of(node.inputs[1]) == 0:
        return _keep(node, 0)
    return _keep(node, 1) if number_of(node.inputs[0]) == 0 else _joined(node)


_MAX_JOINED = 16  # each sum of a chain looks at all that it is made of


def _joined(node):
    """The parts of a sum of arrays that are zero around a part (`place`), where these fill an axis, joined: the
    gradient of what was split."""
    shape, places, sources = node.outputs[0].shape, [], list(node.inputs)
    while sources:
        part = sources.pop().node
        if part.op is add_op:
            sources += part.inputs
        elif (
            part.op.name != "place" or part.params["value"] != 0 or part.outputs[0].shape != shape
            or {*part.params["steps"]} != {1} or len(places) == _MAX_JOINED
        ):  # fmt: skip
            return None
        else:
            places.append(part)
    axes = {k for part in places for k, size in enumerate(part.inputs[0].shape) if size != shape[k]}
    if len(axes) != 1:
        return None
    (axis,) = axes
    places.sort(key=lambda part: part.params["starts"][axis])
    ends = list(itertools.accumulate((part.inputs[0].shape[axis] for part in places), initial=0))
    if ends != [*(part.params["starts"][axis] for part in places), shape[axis]]:
        return None
    return REGISTRY["concatenate"](*(part.inputs[0] for part in places), axis=axis)


def _simplify_multiply(node):
    """By 1; and x / n * n, as of a mean that becomes a sum again: x, which is exact."""
    for k, x in enumerate(node.inputs):
        n = number_of(node.inputs[1 - k])
        if n == 1:
            return _keep(node, k)
        if n is not None and x.node.op is divide_op and 1 < n == number_of(x.node.inputs[1]) < math.inf:
            x = x.node.inputs[0]
            return x if x.spec == node.outputs[0].spec else None
    return None


def _abs_grad(dy, y, x):
    """dy x / |x|, with the conjugate of a complex x; see `complex_numbers.py` for the convention."""
    return multiply(dy, REGISTRY["conj"](sign(x)) if is_complex(x.dtype) else sign(x))


def _divide_grad(dy, y, x1, x2):
    d = divide(dy, x2)
    return d, lambda: negative(multiply(d, y))


add_op = elementwise("add", np.add, lambda dy, y, x1, x2: (dy, dy), simplify=_simplify_add)
subtract_op = elementwise(
    "subtract",
    lambda a, b: np.subtract(a, b) if a.dtype != bool else a ^ b,
    lambda dy, y, x1, x2: (dy, lambda: negative(dy)),
    simplify=lambda node: _keep(node, 0) if number_of(node.inputs[1]) == 0 else None,
)
multiply_op = elementwise(
    "multiply", np.multiply, lambda dy, y, x1, x2: (lambda: multiply(dy, x2), lambda: multiply(dy, x1)),
    simplify=_simplify_multiply,
)  # fmt: skip
divide_op = elementwise(
    "divide", np.divide, _divide_grad, number=operator.truediv, dtype="float",
    simplify=lambda node: _keep(node, 0) if number_of(node.inputs[1]) == 1 else None,
)  # fmt: skip
divide_no_nan_op = elementwise(
    "divide_no_nan",
    lambda x1, x2: np.where(x2 == 0, np.zeros_like(x1), np.divide(x1, np.where(x2 == 0, np.ones_like(x2), x2))),
    lambda dy, y, x1, x2: (divide_no_nan(dy, x2), negative(divide_no_nan(multiply(dy, y), x2))),
    dtype="float",
    domain=uniform(0.5, 3),
)
negative_op = elementwise("negative", np.negative, lambda dy, y, x: negative(dy), number=operator.neg)
abs_op = elementwise("abs", np.abs, _abs_grad, dtype="real")
sign_op = elementwise("sign", np.sign)
reciprocal_op = elementwise(
    "reciprocal",
    lambda x: 1 / x,
    lambda dy, y, x: negative(multiply(dy, square(y))),
    dtype="float",
    domain=uniform(0.5, 3),
)


def _integers(node, b):
    """By a kernel of their own: no program divides integers."""
    y, strides = node.outputs[0], [row_and_column_strides(x.shape, node.outputs[0].shape) for x in node.inputs]
    if y.dtype not in _kernels.DTYPE_CODE or None in strides:
        return False
    cols = y.shape[-1] if y.shape else 1
    rows = y.size // cols if cols else 0
    if all(x.size in (1, y.size) for x in node.inputs):  # one row
        rows, cols, strides = 1, y.size, [(0, int(x.size != 1)) for x in node.inputs]
    kind = ("floor_divide", "mod", "power").index(node.op.name)
    ints = [rows, cols, _kernels.DTYPE_CODE[y.dtype], kind, *strides[0], *strides[1]]
    b.step("integer_arithmetic", [*node.inputs, y], ints)
    return None


floor_divide_op = elementwise("floor_divide", np.floor_divide, lower=_integers)
mod_op = elementwise(
    "mod", np.mod, lambda dy, y, x1, x2: (dy, negative(multiply(dy, floor_divide(x1, x2)))), lower=_integers
)


def add(x1, x2):
    """`x1 + x2`.

    Args:
        x1: array.
        x2: array of a shape that broadcasts with it.

    Example:
        >>> add(np.array([1.0, 2.0]), 3)
        array([4., 5.])
    """
    return add_op(x1, x2)


def subtract(x1, x2):
    """`x1 - x2`.

    Example:
        >>> subtract(np.array([4.0, 5.0]), 3)
        array([1., 2.])
    """
    return subtract_op(x1, x2)


def multiply(x1, x2):
    """`x1 * x2`.

    Example:
        >>> multiply(np.array([4.0, 5.0]), 3)
        array([12., 15.])
    """
    return multiply_op(x1, x2)


def divide(x1, x2):
    """`x1 / x2`, a float also for integers.

    Example:
        >>> divide(np.array([3.0, 5.0]), 2)
        array([1.5, 2.5])
    """
    return divide_op(x1, x2)


true_divide = divide


def divide_no_nan(x1, x2):
    """`x1 / x2`, and 0 where `x2` is 0. Its gradient is 0 there too.

    Example:
        >>> divide_no_nan(np.array([3.0, 5.0]), np.array([2.0, 0.0]))
        array([1.5, 0. ])
    """
    return divide_no_nan_op(x1, x2)


def negative(x):
    """`-x`.

    Example:
        >>> negative(np.array([1.0, -2.0]))
        array([-1.,  2.])
    """
    return negative_op(x)


def absolute(x):
    """The absolute value; its gradient at 0 is 0.

    Example:
        >>> absolute(np.array([1.0, -2.0]))
        array([1., 2.])
    """
    return abs_op(x) if dtype_of(x) != "bool" else x


def sign(x):
    """-1, 0 or 1; NaN for NaN. It has no gradient.

    Example:
        >>> sign(np.array([-3.0, 0.0, 2.0]))
        array([-1.,  0.,  1.])
    """
    return sign_op(x)


def reciprocal(x):
    """`1 / x`.

    Example:
        >>> reciprocal(np.array([2.0, 4.0]))
        array([0.5 , 0.25])
    """
    return reciprocal_op(x)


def floor_divide(x1, x2):
    """The largest integer not above `x1 / x2`. It has no gradient.

    Example:
        >>> floor_divide(np.array([7.0, -7.0]), 2)
        array([ 3., -4.])
    """
    return floor_divide_op(*_not_bools(x1, x2))


def mod(x1, x2):
    """The remainder of `x1 / x2`, with the sign of `x2`.

    Example:
        >>> mod(np.array([7.0, -7.0]), 2)
        array([1., 1.])
    """
    return mod_op(*_not_bools(x1, x2))


@as_one_plan_of_arrays
def fmod(x1, x2):
    """The remainder of `x1 / x2`, with the sign of `x1`.

    Example:
        >>> fmod(np.array([7.0, -7.0]), 2)
        array([ 1., -1.])
    """
    remainder = mod(absolute(x1), absolute(x2))
    return logic.where(logic.less(x1, 0), negative(remainder), remainder)


def _not_bools(*xs):
    """`xs`, in int32 when all are bools: those have no quotients or powers of their own."""
    if type(xs[0]) is np.ndarray and xs[0].dtype.char != "?":
        return xs
    return tuple(cast(x, "int32") for x in xs) if {dtype_of(x) for x in xs} == {"bool"} else xs


# ---- largest and least ----


def _extreme_grad(wins):
    """The gradient goes to the one that `wins` over the other, and half to each where they are equal."""

    def grad(dy, y, x1, x2):
        shared = logic.where(logic.equal(x1, x2), multiply(dy, 0.5), 0)
        return logic.where(wins(x1, x2), dy, shared), logic.where(wins(x2, x1), dy, shared)

    return grad


maximum_op = elementwise("maximum", np.maximum, _extreme_grad(lambda a, b: logic.greater(a, b)))
minimum_op = elementwise("minimum", np.minimum, _extreme_grad(lambda a, b: logic.less(a, b)))


def _clip_grad(dy, y, x, low, high):
    """Inside, bounds included, y is x. `high` wins where the bounds are crossed."""
    d_low = d_high = None
    if low.node.op is not CONSTANT:
        d_low = logic.where(logic.logical_and(logic.less(x, low), logic.less_equal(low, high)), dy, 0)
    if high.node.op is not CONSTANT:
        d_high = logic.where(logic.greater(maximum(x, low), high), dy, 0)
    return logic.where(logic.equal(x, y), dy, 0), d_low, d_high


clip_op = elementwise("clip", lambda x, low, high: np.minimum(np.maximum(x, low), high), _clip_grad)


def maximum(x1, x2):
    """The larger of two, NaN if either is NaN. Where they are equal each gets half of the gradient.

    Example:
        >>> maximum(np.array([1.0, 5.0]), 3)
        array([3., 5.])
    """
    return maximum_op(x1, x2)


def minimum(x1, x2):
    """The smaller of two, NaN if either is NaN. Where they are equal each gets half of the gradient.

    Example:
        >>> minimum(np.array([1.0, 5.0]), 3)
        array([1., 3.])
    """
    return minimum_op(x1, x2)


def clip(x, x_min, x_max):
    """`min(max(x, x_min), x_max)`. Its gradient is 1 from bound to bound, both included, and 0 outside.

    Args:
        x: array.
        x_min: lower bound, a number or an array that broadcasts with `x`.
        x_max: upper bound.

    Returns:
        The dtype of `x`, int32 for bools.

    Example:
        >>> clip(np.array([-1.0, 0.5, 2.0]), 0, 1)
        array([0. , 0.5, 1. ])
    """
    if type(x) is np.ndarray and x.dtype.char in "fd":
        return clip_op(x, x_min, x_max)
    (x,) = _not_bools(x)
    y = clip_op(x, x_min, x_max)
    return y if is_float(dtype_of(x)) else cast(y, dtype_of(x))


# ---- powers ----


def _power_grad(dy, y, x, p):
    if exponent := number_of(p):  # by 0 it is 0 everywhere, not 0 * inf where x is 0
        return multiply(dy, multiply(power(x, exponent - 1), exponent)), None
    # 0 * inf would be NaN where p is 0; and x^p has no derivative by p where x is 0 (its limit is 0) or negative.
    dx = multiply(dy, logic.where(logic.equal(p, 0), 0, multiply(p, power(x, subtract(p, 1)))))
    positive = logic.greater(x, 0)
    return dx, multiply(dy, logic.where(positive, multiply(y, log(logic.where(positive, x, 1))), 0))


def _simplify_power(node):
    """Small exponents without `pow`. In float32 x * x * x has two roundings, `pow` one."""
    x, exponent = node.inputs[0], number_of(node.inputs[1])
    if x.spec != node.outputs[0].spec or (not is_float(x.dtype) and exponent not in (1, 2, 3, 4)):
        return None
    return _QUICK_POWERS[exponent](x) if exponent in _QUICK_POWERS else None


square_op = elementwise("square", np.square, lambda dy, y, x: multiply(dy, multiply(x, 2)))
sqrt_op = elementwise(
    "sqrt", np.sqrt, lambda dy, y, x: divide(multiply(dy, 0.5), y), dtype="float", domain=uniform(0.1, 4)
)
rsqrt_op = elementwise(
    "rsqrt",
    lambda x: 1 / np.sqrt(x),
    lambda dy, y, x: multiply(multiply(dy, -0.5), multiply(y, square(y))),
    dtype="float",
    domain=uniform(0.1, 4),
)
cbrt_op = elementwise(
    "cbrt", np.cbrt, lambda dy, y, x: divide(dy, multiply(square(y), 3)), dtype="float", domain=uniform(0.2, 3)
)
hypot_op = elementwise(
    "hypot",
    np.hypot,
    lambda dy, y, x1, x2: (multiply(dy, divide_no_nan(x1, y)), multiply(dy, divide_no_nan(x2, y))),
    dtype="float",
)


def _reference_power(x, p):
    """Of integers to powers below 0, which NumPy refuses, without the fraction."""
    if x.dtype.kind != "i" or not (p < 0).any():
        return np.power(x, p)
    return np.where(p < 0, np.where(np.abs(x) == 1, np.power(x, p & 1), 0), np.power(x, np.maximum(p, 0)))


power_op = elementwise(
    "power", _reference_power, _power_grad, simplify=_simplify_power, domain=uniform(0.2, 3), lower=_integers
)


def square(x):
    """`x * x`.

    Example:
        >>> square(np.array([2.0, -3.0]))
        array([4., 9.])
    """
    return square_op(*_not_bools(x))


def sqrt(x):
    """The square root; NaN for negative `x`.

    Example:
        >>> sqrt(np.array([4.0, 9.0]))
        array([2., 3.])
    """
    return sqrt_op(x)


def rsqrt(x):
    """`1 / sqrt(x)`.

    Example:
        >>> rsqrt(np.array([4.0, 16.0]))
        array([0.5 , 0.25])
    """
    return rsqrt_op(x)


def power(x1, x2):
    """`x1` to the power `x2`. Its gradient by `x2` is taken as 0 where `x1` is not positive.

    Powers of integers are integers, modulo the width; those below 0 are without their fraction.

    Example:
        >>> power(np.array([2.0, 3.0]), 3)
        array([ 8., 27.])
    """
    if type(x2) in (int, float) and x2 in _QUICK_POWERS:
        return _power_of_number(x1, x2)
    return power_op(*_not_bools(x1, x2))


_QUICK_POWERS = {
    1: lambda x: x, 2: square, 3: lambda x: multiply(square(x), x), 4: lambda x: square(square(x)),
    0.5: sqrt, -1: reciprocal, -0.5: rsqrt,
}  # fmt: skip


@as_one_plan
def _power_of_number(x1, x2):
    return power_op(x1, x2)


def cbrt(x):
    """The real cube root.

    Example:
        >>> cbrt(np.array([8.0, -27.0]))
        array([ 2., -3.])
    """
    return cbrt_op(x)


@as_one_plan_of_arrays
def hypot(x1, x2):
    """`sqrt(x1**2 + x2**2)` without overflow on the way; infinite where one is, whatever the other.

    Example:
        >>> hypot(np.array([3.0]), np.array([4.0]))
        array([5.])
    """
    return hypot_op(x1, x2)


# ---- exponentials and logarithms ----

LN2, LN10 = float(np.log(2)), float(np.log(10))
POSITIVE = uniform(0.1, 4)


def _reference_softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _reference_sigmoid(x):
    if np.iscomplexobj(x):
        return 1 / (1 + np.exp(-x))
    e = np.exp(-np.abs(x))  # never overflows
    return np.where(x >= 0, 1, e).astype(x.dtype) / (1 + e)


exp_op = elementwise("exp", np.exp, lambda dy, y, x: multiply(dy, y), dtype="float")
exp2_op = elementwise(
    "exp2", lambda x: np.power(x.dtype.type(2), x), lambda dy, y, x: multiply(dy, multiply(y, LN2)), dtype="float"
)
expm1_op = elementwise("expm1", np.expm1, lambda dy, y, x: multiply(dy, add(y, 1)), dtype="float")
log_op = elementwise("log", np.log, lambda dy, y, x: divide(dy, x), dtype="float", domain=POSITIVE)
log1p_op = elementwise(
    "log1p", np.log1p, lambda dy, y, x: divide(dy, add(x, 1)), dtype="float", domain=uniform(-0.9, 3)
)
log2_op = elementwise(
    "log2", np.log2, lambda dy, y, x: divide(multiply(dy, 1 / LN2), x), dtype="float", domain=POSITIVE
)
log10_op = elementwise(
    "log10", np.log10, lambda dy, y, x: divide(multiply(dy, 1 / LN10), x), dtype="float", domain=POSITIVE
)
logaddexp_op = elementwise(
    "logaddexp", np.logaddexp,
    lambda dy, y, x1, x2: (multiply(dy, sigmoid(subtract(x1, x2))), multiply(dy, sigmoid(subtract(x2, x1)))),
    dtype="float",
)  # fmt: skip
sigmoid_op = elementwise(
    "sigmoid", _reference_sigmoid, lambda dy, y, x: multiply(dy, multiply(y, subtract(1, y))), dtype="float"
)
tanh_op = elementwise("tanh", np.tanh, lambda dy, y, x: multiply(dy, subtract(1, square(y))), dtype="float")
# 1 - e^-y is sigmoid(x).
softplus_op = elementwise(
    "softplus", _reference_softplus, lambda dy, y, x: multiply(dy, negative(expm1(negative(y)))), dtype="float"
)


def exp(x):
    """e to the power `x`.

    Example:
        >>> exp(np.array([0.0, 1.0]))
        array([1.        , 2.71828183])
    """
    return exp_op(x)


def exp2(x):
    """2 to the power `x`.

    Example:
        >>> exp2(np.array([0.0, 3.0]))
        array([1., 8.])
    """
    return exp2_op(x)


def expm1(x):
    """`exp(x) - 1`, accurate for small `x`.

    Example:
        >>> expm1(np.array([0.0, 1e-10]))
        array([0.e+00, 1.e-10])
    """
    return expm1_op(x)


def log(x):
    """The natural logarithm: -inf at 0, NaN below.

    Example:
        >>> log(np.array([1.0, 2.0]))
        array([0.        , 0.69314718])
    """
    return log_op(x)


def log1p(x):
    """`log(1 + x)`, accurate for small `x`.

    Example:
        >>> log1p(np.array([0.0, 1e-10]))
        array([0.e+00, 1.e-10])
    """
    return log1p_op(x)


def log2(x):
    """The logarithm to base 2, exact at powers of 2.

    Example:
        >>> log2(np.array([1.0, 8.0]))
        array([0., 3.])
    """
    return log2_op(x)


def log10(x):
    """The logarithm to base 10.

    Example:
        >>> log10(np.array([1.0, 100.0]))
        array([0., 2.])
    """
    return log10_op(x)


def logaddexp(x1, x2):
    """`log(exp(x1) + exp(x2))` without overflow.

    Example:
        >>> logaddexp(np.array([1000.0]), np.array([1000.0]))
        array([1000.69314718])
    """
    return logaddexp_op(x1, x2)


def sigmoid(x):
    """`1 / (1 + exp(-x))`, accurate in the tails.

    Example:
        >>> sigmoid(np.array([0.0, 100.0]))
        array([0.5, 1. ])
    """
    return sigmoid_op(x)


def tanh(x):
    """The hyperbolic tangent.

    Example:
        >>> tanh(np.array([0.0, 100.0]))
        array([0., 1.])
    """
    return tanh_op(x)


def softplus(x):
    """`log(1 + exp(x))` without overflow.

    Example:
        >>> softplus(np.array([0.0, 100.0]))
        array([  0.69314718, 100.        ])
    """
    return softplus_op(x)


# ---- the error function ----

TWO_OVER_SQRT_PI = float(2 / np.sqrt(np.pi))


def _reference_erf(x):
    return np.vectorize(math.erf, otypes=[x.dtype])(x) if x.size else x.copy()


erf_op = elementwise(
    "erf", _reference_erf,
    lambda dy, y, x: multiply(dy, multiply(exp(negative(square(x))), TWO_OVER_SQRT_PI)), dtype="float",
)  # fmt: skip


def erf(x):
    """The error function.

    Example:
        >>> erf(np.array([0.0, 1.0]))
        array([0.        , 0.84270079])
    """
    return erf_op(x)


abs = absolute

# logic.py builds on this module, and the gradients above on it: they look it up when they are called.
from fastnn.ops import logic  # noqa: E402
