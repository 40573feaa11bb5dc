"""Elementwise ops, comparisons and activations: plans against references, gradients against differences, and Keras."""

import functools
import inspect
import itertools
import math
import os

import mpmath
import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "numpy")
import keras

import fastnn
from fastnn import Variable, _api, _kernels, jit, ops
from fastnn._kernels import _engine
from fastnn.graph import trace
from fastnn.graph.grad import gradients
from fastnn.graph.interpret import interpret
from fastnn.graph.value import Graph
from fastnn.ops import activations
from fastnn.ops.record import all_ops
from fastnn.testing.check_op import check_op

SHAPES = {1: [((37,),), ((2, 3, 5),), ((),)], 2: [((37,), (37,)), ((4, 1, 5), (3, 1)), ((3, 17), ())]}
UNARY = """negative abs square sqrt rsqrt cbrt reciprocal exp exp2 expm1 log log1p log2 log10 sin cos tan tanh sigmoid
    erf softplus relu relu6 exact_gelu gelu mish arcsin arccos arctan sinh cosh arcsinh arccosh arctanh"""
UNARY = UNARY.split()
BINARY = """add subtract multiply divide divide_no_nan power hypot logaddexp arctan2 exact_gelu_grad gelu_grad
    mish_grad"""
BINARY = BINARY.split()
WITHOUT_GRADIENT = """sign floor ceil round trunc isnan isinf isfinite logical_not floor_divide greater greater_equal
    less less_equal equal not_equal logical_and logical_or logical_xor"""
WITHOUT_GRADIENT = WITHOUT_GRADIENT.split()


def _public(*families):
    """The names of the public functions of files of `fastnn.ops`."""
    return {name for name, (module, _) in _api.table("fastnn.ops").items() if module.split(".")[-1] in families}


RARE = {name for name in _public("rare", "complex_numbers") if name in all_ops()} | {"i1"}
PIECEWISE = {"maximum", "minimum", "mod", "clip", "where", "relu_grad", "cast"}  # below
PIECEWISE |= {"round_to_float16", "round_to_bfloat16", "real_angle"}


def count_of_inputs(name):
    parameters = inspect.signature(getattr(ops, name)).parameters.values()
    return sum(p.default is p.empty for p in parameters)


def test_every_record_is_tested():
    mine = {name for name, op in all_ops().items() if op.kind == "elementwise" and op.domain is not None} - RARE
    assert mine <= {*UNARY, *BINARY, *WITHOUT_GRADIENT, *PIECEWISE}, "add new records to a list above"


def test_every_record_has_an_opcode():
    """Casts are loads and stores; everything else of this kind must be named as in _kernels/elementwise.c."""
    without = {name for name, op in all_ops().items() if op.kind == "elementwise"} - set(_kernels.opcodes())
    assert without - RARE <= {"copy"}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", UNARY + BINARY)
def test_value_and_gradient(name, dtype):
    op = all_ops()[name]
    rng = np.random.default_rng(0)
    for shapes in SHAPES[1 if name in UNARY else 2]:
        check_op(op, [op.domain(rng, shape, dtype) for shape in shapes])


@pytest.mark.parametrize("name", [*UNARY, *BINARY])
def test_second_derivative(name):
    """The gradient is made of ops that have gradients; those of relu, relu6 and abs are 0, and so not there."""
    if name in ("add", "subtract", "negative", "relu", "relu6", "abs"):
        return
    op = all_ops()[name]
    rng = np.random.default_rng(1)
    inputs = [op.domain(rng, (7,), "float64") for _ in range(1 if name in UNARY else 2)]

    def first_derivatives(*xs):
        return [g for g in gradients(trace.current(), [op(*xs)], list(xs)) if g is not None]

    check_op(first_derivatives, inputs, isas=_engine.isas()[:1])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_rounding_to_halves_is_a_cast_there_and_back(dtype):
    """All bits of float16 and their neighbours halfway, numbers of all sizes, and special ones."""
    ml_dtypes = pytest.importorskip("ml_dtypes")
    half = np.dtype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
    bits = np.arange(1 << 16, dtype=np.uint16)
    near = bits.view(half).astype("float32")
    middles = near.view(np.uint32) + np.uint32(1 << (12 if dtype == "float16" else 15))
    rng = np.random.default_rng(5)
    x = np.concatenate([near, middles.view("float32"), rng.integers(0, 1 << 32, 10_000, np.uint32).view("float32")])
    with np.errstate(all="ignore"):
        wanted = x.astype(half).astype("float32")
    np.testing.assert_array_equal(all_ops()[f"round_to_{dtype}"](x), wanted)


@pytest.mark.parametrize("name", WITHOUT_GRADIENT)
def test_value_of_ops_without_gradient(name):
    rng = np.random.default_rng(2)
    for shapes in SHAPES[count_of_inputs(name)]:
        inputs = [(rng.integers(-3, 4, shape) / 2).astype("float32") for shape in shapes]
        if name in ("floor_divide",):
            inputs[1] = np.where(inputs[1] == 0, 1, inputs[1]).astype("float32")
        check_op(all_ops()[name], inputs, gradient=False)


@pytest.mark.parametrize(
    "function, count",
    [
        (ops.maximum, 2),
        (ops.minimum, 2),
        (lambda x, y: ops.mod(x, ops.abs(y) + 2), 2),
        (lambda x: ops.clip(x, -0.5, 1.0), 1),
        (ops.clip, 3),
        (lambda c, x, y: ops.where(ops.stop_gradient(c) > 0, x, y), 3),
        (lambda dy, y: activations.relu_grad_op(dy, ops.stop_gradient(y)), 2),
        (
            lambda x: ops.cast(ops.cast(x, "float32"), "float64") if x.dtype == "float16" else ops.cast(x, x.dtype) * 2,
            1,
        ),
        (ops.fmod, 2),
        (ops.nan_to_num, 1),
    ],
)
def test_piecewise_ops_away_from_their_borders(function, count):
    rng = np.random.default_rng(3)
    inputs = [rng.permutation(np.linspace(-3, 3, 41)) + 0.013 * k + 0.0371 for k in range(count)]
    check_op(function, inputs)


ACTIVATIONS = [*sorted(_public("activations")), "mish", "sigmoid", "tanh", "softplus"]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_against_keras_and_differences(name):
    """Samples stay 1e-3 away from the kinks, which lie at multiples of a half (and at 0.2 for one threshold)."""
    ours = getattr(activations, name, None) or getattr(ops, name)
    theirs = getattr(keras.activations if name == "mish" else keras.ops, name)
    rng = np.random.default_rng(4)
    x = rng.uniform(-8, 8, (6, 34))
    x = x[np.abs(x * 2 - np.round(x * 2)) > 4e-3][:200].reshape(50, 4)
    for kwargs in {
        "leaky_relu": [{}, {"negative_slope": 0.7}],
        "elu": [{}, {"alpha": 2.5}],
        "celu": [{}, {"alpha": 2.5}],
        "gelu": [{"approximate": True}, {"approximate": False}],
        "threshold": [{"threshold": 0.5, "default_value": 2.0}],
        "soft_shrink": [{}, {"threshold": 1.5}],
        "hard_shrink": [{}, {"threshold": 1.5}],
        "squareplus": [{}, {"b": 2}],
        "glu": [{}, {"axis": 0}],
    }.get(name, [{}]):
        check_op(lambda v, kwargs=kwargs: ours(v, **kwargs), [x])
        x32 = x.astype("float32")
        result = ours(x32, **kwargs)
        assert result.dtype == np.float32
        # Keras's own float32 forms cancel here and there: a few eps of the largest term, which is |x| + 1.
        np.testing.assert_allclose(result, theirs(x32, **kwargs), rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_hard_gates_are_exact_at_their_ends(dtype):
    """In float64 x / 6 + 1/2 would be 2.8e-17 at -3 where it is rounded once."""
    x = np.array([-3, 0, 3, -np.inf, np.inf], dtype)
    assert ops.hard_sigmoid(x).tolist() == [0, 0.5, 1, 0, 1]
    assert jit(ops.hard_silu)(x)[:3].tolist() == [0, 0, 3]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_and_gradients_do_not_overflow(name):
    """At +-1e4 and +-100 every value and gradient is finite, in float32."""
    if name == "glu":
        return
    ours = getattr(activations, name, None) or getattr(ops, name)
    kwargs = {"threshold": 0.5, "default_value": 2.0} if name == "threshold" else {}
    x = np.array([-1e4, -100, -20, 0, 20, 100, 1e4], "float32")
    graph = Graph()
    value = graph.input(x.shape, "float32")
    with trace.tracing(graph):
        y = ours(value, **kwargs)
        graph.outputs = [y, *gradients(graph, [y], [value])]
    for result in interpret(graph, [x]):
        assert np.isfinite(result).all(), result


def gradient_of(function, *arrays):
    """Gradients of the sum of `function`, by the references."""
    graph = Graph()
    values = [graph.input(a.shape, a.dtype.name) for a in arrays]
    with trace.tracing(graph):
        graph.outputs = gradients(graph, [function(*values)], values)
    return interpret(graph, list(arrays))


def test_gradients_at_borders():
    zero = np.zeros(1)
    assert gradient_of(ops.relu, zero) == [0]
    assert gradient_of(ops.relu6, zero) == gradient_of(ops.relu6, zero + 6) == [0]
    assert gradient_of(ops.abs, zero) == [0]
    assert gradient_of(ops.elu, zero) == [1]
    assert gradient_of(lambda x: ops.clip(x, 0, 1), zero) == [1]
    assert gradient_of(ops.maximum, zero, zero) == [0.5, 0.5]
    assert gradient_of(ops.logaddexp, zero, zero) == [0.5, 0.5]
    assert gradient_of(ops.divide_no_nan, np.ones(1), zero) == [0, 0]
    assert gradient_of(lambda x: ops.power(x, 2.0), zero) == [0]
    assert gradient_of(lambda x: ops.power(x, 1.0), zero) == [1]
    dx, dp = gradient_of(ops.power, zero, np.zeros(1))
    assert dx == 0 and dp == 0


def test_powers_with_small_exponents_are_products():
    graph = Graph()
    x = graph.input((5,), "float32")
    with trace.tracing(graph):
        for exponent, name in ((2, "square"), (4, "square"), (0.5, "sqrt"), (-1, "reciprocal"), (-0.5, "rsqrt")):
            y = ops.power(x, exponent)
            assert y.node.op.simplify(y.node).node.op.name == name
        assert ops.power(x, 1).node.op.simplify(ops.power(x, 1).node) is x


PUBLIC = _public("elementwise", "logic", "rounding", "trigonometry")
KERAS_SKIPS = {"cast", "saturate_cast", "clip", "where", "isclose", "select", "stop_gradient"}  # below


@pytest.mark.parametrize("name", sorted(PUBLIC - KERAS_SKIPS))
def test_value_and_dtype_against_keras(name):
    """float32 and int32, arrays and Python numbers. (float64 and int64 are narrowed by Keras's NumPy backend.)"""
    ours, theirs = getattr(ops, name), getattr(keras.ops, name)
    rng = np.random.default_rng(5)
    floats = rng.uniform(0.1, 0.9, (3, 4)).astype("float32")
    integers = rng.integers(1, 5, (3, 4)).astype("int32")
    if count_of_inputs(name) == 1:
        # Keras's NumPy backend leaves these in integers, which its other backends do not.
        calls = [(floats,)] if name in ("erf", "rsqrt", "reciprocal") else [(floats,), (integers,)]
    else:
        calls = [
            (floats, floats[0]),
            (floats, integers),
            (integers, integers),
            (floats, 2),
            (floats, 2.5),
            (integers, 2),
        ]
    for call in calls:
        with np.errstate(all="ignore"):
            wanted = np.asarray(theirs(*call))
        result = ours(*call)
        assert result.dtype == (np.float32 if wanted.dtype == np.float64 else wanted.dtype), (
            result.dtype,
            wanted.dtype,
        )
        np.testing.assert_allclose(result, wanted, rtol=3e-6, err_msg=str(call))


def test_cast_and_where_against_keras():
    x = np.array([-1.7, 0.0, 1.7, 300.4], "float32")
    for dtype in ("bool", "uint8", "int8", "int32", "float64", "float32"):
        result = ops.cast(np.abs(x) if dtype == "uint8" else x[:3], dtype)
        assert result.dtype.name == dtype
    np.testing.assert_array_equal(ops.cast(x, "int32"), keras.ops.cast(x, "int32"))
    np.testing.assert_array_equal(ops.saturate_cast(x, "uint8"), [0, 0, 1, 255])
    np.testing.assert_array_equal(ops.saturate_cast(np.array([3e9], "float32"), "int32"), [2147483520])
    condition = np.array([True, False, True, False])
    for a, b in ((x, 0), (x, x.astype("float64")), (np.arange(4, dtype="int32"), 1.5)):
        np.testing.assert_array_equal(ops.where(condition, a, b), keras.ops.where(condition, a, b))
    np.testing.assert_array_equal(ops.where(condition), keras.ops.where(condition))
    with pytest.raises(ValueError, match="x1"):
        ops.where(condition, x)


def of_extremes(dtype, seed):
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return rng.random(2000) < 0.5
    info = np.iinfo(dtype)
    x = rng.integers(info.min, info.max, 2000, dtype, endpoint=True)
    return np.where(rng.random(2000) < 0.3, rng.choice(np.array([info.min, info.max, 0, 1], dtype), 2000), x)


INTEGERS = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]


@pytest.mark.parametrize("isa", _engine.isas())
@pytest.mark.parametrize("dtype", ["bool", *INTEGERS])
def test_pairs_of_integers(dtype, isa):
    """Over the whole range, also of numbers that float64 does not tell apart, in memory and in registers."""
    x, y = of_extremes(dtype, 0), of_extremes(dtype, 1)
    names = "add multiply maximum minimum greater greater_equal less less_equal equal not_equal logical_and logical_or"
    names += " logical_xor bitwise_and bitwise_or bitwise_xor"
    with _kernels.using(isa), np.errstate(all="ignore"):
        for name in names.split() + ["subtract", "left_shift", "right_shift"] * (dtype != "bool"):
            for a, b in [(x, y), (x, y[:1]), (x[:1], y), (x, x), (x[:5], y[:5])]:
                result, wanted = getattr(ops, name)(a, b), getattr(np, name)(a, b)
                assert result.dtype == wanted.dtype
                np.testing.assert_array_equal(result, wanted, name)
        for name in ["logical_not", "bitwise_not"] + ["negative", "abs", "sign", "square"] * (dtype != "bool"):
            np.testing.assert_array_equal(getattr(ops, name)(x), getattr(np, name)(x), name)
        np.testing.assert_array_equal(ops.where(x > y, y, x[::-1].copy()), np.where(x > y, y, x[::-1]))
        low, high = np.minimum(x, y)[:1], np.maximum(x, y)[:1]
        wanted = np.minimum(np.maximum(y, low), high)
        np.testing.assert_array_equal(ops.clip(y, low, high), wanted)
        np.testing.assert_array_equal(ops.clip(y, low, high[0].item()), wanted)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_beside_python_numbers(dtype):
    """Every bit of the number counts, in eager calls and in programs."""
    x = of_extremes(dtype, 0)
    info = np.iinfo(dtype)
    names = ("add", "subtract", "multiply", "maximum", "greater", "equal", "not_equal")
    numbers = (info.max, info.max - 1, info.min, info.max // 2 + 1, info.max // 3, 7)
    for name, number in itertools.product(names, numbers):
        with np.errstate(all="ignore"):
            wanted = getattr(np, name)(x, np.array(number, dtype))
        function = getattr(ops, name)
        np.testing.assert_array_equal(function(x, number), wanted, name)
        compiled = jit(functools.partial(lambda f, n, x: f(x, n), function, number))
        np.testing.assert_array_equal(compiled(x), wanted, name)
    assert ops.add(np.array([2**60 + 1]), 1).tolist() == [2**60 + 2]
    assert ops.equal(np.array([2**60 + 1, 2**60]), 2**60).tolist() == [False, True]


def of_any(np, x, y, cast, dtype, other):
    """Arithmetic in one dtype and the other, whose casts are read by what follows."""
    a, b = x * y + x, cast(y - x, other)
    c = np.maximum(cast(a, other) * b, cast(x, other)) - b
    d = np.where(cast(c, dtype) > y, np.negative(x), np.abs(cast(b + c, dtype)))
    is_more = np.logical_and(c > b, np.logical_not(d < x))
    e = np.bitwise_xor(np.right_shift(d, cast(y, dtype)), np.sign(a - d))
    f = np.minimum(np.left_shift(c, b), np.square(cast(e, other)))
    return a, b, c, d, is_more, e, f, np.bitwise_not(f) < cast(is_more, other), cast(f + c, "bool")


@pytest.mark.parametrize("isa", _engine.isas())
@pytest.mark.parametrize("dtype, other", itertools.product(INTEGERS, INTEGERS))
def test_integers_wrap_around_within_a_program(dtype, other, isa):
    x, y = of_extremes(dtype, 0), of_extremes(dtype, 1)
    with _kernels.using(isa), np.errstate(all="ignore"):
        results = jit(lambda x, y: of_any(ops, x, y, ops.cast, dtype, other))(x, y)
        wanted = of_any(np, x, y, lambda x, dtype: x.astype(dtype), dtype, other)
    for k, (result, right) in enumerate(zip(results, wanted, strict=True)):
        assert result.dtype == right.dtype
        np.testing.assert_array_equal(result, right, str(k))


@pytest.mark.parametrize("n", [2000, 40_000])
@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_wrap_around_before_they_become_floats(dtype, n):
    """A small program of floats is not made one of integers too."""
    x, y = np.resize(of_extremes(dtype, 0), n), np.resize(of_extremes(dtype, 1), n)
    scale = np.random.default_rng(0).random(n).astype("float32")

    def function(np, cast):
        product = cast(x * y, "float64")
        return product * 0.5, np.where(x > y, scale, 0), cast(cast(x - y, "uint8"), "float32") + scale

    with np.errstate(all="ignore"):
        results = jit(lambda x, y: function(ops, ops.cast))(x, y)
        for result, wanted in zip(results, function(np, lambda x, dtype: x.astype(dtype)), strict=True):
            np.testing.assert_array_equal(result, wanted)


@pytest.mark.parametrize(
    "function",
    [
        lambda np, x, y: x + y, lambda np, x, y: x - y, lambda np, x, y: x * y, lambda np, x, y: np.negative(x),
        lambda np, x, y: np.abs(x), lambda np, x, y: np.square(x) * y + x, lambda np, x, y: np.sign(x),
        lambda np, x, y: (x + y) * y > x, lambda np, x, y: np.where(x * y < 7, x + 1, y - x),
        lambda np, x, y: np.logical_and(x > 3, np.logical_not(x + y > 0)),
    ],
)  # fmt: skip
def test_int32_wraps_around_within_a_program(function):
    x, y = of_extremes("int32", 0), of_extremes("int32", 1)

    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(jit(lambda x, y: function(ops, x, y))(x, y), function(np, x, y))


def test_rounded_integers_are_themselves():
    x = np.array([2**62 + 1, -(2**53) - 1])
    for y in (ops.round(x), ops.round(x, 2), ops.trunc(x), ops.trunc(Variable(x, dtype="int64"))):
        assert y.dtype == np.int64 and np.array_equal(y, x)
    assert ops.round(np.array([14, 15, 25]), -1).tolist() == [10, 20, 20]
    assert ops.round(np.array([1.5 - 2.5j])) == 2 - 2j


def test_uint8_wraps_around_and_bools_stay_truths():
    x, y, a, b = (of_extremes(dtype, k) for k, dtype in enumerate(["uint8", "uint8", "bool", "bool"]))
    np.testing.assert_array_equal(jit(lambda x, y: x * y + x > y)(x, y), x * y + x > y)
    np.testing.assert_array_equal(ops.add(x, b), x + b)
    for name in ("add", "multiply", "maximum"):
        y = getattr(ops, name)(a, b)
        np.testing.assert_array_equal(np.asarray(y).view(np.uint8), getattr(np, name)(a, b).view(np.uint8))
    np.testing.assert_array_equal(ops.cast(x, "bool"), x != 0)
    np.testing.assert_array_equal(ops.cast(a, "int32"), a.astype("int32"))


def test_isclose_against_keras():
    a = np.array([1.0, 1.0, np.inf, np.nan, 0.0], "float32")
    b = np.array([1.000001, 1.1, np.inf, np.nan, 1e-9], "float32")
    for equal_nan in (False, True):
        np.testing.assert_array_equal(ops.isclose(a, b, equal_nan=equal_nan), np.isclose(a, b, equal_nan=equal_nan))


def test_isclose_of_booleans():
    a, b = np.array([True, False, True, False]), np.array([True, True, False, False])
    np.testing.assert_array_equal(ops.isclose(a, b), [True, False, False, True])


def test_error_names_the_op_and_the_shapes():
    with pytest.raises(ValueError, match=r"multiply.*\(2, 3\).*\(4,\)"):
        ops.multiply(np.ones((2, 3)), np.ones(4))
    with pytest.raises(ValueError, match=r"odd.*\(2, 3\)|3.*odd"):
        ops.glu(np.ones((2, 3)))


def test_clip_against_keras():
    x = np.linspace(-2, 2, 9).astype("float32")
    for low, high in ((-1, 1), (-0.5, 0.25), (1, -1), (x[::-1].copy(), 1.5)):
        np.testing.assert_array_equal(ops.clip(x, low, high), keras.ops.clip(x, low, high))
    integers = np.arange(5, dtype="int32")
    result = ops.clip(integers, 1, 3)
    assert result.dtype == np.int32 and result.tolist() == [1, 1, 2, 3, 3]


@pytest.mark.parametrize("name", sorted(_public("rare") - {"allclose"}))
def test_rare_functions_against_keras(name):
    ours, theirs = getattr(ops, name), getattr(keras.ops, name)
    rng = np.random.default_rng(6)
    x = rng.uniform(-0.9, 0.9, (3, 4)).astype("float32")
    x[0, :2] = 0.0, -0.0
    with_nan = np.where(rng.random((3, 4)) < 0.2, np.nan, x).astype("float32")
    n = np.arange(1, 13, dtype="int32").reshape(3, 4)
    if name.startswith("bitwise") or name.endswith("shift") or name in ("gcd", "lcm"):
        calls = [(n,)] if count_of_inputs(name) == 1 else [(n, n[0]), (n, 3)]
    elif name == "ldexp":
        calls = [(x, n)]
    elif name == "nextafter":
        calls = [(x, x[::-1].copy())]
    else:
        calls = [(x,), (with_nan,)] if count_of_inputs(name) == 1 else [(x, x[0]), (with_nan, x)]
    for call in calls:
        with np.errstate(all="ignore"):
            wanted = np.asarray(theirs(*call))
        result = ours(*call)
        assert result.dtype == wanted.dtype
        # Keras computes erfinv and i0 in float32, of which the slope is up to 5 there.
        np.testing.assert_allclose(result, wanted, rtol=3e-6, atol=1e-7)


@pytest.mark.parametrize(
    "name", ["erfc", "erfinv", "deg2rad", "rad2deg", "fabs", "fmax", "fmin", "logaddexp2", "sinc", "ldexp"]
)
def test_gradients_of_rare_functions(name):
    rng = np.random.default_rng(7)
    inputs = [rng.uniform(0.1, 0.9, 20) * rng.choice([-1, 1], 20) for _ in range(count_of_inputs(name))]
    check_op(getattr(ops, name), inputs)


def test_allclose():
    a = np.array([1.0, np.nan])
    assert not ops.allclose(a, a) and ops.allclose(a, a, equal_nan=True) and not ops.allclose(a[:1], 1.1)


def test_stop_gradient():
    assert gradient_of(lambda x: x * ops.stop_gradient(x), np.full(1, 3.0)) == [3]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_casts_from_and_to_halves_are_numpys(dtype):
    """All halves, and of float32 all signs, exponents and leading bits with trailing bits around the middle."""
    ml_dtypes = pytest.importorskip("ml_dtypes")
    half = np.dtype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
    halves = np.arange(1 << 16, dtype=np.uint16).view(half)
    wide = halves.astype(np.float32)
    np.testing.assert_array_equal(ops.cast(halves, "float32"), wide)
    bits = np.arange(0, 1 << 32, 1 << 12, dtype=np.uint32)
    for trailing in (0, 1, 0x7FF, 0x800, 0xFFF, *np.random.default_rng(0).integers(0, 0xFFF, 3, np.uint32)):
        x = (bits + np.uint32(trailing)).view(np.float32)
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            wanted = x.astype(half)
        y = ops.cast(x, dtype)
        assert y.dtype == half
        is_nan = np.isnan(x)
        np.testing.assert_array_equal(np.isnan(y.astype(np.float32)), is_nan)
        np.testing.assert_array_equal(y.view(np.uint16)[~is_nan], wanted.view(np.uint16)[~is_nan])
        np.testing.assert_array_equal(np.signbit(y), np.signbit(x))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_casts_between_halves_and_other_dtypes(dtype):
    """Of wide numbers those at, and next to, the middle of two halves: they are rounded once."""
    ml_dtypes = pytest.importorskip("ml_dtypes")
    half = np.dtype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
    halves = np.arange(1 << 16, dtype=np.uint16).view(half)
    normal = halves[(np.abs(halves.astype(np.float64)) >= 2.0**-126) & np.isfinite(halves.astype(np.float32))]
    for other in ("uint8", "int8", "uint16", "int16", "int32", "uint32", "int64"):
        x = normal[(np.abs(normal.astype(np.float64)) < 100) & ((other[0] == "i") | (normal >= 0))]
        np.testing.assert_array_equal(ops.cast(x, other), x.astype(np.float32).astype(other))
        np.testing.assert_array_equal(ops.cast(np.arange(101, dtype=other), dtype), np.arange(101).astype(half))
    np.testing.assert_array_equal(ops.cast(normal, "float64"), normal.astype(np.float64))
    np.testing.assert_array_equal(ops.cast(normal, "bool"), normal != 0)
    bits = np.sort(normal[normal > 0]).view(np.uint16)  # neighbours differ by 1
    low, high = (bits[k : len(bits) - 1 + k].view(half).astype(np.float64) for k in (0, 1))
    middle = (low + high) / 2
    below, above, even = np.nextafter(middle, 0), np.nextafter(middle, np.inf), bits[:-1] + bits[:-1] % 2
    for x, wanted in ((below, bits[:-1]), (above, bits[1:]), (middle, even)):
        np.testing.assert_array_equal(ops.cast(x, dtype).view(np.uint16), wanted)
        np.testing.assert_array_equal(ops.cast(-x, dtype).view(np.uint16), wanted | 0x8000)
    special = ops.cast(np.array([np.inf, -np.inf, np.nan, 1e300, -0.0]), dtype).astype(np.float64)
    np.testing.assert_array_equal(special, [np.inf, -np.inf, np.nan, np.inf, 0.0])


@pytest.mark.parametrize("size", [1, 7, 8, 9, 31, 1030])
@pytest.mark.parametrize("source", ["float32", "float64"])
def test_casts_to_integers_keep_the_low_bits(source, size):
    """Toward zero, then modulo the width; what does not fit in 64 bits is their least number."""
    rng = np.random.default_rng(size)
    x = (rng.standard_normal(size) * 10.0 ** rng.integers(-2, 24, size)).astype(source)
    special = rng.permutation([np.nan, np.inf, -(2.0**31), 2.0**31, -1.5, 2.0**63, 255.9])[:size]
    x[rng.permutation(size)[: len(special)]] = special
    fits = np.abs(x) < 2.0**63
    wanted = np.where(fits, np.where(fits, x, 0), -(2.0**63)).astype(np.int64)
    for dtype in ("uint8", "int8", "uint16", "int16", "uint32", "int32", "int64"):
        np.testing.assert_array_equal(ops.cast(x, dtype), wanted.astype(dtype), err_msg=dtype)


INTEGERS = ("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64")


@pytest.mark.parametrize("size", [1, 7, 9, 31, 1030])
@pytest.mark.parametrize("source", INTEGERS)
def test_casts_of_integers_are_numpys(source, size):
    """The low bits of all 64, a bool of all of them, floats rounded once."""
    rng = np.random.default_rng(size)
    least, most = (0, 1) if source == "bool" else (np.iinfo(source).min, np.iinfo(source).max)
    x = rng.integers(least, most, size, "uint8" if source == "bool" else source, endpoint=True).astype(source)
    special = [least, most, 0, 1 << 32 & most, (1 << 54) + 3 & most, (1 << 51) - 1 & most]
    for values in (x, x // 2**13 if "64" in source else x // 2, np.resize(np.array(special, source), size)):
        values = values.astype(source)
        for dtype in (*INTEGERS, "float16", "float32", "float64"):
            with np.errstate(over="ignore"):
                np.testing.assert_array_equal(ops.cast(values, dtype), values.astype(dtype), err_msg=dtype)


def test_casts_in_plans():
    """Of what others read and what is stored alike."""
    x = np.random.default_rng(0).uniform(-300, 300, (3, 700)).astype("float32")
    whole = x.astype("int32")

    def of_floats(x):
        y = ops.cast(x, "int32")
        return y, ops.cast(y, "float32"), ops.cast(y, "uint8"), y + 1, ops.sum(y), ops.cast(x, "int64")

    wanted = whole, whole.astype("float32"), whole.astype("uint8"), whole + 1, whole.sum(), whole.astype("int64")
    for one, other in zip(jit(of_floats)(x), wanted, strict=True):
        np.testing.assert_array_equal(one, other)

    def of_wide(x):
        y = ops.cast(x, "int32")
        return y * y, ops.cast(y, "int64"), y > 0, ops.cast(x, "uint8")

    wide = whole.astype("int64") << 33 | whole.astype("int64") & 0xFFFFFFFF
    wanted = whole * whole, whole.astype("int64"), whole > 0, whole.astype("uint8")
    for one, other in zip(jit(of_wide)(wide), wanted, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("dtype", ["int32", "uint32", "int16", "uint8"])
@pytest.mark.parametrize("name", ["floor_divide", "mod"])
def test_quotients_of_integers(name, dtype):
    """As NumPy has them: by 0, of the least and the greatest number, by those next to the square root of these."""
    info = np.iinfo(dtype)
    root = int(info.max**0.5)
    numbers = {info.min, info.min + 1, info.max, info.max - 1, root, root + 1, 0, 1, 2, 3, 7, 100}
    numbers |= {-1, -2, -7, -root} if info.min else set()
    a, b = (np.array(v, dtype) for v in zip(*itertools.product(sorted(numbers), sorted(numbers)), strict=True))
    with np.errstate(all="ignore"):
        wanted = getattr(np, name)(a, b)
    result = getattr(ops, name)(a, b)
    assert result.dtype == wanted.dtype
    np.testing.assert_array_equal(result, wanted)
    np.testing.assert_array_equal(getattr(ops, name)(a, 7), getattr(np, name)(a, np.array(7, dtype)))


def test_composed_ops_take_numbers_too():
    x = np.array([-3.0, 0.0, 4.0, np.inf, np.nan], "float32")
    for number in (3.0, 5.0):
        np.testing.assert_allclose(ops.hypot(x, number), ops.hypot(x, np.full(5, number, "float32")), rtol=1e-6)
        np.testing.assert_array_equal(ops.fmax(x, number), np.fmax(x, np.float32(number)))
        np.testing.assert_array_equal(ops.fmin(np.full(5, number, "float32"), x), np.fmin(x, np.float32(number)))
        assert ops.hypot(x, number).dtype == np.float32 and ops.hypot(2, x.astype("float64")).dtype == np.float64
        np.testing.assert_array_equal(ops.ldexp(x, int(number)), np.ldexp(x, int(number)))
        np.testing.assert_array_equal(ops.fmod(x, x2=number), ops.fmod(x, np.full(5, number, "float32")))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "uint8", "int64"])
@pytest.mark.parametrize("exponent", [1, 2, 3, 4, 5])
def test_integer_powers_of_arrays(exponent, dtype):
    x = np.arange(7).astype(dtype)
    y = ops.power(x, exponent)
    assert y.dtype == (x ** np.array(exponent, dtype)).dtype
    np.testing.assert_allclose(y, x ** np.array(exponent, dtype), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("shape", [(1,), (7,), (16,), (33, 5), (3, 1, 17), (40, 1000)])
def test_halves_in_plans(dtype, shape):
    """Stored and read again in one program, along rows and columns, and with a sum: nobody sees more than is stored."""
    ml_dtypes = pytest.importorskip("ml_dtypes")
    rng = np.random.default_rng(1)
    x = rng.standard_normal(shape).astype(np.float32)
    half = np.dtype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)

    def both(x, column):
        y = ops.cast(ops.multiply(x, 1.1), dtype)
        z = ops.add(ops.cast(y, "float32"), ops.cast(column, "float32"))
        return y, z, ops.sum(ops.subtract(z, x))

    column = x[..., :1].astype(half)
    y, z, total = jit(both)(x, column)
    wanted = (x * np.float32(1.1)).astype(half)
    np.testing.assert_array_equal(y, wanted)
    np.testing.assert_array_equal(z, wanted.astype(np.float32) + column.astype(np.float32))
    np.testing.assert_allclose(total, np.sum(z.astype(np.float64) - x), rtol=1e-4, atol=1e-4)


def test_erfinv_of_float32_is_within_two_units_of_the_last_place():
    rng = np.random.default_rng(2)
    x = np.concatenate([rng.uniform(-1, 1, 1500), 1 - 10 ** rng.uniform(-7, 0, 700), 10 ** rng.uniform(-37, 0, 300)])
    x = np.concatenate([x, [1 - 2**-24, 2**-24 - 1, -0.0]]).astype(np.float32)
    x = x[np.abs(x) < 1]
    exact = [mpmath.erfinv(mpmath.mpf(float(v))) for v in x]
    units = np.spacing(np.abs(np.array(exact, np.float32)))
    error = [float(abs(mpmath.mpf(float(y)) - wanted)) for y, wanted in zip(ops.erfinv(x), exact, strict=True)]
    assert np.max(error / units) < 2.1
    assert ops.erfinv(np.float32([1e-30] * 3 + [-0.0]))[-1] == 0 and np.signbit(ops.erfinv(np.float32([-0.0, -0.0])))[0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_erfc_and_erfinv(dtype):
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.uniform(-6, 9, 3000), [0, 26, 27, 30, np.inf, -np.inf, np.nan]]).astype(dtype)
    tiny, eps = np.finfo(dtype).tiny, np.finfo(dtype).eps
    wanted = np.array([math.erfc(v) for v in x.tolist()])
    np.testing.assert_allclose(ops.erfc(x), wanted, rtol=4 * eps, atol=tiny)
    x = np.concatenate([rng.uniform(-1, 1, 3000), 1 - 10 ** rng.uniform(-7, 0, 300), [1e-9, 1 - eps / 2]]).astype(dtype)
    y = ops.erfinv(x).astype(np.float64)
    near = np.array([math.erf(v) if abs(v) < 0.5 else math.copysign(1 - math.erfc(abs(v)), v) for v in y])
    slope = 2 / math.sqrt(math.pi) * np.exp(-y * y)
    np.testing.assert_array_less(np.abs(near - x), 4 * eps * (slope * np.abs(y) + np.abs(x) * 0.5))
    np.testing.assert_array_equal(
        ops.erfinv(np.array([1, -1, 0, 1.5, np.nan], dtype)), [np.inf, -np.inf, 0, np.nan, np.nan]
    )


SLOPES = {
    "leaky_relu": [{}, {"negative_slope": 0.7}, {"negative_slope": 0.0}, {"negative_slope": -0.3}],
    "elu": [{}, {"alpha": 2.5}, {"alpha": -0.5}],
    "selu": [{}],
    "celu": [{}, {"alpha": 2.5}, {"alpha": -0.5}],
    "softsign": [{}],
}


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("name", SLOPES)
def test_gradients_that_results_tell(name, dtype):
    """Those of the ops that the result is made of, to some eps of the result; of halves to the bit."""
    rng = np.random.default_rng(3)
    x, weight = rng.uniform(-6, 6, (2, 40)).astype(dtype)
    function = getattr(ops, name)

    def gradient(params):
        return jit(fastnn.value_and_grad(lambda x: ops.sum(function(x, **params) * weight)))(x)[1]

    for params in SLOPES[name]:
        found = gradient(params)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(activations, "_with_slope", lambda x, y, *_: y)
            expected = gradient(params)
        assert found.dtype == dtype
        eps = 0 if dtype == "float16" else 16 * np.finfo(dtype).eps
        np.testing.assert_allclose(found, expected, rtol=0, atol=eps)


@pytest.mark.parametrize("name", SLOPES)
def test_a_network_keeps_results_alone(name):
    def stored(activation):
        layers = [fastnn.layers.Dense(8), fastnn.layers.Activation(activation), fastnn.layers.Dense(2)]
        model = fastnn.Sequential([fastnn.Input((4,)), *layers])
        model.compile("sgd", "mse")
        model.explain(batch_size=3)
        steps = model.train_function.executables()[-1].steps
        return sum(value.shape == (3, 8) for step in steps for value in step.writes)

    assert stored(getattr(ops, name)) == stored("tanh") == 2  # it, and the gradient that flows on


def test_a_leaky_relu_before_a_dropout_keeps_what_that_leaves():
    def plan(patch, sign_of_all):
        if sign_of_all:
            patch.setattr(activations, "_dropout", lambda dy, y: None)
        fastnn.utils.set_random_seed(1)
        hidden = [fastnn.layers.Dense(8, "leaky_relu"), fastnn.layers.Dropout(0.4)]
        model = fastnn.Sequential([fastnn.Input((4,)), *hidden, fastnn.layers.Dense(2)])
        model.compile("sgd", "mse")
        x, y = np.random.default_rng(0).standard_normal((12, 6)).astype("float32")[:, :4], np.ones((12, 2), "float32")
        model.fit(x, y, batch_size=3, epochs=2, shuffle=False, verbose=0)
        steps = model.train_function.executables()[-1].steps
        return sum(value.shape == (3, 8) for step in steps for value in step.writes), model.get_weights()

    with pytest.MonkeyPatch.context() as patch:
        count, weights = plan(patch, False)
        more, same = plan(patch, True)
    assert (count, more) == (3, 4)  # the mask, what is left, and a gradient
    for found, expected in zip(weights, same, strict=True):
        np.testing.assert_array_equal(found, expected)
