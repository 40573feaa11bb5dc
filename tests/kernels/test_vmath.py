"""Elementary functions against mpmath: units in the last place over the whole range, special values, zeroes."""

import functools
import itertools

import mpmath
import numpy as np
import pytest

from fastnn import _kernels
from fastnn._kernels import DTYPE_CODE, _engine
from tests.kernels.programs import Program

ISAS = _engine.isas()
FLOATS = {"f32": np.float32, "f64": np.float64}
mpmath.mp.prec = 160


def mp_sigmoid(x):
    return 1 / (1 + mpmath.exp(-x))


def mp_softplus(x):
    return mpmath.log1p(mpmath.exp(x)) if x < 200 else x + mpmath.exp(-x)


# name: (exact, ranges that are sampled, bound in ulp for float32 and for float64)
FUNCTIONS = {
    "exp": (mpmath.exp, [(-90, 90), (-1, 1)], 1.5, 1.5),
    "expm1": (mpmath.expm1, [(-20, 90), (-1, 1), (-1e-3, 1e-3)], 2, 2),
    "log": (mpmath.log, [(0, 1e3), (0.5, 2), (0, 1e-3)], 1.5, 1.5),
    "log1p": (mpmath.log1p, [(-1, 1e3), (-0.5, 0.5), (-1e-4, 1e-4)], 2.5, 2.5),
    "log2": (lambda x: mpmath.log(x, 2), [(0, 1e3), (0.5, 2)], 2.5, 2.5),
    "log10": (mpmath.log10, [(0, 1e3), (0.5, 2)], 2.5, 2.5),
    "sin": (mpmath.sin, [(-10, 10), (-8000, 8000), (-1e6, 1e6)], 2, 2),
    "cos": (mpmath.cos, [(-10, 10), (-8000, 8000), (-1e6, 1e6)], 2, 2),
    "tan": (mpmath.tan, [(-10, 10), (-8000, 8000)], 3.5, 3.5),
    "tanh": (mpmath.tanh, [(-10, 10), (-1, 1), (-1e-3, 1e-3)], 3, 3),
    "sigmoid": (mp_sigmoid, [(-90, 90), (-5, 5)], 3, 3),
    "erf": (mpmath.erf, [(-6, 6), (-1, 1), (-1e-3, 1e-3)], 2, 2),
    "softplus": (mp_softplus, [(-90, 90), (-5, 5)], 3, 3),
    "rsqrt": (lambda x: 1 / mpmath.sqrt(x), [(0, 1e3)], 1.5, 1.5),
    "arcsin": (mpmath.asin, [(-1, 1)], 2, 2),
    "arccos": (mpmath.acos, [(-1, 1)], 2, 2),
    "arctan": (mpmath.atan, [(-10, 10)], 2, 2),
    "sinh": (mpmath.sinh, [(-80, 80), (-1, 1)], 3, 3),
    "cosh": (mpmath.cosh, [(-80, 80)], 3, 3),
    "arcsinh": (mpmath.asinh, [(-100, 100), (-1e-2, 1e-2)], 3, 3),
    "arccosh": (mpmath.acosh, [(1, 100)], 3, 3),
    "arctanh": (mpmath.atanh, [(-1, 1)], 3, 3),
    "exp2": (lambda x: mpmath.power(2, x), [(-149, 128), (-1, 1)], 1.5, 1.5),
    "cbrt": (mpmath.cbrt, [(0, 1e3), (0.5, 9)], 1, 1),
    "erfc": (mpmath.erfc, [(-6, 9), (-1, 1)], 0.52, 6),
    "erfinv": (mpmath.erfinv, [(-1, 1), (-1e-3, 1e-3)], 2.1, 4),
}


def apply(name, kind, isa, *inputs):
    """One opcode over contiguous operands."""
    dtype = np.dtype(FLOATS[kind])
    code, n, k = DTYPE_CODE[dtype.name], inputs[0].size, len(inputs)
    out = np.full(n, 77, dtype)
    program = Program(*[(j, code, 0, 1) for j in range(k + 1)])
    program.store(program.do(name, *range(k)), k)
    _kernels.run(f"fused_{kind}", [*inputs, out], [6, 0, 0, 1, n, 0, *program.encode(isa)], (), 1, isa)
    return out


@functools.cache
def samples(name, kind):
    """Inputs, and exact results as mpmath numbers."""
    exact, ranges, *_ = FUNCTIONS[name]
    rng = np.random.default_rng(0)
    n = 700
    x = np.concatenate([rng.uniform(*limits, n) for limits in ranges]).astype(FLOATS[kind])
    if ranges[0][0] < 0 or name not in ("arccosh",):  # all magnitudes, too
        exponents = np.exp(rng.uniform(np.log(1e-30), np.log(abs(ranges[0][1])), n))
        x = np.concatenate([x, exponents.astype(FLOATS[kind])])
        if ranges[0][0] < 0:
            negative = np.exp(rng.uniform(np.log(1e-30), np.log(abs(ranges[0][0])), n))
            x = np.concatenate([x, -negative.astype(FLOATS[kind])])
    x = np.unique(x)
    x = x[(x > ranges[0][0]) & (x < ranges[0][1])] if name in ("arctanh", "log1p", "arccosh", "log", "erfinv") else x
    return x, [exact(mpmath.mpf(float(v))) for v in x]


def ulps(result, exact, dtype):
    """The error in units of the last place of the exact result."""
    info = np.finfo(dtype)
    worst = (0.0, None)
    for k, (y, wanted) in enumerate(zip(result, exact, strict=True)):
        if abs(wanted) > float(info.max):
            assert np.isinf(y) and (y > 0) == (wanted > 0), (k, y, wanted)
            continue
        exponent = max(mpmath.frexp(wanted)[1] - 1, info.minexp) if wanted else info.minexp
        error = float(abs(mpmath.mpf(float(y)) - wanted) / mpmath.ldexp(1, int(exponent - info.nmant)))
        worst = max(worst, (error, k), key=lambda pair: pair[0])
    return worst


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_accuracy(name, kind, isa):
    x, exact = samples(name, kind)
    result = apply(name, kind, isa, x)
    error, k = ulps(result, exact, FLOATS[kind])
    bound = FUNCTIONS[name][2 if kind == "f32" else 3]
    assert error <= bound, f"{name}({x[k]!r}) = {result[k]!r} is off by {error:.2f} ulp; exact: {exact[k]}"


def all_sizes(kind, near, n=2000):
    """Numbers of every exponent, and what is next to the `near` ones and their products with small powers of two."""
    rng, info = np.random.default_rng(5), np.finfo(FLOATS[kind])
    x = rng.uniform(1, 2, n) * 2.0 ** rng.uniform(info.minexp, info.maxexp, n).astype(int)
    near = np.ldexp(near, rng.integers(-5, 6, len(near))).astype(info.dtype)
    bits = np.dtype(f"i{info.dtype.itemsize}")
    near = (near.view(bits) + rng.integers(-2, 3, near.size, bits)).view(info.dtype)
    return np.concatenate([x.astype(info.dtype), near])


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("name", ["log", "log1p", "log2", "cbrt", "arctan"])
def test_of_all_sizes_and_next_to_the_borders_of_tables(name, kind, isa):
    """Tables go by sixteenths and their halves, for some functions of each power of two."""
    x = all_sizes(kind, 1 + np.arange(512) / 512)
    error, k = ulps(apply(name, kind, isa, x), [FUNCTIONS[name][0](mpmath.mpf(float(v))) for v in x], FLOATS[kind])
    bound = min(FUNCTIONS[name][2], {"arctan": 1, "log": 1.2}.get(name, 2.5))
    assert error <= bound, f"{name}({x[k]!r}) is off by {error:.2f} ulp"


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_trigonometry_next_to_multiples_of_half_pi(name, kind, isa):
    """Where the reduced angle is tiny, every bit of pi/2 counts; and on both sides of the limit of the fast path."""
    multiples = np.arange(1, 64_000, 61)
    x = np.concatenate([multiples * (np.pi / 2), [99_999.0, 100_000.0, 100_001.0, 1e6, 1e30]]).astype(FLOATS[kind])
    exact = [FUNCTIONS[name][0](mpmath.mpf(float(v))) for v in x]
    error, k = ulps(apply(name, kind, isa, x), exact, FLOATS[kind])
    assert error <= FUNCTIONS[name][2], f"{name}({x[k]!r}) is off by {error:.2f} ulp"


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_trigonometry_beside_large_numbers(name, kind, isa):
    """Of those the C library finds the sine: neighbours in a vector are not changed by it."""
    rng = np.random.default_rng(8)
    x = rng.uniform(-100, 100, 1000).astype(FLOATS[kind])
    mixed = np.where(rng.random(1000) < 0.1, rng.choice(np.array([1e6, -1e30, np.inf, np.nan], x.dtype), 1000), x)
    alone, beside = (apply(name, kind, isa, v) for v in (x, mixed))
    np.testing.assert_array_equal(alone[mixed == x], beside[mixed == x])
    with np.errstate(invalid="ignore"):
        wanted = getattr(np, name)(mixed.astype("f8"))
    np.testing.assert_allclose(beside, wanted, rtol=4 * np.finfo(x.dtype).eps, atol=1e-15)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
def test_power(kind, isa):
    rng = np.random.default_rng(1)
    x = rng.uniform(0, 20, 3000).astype(FLOATS[kind])
    p = rng.uniform(-20, 20, 3000).astype(FLOATS[kind])
    exact = [mpmath.power(mpmath.mpf(float(a)), mpmath.mpf(float(b))) for a, b in zip(x, p, strict=True)]
    error, k = ulps(apply("power", kind, isa, x, p), exact, FLOATS[kind])
    assert error <= 1.5, f"power({x[k]}, {p[k]}) is off by {error:.2f} ulp"
    values = [0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5, 3.0, -3.0, 1e30, -1e30, np.inf, -np.inf, np.nan]
    a, b = (np.array(v, FLOATS[kind]) for v in zip(*itertools.product(values, values), strict=True))
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(apply("power", kind, isa, a, b), np.power(a, b), rtol=2 * np.finfo(a.dtype).eps)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
def test_power_far_from_one_and_beside_what_is(kind, isa):
    """Exponents beyond any power's, next to 1 as well; and neighbours in a vector that do not change a lane."""
    info = np.finfo(FLOATS[kind])
    x = [0.0, 1.0, 1 + info.eps, 1 - info.epsneg, 1.5, 1e30, info.max, info.tiny, info.smallest_subnormal]
    p = [0.0, 0.5, 1.0, 3.0, 1e5, 2.0**23, 2.0**35, 2.0**36 - 2.0**20, 2.0**36, 2.0**40, 2.0**52, 1e38]
    x, p = ([sign * v for v in (*values, np.inf, np.nan) for sign in (1, -1)] for values in (x, p))
    a, b = zip(*itertools.product(x, p), strict=True)
    a, b = np.array(a, FLOATS[kind]), np.array(b, FLOATS[kind])
    with np.errstate(all="ignore"):
        wanted = np.power(a.astype(np.longdouble), b.astype(np.longdouble)).astype(a.dtype)
    got = apply("power", kind, isa, a, b)
    np.testing.assert_allclose(got, wanted, rtol=2 * info.eps, atol=float(info.smallest_subnormal))
    np.testing.assert_array_equal(np.signbit(got)[wanted == 0], np.signbit(wanted)[wanted == 0])
    rng = np.random.default_rng(6)
    near, exponents = rng.uniform(0.1, 9, (2, 1000)).astype(a.dtype)
    mixed = np.where(rng.random(1000) < 0.1, rng.choice(a, 1000), near)
    alone, beside = (apply("power", kind, isa, v, exponents) for v in (near, mixed))
    np.testing.assert_array_equal(alone[mixed == near], beside[mixed == near])


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
def test_hypot(kind, isa):
    """All sizes, of which squares overflow and underflow, and what is next to the borders of those that do not;
    infinite beside NaN, too; and neighbours in a vector that do not change a lane."""
    info, rng = np.finfo(FLOATS[kind]), np.random.default_rng(7)
    n = 2000
    x = rng.choice([-1, 1], 3 * n) * rng.uniform(1, 2, 3 * n) * 2.0 ** rng.integers(info.minexp, info.maxexp - 1, 3 * n)
    near = 2.0 ** rng.choice([-49, 62, -480, 510, 0] if kind == "f64" else [-49, 62, 0], n)
    x[:n] = rng.uniform(-2, 2, n) * near
    y = rng.uniform(-4, 4, 3 * n) * x
    y[2 * n :] = rng.permutation(x[2 * n :])
    x[:200], y[:50], x[200:300] = 0, 0, rng.integers(-9, 9, 100) * float(info.smallest_subnormal)
    with np.errstate(over="ignore"):
        x, y = (np.clip(v, -float(info.max), float(info.max)).astype(info.dtype) for v in (x, y))
    exact = [mpmath.hypot(mpmath.mpf(float(a)), mpmath.mpf(float(b))) for a, b in zip(x, y, strict=True)]
    error, k = ulps(apply("hypot", kind, isa, x, y), exact, info.dtype)
    assert error <= 1.5, f"hypot({x[k]!r}, {y[k]!r}) is off by {error:.2f} ulp"
    values = [0.0, -0.0, 1.0, -2.0, np.inf, -np.inf, np.nan]
    a, b = (np.array(v, info.dtype) for v in zip(*itertools.product(values, values), strict=True))
    np.testing.assert_allclose(apply("hypot", kind, isa, a, b), np.hypot(a, b), rtol=2 * info.eps)
    x, y = rng.uniform(-1, 1, (2, 1000)).astype(info.dtype)
    far = np.where(rng.random(1000) < 0.1, rng.choice(np.array([0, 1e30, np.inf, np.nan], info.dtype), 1000), x)
    alone, beside = (apply("hypot", kind, isa, v, y) for v in (x, far))
    np.testing.assert_array_equal(alone[far == x], beside[far == x])


@pytest.mark.parametrize("isa", ISAS)
def test_power_of_float32(isa):
    """Near 1 with exponents up to 2^22, next to the borders of the logarithm's table, where rests are largest, results
    of all sizes, and 0 alone."""
    rng = np.random.default_rng(9)
    near = 1 + rng.uniform(-1, 1, 1500) * 2.0 ** -rng.integers(4, 23, 1500)
    borders = 0.5 + np.arange(6 * 64) / 256 + rng.integers(-3, 4, 6 * 64) * 2.0**-23
    sizes, rests = np.exp2(rng.uniform(-126, 127, 1500)), rng.uniform(1.0311, 1.0316, 4000)
    x = np.concatenate([near, borders, sizes, rests]).astype("f4")
    most = np.minimum(87 / np.abs(np.log(x.astype("f8")) + (x == 1)), 2.0**22)
    p = (most * rng.choice([-1, 1], x.size) * np.where(rng.random(x.size) < 0.5, 1, rng.random(x.size))).astype("f4")
    exact = [mpmath.power(mpmath.mpf(float(a)), mpmath.mpf(float(b))) for a, b in zip(x, p, strict=True)]
    error, k = ulps(apply("power", "f32", isa, x, p), exact, np.float32)
    assert error <= 0.7, f"power({x[k]!r}, {p[k]!r}) is off by {error:.2f} ulp"
    x = x[x != 1]
    p = np.clip(-105 / np.log(x.astype("f8")) * 10 ** rng.uniform(0, 38, x.size), -3e38, 3e38).astype("f4")
    np.testing.assert_array_equal(apply("power", "f32", isa, x, p), 0)


@pytest.mark.parametrize("isa", ISAS)
def test_power_of_float64(isa):
    """Near 1 with exponents up to 2^20, where the logarithm needs more digits than float64 has; every place of its
    table and what is next to it; results down to the least denormal, and denormals."""
    rng = np.random.default_rng(2)
    near = 1 + rng.uniform(-1, 1, 1500) * 2.0 ** -rng.integers(5, 50, 1500)
    places = 0.5 + np.arange(6 * 64) / 256 + rng.integers(-3, 4, 6 * 64) * 2.0**-53
    wide = np.exp(rng.uniform(-708, 708, 1500))
    tiny = rng.integers(1, 2**50, 200) * 5e-324
    x = np.concatenate([near, places, wide, tiny])
    most = np.minimum(744 / np.abs(np.log(x) + (x == 1)), 2.0**20)
    p = most * rng.choice([-1, 1], x.size) * np.where(rng.random(x.size) < 0.5, 1, rng.random(x.size))
    exact = [mpmath.power(mpmath.mpf(float(a)), mpmath.mpf(float(b))) for a, b in zip(x, p, strict=True)]
    error, k = ulps(apply("power", "f64", isa, x, p), exact, np.float64)
    assert error <= 1.5, f"power({x[k]!r}, {p[k]!r}) is off by {error:.2f} ulp"


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
def test_remainders_are_exact(kind, isa):
    """`mod` and `floor_divide` of any bits, of numbers whose quotients are near 2^22, and of multiples and what is next
    to them, have NumPy's bits."""
    rng, dtype = np.random.default_rng(3), np.dtype(FLOATS[kind])
    least, n = np.finfo(dtype).smallest_subnormal, 4000
    a, b = (rng.integers(0, 1 << 8 * dtype.itemsize, n, f"u{dtype.itemsize}").view(dtype) for _ in range(2))
    b = np.concatenate(
        [b, rng.uniform(-3, 3, 3 * n).astype(dtype), np.array([0.0, -0.0, np.inf, -np.inf, least], dtype)]
    )
    near = b[n : 3 * n] * rng.integers(-40, 40, 2 * n).astype(dtype)
    far = b[3 * n : 4 * n] * rng.uniform(-(2.0**23), 2.0**23, n).astype(dtype)
    a = np.concatenate([a, near[:n], np.nextafter(near[n:], dtype.type(1e3)), far, np.full(5, 2.5, dtype)])
    a, b = (np.concatenate([x, x[k::16], x[:1]]) for x, k in ((a, 0), (b, 3)))  # other neighbours
    a, b = a[: min(a.size, b.size)], b[: min(a.size, b.size)]
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(apply("mod", kind, isa, a, b), np.mod(a, b))
        np.testing.assert_array_equal(apply("floor_divide", kind, isa, a, b), np.floor_divide(a, b))


@pytest.mark.parametrize("isa", ISAS)
def test_arctan2_of_float32_is_within_051_ulp(isa):
    """Any bits; sizes alike; quotients next to sixteenths, where the eighth that is next to them changes."""
    rng, n = np.random.default_rng(4), 20001
    y, x = (rng.integers(0, 1 << 32, n, "u4").view("f4") for _ in range(2))
    more = rng.uniform(-2, 2, (2, n)).astype("f4")
    near = more[1] * (rng.integers(0, 17, n) / 16).astype("f4")
    near = (near.view("i4") + rng.integers(-9, 10, n, "i4")).view("f4")
    y, x = np.concatenate([y, more[0], near, more[1]]), np.concatenate([x, more[1], more[1], near])
    got, wanted = apply("arctan2", "f32", isa, y, x), np.arctan2(y.astype("f8"), x.astype("f8"))
    assert (np.isnan(got) == np.isnan(wanted)).all()
    assert (np.signbit(got) == np.signbit(wanted))[~np.isnan(got)].all()
    unit = np.spacing(np.abs(wanted.astype("f4"))).astype("f8")
    assert np.nanmax(np.abs(got - wanted) / unit) < 0.51
    # Nor do neighbours in a vector matter that are far from 1.
    alone = apply("arctan2", "f32", isa, *more)
    far = np.where(np.arange(n) % 7 == 3, np.float32(1e30), more[1])
    assert ((apply("arctan2", "f32", isa, more[0], far) == alone) | (far != more[1])).all()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
def test_arctan2(kind, isa):
    values = [0.0, -0.0, 1.0, -1.0, 2.5, -2.5, 1e30, -1e-30, np.inf, -np.inf, np.nan]
    a, b = (np.array(v, FLOATS[kind]) for v in zip(*itertools.product(values, values), strict=True))
    wanted = np.arctan2(a.astype(np.longdouble), b.astype(np.longdouble)).astype(a.dtype)
    np.testing.assert_allclose(apply("arctan2", kind, isa, a, b), wanted, rtol=2 * np.finfo(FLOATS[kind]).eps)


@pytest.mark.parametrize("isa", ISAS)
def test_arctan2_of_float64(isa):
    """Angles of all directions, next to the borders between polynomials, and of all sizes, denormals among them."""
    rng = np.random.default_rng(3)
    n = 3000
    angles = np.concatenate([rng.uniform(-np.pi, np.pi, n), np.arctan([0.4375, 0.6875, 1, 1.4545, 2.2857])])
    sizes = np.concatenate([np.ones(n), 10.0 ** rng.uniform(-300, 300, n)])
    y, x = (np.concatenate([f(angles), f(rng.choice(angles, 2 * n)) * sizes]) for f in (np.sin, np.cos))
    y = np.concatenate([y, 10.0 ** rng.uniform(-320, 308, n), [5e-324, 5e-324, 1.7e308, -1e-310, 5e-324]])
    x = np.concatenate([x, 10.0 ** rng.uniform(-320, 308, n), [5e-324, -1e-320, 1.7e308, 1e-300, 1e-323]])
    with mpmath.workprec(200):
        exact = [mpmath.atan2(mpmath.mpf(float(a)), mpmath.mpf(float(b))) for a, b in zip(y, x, strict=True)]
        error, k = ulps(apply("arctan2", "f64", isa, y, x), exact, np.float64)
    assert error <= 1.6, f"arctan2({y[k]!r}, {x[k]!r}) is off by {error:.2f} ulp"


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
def test_logaddexp(kind, isa):
    """The error is that of the larger plus that of the logarithm: 3 ulp of their magnitudes."""
    values = [0.0, 1.0, -1.0, 1.5, 50.0, -50.0, 1e4, -1e4, np.inf, -np.inf, np.nan]
    a, b = (np.array(v, FLOATS[kind]) for v in zip(*itertools.product(values, values), strict=True))
    with np.errstate(invalid="ignore"):
        wanted = np.logaddexp(a.astype(np.longdouble), b.astype(np.longdouble))
    bound = 3 * np.finfo(a.dtype).eps * (np.abs(wanted[np.isfinite(wanted)]) + 0.7)
    result = apply("logaddexp", kind, isa, a, b)
    finite = np.isfinite(wanted)
    assert (np.abs(result[finite] - wanted[finite]) <= bound).all()
    np.testing.assert_array_equal(result[~finite], wanted[~finite].astype(a.dtype))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
def test_exact_gelu(kind, isa):
    """x P and its derivative P + x p, of which P is the normal probability and p its density. In float32 P has the
    error of e^(-x^2 / 2), whose exponent is rounded; in float64 that of 1 + erf. Limits are those of x P, -0 gives -0.
    """
    rng, dtype = np.random.default_rng(2), FLOATS[kind]
    eps = float(np.finfo(dtype).eps)
    x = np.concatenate([rng.uniform(-14, 8, 1500), rng.uniform(-1, 1, 500), rng.uniform(-1e-3, 1e-3, 100)])
    x = x.astype(dtype)
    dy = rng.uniform(-2, 2, x.size).astype(dtype)
    numbers = [mpmath.mpf(float(v)) for v in x]
    p = [mpmath.erfc(-v / mpmath.sqrt(2)) / 2 for v in numbers]
    bell = [v * mpmath.exp(-v * v / 2) / mpmath.sqrt(2 * mpmath.pi) for v in numbers]
    wanted = np.array([float(v * q) for v, q in zip(numbers, p, strict=True)])
    slope = np.array([float(q + b) for q, b in zip(p, bell, strict=True)])
    wide = x.astype(float)
    of_p = np.array([float(q) for q in p]) * (2.5 + wide**2) if kind == "f32" else 2.0
    bound = eps * of_p + float(np.finfo(dtype).tiny) * 16
    assert (np.abs(apply("exact_gelu", kind, isa, x) - wanted) <= np.abs(wide) * bound).all()
    of_bell = np.abs(np.array([float(b) for b in bell])) * (2 + wide**2)
    error = np.abs(apply("exact_gelu_grad", kind, isa, dy, x) - dy.astype(float) * slope)
    assert (error <= np.abs(dy.astype(float)) * (bound + eps * of_bell)).all()
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e30, -1e30], dtype)
    result = apply("exact_gelu", kind, isa, special)
    np.testing.assert_array_equal(result, np.array([0, -0.0, np.inf, np.nan, np.nan, 1e30, 0], dtype))
    assert np.signbit(result[1]) and not np.signbit(result[0])
    slopes = apply("exact_gelu_grad", kind, isa, np.ones_like(special), special)
    np.testing.assert_array_equal(slopes, np.array([0.5, 0.5, np.nan, np.nan, np.nan, 1, 0], dtype))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
def test_gelu(kind, isa):
    """x s, s = sigmoid(u), and its derivative s + x u' s (1 - s). u and its coefficients are rounded, which the
    sigmoid's tail sees u times, and that may be 0 where it is denormal. Of an infinite u, too."""
    rng, dtype = np.random.default_rng(3), FLOATS[kind]
    eps, tiny = float(np.finfo(dtype).eps), float(np.finfo(dtype).tiny)
    x = np.concatenate([rng.uniform(-12, 12, 1500), rng.uniform(-1, 1, 500), rng.uniform(-1e-3, 1e-3, 100)])
    x = x.astype(dtype)
    dy = rng.uniform(-2, 2, x.size).astype(dtype)
    numbers = [mpmath.mpf(float(v)) for v in x]
    linear = mpmath.sqrt(8 / mpmath.pi)
    cubic = linear * mpmath.mpf("0.044715")
    u = [v * (v * v * cubic + linear) for v in numbers]
    gate, rest = [mp_sigmoid(v) for v in u], [mp_sigmoid(-v) for v in u]
    bend = [v * (3 * v * v * cubic + linear) * s * r for v, s, r in zip(numbers, gate, rest, strict=True)]
    wanted = np.array([float(v * s) for v, s in zip(numbers, gate, strict=True)])
    slope = np.array([float(s + b) for s, b in zip(gate, bend, strict=True)])
    u = np.array([float(v) for v in u])
    found = [mpmath.mpf(float(v)) for v in apply("gelu", kind, isa, x)]  # a float64 judge would round, too
    error = np.array([float(abs(f - v * s)) for f, v, s in zip(found, numbers, gate, strict=True)])
    assert (error <= eps * np.abs(wanted) * (1.5 + 1.5 * np.maximum(-u, 0)) + 16 * tiny).all()
    of_tail = np.array([float(min(s, r) + abs(b)) for s, r, b in zip(gate, rest, bend, strict=True)])
    error = np.abs(apply("gelu_grad", kind, isa, dy, x) - dy.astype(float) * slope)
    bound = eps * (1.5 * np.abs(slope) + of_tail * (2 + 1.5 * np.abs(u))) + 512 * tiny
    assert (error <= np.abs(dy.astype(float)) * bound).all()
    huge = float(np.finfo(dtype).max)
    large = [sign * v for v in (1e3, 1e5, 1e7, 1e9, 1e12, 2.0**64, huge) for sign in (1, -1)]
    special = np.array([0.0, -0.0, np.inf, np.nan, *large], dtype)
    result = apply("gelu", kind, isa, special)
    np.testing.assert_array_equal(result, np.where(special < 0, dtype(0), special))
    assert np.signbit(result[1]) and not np.signbit(result[0])
    special = np.append(special, dtype(-np.inf))
    wanted = np.where(special == 0, 0.5, np.where(special != special, np.nan, special > 0))
    np.testing.assert_array_equal(apply("gelu_grad", kind, isa, np.ones_like(special), special), wanted)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
def test_mish(kind, isa):
    """x t, t = tanh(softplus(x)), within seven roundings, and its derivative t + x (1 - t^2) sigmoid(x). e^x may be
    denormal, which is rounded to a multiple of the least."""
    rng, dtype = np.random.default_rng(5), FLOATS[kind]
    eps, least = float(np.finfo(dtype).eps), float(np.finfo(dtype).smallest_subnormal)
    x = np.concatenate([rng.uniform(-110, 110, 700), rng.uniform(-8, 25, 1500), rng.uniform(-1e-3, 1e-3, 100)])
    x = x.astype(dtype)
    dy = rng.uniform(-2, 2, x.size).astype(dtype)
    numbers = [mpmath.mpf(float(v)) for v in x]
    t = [mpmath.tanh(mp_softplus(v)) for v in numbers]
    bend = [v * (1 - s * s) * mp_sigmoid(v) for v, s in zip(numbers, t, strict=True)]
    wanted = np.array([float(v * s) for v, s in zip(numbers, t, strict=True)])
    slope = np.array([float(s + b) for s, b in zip(t, bend, strict=True)])
    of_least = 2 * least * (1 + np.abs(x.astype(float)))
    error = np.abs(apply("mish", kind, isa, x) - wanted)
    assert (error <= 3.5 * eps * np.abs(wanted) + of_least).all()
    parts = np.array([float(s + abs(b)) for s, b in zip(t, bend, strict=True)])
    error = np.abs(apply("mish_grad", kind, isa, dy, x) - dy.astype(float) * slope)
    assert (error <= 4 * eps * np.abs(dy.astype(float)) * parts + 2 * of_least).all()
    huge = float(np.finfo(dtype).max)
    special = np.array([0.0, -0.0, 1e3, -1e3, 1e30, -1e30, huge, -huge, np.inf, -np.inf, np.nan], dtype)
    result = apply("mish", kind, isa, special[special != -np.inf])
    np.testing.assert_array_equal(result, np.where(special < 0, dtype(0), special)[special != -np.inf])
    assert np.signbit(result[1]) and not np.signbit(result[0])
    wanted = np.where(special == 0, dtype(0.6), np.where(special != special, np.nan, special > 0)).astype(dtype)
    slopes = apply("mish_grad", kind, isa, np.ones_like(special), special)
    np.testing.assert_allclose(slopes, wanted, rtol=2 * eps)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
def test_sigmoid_of_one_by_tanh_of_another(kind, isa):
    """Six roundings, within 2.5 eps, and both limits of both; tanh is next to the borders of its table, too."""
    rng, dtype = np.random.default_rng(4), FLOATS[kind]
    eps = float(np.finfo(dtype).eps)
    borders = np.arange(1, 40) / 4
    near = [np.nextafter(borders.astype(dtype), dtype(to)) for to in (-100, 100)]
    b = np.concatenate([rng.uniform(-10, 10, 700), rng.uniform(-1e-3, 1e-3, 100), borders, -borders]).astype(dtype)
    b = np.concatenate([b, *near])
    a = rng.uniform(-87, 87, b.size).astype(dtype)
    a[::2] /= 20
    pairs = [(mpmath.mpf(float(v)), mpmath.mpf(float(w))) for v, w in zip(a, b, strict=True)]
    wanted = np.array([float(mp_sigmoid(v) * mpmath.tanh(w)) for v, w in pairs])
    least = eps * float(np.finfo(dtype).tiny)  # of denormals
    assert (np.abs(apply("sigmoid_tanh", kind, isa, a, b) - wanted) <= 2.5 * eps * np.abs(wanted) + least).all()
    inf = np.inf
    special = np.array([(inf, inf), (inf, -inf), (-inf, inf), (0, -inf), (inf, -0.0), (0, np.nan), (np.nan, 0)], dtype)
    result = apply("sigmoid_tanh", kind, isa, *np.ascontiguousarray(special.T))
    np.testing.assert_array_equal(result, np.array([1, -1, 0, -0.5, -0.0, np.nan, np.nan], dtype))
    assert np.signbit(result[4])


SPECIAL = {
    "exp": lambda x: np.exp(x),
    "expm1": lambda x: np.expm1(x),
    "log": lambda x: np.log(x),
    "log1p": lambda x: np.log1p(x),
    "log2": lambda x: np.log2(x),
    "log10": lambda x: np.log10(x),
    "sin": lambda x: np.sin(x),
    "cos": lambda x: np.cos(x),
    "tan": lambda x: np.tan(x),
    "tanh": lambda x: np.tanh(x),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.logaddexp(x, 0),
} | {
    name: getattr(np, name)
    for name in ["exp2", "cbrt", "arcsin", "arccos", "arctan", "sinh", "cosh", "arcsinh", "arccosh", "arctanh"]
}


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("name", SPECIAL)
def test_special_values(name, kind, isa):
    """NaN, infinities, both zeroes with their signs, denormals, and where results become infinite or zero."""
    info = np.finfo(FLOATS[kind])
    tiny, least = float(info.tiny), float(info.smallest_subnormal)
    values = [0.0, -0.0, np.inf, -np.inf, np.nan, tiny, -tiny, least, -least, 3 * least, 1.0, -1.0]
    values += [float(info.max), -float(info.max)] if name not in ("sin", "cos", "tan") else []
    x = np.array(values, FLOATS[kind])
    with np.errstate(all="ignore"):
        wanted = SPECIAL[name](x.astype(np.longdouble)).astype(FLOATS[kind])
    result = apply(name, kind, isa, x)
    np.testing.assert_allclose(result, wanted, rtol=4 * info.eps, atol=0, err_msg=str(x))
    zero = wanted == 0
    np.testing.assert_array_equal(np.signbit(result[zero]), np.signbit(wanted[zero]), str(x[zero]))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
def test_results_do_not_depend_on_position(kind, isa):
    """The tail of a vector gives the bits that a whole vector gives."""
    x = np.linspace(-3, 3, 200).astype(FLOATS[kind])
    for name in ("exp", "tanh", "sigmoid", "erf", "log1p", "sin"):
        whole = apply(name, kind, isa, x)
        for first, last in [(0, 1), (1, 18), (3, 70), (5, 200)]:
            part = apply(name, kind, isa, x[first:last].copy())
            assert part.tobytes() == whole[first:last].tobytes(), name


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("name", ["sinh", "cosh"])
def test_hyperbolic_functions_up_to_the_end_of_the_range(name, kind, isa):
    """Beyond where e^x overflows, and infinite where they do themselves."""
    most = float(np.log(np.longdouble(2) * np.finfo(FLOATS[kind]).max))
    x = np.concatenate([np.linspace(0.98 * most, 1.01 * most, 300), [most * 1.5, most * 10]]).astype(FLOATS[kind])
    error, k = ulps(apply(name, kind, isa, x), [FUNCTIONS[name][0](mpmath.mpf(float(v))) for v in x], FLOATS[kind])
    assert error <= 3, f"{name}({x[k]!r}) is off by {error:.2f} ulp"


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
def test_ldexp(kind, isa):
    """Rounded once, also to denormals and from them; of exponents beyond the range of both."""
    rng = np.random.default_rng(0)
    dtype, info = FLOATS[kind], np.finfo(FLOATS[kind])
    most = 2 * info.maxexp + info.nmant + 9
    x = (rng.uniform(-2, 2, 40000) * 2.0 ** rng.integers(info.minexp, info.maxexp, 40000)).astype(dtype)
    x[:8] = 0.0, -0.0, np.inf, -np.inf, np.nan, info.smallest_subnormal, info.max, info.tiny
    x[8:2000] = rng.integers(-(2**20), 2**20, 1992) * info.smallest_subnormal
    n = np.where(rng.random(x.size) < 0.8, rng.integers(-most, most, x.size), rng.integers(-(2**31), 2**31, x.size))
    near = (info.minexp - np.frexp(x)[1]) + rng.integers(-30, 3, x.size)  # results next to the least normal number
    n = np.where(rng.random(x.size) < 0.4, near, n)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(apply("ldexp", kind, isa, x, n.astype(dtype)), np.ldexp(x, n.astype(np.int32)))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
def test_nextafter(kind, isa):
    """NumPy's bits, of any bits and of pairs of special numbers."""
    rng, info = np.random.default_rng(6), np.finfo(FLOATS[kind])
    bits = np.dtype(f"u{info.dtype.itemsize}")
    a, b = (rng.integers(0, np.iinfo(bits).max, 999, bits, endpoint=True).view(info.dtype) for _ in "ab")
    values = [0.0, -0.0, 1.0, -1.0, info.smallest_subnormal, -info.smallest_subnormal, info.tiny, info.max, -info.max]
    values += [np.inf, -np.inf, np.nan]
    pairs = (np.array(v, info.dtype) for v in zip(*itertools.product(values, values), strict=True))
    a, b = (np.concatenate(both) for both in zip((a, b), pairs, strict=True))
    wanted = np.nextafter(a, b)
    result = apply("nextafter", kind, isa, a, b)
    np.testing.assert_array_equal(result, wanted)
    numbers = ~np.isnan(wanted)
    assert result[numbers].tobytes() == wanted[numbers].tobytes()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
def test_exact_results(kind, isa):
    powers = np.array([2.0**k for k in range(-100, 101)], FLOATS[kind])
    np.testing.assert_array_equal(apply("log2", kind, isa, powers), np.arange(-100, 101))
    whole = np.arange(-1080, 1030).astype(FLOATS[kind])
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(apply("exp2", kind, isa, whole), np.ldexp(FLOATS[kind](1), whole.astype(int)))
    large = np.array([50, 100, 1e4, 1e30], FLOATS[kind])
    np.testing.assert_array_equal(apply("softplus", kind, isa, large), large)
    np.testing.assert_array_equal(apply("tanh", kind, isa, large), 1)
    np.testing.assert_array_equal(apply("sigmoid", kind, isa, large), 1)
    np.testing.assert_array_equal(apply("erf", kind, isa, large), 1)
