"""Programs of elementwise operations: every opcode, every kind of operand, reductions, every instruction set.

NumPy is the judge, and results are equal to the bit wherever an opcode is exact or correctly rounded. The elementary
functions are in test_vmath.py.
"""

import itertools
import math

import ml_dtypes
import numpy as np
import pytest

from fastnn import _kernels
from fastnn._kernels import DTYPE_CODE, _engine
from tests.kernels.programs import Program

ISAS = _engine.isas()
FLOATS = {"f32": np.float32, "f64": np.float64}


def truth(condition):
    return np.asarray(condition, np.float64)


OPCODES = {
    "cast": lambda x: x,
    "negative": np.negative,
    "abs": np.abs,
    "sign": np.sign,
    "square": np.square,
    "sqrt": np.sqrt,
    "reciprocal": np.reciprocal,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": lambda x: np.round(x),
    "trunc": np.trunc,
    "round_to_float16": lambda x: x.astype(np.float16).astype(x.dtype),
    "round_to_bfloat16": lambda x: x.astype(ml_dtypes.bfloat16).astype(x.dtype),
    "relu": lambda x: np.where(np.isnan(x), x, np.maximum(x, 0)),
    "relu6": lambda x: np.where(np.isnan(x), x, np.clip(x, 0, 6)),
    "logical_not": lambda x: truth(x == 0),
    "isnan": lambda x: truth(np.isnan(x)),
    "isinf": lambda x: truth(np.isinf(x)),
    "isfinite": lambda x: truth(np.isfinite(x)),
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "divide_no_nan": lambda a, b: np.where(b == 0, 0, a / b),
    "maximum": np.maximum,
    "minimum": np.minimum,
    "greater": lambda a, b: truth(a > b),
    "greater_equal": lambda a, b: truth(a >= b),
    "less": lambda a, b: truth(a < b),
    "less_equal": lambda a, b: truth(a <= b),
    "equal": lambda a, b: truth(a == b),
    "not_equal": lambda a, b: truth(a != b),
    "logical_and": lambda a, b: truth((a != 0) & (b != 0)),
    "logical_or": lambda a, b: truth((a != 0) | (b != 0)),
    "logical_xor": lambda a, b: truth((a != 0) ^ (b != 0)),
    "relu_grad": lambda dy, y: np.where(y > 0, dy, 0),
    "add_relu": lambda a, b: OPCODES["relu"](a + b),
    "fill_nan": lambda x, a: np.where(np.isnan(x), a, x),
    "fmax": np.fmax,
    "fmin": np.fmin,
    "real_angle": lambda x: np.angle(x),
    "floor_divide": np.floor_divide,
    "mod": np.mod,
    "where": lambda c, a, b: np.where(c != 0, a, b),
    "clip": lambda x, low, high: np.minimum(np.maximum(x, low), high),
}


def fused(kind, isa, buffers, program, rows, cols, outer=(), outer_strides=None, reductions=(), then=None, threads=1):
    """Runs the kernel fused_`kind`. Reductions are `(kind, register, buffer)`."""
    reals = []
    a = program.encode(isa, reals)
    b = then.encode(isa, reals) if then else []
    strides = outer_strides or [()] * len(program.operands)
    head = [0, 0, len(outer), rows, cols, len(reductions), *outer, *itertools.chain(*strides)]
    for how, register, buffer in reductions:
        head += [how, register, buffer, DTYPE_CODE[buffers[buffer].dtype.name]]
    head[0] = len(head)
    head[1] = len(head) + len(a) if then else 0
    _kernels.run(f"fused_{kind}", buffers, [*head, *a, *b], reals, threads, isa)


def guarded(n, dtype, offset=0):
    """`n` elements, NaN (or 99) at first, between canaries, `offset` elements off a cache line; and a check of them."""
    dtype = np.dtype(dtype)
    raw = _kernels.aligned_empty(n + 64 + offset, dtype)
    canary = np.array(77).astype(dtype)
    raw[...] = canary
    inner = raw[32 + offset : 32 + offset + n]
    inner[...] = np.nan if dtype.kind == "f" else np.array(99).astype(dtype)

    def check():
        assert (raw[: 32 + offset] == canary).all() and (raw[32 + offset + n :] == canary).all(), "wrote outside"

    return inner, check


def assert_same(found, wanted, name, inputs):
    """Where it fails it says of what; writing that down each time would take as long as all else."""
    try:
        np.testing.assert_array_equal(found, wanted)
    except AssertionError as error:
        error.add_note(f"{name} of {inputs}")
        raise


def sample(rng, n, dtype):
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return rng.random(n) < 0.5
    if dtype.kind == "f":
        x = (rng.standard_normal(n) * 3).astype(dtype)
        special = np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 1.5, 2.5, -0.5, 3.0, -3.0], dtype)
        where = rng.random(n) < 0.3
        x[where] = rng.choice(special, where.sum())
        return x
    return rng.integers(0 if dtype.kind == "u" else -100, 100, n).astype(dtype)


def arity(name):
    return OPCODES[name].__code__.co_argcount if not isinstance(OPCODES[name], np.ufunc) else OPCODES[name].nin


def sizes(kind, isa):
    lanes = {"generic": 16, "neon": 16, "avx2": 32, "avx512": 64}[isa] // np.dtype(FLOATS[kind]).itemsize
    return [0, 1, lanes - 1, lanes, lanes + 1, 61, 1023, 1025]


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("name", OPCODES)
def test_opcode(name, kind, isa):
    """One opcode on contiguous operands, and with every set of its inputs scalar; each size around vector and block."""
    rng = np.random.default_rng(0)
    dtype = FLOATS[kind]
    n_inputs = arity(name)
    for n in sizes(kind, isa):
        for scalars in itertools.product([False, True], repeat=n_inputs):
            inputs = [sample(rng, 1 if is_scalar else n, dtype) for is_scalar in scalars]
            out, check = guarded(n, dtype, offset=1)
            program = Program(
                *[
                    (k, DTYPE_CODE[x.dtype.name], 0, 0 if s else 1)
                    for k, (x, s) in enumerate(zip(inputs, scalars, strict=True))
                ],
                (n_inputs, DTYPE_CODE[np.dtype(dtype).name], 0, 1),
            )
            program.store(program.do(name, *range(n_inputs)), n_inputs)
            fused(kind, isa, [*inputs, out], program, 1, n)
            with np.errstate(all="ignore"):
                wanted = np.broadcast_to(OPCODES[name](*inputs), (n,)).astype(dtype)
            assert_same(out, wanted, name, inputs)
            check()


TRUTHS = [name for name in OPCODES if name.startswith(("is", "greater", "less", "equal", "not_equal", "logical"))]


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("name", TRUTHS)
def test_truths_as_bools(name, kind, isa):
    """Stored as they are made, without gaps and with them; read by another instruction; of numbers on each side."""
    rng = np.random.default_rng(0)
    code, n_inputs = DTYPE_CODE[np.dtype(FLOATS[kind]).name], arity(name)
    spaces = [(1, n, n) for n in (1, 15, 31, 33, 63, 64, 65, 150, 1025, 9001)]
    for rows, cols, step in [*spaces, (5, 70, 70), (5, 70, 77)]:
        for scalars in itertools.product([False, True], repeat=n_inputs):
            inputs = [sample(rng, 1 if s else rows * cols, FLOATS[kind]) for s in scalars]
            with np.errstate(all="ignore"):
                wanted = np.broadcast_to(OPCODES[name](*inputs) != 0, rows * cols).reshape(rows, cols)
            for is_read in (False, True):
                out, check = guarded(rows * step, np.uint8, offset=3)
                also, check_also = guarded(rows * cols, FLOATS[kind])
                program = Program(
                    *[(k, code, 0 if s else cols, 0 if s else 1) for k, s in enumerate(scalars)],
                    (n_inputs, DTYPE_CODE["bool"], step, 1), (n_inputs + 1, code, cols, 1),
                )  # fmt: skip
                truth = program.do(name, *range(n_inputs))
                program.store(truth, n_inputs)
                program.store(program.do("negative", truth if is_read else 0), n_inputs + 1)
                fused(kind, isa, [*inputs, out.view(bool), also], program, rows, cols)
                found = out.reshape(rows, step)
                assert_same(found[:, :cols], wanted, name, inputs)
                assert (found[:, cols:] == 99).all()
                if is_read:
                    np.testing.assert_array_equal(also.reshape(rows, cols), -wanted.astype(FLOATS[kind]))
                check()
                check_also()


INTEGERS = "cast negative abs sign square logical_not add subtract multiply maximum minimum greater greater_equal less"
INTEGERS += " less_equal equal not_equal logical_and logical_or logical_xor where clip"
KINDS = {"i64": "int64", "i32": "int32", "i16": "int16", "u8": "uint8"}  # of programs of integers
OTHERS = {"int64": "uint64", "int32": "uint32", "int16": "uint16", "uint8": "int8"}  # of as many bits


def inputs_of(function):
    return function.nin if hasattr(function, "nin") else function.__code__.co_argcount


def of_others(function):
    """`function` of the numbers that the same bits are with no sign, or with one; its result as one of theirs."""

    def run(*inputs):
        dtype = inputs[0].dtype
        y = function(*[x.view(OTHERS[dtype.name]) for x in inputs])
        return y if y.dtype == bool else y.view(dtype)

    run.nin = inputs_of(function)
    return run


ONLY_OF_INTEGERS = {
    "bitwise_not": np.bitwise_not,
    "bitwise_and": np.bitwise_and,
    "bitwise_or": np.bitwise_or,
    "bitwise_xor": np.bitwise_xor,
    "left_shift": np.left_shift,
    "right_shift": np.right_shift,
    "other_right_shift": of_others(np.right_shift),
    "other_maximum": of_others(np.maximum),
    "other_minimum": of_others(np.minimum),
    "other_greater": of_others(np.greater),
    "other_greater_equal": of_others(np.greater_equal),
    "other_less": of_others(np.less),
    "other_less_equal": of_others(np.less_equal),
    "other_clip": of_others(OPCODES["clip"]),
}


def integers(rng, n, dtype):
    """Small ones and of any size, with many extremes."""
    if dtype == "bool":
        return rng.random(n) < 0.5
    info = np.iinfo(dtype)
    special = [info.min, info.max, info.min + 1, info.max - 1, 0, 1, 3, info.max // 2, info.max // 2 + 1, info.bits]
    x = rng.integers(info.min, info.max, n, dtype, endpoint=True)
    small = rng.integers(-50 if info.min else 0, 50, n).astype(dtype)
    return np.choose(rng.integers(0, 3, n), [x, small, rng.choice(np.array(special, dtype), n)]).astype(dtype)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [*INTEGERS.split(), *ONLY_OF_INTEGERS])
def test_opcode_of_integers(name, kind, isa):
    """As NumPy has it, which wraps around: over the whole range, every set of scalars, and truths as bools."""
    if name.endswith("shift") and kind in ("i16", "u8"):
        return  # they have none
    rng = np.random.default_rng(0)
    dtype, function = KINDS[kind], {**OPCODES, **ONLY_OF_INTEGERS}[name]
    if (name, kind) == ("abs", "u8"):
        function = of_others(function)  # of the numbers with a sign: of the others it does nothing
    n_inputs = inputs_of(function)
    is_truth = any(part in name for part in ("greater", "less", "equal", "logical"))
    for n in (0, 1, 3, 4, 5, 15, 16, 17, 31, 32, 33, 63, 64, 65, 1023, 4097):
        for scalars in itertools.product([False, True], repeat=n_inputs):
            dtypes = [dtype] * len(scalars) if name != "where" else ["bool", dtype, dtype]
            inputs = [integers(rng, 1 if s else n, d) for s, d in zip(scalars, dtypes, strict=True)]
            for target in ("bool", dtype) if is_truth else (dtype,):
                out, check = guarded(n, target, offset=1)
                program = Program(
                    *[
                        (k, DTYPE_CODE[x.dtype.name], 0, 0 if s else 1)
                        for k, (x, s) in enumerate(zip(inputs, scalars, strict=True))
                    ],
                    (len(inputs), DTYPE_CODE[out.dtype.name], 0, 1),
                )
                program.store(program.do(name, *range(len(inputs))), len(inputs))
                fused(kind, isa, [*inputs, out], program, 1, n)
                with np.errstate(all="ignore"):
                    wanted = np.broadcast_to(function(*inputs), (n,)).astype(target)
                assert_same(out, wanted, name, inputs)
                check()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", KINDS)
def test_integers_of_other_sizes(kind, isa):
    """Loads that widen and stores that cut, dense, strided, repeated and of rows apart; with a constant."""
    rng = np.random.default_rng(1)
    bits = np.iinfo(KINDS[kind]).bits
    fitting = [d for d in _kernels.DTYPES if np.dtype(d).kind in "biu" and np.dtype(d).itemsize * 8 <= bits]
    constant = -(1 << (bits - 2)) - 11
    for source in fitting:
        x = integers(rng, 37 * 40, source).reshape(37, 40)
        for view, strides in [(x, (40, 1)), (x[:, ::2], (40, 2)), (x[:1], (0, 1)), (x[:, :1], (40, 0)), (x.T, (1, 40))]:
            rows, cols = (40, 37) if strides == (1, 40) else (37, view.shape[1] if view.shape[1] > 1 else 40)
            for target in fitting:
                out, check = guarded(rows * cols, target)
                program = Program((0, DTYPE_CODE[source], *strides), constant, (1, DTYPE_CODE[target], cols, 1))
                total = program.do("add", 0, 1)
                program.store(total if target != "bool" else program.do("other_greater", total, 1), 2)
                fused(kind, isa, [x, out], program, rows, cols)
                wide = np.broadcast_to(view, (rows, cols)).astype(KINDS[kind])
                number = np.array(constant).astype(KINDS[kind])
                wanted = wide + number
                if target == "bool":
                    wanted = wanted.view(OTHERS[KINDS[kind]]) > number.view(OTHERS[KINDS[kind]])
                np.testing.assert_array_equal(out.reshape(rows, cols), wanted.astype(target))
                check()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind, dtype", [*KINDS.items(), *((kind, OTHERS[dtype]) for kind, dtype in KINDS.items())])
def test_integers_beyond_every_cache(kind, dtype, isa):
    dtype = np.dtype(dtype)
    n = (80 << 20) // dtype.itemsize + 3
    x = np.arange(n).astype(dtype)
    out, check = guarded(n, dtype, offset=5)
    program = Program((0, DTYPE_CODE[x.dtype.name], 0, 1), 3, (1, DTYPE_CODE[x.dtype.name], 0, 1))
    program.store(program.do("multiply", 0, 1), 2)
    fused(kind, isa, [x, out], program, 1, n)
    np.testing.assert_array_equal(out, x * dtype.type(3))
    check()


@pytest.mark.parametrize("isa", ISAS)
def test_every_opcode_is_tested(isa):
    elsewhere = "exp exp2 expm1 log log1p log2 log10 sin cos tan tanh sigmoid erf softplus arcsin arccos arctan sinh"
    elsewhere += " cosh arcsinh arccosh arctanh arctan2 cbrt power logaddexp rsqrt exact_gelu exact_gelu_grad nextafter"
    elsewhere += " ldexp erfc erfinv hypot gelu gelu_grad mish mish_grad"
    assert set(_engine.opcodes(isa)) == {"store", *OPCODES, *ONLY_OF_INTEGERS, *elsewhere.split(), *MERGED}
    assert _engine.opcodes(isa)["store"] == 0


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("source", _kernels.DTYPES)
def test_cast(source, kind, isa):
    """Loads of every dtype, dense, strided and repeated; stores of every dtype follow NumPy's astype."""
    rng = np.random.default_rng(1)
    dtype = FLOATS[kind]
    x = sample(rng, 4 * 37, source).reshape(4, 37)
    for view, strides in [(x, (37, 1)), (x[:, ::2], (37, 2)), (x[:1], (0, 1)), (x[:, :1], (37, 0)), (x.T, (1, 37))]:
        rows, cols = (37, 4) if strides == (1, 37) else (4, view.shape[1] if view.shape[1] > 1 else 37)
        out, check = guarded(rows * cols, dtype)
        program = Program((0, DTYPE_CODE[source], *strides), (1, DTYPE_CODE[np.dtype(dtype).name], cols, 1))
        program.store(program.do("cast", 0), 1)
        fused(kind, isa, [x, out], program, rows, cols)
        np.testing.assert_array_equal(out.reshape(rows, cols), np.broadcast_to(view, (rows, cols)).astype(dtype))
        check()
    values = sample(rng, 200, dtype)
    if np.dtype(source).kind in "iu":
        values = np.trunc(np.nan_to_num(values, nan=0, posinf=100, neginf=-100))
        values = np.abs(values) if np.dtype(source).kind == "u" else values
    out, check = guarded(200, source)
    program = Program((0, DTYPE_CODE[np.dtype(dtype).name], 0, 1), (1, DTYPE_CODE[source], 0, 1))
    program.store(0, 1)
    fused(kind, isa, [values, out], program, 1, 200)
    np.testing.assert_array_equal(out, values.astype(source))
    check()


@pytest.mark.parametrize("isa", ISAS)
def test_float64_is_rounded_once_to_float16(isa):
    """All numbers of float16, what is halfway between neighbours, and what is next to either: there a float32 on the
    way would be rounded as well."""
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    near = halves[np.isfinite(halves)].astype(np.float64)
    order = np.unique(near)  # without one of the zeroes
    x = np.concatenate([near, (order[1:] + order[:-1]) / 2, [65520, -65520]])
    x = np.concatenate([x, x * (1 + 2.0**-50), x * (1 - 2.0**-50), x * (1 + 2.0**-25), x * 2.0**-30, x * 1e300])
    nan = np.uint64(0x7FF0000000000001) + np.arange(3, dtype=np.uint64) * np.uint64(1 << 28)
    x = np.concatenate([x, nan.view(np.float64), [np.inf, -np.inf, 5e-324, -5e-324, 1e-40, 3e38, 4e38]])
    out, check = guarded(x.size, np.float16)
    program = Program((0, DTYPE_CODE["float64"], 0, 1), (1, _kernels.HALF_CODE["float16"], 0, 1))
    program.store(0, 1)
    fused("f64", isa, [x, out], program, 1, x.size)
    with np.errstate(over="ignore"):
        wanted = x.astype(np.float16)
    np.testing.assert_array_equal(out, wanted)
    np.testing.assert_array_equal(np.signbit(out), np.signbit(x))
    check()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
def test_large_floats_as_unsigned_integers(kind, isa):
    """Up to 2^64, after and before such as fit in 32 bits."""
    rng = np.random.default_rng(4)
    exponents = np.concatenate([rng.integers(0, 30, 100), rng.integers(0, 64, 100), rng.integers(0, 30, 100)])
    x = (rng.uniform(1, 2, 300) * 2.0**exponents).astype(FLOATS[kind])
    out, check = guarded(300, np.uint64)
    program = Program((0, DTYPE_CODE[x.dtype.name], 0, 1), (1, DTYPE_CODE["uint64"], 0, 1))
    program.store(0, 1)
    fused(kind, isa, [x, out], program, 1, 300)
    np.testing.assert_array_equal(out, [int(v) for v in x])
    check()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
def test_blocks_that_share_the_scratch_of_all(kind, isa):
    """Programs of which few registers have a block: of other types, constants and temporaries, around long blocks."""
    rng = np.random.default_rng(2)
    dtype = np.dtype(FLOATS[kind])
    code = DTYPE_CODE[dtype.name]
    for n in (2047, 2049, 4095, 4096, 4097, 9001, 30_000):
        x, y, z = sample(rng, n, dtype), sample(rng, n, dtype), sample(rng, n, np.int16)
        more, check_more = guarded(n, np.bool_)
        twice, check_twice = guarded(n, dtype, offset=1)
        third, check_third = guarded(n, np.float64 if kind == "f32" else np.float32)
        program = Program((0, code, 0, 1), (1, code, 0, 1), (3, DTYPE_CODE["bool"], 0, 1))
        program.store(program.do("greater", 0, 1), 2)
        fused(kind, isa, [x, y, z, more], program, 1, n)
        np.testing.assert_array_equal(more, x > y)
        program = Program(
            (0, code, 0, 1), (1, code, 0, 1), (2, DTYPE_CODE["int16"], 0, 1), 2.5, (3, DTYPE_CODE["bool"], 0, 1),
            (4, code, 0, 1), (5, DTYPE_CODE[third.dtype.name], 0, 1),
        )  # fmt: skip
        total = program.do("add", program.do("multiply", 2, 3), 0)
        least = program.do("minimum", total, 1)
        program.store(program.do("less", least, 3), 4)
        program.store(total, 5)
        program.store(least, 6)
        fused(kind, isa, [x, y, z, more, twice, third], program, 1, n)
        with np.errstate(invalid="ignore"):
            wanted = z.astype(dtype) * dtype.type(2.5) + x
            np.testing.assert_array_equal(twice, wanted)
            np.testing.assert_array_equal(third, np.minimum(wanted, y).astype(third.dtype))
            np.testing.assert_array_equal(more, np.minimum(wanted, y) < 2.5)
        for check in (check_more, check_twice, check_third):
            check()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", ["f32", "f64", "i64", "i32", "i16"])
def test_stores_of_bools(kind, isa):
    """Of any number that is not 0, around the sizes of vectors of bytes, to rows that follow each other or not."""
    if kind in KINDS:
        dtype = np.dtype(KINDS[kind])
        numbers = [0, 1, -1, 255, 256, -256, np.iinfo(dtype).max, np.iinfo(dtype).min]
        numbers += [1 << (dtype.itemsize * 4), -(1 << (dtype.itemsize * 6))]
    else:
        dtype = np.dtype(FLOATS[kind])
        info = np.finfo(dtype)
        numbers = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, -np.nan, info.tiny, -info.smallest_subnormal, 1e-40]
    rng = np.random.default_rng(1)
    for rows, cols, row_stride in [(1, n, n) for n in (1, 15, 16, 17, 31, 33, 63, 64, 65, 191, 1025)] + [(5, 150, 161)]:
        x = rng.choice(np.array(numbers, dtype), (rows, cols))
        x[rng.random(x.shape) < 0.5] = 0
        out, check = guarded(rows * row_stride, np.uint8, offset=1)
        program = Program((0, DTYPE_CODE[dtype.name], cols, 1), (1, DTYPE_CODE["bool"], row_stride, 1))
        program.store(program.do("cast", 0), 1)
        fused(kind, isa, [x, out.view(bool)], program, rows, cols)
        found = out.reshape(rows, row_stride)
        np.testing.assert_array_equal(found[:, :cols], x != 0)
        assert (found[:, cols:] == 99).all()
        check()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
def test_stores_of_numbers_that_int32_does_not_hold(kind, isa):
    """The low 32 bits of the integer, 0 where 64 bits do not hold it either."""
    x = np.array(
        [2.0**31, -(2.0**31), 2.0**33 + 2**12, -(2.0**40) - 2**20, 1e30, -1e30, np.inf, np.nan] * 3, FLOATS[kind]
    )
    wanted = np.array([-(2**31), -(2**31), 2**12, -(2**20), 0, 0, 0, 0] * 3, np.int32)
    out, check = guarded(x.size, np.int32)
    program = Program((0, DTYPE_CODE[x.dtype.name], 0, 1), (1, DTYPE_CODE["int32"], 0, 1))
    program.store(0, 1)
    fused(kind, isa, [x, out], program, 1, x.size)
    np.testing.assert_array_equal(out, wanted)
    check()


def dense_strides(shape):
    strides = [1]
    for size in shape[:0:-1]:
        strides.insert(0, strides[0] * size)
    return [0 if size == 1 else stride for size, stride in zip(shape, strides, strict=True)]


SPACES = [
    (1, 1),
    (3, 1),
    (1, 7),
    (5, 3),
    (400, 3),
    (97, 10),
    (33, 16),
    (20, 48),
    (7, 300),
    (3, 700),
    (2, 1100),
    (1, 9000),
]
SPACES += [(3000, 7), (2, 8193), (2, 3, 4, 5), (5, 40, 10), (3, 2, 1, 2, 2, 3), (0, 4), (4, 0), (2, 0, 3), (6, 100, 20)]


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("shape", SPACES, ids=str)
def test_broadcast(shape, kind, isa):
    """y = where(mask, a * scale + b, c), with operands broadcast along every axis, sums and a program on the sums."""
    rng = np.random.default_rng(2)
    dtype = np.dtype(FLOATS[kind])
    float_code = DTYPE_CODE[dtype.name]
    n = math.prod(shape)
    for trial in range(6):
        shapes = [shape if k == 0 else tuple(1 if rng.random() < 0.5 else size for size in shape) for k in range(4)]
        dtypes = [dtype, dtype, np.dtype(rng.choice(["bool", "int32", "float64"])), dtype]
        a, b, mask, c = [
            (rng.integers(-4, 5, math.prod(s)) / 4).astype(d).reshape(s) for s, d in zip(shapes, dtypes, strict=True)
        ]
        strides = [dense_strides(s) for s in shapes]
        y, check = guarded(n, dtype, offset=trial % 2)
        total, largest, least, doubled = (np.full(1, np.nan, t) for t in (dtype, "float64", dtype, dtype))
        outer, (rows, cols) = shape[:-2], shape[-2:]
        operands = [(k, DTYPE_CODE[d.name], *s[-2:]) for k, (d, s) in enumerate(zip(dtypes, strides, strict=True))]
        y_strides = dense_strides(shape)
        program = Program(*operands, (4, float_code, *y_strides[-2:]), 0.5)
        scaled = program.do("multiply", 0, 5)
        moved = program.do("add", scaled, 1, to=scaled)
        chosen = program.do("where", 2, moved, 3)
        program.store(chosen, 4)
        then = Program((5, float_code, 0, 0), (8, float_code, 0, 0), 2.0)
        then.store(then.do("multiply", 0, 2), 1)
        results = []
        for threads in (1, 2):
            fused(
                kind, isa, [a, b, mask, c, y, total, largest, least, doubled], program, rows, cols, outer,
                [s[:-2] for s in [*strides, y_strides]] + [(0,) * len(outer)],
                [(0, chosen, 5), (1, chosen, 6), (2, 0, 7)], then, threads,
            )  # fmt: skip
            results.append([r.copy() for r in (y, total, largest, least, doubled)])
        wanted = np.broadcast_to(np.where(mask != 0, a * dtype.type(0.5) + b, c), shape)  # exact: eighths
        np.testing.assert_array_equal(y.reshape(shape), wanted, f"shapes {shapes}")
        assert total[0] == wanted.sum(dtype=np.float64) and doubled[0] == 2 * total[0]
        assert largest[0] == wanted.max(initial=-np.inf) and least[0] == a.min(initial=np.inf)
        for one, two in zip(*results, strict=True):
            assert one.tobytes() == two.tobytes()
        check()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("shape", [(5, 37), (20, 48), (97, 10), (33, 16), (9, 200), (3, 300), (1, 40)], ids=str)
def test_rows_apart(shape, kind, isa):
    """x = relu_grad(x, y) * 0.5 + b over rows that lie further apart than they are long, x in place; stored twice."""
    rng = np.random.default_rng(4)
    dtype = np.dtype(FLOATS[kind])
    code, other = DTYPE_CODE[dtype.name], np.dtype("float64" if kind == "f32" else "float32")
    rows, cols = shape
    wide = cols + 13
    for b_strides in [(0, 0), (0, 1), (1, 0), (wide, 1)]:
        (x, check), (copy, check_copy) = guarded(rows * wide, dtype), guarded(rows * (cols + 5), other, offset=1)
        x[...] = rng.integers(-4, 5, x.size)
        y, b = (rng.integers(-4, 5, x.size).astype(dtype) for _ in range(2))
        before, over = x.reshape(rows, wide).copy(), copy.reshape(rows, cols + 5)
        untouched = over[:, cols:].copy()
        program = Program(
            (0, code, wide, 1), (1, code, wide, 1), (2, code, *b_strides), (0, code, wide, 1),
            (3, DTYPE_CODE[other.name], cols + 5, 1), 0.5,
        )  # fmt: skip
        result = program.do("multiply_add", program.do("relu_grad", 0, 1), 5, 2)
        program.store(result, 3)
        program.store(result, 4)
        fused(kind, isa, [x, y, b, copy], program, rows, cols)
        b_rows = np.lib.stride_tricks.as_strided(b, shape, [dtype.itemsize * stride for stride in b_strides])
        wanted = np.where(y.reshape(rows, wide)[:, :cols] > 0, before[:, :cols], 0) * dtype.type(0.5) + b_rows  # exact
        np.testing.assert_array_equal(x.reshape(rows, wide)[:, :cols], wanted)
        np.testing.assert_array_equal(over[:, :cols], wanted)
        np.testing.assert_array_equal(x.reshape(rows, wide)[:, cols:], before[:, cols:])
        np.testing.assert_array_equal(over[:, cols:], untouched)
        check()
        check_copy()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("shape", [(5, 37), (20, 48), (97, 10), (33, 16), (70, 17), (300, 64), (9, 200)], ids=str)
def test_numbers_of_rows(shape, kind, isa):
    """x = x op c and c op x, in place or not, of rows next to each other or not; then c is read without x as well."""
    rng = np.random.default_rng(5)
    dtype = np.dtype(FLOATS[kind])
    code, (rows, cols) = DTYPE_CODE[dtype.name], shape
    c = rng.uniform(1, 2, 2 * rows).astype(dtype)
    column = c[::2, None]
    for name, wide, is_first, is_own in itertools.product(
        ("add", "subtract", "multiply", "divide", "maximum"), (cols, cols + 3), (False, True), (False, True)
    ):
        (x, check), (y, check_y) = guarded(rows * wide, dtype), guarded(rows * wide, dtype, offset=1)
        x[...] = y[...] = rng.uniform(1, 2, x.size)
        before, to = x.reshape(rows, wide).copy(), x if is_own else y
        program = Program((0, code, wide, 1), (1, code, 2, 0), (0 if is_own else 2, code, wide, 1))
        program.store(program.do(name, *((1, 0) if is_first else (0, 1))), 2)
        fused(kind, isa, [x, c, y], program, rows, cols)
        wanted = getattr(np, name)(*((column, before) if is_first else (before, column)))
        np.testing.assert_array_equal(to.reshape(rows, wide)[:, :cols], wanted[:, :cols], name)
        np.testing.assert_array_equal(to.reshape(rows, wide)[:, cols:], before[:, cols:])
        check()
        check_y()
    x, y, total = rng.uniform(1, 2, shape).astype(dtype), np.zeros(shape, dtype), np.zeros(1, dtype)
    program = Program((0, code, cols, 1), (1, code, 2, 0), (2, code, 1, 0), (3, code, cols, 1))
    lone = program.do("maximum", program.do("abs", 1), program.do("subtract", 1, 2))
    program.store(program.do("multiply", program.do("divide", program.do("subtract", 0, 1), 2), lone), 3)
    fused(kind, isa, [x, c, c[1:], y, total], program, rows, cols, reductions=[(0, 1, 4)])
    other = c[1 : rows + 1, None]
    np.testing.assert_array_equal(y, (x - column) / other * np.maximum(abs(column), column - other))
    np.testing.assert_allclose(total, column.sum() * cols, rtol=1e-6)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("shape", [(3, 300), (9, 600), (21, 1030), (2, 5000)], ids=str)
def test_one_instruction_of_long_rows(shape, kind, isa):
    """Rows, backwards too, a row that all share, numbers of rows and a scalar by one instruction, stored next to each
    other or not."""
    rng = np.random.default_rng(6)
    dtype = np.dtype(FLOATS[kind])
    code, (rows, cols) = DTYPE_CODE[dtype.name], shape
    a, b = (rng.integers(-9, 10, rows * (cols + 3)).astype(dtype) for _ in range(2))
    strides = [(cols, 1), (cols + 3, 1), (cols, -1), (0, 1), (2, 0), (0, 0)]
    for name, of_a, of_b, wide in itertools.product(("multiply", "maximum"), strides, strides, (cols, cols + 3)):
        views = [
            np.lib.stride_tricks.as_strided(x[(of[1] < 0) * (cols - 1) :], shape, [dtype.itemsize * s for s in of])
            for x, of in ((a, of_a), (b, of_b))
        ]
        y, check = guarded(rows * wide, dtype)
        program = Program((0, code, *of_a), (1, code, *of_b), (2, code, wide, 1))
        program.store(program.do(name, 0, 1), 2)
        fused(kind, isa, [*views, y], program, rows, cols)
        np.testing.assert_array_equal(y.reshape(rows, wide)[:, :cols], getattr(np, name)(*views))
        assert np.isnan(y.reshape(rows, wide)[:, cols:]).all()
        check()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("length", [1, 2, 9])
@pytest.mark.parametrize("b_varies", [(False, False), (False, True), (True, False)], ids=str)
@pytest.mark.parametrize("shape", [(1, 3_900_003), (1950, 2003), (50_700, 77)], ids=str)
def test_spaces_beyond_every_cache(shape, b_varies, length, kind, isa):
    """y = ((x * b - x) * b - x) ..., then x = the same in place, in spaces that are cut into shorter blocks."""
    rng = np.random.default_rng(5)
    dtype = np.dtype(FLOATS[kind])
    code, (rows, cols) = DTYPE_CODE[dtype.name], shape
    x, b = rng.integers(-4, 5, shape).astype(dtype), rng.integers(-1, 2, (rows, cols)).astype(dtype)
    b = np.ascontiguousarray(b[: rows if b_varies[0] else 1, : cols if b_varies[1] else 1])
    y, check = guarded(x.size, dtype, offset=1)
    program = Program((0, code, cols, 1), (1, code, int(b_varies[0]), int(b_varies[1])), (2, code, cols, 1))
    wanted, found = x.copy(), 0
    for k in range(length):
        found = program.do("multiply" if k % 2 == 0 else "subtract", found, 1 if k % 2 == 0 else 0)
        wanted = wanted * b if k % 2 == 0 else wanted - x
    program.store(found, 2)
    fused(kind, isa, [x, b, y], program, rows, cols, threads=2)
    np.testing.assert_array_equal(y.reshape(shape), wanted)
    check()
    program.instructions[-1] = ("store", 0, found)
    fused(kind, isa, [x, b, y], program, rows, cols)
    np.testing.assert_array_equal(x, wanted)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("offset", [0, 1])
@pytest.mark.parametrize("cols", [80, 2003, 2048, None])
def test_results_that_go_past_the_caches(cols, offset, kind, isa):
    """y = x b + x and z = x b in a space of more than 64 MiB, of rows that begin at whole vectors and that do not."""
    rng = np.random.default_rng(7)
    dtype = np.dtype(FLOATS[kind])
    n, code = (22 << 20) // dtype.itemsize + 5, DTYPE_CODE[dtype.name]
    cols = cols or n
    rows = -(-n // cols)
    x, b = rng.integers(-4, 5, (rows, cols)).astype(dtype), rng.integers(-4, 5, cols).astype(dtype)
    y, check_y = guarded(x.size, dtype, offset)
    z, check_z = guarded(x.size, dtype)
    program = Program((0, code, cols, 1), (1, code, 0, 1), (2, code, cols, 1), (3, code, cols, 1))
    product = program.do("multiply", 0, 1)
    program.store(program.do("add", product, 0), 2)
    program.store(product, 3)
    fused(kind, isa, [x, b, y, z], program, rows, cols, threads=2)
    np.testing.assert_array_equal(y.reshape(rows, cols), x * b + x)
    np.testing.assert_array_equal(z.reshape(rows, cols), x * b)
    check_y()
    check_z()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("name", ["add_relu", "multiply_sigmoid"])
@pytest.mark.parametrize(
    "shape, offset", [((1, 2_700_003), 1), ((1950, 2003), 1), ((4500, 2051), 0), ((4500, 2048), 0)], ids=str
)
def test_single_pass_beyond_every_cache(shape, offset, name, kind, isa):
    """relu(x + b), x sigmoid(b), one row of b for all of x, have the bits that they have row by row; past caches."""
    rng = np.random.default_rng(6)
    dtype = np.dtype(FLOATS[kind])
    code, (rows, cols) = DTYPE_CODE[dtype.name], shape
    x, b = rng.standard_normal(shape).astype(dtype), rng.standard_normal(cols).astype(dtype)
    y, check = guarded(x.size, dtype, offset)
    program = Program((0, code, cols, 1), (1, code, 0, 1), (2, code, cols, 1))
    program.store(program.do(name, 0, 1), 2)
    fused(kind, isa, [x, b, y], program, rows, cols, threads=2)
    check()
    part = 2003
    for row, col in [(0, 0), (rows - 1, cols - part)]:
        alone = np.empty(part, dtype)
        fused(kind, isa, [x[row, col : col + part].copy(), b[col : col + part].copy(), alone], program, 1, part)
        np.testing.assert_array_equal(y.reshape(shape)[row, col : col + part], alone)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
def test_sum_is_accurate_and_has_the_same_bits_on_all_threads(kind, isa):
    rng = np.random.default_rng(3)
    dtype = FLOATS[kind]
    x = rng.standard_normal(100_003).astype(dtype)
    code = DTYPE_CODE[x.dtype.name]
    sums = []
    for threads in (1, 2):
        total = np.zeros(1, np.float64)
        fused(kind, isa, [x, total], Program((0, code, 0, 1)), 1, x.size, reductions=[(0, 0, 1)], threads=threads)
        sums.append(total[0])
    assert sums[0] == sums[1]
    exact = math.fsum(x.astype(np.float64))
    lanes = 2 * x.itemsize  # the fewest lanes times four, in float32: 16 bytes
    bound = (1024 / (4 * 16 / x.itemsize) + 8) * np.finfo(dtype).eps * np.abs(x).sum(dtype=np.float64)
    assert lanes and abs(sums[0] - exact) <= bound
    x[500] = np.nan
    for how in (1, 2):
        fused(kind, isa, [x, total], Program((0, code, 0, 1)), 1, x.size, reductions=[(how, 0, 1)])
        assert np.isnan(total[0])


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("is_narrow", [False, True])
@pytest.mark.parametrize(
    "outer, rows, cols",
    [
        ((), 1, 2), ((), 5, 3), ((), 40, 17), ((), 9, 100), ((), 33, 512), ((), 3, 513), ((), 4, 1025), ((), 2, 8192),
        ((3,), 1, 70), ((2, 3), 7, 300), ((3,), 2, 5000), ((), 0, 9),
    ],
)  # fmt: skip
def test_reductions_of_rows(outer, rows, cols, is_narrow, kind, isa):
    """Of a product with a row, of what is a number a row less, and of what is read; beside one of all, and a result
    that is stored. `is_narrow`: of results that are not of the program's type."""
    rng = np.random.default_rng(6)
    dtype = np.dtype(FLOATS[kind])
    code, shape, step = DTYPE_CODE[dtype.name], (*outer, rows, cols), math.prod(outer[1:]) * rows
    x, b, c = (sample(rng, n, dtype) for n in (math.prod(shape), cols, math.prod(shape[:-1])))
    x[np.isinf(x)] = 3
    b, c = np.nan_to_num(b, posinf=2, neginf=-2), np.nan_to_num(c, posinf=2, neginf=-2)
    inner = [step * size for size in (cols, 0, 1)]
    strides = [[n, n // max(outer[-1], 1)][: len(outer)] if outer[1:] else [n][: len(outer)] for n in inner]
    other = np.dtype("f8" if kind == "f32" else "f4") if is_narrow else dtype
    made = [guarded(c.size, other) for _ in range(3)]
    y, check = guarded(x.size, dtype)
    total = np.zeros(1, dtype)
    results = [(4 + k, DTYPE_CODE[other.name], 1, 0) for k in range(3)]
    program = Program((0, code, cols, 1), (1, code, 0, 1), (2, code, 1, 0), (3, code, cols, 1), *results)
    product, less = program.do("multiply", 0, 1), program.do("subtract", 0, 2)
    program.store(product, 3)
    buffers = [x, b, c, y, *(m for m, _ in made), total]
    reductions = [4, product, 4, 0, 5, less, 5, 0, 6, 0, 6, 0, 2, less, 7, code]  # sum, max and min of rows, min of all
    reals, outer_strides = [], [strides[0], strides[1], strides[2], strides[0], *[strides[2]] * 3]
    encoded = program.encode(isa, reals)
    ints = [0, 0, len(outer), rows, cols, 4, *outer, *itertools.chain(*outer_strides), *reductions]
    ints[0] = len(ints)
    seen = []
    for threads in (1, 2):
        _kernels.run(f"fused_{kind}", buffers, [*ints, *encoded], reals, threads, isa)
        for is_whole in (check, *(check for _, check in made)):
            is_whole()
        seen.append([m.copy() for m, _ in made])
    for one, two in zip(*seen, strict=True):
        np.testing.assert_array_equal(one, two)
    x, c = x.reshape(shape), c.reshape(*shape[:-1], 1)
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(y.reshape(shape), x * b)
        np.testing.assert_array_equal(seen[0][1], (x - c).max(-1).ravel().astype(other))
        np.testing.assert_array_equal(seen[0][2], x.min(-1).ravel().astype(other))
        np.testing.assert_array_equal(total, (x - c).min(initial=np.inf))
        exact, size = (x * b).sum(-1, dtype=np.float64).ravel(), np.abs(x * b).sum(-1, dtype=np.float64).ravel()
    bound = (1024 / (4 * 16 / dtype.itemsize) + 8) * max(np.finfo(dtype).eps, np.finfo(other).eps) * size
    np.testing.assert_array_equal(np.isnan(seen[0][0]), np.isnan(exact))
    assert (np.abs(seen[0][0] - exact) <= bound)[~np.isnan(exact)].all()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("n", [1, 31, 1024, 20_000, 2_000_003, 4_300_003])
@pytest.mark.parametrize("is_merged", [False, True])
def test_adam_in_place(is_merged, n, kind, isa):
    """The optimizer's pass: three buffers updated where they are, scalars computed once, stores beside reads."""
    rng = np.random.default_rng(4)
    dtype = np.dtype(FLOATS[kind])
    f = DTYPE_CODE[dtype.name]
    p, m, g = (rng.standard_normal(n).astype(dtype) for _ in range(3))
    v = rng.random(n).astype(dtype)
    rate = np.array([0.01], dtype)
    program = Program(*[(k, f, 0, 1) for k in range(4)], (4, f, 0, 0), 0.9, 0.1, 0.999, 0.001, 1e-7, 2.0)
    P, M, VAR, G, RATE, B1, C1, B2, C2, EPSILON, TWO = range(11)
    double_rate = program.do("multiply", RATE, TWO)
    if is_merged:
        new_m = program.do("lerp", M, G, C1)
        program.store(new_m, M)
        step = program.do("square", G)
        new_v = program.do("lerp", VAR, step, C2)
        program.store(new_v, VAR)
        program.do("divide_by_root", new_m, new_v, EPSILON, to=step)
    else:
        step = program.do("multiply", G, C1)
        new_m = program.do("multiply_add", M, B1, step)
        program.store(new_m, M)
        program.do("square", G, to=step)
        program.do("multiply", step, C2, to=step)
        new_v = program.do("multiply_add", VAR, B2, step)
        program.store(new_v, VAR)
        program.do("sqrt", new_v, to=step)
        program.do("add", step, EPSILON, to=step)
        program.do("divide", new_m, step, to=step)
    program.do("multiply", step, double_rate, to=step)
    program.store(program.do("subtract", P, step, to=step), P)
    wanted_m = m.astype(float) * 0.9 + g.astype(float) * 0.1
    wanted_v = v.astype(float) * 0.999 + g.astype(float) ** 2 * 0.001
    wanted_p = p - 0.02 * wanted_m / (np.sqrt(wanted_v) + 1e-7)
    fused(kind, isa, [p, m, v, g, rate], program, 1, n, threads=2)
    eps = np.finfo(dtype).eps
    assert (np.abs(m - wanted_m) <= 2 * eps * (np.abs(wanted_m) + np.abs(g))).all()
    assert (np.abs(v - wanted_v) <= 4 * eps * wanted_v).all()
    # The quotient's error: that of m (absolute) and eight roundings (relative).
    bound = 8 * eps * (np.abs(p) + 0.02 * (np.abs(wanted_m) + np.abs(g)) / np.sqrt(wanted_v))
    assert (np.abs(p - wanted_p) <= bound).all()


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


MERGED = {
    "multiply_sigmoid": lambda a, b: a * sigmoid(b),
    "sigmoid_tanh": lambda a, b: sigmoid(a) * np.tanh(b),
    "add_gelu": lambda x, y: (x + y) * sigmoid((8 / np.pi) ** 0.5 * (x + y + 0.044715 * (x + y) ** 3)),
    "horner": lambda a, b, x, c: (a * x + b) * x + c,
    "horner3": lambda a, b, x, c, d: ((a * x + b) * x + c) * x + d,
    "horner4": lambda a, b, x, c, d, e: (((a * x + b) * x + c) * x + d) * x + e,
    "multiply_add": lambda a, b, c: a * b + c,
    "subtract_product": lambda a, b, c: a - b * c,
    "lerp": lambda a, b, t: (b - a) * t + a,
    "lerp_square": lambda a, b, t: (b * b - a) * t + a,
    "divide_by_root": lambda a, b, c: a / (np.sqrt(b) + c),
    "add_products": lambda a, b, c, d: a * b + c * d,
    "subtract_products": lambda a, b, c, d: a * b - c * d,
    "where_greater": lambda a, b, c, d: np.where(a > b, c, d),
    "clip_line": lambda x, a, low, high, b: np.minimum(np.maximum(x + a, low), high) * b,
    "hard_gate": lambda x, a, low, high, b: x * (np.minimum(np.maximum(x + a, low), high) * b),
    "step_by_root": lambda a, b, c, d, e: a - b * c / (np.sqrt(d) + e),
    "step_by_root_of_sum": lambda a, b, c, d, e: a - b * c / np.sqrt(d + e),
}


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("name", MERGED)
def test_merged_operations(name, kind, isa):
    """With every set of scalars; what is rounded is below 5."""
    rng, n, function = np.random.default_rng(5), 43, MERGED[name]
    dtype = np.dtype(FLOATS[kind])
    code, eps = DTYPE_CODE[dtype.name], np.finfo(dtype).eps
    arity = function.__code__.co_argcount
    for scalars in itertools.product([False, True], repeat=arity):
        inputs = [rng.uniform(0.5, 2, 1 if is_scalar else n).astype(dtype) for is_scalar in scalars]
        out, check = guarded(n, dtype)
        operands = [(k, code, 0, 0 if is_scalar else 1) for k, is_scalar in enumerate(scalars)]
        program = Program(*operands, (arity, code, 0, 1))
        program.store(program.do(name, *range(arity)), arity)
        fused(kind, isa, [*inputs, out], program, 1, n)
        wanted = np.broadcast_to(function(*(x.astype(np.longdouble) for x in inputs)), (n,))
        np.testing.assert_allclose(out, wanted.astype(dtype), rtol=4 * eps, atol=8 * eps, err_msg=str(scalars))
        check()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
def test_division_by_any_root(kind, isa):
    """1 / (sqrt(x) + c) over the whole range of x, c = 0 or not: three operations, each within an ulp."""
    dtype = np.dtype(FLOATS[kind])
    info, code = np.finfo(dtype), DTYPE_CODE[dtype.name]
    special = [0, -0.0, info.smallest_subnormal, info.tiny, info.max, np.inf, -np.inf, np.nan, -1, -info.tiny / 2]
    bits = np.random.default_rng(6).integers(0, np.array(np.inf, dtype).view(f"i{dtype.itemsize}"), 20_000)
    x = np.concatenate([np.array(special, dtype), bits.astype(f"i{dtype.itemsize}").view(dtype)])
    one, y = np.ones(1, dtype), np.empty_like(x)
    for c in (0.0, 1e-7):
        program = Program((0, code, 0, 1), (1, code, 0, 0), c, (2, code, 0, 1))
        program.store(program.do("divide_by_root", 1, 0, 2), 3)
        fused(kind, isa, [x, one, y], program, 1, x.size)
        with np.errstate(all="ignore"):
            wanted = 1 / (np.sqrt(x.astype(np.longdouble)) + np.longdouble(dtype.type(c)))
        np.testing.assert_allclose(y, wanted.astype(dtype), rtol=3 * info.eps)


@pytest.mark.parametrize("isa", ISAS)
def test_value_stored_twice_and_used_after(isa):
    """A value computed in the output's own memory is still there for later instructions and a second output."""
    x = np.linspace(-2, 2, 3000, dtype=np.float32)
    y, z, flag = np.empty_like(x), np.empty_like(x), np.empty(3000, bool)
    program = Program((0, 9, 0, 1), (1, 9, 0, 1), (2, 9, 0, 1), (3, 0, 0, 1))
    doubled = program.do("add", 0, 0)
    used = program.do("square", doubled)
    program.store(doubled, 1)
    program.store(doubled, 3)
    program.store(program.do("add", used, doubled), 2)
    fused("f32", isa, [x, y, z, flag], program, 1, 3000)
    np.testing.assert_array_equal(y, 2 * x)
    np.testing.assert_array_equal(z, np.square(2 * x) + 2 * x)
    np.testing.assert_array_equal(flag, x != 0)


@pytest.mark.parametrize("isa", ISAS)
def test_swap_in_place_keeps_the_old_values_until_they_are_read(isa):
    """a, b = b + 1, a + 2: the first result may not be computed where the second instruction still reads."""
    a, b = np.arange(2000, dtype=np.float32), -np.arange(2000, dtype=np.float32)
    old_a, old_b = a.copy(), b.copy()
    program = Program((0, 9, 0, 1), (1, 9, 0, 1), 1.0, 2.0)
    new_a = program.do("add", 1, 2)
    new_b = program.do("add", 0, 3)
    program.store(new_a, 0)
    program.store(new_b, 1)
    fused("f32", isa, [a, b], program, 1, 2000)
    np.testing.assert_array_equal(a, old_b + 1)
    np.testing.assert_array_equal(b, old_a + 2)
