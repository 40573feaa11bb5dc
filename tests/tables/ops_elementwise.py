"""Ops that work element by element: special values, dtypes and their promotion, broadcasting."""

import numpy as np

from tests.tables import BadCase, OpCase, rows

SPECIAL = np.array([-np.inf, -2.5, -1.0, -0.5, 0.0, 0.3, 1.0, 1.5, 4.0, np.inf, np.nan], "float32")
FINITE = np.array([[-2.5, -1.0, -0.5], [0.3, 1.2, 4.0]], "float32")
POSITIVE = np.array([[0.2, 0.7, 1.0], [1.7, 2.5, 6.0]], "float32")
INSIDE = np.array([[-0.9, -0.4, 0.1], [0.3, 0.6, 0.95]], "float32")
INTS, SMALL = (np.array([[-3, 0, 1], [2, 4, 7]], dtype) for dtype in ("int32", "int8"))
BYTES = np.array([[3, 0, 1], [2, 4, 250]], "uint8")
BOOLS = np.array([[True, False, True], [False, False, True]])
ROW, COLUMN = rows(1, 3), rows(2, 1)
EMPTY, SCALAR = np.zeros((0, 3), "float32"), np.array(0.75, "float32")

# A name, and the finite numbers at which the gradient is compared.
SMOOTH = {
    "abs": FINITE, "absolute": FINITE, "arccos": INSIDE, "arccosh": POSITIVE + 1, "arcsin": INSIDE, "arcsinh": FINITE,
    "arctan": FINITE, "arctanh": INSIDE, "cbrt": FINITE, "cos": FINITE, "cosh": FINITE, "deg2rad": FINITE,
    "erf": FINITE, "erfc": FINITE, "erfinv": INSIDE, "exp": FINITE, "exp2": FINITE, "expm1": FINITE, "fabs": FINITE,
    "i0": FINITE, "log": POSITIVE, "log10": POSITIVE, "log1p": POSITIVE, "log2": POSITIVE, "nan_to_num": FINITE,
    "negative": FINITE, "rad2deg": FINITE, "real": FINITE, "reciprocal": FINITE, "rsqrt": POSITIVE, "sin": FINITE,
    "sinc": FINITE, "sinh": FINITE, "sqrt": POSITIVE, "square": FINITE, "tan": FINITE, "tanh": FINITE,
    "conj": FINITE, "conjugate": FINITE, "copy": FINITE,
}  # fmt: skip
FLAT = "angle ceil floor imag isfinite isinf isnan isneginf isposinf isreal logical_not round sign signbit trunc"
# Where Keras's NumPy backend gives a dtype that no other backend gives: see docs/differences.md.
FLOATX_HERE = {"erf", "erfc", "erfinv", "rsqrt", "reciprocal"}
HALF_THERE = {"cbrt", "deg2rad", "hypot", "rad2deg"}  # small integers, in half precision
BITWISE = "bitwise_and bitwise_or bitwise_xor left_shift right_shift bitwise_left_shift bitwise_right_shift"
COMPARISONS = "equal not_equal less less_equal greater greater_equal logical_and logical_or logical_xor"
ARITHMETIC = "add subtract multiply divide true_divide maximum minimum fmax fmin arctan2 hypot logaddexp logaddexp2"
DIVISIONS = "floor_divide mod fmod divide_no_nan"
FLAT, BITWISE, COMPARISONS, ARITHMETIC, DIVISIONS = (
    names.split() for names in (FLAT, BITWISE, COMPARISONS, ARITHMETIC, DIVISIONS)
)
PAIRS = [(FINITE, POSITIVE), (FINITE, ROW), (COLUMN, ROW), (FINITE, 2), (0.5, FINITE), (EMPTY, ROW), (SCALAR, FINITE)]
MIXED = [
    (INTS, FINITE), (SMALL, INTS), (BYTES, SMALL), (INTS, 2), (INTS, 0.5), (BOOLS, INTS), (BOOLS, FINITE), (BYTES, 3),
    (SMALL, SMALL),
]  # fmt: skip


def integers_for(name):
    return [] if name in FLOATX_HERE else [INTS] if name in HALF_THERE else [INTS, SMALL, BYTES, BOOLS]


def is_defined(name, x):
    """Bools have no minus and no sign; Keras's NumPy backend rounds them to float16 and makes their conjugate int8."""
    return not (x is BOOLS and name in ("negative", "sign", "conj", "conjugate", "round"))


OPS = [
    *(OpCase(name, (x,)) for name in [*SMOOTH, *FLAT] for x in (SPECIAL, EMPTY, SCALAR)),
    *(OpCase(name, (x,), gradient=True) for name, x in SMOOTH.items()),
    *(OpCase(name, (x,)) for name in [*SMOOTH, *FLAT] for x in integers_for(name) if is_defined(name, x)),
    *(OpCase(name, pair, gradient=True) for name in ARITHMETIC for pair in PAIRS[:2]),
    *(OpCase(name, pair) for name in ARITHMETIC for pair in PAIRS[2:5]),
    OpCase("hypot", (0.5, FINITE), gradient=True), OpCase("maximum", (FINITE, FINITE), gradient=True),
    OpCase("minimum", (FINITE, FINITE[::-1].copy()), gradient=True),
    OpCase("relu6", (np.array([-1, 0.5, 5.5, 7], "float32"),), gradient=True), OpCase("relu6", (INTS,)),
    *(OpCase(name, pair) for name in [*ARITHMETIC, *COMPARISONS] for pair in [*PAIRS[5:], *MIXED]
      if not (name in HALF_THERE and pair[1] is SMALL)),
    *(OpCase(name, (SPECIAL, SPECIAL[::-1].copy())) for name in [*ARITHMETIC, *COMPARISONS]),
    *(OpCase(name, pair) for name in COMPARISONS for pair in PAIRS),
    *(OpCase(name, (a, b)) for name in DIVISIONS for a, b in [(FINITE, POSITIVE), (FINITE, -2), (INTS, 2), (INTS, -2)]),
    *(OpCase(name, (a, b)) for name in BITWISE for a, b in [(INTS, np.abs(INTS)), (BYTES, 1), (SMALL, np.int8(2))]),
    OpCase("bitwise_not", (INTS,)), OpCase("bitwise_not", (BOOLS,)), OpCase("bitwise_invert", (BYTES,)),
    OpCase("gcd", (INTS, 6)), OpCase("lcm", (INTS, SMALL)), OpCase("gcd", (BYTES, INTS)),
    OpCase("divide_no_nan", (FINITE, np.array([0.0, 1, 2], "float32")), gradient=True),
    OpCase("mod", (FINITE, POSITIVE), gradient=True),
    OpCase("power", (POSITIVE, FINITE), gradient=True), OpCase("power", (FINITE, 2), gradient=True),
    OpCase("power", (FINITE, 3.0), gradient=True), OpCase("power", (INTS, 2)), OpCase("power", (BYTES, 2)),
    OpCase("power", (2.0, INTS)), OpCase("power", (POSITIVE, INTS)), OpCase("power", (SPECIAL, 2)),
    OpCase("nextafter", (FINITE, 10.0)), OpCase("nextafter", (FINITE, ROW)),
    OpCase("ldexp", (FINITE, INTS), gradient=True), OpCase("ldexp", (FINITE, 3)),
    OpCase("heaviside", (SPECIAL, 0.5)), OpCase("heaviside", (INTS, 1)), OpCase("heaviside", (FINITE, ROW)),
    OpCase("clip", (FINITE, -0.7, 1.5), gradient=True), OpCase("clip", (FINITE, COLUMN, 1.5), gradient=True),
    OpCase("clip", (INTS, 0, 3)), OpCase("clip", (INTS, 0.5, 3.5)), OpCase("clip", (BOOLS, 0, 1)),
    OpCase("clip", (SPECIAL, -1.0, 1.0)), OpCase("clip", (BYTES, 1, 5)),
    OpCase("round", (FINITE * 1.2345, 2)), OpCase("round", (INTS * 37, -1)), OpCase("round", (SPECIAL, 1)),
    OpCase("isclose", (FINITE, FINITE + 1e-6)), OpCase("isclose", (SPECIAL, SPECIAL)),
    OpCase("isclose", (SPECIAL, SPECIAL), {"equal_nan": True}), OpCase("isclose", (INTS, 2), {"atol": 1.5}),
    OpCase("allclose", (FINITE, FINITE + 1e-6)), OpCase("allclose", (FINITE, 0.0), {"atol": 10.0}),
    OpCase("nan_to_num", (SPECIAL,), {"nan": 1.0, "posinf": 2.0, "neginf": -3.0}),
    OpCase("where", (BOOLS, FINITE, POSITIVE), gradient=True), OpCase("where", (BOOLS, FINITE, 0.0), gradient=True),
    OpCase("where", (BOOLS, INTS, FINITE)), OpCase("where", (BOOLS, SMALL, 3)), OpCase("where", (INTS, INTS, SMALL)),
    OpCase("where", (BOOLS, 1, 0.5)),
    OpCase("select", ([FINITE > 0, FINITE < -1], [FINITE, POSITIVE], 7.0), gradient=True),
    OpCase("select", ([INTS > 2], [INTS], 0)), OpCase("select", ([INTS > 2, INTS > 0], [FINITE, POSITIVE], ROW)),
    OpCase("stop_gradient", (FINITE,)), OpCase("stop_gradient", (INTS,)),
    *(OpCase("cast", (x, dtype)) for x in (FINITE, INTS, BOOLS) for dtype in ("float32", "int32", "uint8", "bool")
      if not (x is not BOOLS and dtype == "uint8")),
    OpCase("cast", (FINITE, "complex64")),
    OpCase("saturate_cast", (FINITE * 200, "uint8")), OpCase("saturate_cast", (INTS * 100, "int8")),
    OpCase("saturate_cast", (FINITE, "int32")), OpCase("saturate_cast", (BOOLS, "float32")),
    OpCase("polar", (POSITIVE, FINITE)), OpCase("view_as_complex", (rows(3, 2),)),
    OpCase("view_as_real", (rows(3, 2).astype("complex64"),)), OpCase("view", (FINITE, "int32")),
    OpCase("view", (FINITE, "uint8")), OpCase("view", (INTS, "int16")),
    OpCase("view", (np.ones((2, 4), "int8"), "int32")),
    *(OpCase(name, (FINITE * (1 + 2j),)) for name in ("real", "imag", "conj", "angle", "abs", "exp", "isreal", "sqrt")),
]  # fmt: skip

BAD = [
    BadCase("add shapes", lambda k: k.ops.add(FINITE, rows(4)), "(2, 3)"),
    BadCase("where one choice", lambda k: k.ops.where(BOOLS, FINITE), "x1"),
    BadCase("select lengths", lambda k: k.ops.select([BOOLS], [FINITE, FINITE]), "2"),
    BadCase("select nothing", lambda k: k.ops.select([], []), "0"),
    BadCase("cast dtype", lambda k: k.ops.cast(FINITE, "float33"), "float33"),
    BadCase("view_as_complex pairs", lambda k: k.ops.view_as_complex(rows(3, 3)), "(3, 3)"),
    BadCase("view bytes", lambda k: k.ops.view(np.ones((2, 3), "uint8"), "float32"), "(2, 3)"),
]
