"""Elementwise ops."""

import math

import numpy as np

from fastnn.export.table import emits

# Ops that are one ONNX node of the same inputs.
SAME = {
    "add": "Add", "multiply": "Mul", "subtract": "Sub", "divide": "Div", "negative": "Neg", "abs": "Abs",
    "sign": "Sign", "reciprocal": "Reciprocal", "maximum": "Max", "minimum": "Min", "sqrt": "Sqrt", "power": "Pow",
    "exp": "Exp", "log": "Log", "sigmoid": "Sigmoid", "tanh": "Tanh", "softplus": "Softplus", "erf": "Erf",
    "relu": "Relu",
    "sin": "Sin", "cos": "Cos", "tan": "Tan", "arcsin": "Asin", "arccos": "Acos", "arctan": "Atan", "sinh": "Sinh",
    "cosh": "Cosh", "arcsinh": "Asinh", "arccosh": "Acosh", "arctanh": "Atanh", "bitwise_and": "BitwiseAnd",
    "bitwise_or": "BitwiseOr", "bitwise_xor": "BitwiseXor", "bitwise_not": "BitwiseNot",
}  # fmt: skip
OF_BOOLS = {
    "add": "Or", "multiply": "And", "subtract": "Xor", "maximum": "Or", "minimum": "And", "bitwise_not": "Not",
    "bitwise_and": "And", "bitwise_or": "Or", "bitwise_xor": "Xor",
}  # fmt: skip
ROUNDING = {"floor": "Floor", "ceil": "Ceil", "round": "Round"}
# What has few kernels in ONNX Runtime, or none in ONNX, is computed in the second type and cast back.
WIDER = dict.fromkeys(("int8", "uint8", "int16", "uint16"), "int32") | {"uint32": "int64", "uint64": "int64"}
COMPARISONS = {
    "greater": "Greater", "greater_equal": "GreaterOrEqual", "less": "Less", "less_equal": "LessOrEqual",
    "equal": "Equal",
}  # fmt: skip
LOGIC = {"logical_and": "And", "logical_or": "Or", "logical_xor": "Xor", "logical_not": "Not"}
IS_CLOSE = 0.5  # to 0: where expm1 and log1p must not go through exp and log


@emits(*SAME)
def _same(b, step, *xs):
    if step.op.name in OF_BOOLS and step.y.dtype == "bool":
        return b.add(OF_BOOLS[step.op.name], *xs)
    if step.x.dtype in WIDER and "bitwise" not in step.op.name:
        wide = WIDER[step.x.dtype]
        return b.cast(b.add(SAME[step.op.name], *(b.cast(x, wide) for x in xs)), step.y.dtype)
    return b.add(SAME[step.op.name], *xs)


def _scalar(b, step, value):
    return b.constant(value, step.x.dtype)


def is_float(array) -> bool:
    return array.dtype == "bfloat16" or np.dtype(array.dtype).kind == "f"


def as_bool(b, x, array):
    return x if array.dtype == "bool" else b.cast(x, "bool")


@emits("cast")
def _cast(b, step, x):
    return x if step.x.dtype == step.params["dtype"] else b.cast(x, step.params["dtype"])


@emits("round_to_float16", "round_to_bfloat16")
def _round_to_half(b, step, x):
    return b.cast(b.cast(x, step.op.name.removeprefix("round_to_")), step.x.dtype)


@emits("stop_gradient", "copy", "own_slope")
def _as_it_is(b, step, x, *_):
    return x


@emits(*COMPARISONS, "not_equal")
def _comparison(b, step, x1, x2):
    if step.x.dtype == "bool" and step.op.name not in ("equal", "not_equal"):
        x1, x2 = b.cast(x1, "int32"), b.cast(x2, "int32")
    if step.op.name == "not_equal":
        return b.add("Not", b.add("Equal", x1, x2))
    return b.add(COMPARISONS[step.op.name], x1, x2)


@emits(*LOGIC)
def _logic(b, step, *xs):
    return b.add(LOGIC[step.op.name], *(as_bool(b, x, array) for x, array in zip(xs, step.inputs, strict=True)))


@emits("isnan", "isinf", "isfinite")
def _is(b, step, x):
    if not is_float(step.x):
        same = b.add("Equal", x, x)
        return same if step.op.name == "isfinite" else b.add("Not", same)
    if step.op.name == "isfinite":
        return b.add("Not", b.add("IsNaN", b.add("Sub", x, x)))
    return b.add("IsNaN" if step.op.name == "isnan" else "IsInf", x)


@emits(*ROUNDING, "trunc")
def _rounding(b, step, x):
    if not is_float(step.x):
        return x
    if step.op.name == "trunc":
        return b.add("Mul", b.add("Sign", x), b.add("Floor", b.add("Abs", x)))
    return b.add(ROUNDING[step.op.name], x)


@emits("where")
def _where(b, step, condition, x1, x2):
    condition = as_bool(b, condition, step.x)
    if step.y.dtype == "bool":  # no Where of bools in ONNX Runtime
        return b.add("Or", b.add("And", condition, x1), b.add("And", b.add("Not", condition), x2))
    if step.y.dtype in WIDER:
        x1, x2 = (b.cast(x, WIDER[step.y.dtype]) for x in (x1, x2))
        return b.cast(b.add("Where", condition, x1, x2), step.y.dtype)
    return b.add("Where", condition, x1, x2)


@emits("relu6")
def _relu6(b, step, x):
    wide = WIDER.get(step.x.dtype)
    if wide is not None:
        return b.cast(b.add("Min", b.add("Relu", b.cast(x, wide)), b.constant(6, wide)), step.y.dtype)
    return b.add("Min", b.add("Relu", x), _scalar(b, step, 6))


@emits("exact_gelu")
def _exact_gelu(b, step, x):
    doubled = b.add("Add", b.add("Erf", b.add("Mul", x, _scalar(b, step, math.sqrt(0.5)))), _scalar(b, step, 1))
    return b.add("Mul", x, b.add("Mul", doubled, _scalar(b, step, 0.5)))


@emits("gelu")
def _gelu(b, step, x):
    linear = math.sqrt(8 / math.pi)
    factor = b.add(
        "Add", b.add("Mul", b.add("Mul", x, x), _scalar(b, step, linear * 0.044715)), _scalar(b, step, linear)
    )
    return b.add("Mul", x, b.add("Sigmoid", b.add("Mul", x, factor)))


@emits("mish")
def _mish(b, step, x):
    return b.add("Mul", x, b.add("Tanh", b.add("Softplus", x)))


@emits("clip")
def _clip(b, step, x, low, high):
    if step.inputs[1].ndim == step.inputs[2].ndim == 0:
        return b.add("Clip", x, low, high)
    return b.add("Min", b.add("Max", x, low), high)


@emits("square")
def _square(b, step, x):
    return b.add("Mul", x, x)


@emits("rsqrt")
def _rsqrt(b, step, x):
    return b.add("Reciprocal", b.add("Sqrt", x))


@emits("exp2")
def _exp2(b, step, x):
    return b.add("Pow", _scalar(b, step, 2), x)


@emits("cbrt")
def _cbrt(b, step, x):
    return b.add("Mul", b.add("Sign", x), b.add("Pow", b.add("Abs", x), _scalar(b, step, 1 / 3)))


@emits("log2", "log10")
def _log(b, step, x):
    return b.add("Mul", b.add("Log", x), _scalar(b, step, 1 / math.log(2 if step.op.name == "log2" else 10)))


def _where_close_to_zero(b, step, x, near, far):
    return b.add("Where", b.add("Less", b.add("Abs", x), _scalar(b, step, IS_CLOSE)), near, far)


@emits("expm1")
def _expm1(b, step, x):
    """exp(x) - 1; near 0, where that cancels, 2 t / (1 - t) with t = tanh(x / 2)."""
    t = b.add("Tanh", b.add("Mul", x, _scalar(b, step, 0.5)))
    near = b.add("Div", b.add("Add", t, t), b.add("Sub", _scalar(b, step, 1), t))
    return _where_close_to_zero(b, step, x, near, b.add("Sub", b.add("Exp", x), _scalar(b, step, 1)))


@emits("log1p")
def _log1p(b, step, x):
    """log(1 + x); near 0, where that cancels, 2 artanh(x / (x + 2))."""
    t = b.add("Atanh", b.add("Div", x, b.add("Add", x, _scalar(b, step, 2))))
    return _where_close_to_zero(b, step, x, b.add("Add", t, t), b.add("Log", b.add("Add", x, _scalar(b, step, 1))))


@emits("logaddexp")
def _logaddexp(b, step, x1, x2):
    return b.add("Add", x2, b.add("Softplus", b.add("Sub", x1, x2)))


@emits("erfc")
def _erfc(b, step, x):
    return b.add("Sub", _scalar(b, step, 1), b.add("Erf", x))


@emits("arctan2")
def _arctan2(b, step, y, x):
    """atan(y / x), and on the left half plane pi more or less; on the y axis, half of that."""
    zero, pi = _scalar(b, step, 0), _scalar(b, step, math.pi)
    is_negative = b.add("Less", y, zero)
    side = b.add("Where", is_negative, b.add("Neg", pi), pi)
    angle = b.add("Atan", b.add("Div", y, x))
    angle = b.add("Where", b.add("Less", x, zero), b.add("Add", angle, side), angle)
    half = b.add("Mul", side, _scalar(b, step, 0.5))
    upright = b.add("Where", b.add("Equal", y, zero), zero, half)
    return b.add("Where", b.add("Equal", x, zero), upright, angle)


@emits("hypot")
def _hypot(b, step, x1, x2):
    """The larger size times the root of 1 + the square of their quotient; infinite where one is."""
    a, c = b.add("Abs", x1), b.add("Abs", x2)
    large, one = b.add("Max", a, c), _scalar(b, step, 1)
    quotient = b.add("Div", b.add("Min", a, c), b.add("Where", b.add("Equal", large, _scalar(b, step, 0)), one, large))
    y = b.add("Mul", large, b.add("Sqrt", b.add("Add", one, b.add("Mul", quotient, quotient))))
    return b.add("Where", b.add("IsInf", large), large, y)


@emits("fmax", "fmin")
def _without_nan(b, step, x1, x2):
    """The larger or the smaller of two, the other where one is NaN."""
    both = b.add("Max" if step.op.name == "fmax" else "Min", x1, x2)
    return b.add("Where", b.add("IsNaN", x1), x2, b.add("Where", b.add("IsNaN", x2), x1, both))


@emits("ldexp")
def _ldexp(b, step, x, exponent):
    return b.add("Mul", x, b.add("Pow", _scalar(b, step, 2), exponent))


@emits("real_angle")
def _real_angle(b, step, x):
    zero = _scalar(b, step, 0)
    return b.add("Where", b.add("IsNaN", x), x, b.add("Where", _signbit(b, step, x), _scalar(b, step, math.pi), zero))


@emits("signbit")
def _signbit(b, step, x):
    if step.x.dtype == "bool":
        return b.add("And", x, b.add("Not", x))
    zero = _scalar(b, step, 0)
    if not is_float(step.x):
        return b.add("Less", x, zero)
    return b.add("Or", b.add("Less", x, zero), b.add("Less", b.add("Reciprocal", x), zero))


@emits("mod")
def _mod(b, step, x1, x2):
    """The remainder with the sign of x2."""
    if not is_float(step.x):
        return b.add("Mod", x1, x2)
    zero = _scalar(b, step, 0)
    remainder = b.add("Mod", x1, x2, fmod=1)
    differs = b.add("Xor", b.add("Less", remainder, zero), b.add("Less", x2, zero))
    differs = b.add("And", differs, b.add("Not", b.add("Equal", remainder, zero)))
    return b.add("Where", differs, b.add("Add", remainder, x2), remainder)


@emits("floor_divide")
def _floor_divide(b, step, x1, x2):
    """Exactly: (x1 - x1 mod x2) / x2."""
    quotient = b.add("Div", b.add("Sub", x1, _mod(b, step, x1, x2)), x2)
    return b.add("Round", quotient) if is_float(step.x) else quotient


@emits("divide_no_nan")
def _divide_no_nan(b, step, x1, x2):
    is_zero = b.add("Equal", x2, _scalar(b, step, 0))
    return b.add("Where", is_zero, _scalar(b, step, 0), b.add("Div", x1, x2))


@emits("left_shift", "right_shift")
def _shift(b, step, x, count):
    """x times, or divided by, 2 to the power of the count; ONNX shifts unsigned integers only."""
    wide = WIDER.get(step.x.dtype, step.x.dtype)
    x, count = (value if wide == step.x.dtype else b.cast(value, wide) for value in (x, count))
    factor = b.add("Pow", b.constant(2, wide), count)
    if step.op.name == "left_shift":
        y = b.add("Mul", x, factor)
    else:
        y = b.add("Div", b.add("Sub", x, b.add("Mod", x, factor)), factor)
    return y if wide == step.x.dtype else b.cast(y, step.y.dtype)
