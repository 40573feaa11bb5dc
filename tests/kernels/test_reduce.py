"""Reductions against NumPy in float64, with the error bound that reduce.c states, on every instruction set."""

import itertools

import numpy as np
import pytest

from fastnn import _kernels
from fastnn._kernels import _engine
from fastnn.ops.reduce import reduction_ints

ISAS = _engine.isas()
TYPES = {"f32": np.float32, "f64": np.float64, "i32": np.int32, "i64": np.int64}
NUMPY = {"sum": np.sum, "prod": np.prod, "max": np.max, "min": np.min, "any": np.any, "all": np.all}

SHAPES = [(), (1,), (7,), (1000, 1), (31, 33), (128, 10), (5, 1025), (2, 40_000), (70_000, 3), (300, 257), (3, 20_000)]
SHAPES += [(4, 3, 5), (2, 17, 9, 33), (3, 1, 4, 2, 5), (0, 3), (3, 0), (2, 0, 4), (64, 8, 8, 16)]
SHAPES += [(151, 2503), (2, 71, 2048), (66, 2049)]
SHAPES += [(6, 2, 16), (3, 9, 1100), (2, 64, 40), (4, 100, 2), (3, 40, 5, 40, 2), (2, 3, 2, 3, 2, 7)]


def axes_of(shape):
    return [axes for n in range(1, len(shape) + 1) for axes in itertools.combinations(range(len(shape)), n)] or [()]


def run(kernel, x, axes, isa, threads=1):
    """The result of a kernel, written between canaries off alignment, from an input off alignment."""
    wanted_shape = tuple(size for k, size in enumerate(x.shape) if k not in axes)
    size = int(np.prod(wanted_shape))
    source = np.zeros(x.size + 1, x.dtype)
    source[1:] = x.reshape(-1)
    raw = np.full(size + 2, 77, x.dtype)
    if x.dtype.kind == "f":
        raw[1:-1] = np.nan
    _kernels.run(kernel, [source[1:], raw[1:-1]], reduction_ints(x.shape, axes), (), threads, isa)
    assert raw[0] == raw[-1] == np.array(77).astype(x.dtype), "wrote outside"
    return raw[1:-1].reshape(wanted_shape)


def sample(rng, name, dtype, shape):
    if np.dtype(dtype).kind == "i":
        return rng.integers(-100, 100, shape).astype(dtype)
    if name == "prod":
        return rng.uniform(0.99, 1.01, shape).astype(dtype)  # products of 80,000 stay in range
    return rng.standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("name", ["sum", "prod", "max", "min"])
def test_rows_with_gaps(name, kind, isa):
    """As of rows without any, to the bit; the gaps are not read."""
    rng = np.random.default_rng(0)
    for rows, cols, stride in [
        (2, 64, 65),
        (9, 65, 200),
        (64, 100, 101),
        (1000, 100, 130),
        (600, 900, 999),
        (66, 2049, 2060),
    ]:
        x = sample(rng, name, TYPES[kind], (rows, cols))
        memory = np.full((rows, stride), 77 if x.dtype.kind == "i" else np.nan, x.dtype)
        memory[:, :cols] = x
        y = np.empty(cols, x.dtype)
        memory = memory.reshape(-1)[: (rows - 1) * stride + cols]
        _kernels.run(f"{name}_{kind}", [memory, y], [cols, 0, 1, rows, stride], (), 2, isa)
        np.testing.assert_array_equal(y, run(f"{name}_{kind}", x, (0,), isa))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("name", ["sum", "prod", "max", "min"])
def test_reduction(name, kind, isa):
    rng = np.random.default_rng(0)
    dtype = TYPES[kind]
    for shape in SHAPES:
        x = sample(rng, name, dtype, shape)
        for axes in axes_of(shape):
            count = int(np.prod([shape[k] for k in axes]))
            if name in ("max", "min") and count == 0:
                continue
            result = run(f"{name}_{kind}", x, axes, isa)
            assert run(f"{name}_{kind}", x, axes, isa, threads=2).tobytes() == result.tobytes(), (shape, axes)
            with np.errstate(over="ignore"):
                wanted = NUMPY[name](x if kind[0] == "i" else x.astype(np.longdouble), axes, **(
                    {"dtype": dtype} if kind[0] == "i" and name in ("sum", "prod") else {}
                ))  # fmt: skip
            if kind[0] == "i" or name in ("max", "min"):
                np.testing.assert_array_equal(result, wanted, f"{shape} {axes}")
                continue
            # In T at most 65 roundings of a partial result and of the result, in float64 one for each further total.
            roundings = 66 * np.finfo(dtype).eps / 2 + count * np.finfo(np.float64).eps / 2
            magnitude = NUMPY[name](np.abs(x).astype(np.longdouble), axes)
            if name == "prod":  # every factor may be a rounding in T
                roundings = (count + 1) * np.finfo(dtype).eps / 2
            assert (np.abs(result - wanted) <= roundings * magnitude).all(), (shape, axes)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", ["f32", "f64"])
@pytest.mark.parametrize("name", ["sum", "max", "min"])
def test_reduction_of_numbers(name, kind, isa):
    """NaN is left out, in every place; what is made of infinities is not."""
    rng = np.random.default_rng(2)
    start = {"sum": 0, "max": -np.inf, "min": np.inf}[name]
    for shape in SHAPES:
        x = np.asarray(rng.standard_normal(shape), TYPES[kind])
        for part in (0.1, 0.5, 1):
            with_nan = np.where(rng.random(shape) < part, TYPES[kind](np.nan), x)
            numbers = np.where(np.isnan(with_nan), TYPES[kind](start), with_nan)
            for axes in axes_of(shape):
                result = run(f"{name}_numbers_{kind}", with_nan, axes, isa)
                assert run(f"{name}_numbers_{kind}", with_nan, axes, isa, threads=2).tobytes() == result.tobytes()
                if name != "sum":
                    np.testing.assert_array_equal(result, NUMPY[name](numbers, axes, initial=start), f"{shape} {axes}")
                    continue
                count = int(np.prod([shape[k] for k in axes]))
                roundings = 66 * np.finfo(TYPES[kind]).eps / 2 + count * np.finfo(np.float64).eps / 2
                wide = numbers.astype(np.longdouble)
                assert (np.abs(result - wide.sum(axes)) <= roundings * np.abs(wide).sum(axes)).all(), (shape, axes)
    for n in (3, 40, 70, 5000):
        x = np.full((2, n), np.nan, TYPES[kind])
        x[0, n // 2] = x[1, n // 3] = np.inf
        x[0, n // 2 - 1] = -np.inf
        for array, axis in ((x, 1), (x.T.copy(), 0)):
            wanted = {"sum": [np.nan, np.inf], "max": [np.inf, np.inf], "min": [-np.inf, np.inf]}[name]
            np.testing.assert_array_equal(run(f"{name}_numbers_{kind}", array, (axis,), isa), np.array(wanted))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("name", ["any", "all"])
def test_any_and_all(name, isa):
    rng = np.random.default_rng(1)
    for shape in SHAPES:
        for axes in axes_of(shape):
            rare = 1 / max(1, np.prod([shape[k] for k in axes]))
            for share in (rare, 0.5):
                x = np.asarray(rng.random(shape) < (share if name == "any" else 1 - share))
                for threads in (1, 2):
                    np.testing.assert_array_equal(run(name, x, axes, isa, threads), NUMPY[name](x, axes))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("shape", [(700, 47, 100), (70, 60, 800), (500, 8, 900)], ids=str)
def test_middle_axis_from_afar(shape, isa):
    """Beyond the caches, where rows are asked for: the next output's, or others of this one."""
    x = np.random.default_rng(1).standard_normal(shape, np.float32)
    result = run("sum_f32", x, (1,), isa)
    assert run("sum_f32", x, (1,), isa, threads=2).tobytes() == result.tobytes()
    magnitude = np.abs(x).sum(1, np.float64)
    assert (np.abs(result - x.sum(1, np.float64)) <= shape[1] * np.finfo("f4").eps / 2 * magnitude).all()
    np.testing.assert_array_equal(run("max_f32", x, (1,), isa), x.max(1))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("name", ["any", "all"])
def test_any_and_all_that_one_element_decides(name, isa):
    """Wherever it is: what follows is not read, what comes before is."""
    for shape, axis in [((70_000,), 0), ((20, 40_000), 1), ((3000, 5), 0), ((900, 1000), 0), ((30, 700, 40), 1)]:
        n = shape[axis]
        for at in {0, 63, 64, n // 2, n - 1}:
            x = np.full(shape, name == "all")
            x.swapaxes(axis, -1)[..., at] ^= True
            x.reshape(-1, shape[-1])[-1] = name == "all"
            x[(0,) * (len(shape) - 1)] |= np.arange(shape[-1]) == shape[-1] - 1
            for threads in (1, 2):
                np.testing.assert_array_equal(run(name, x, (axis,), isa, threads), NUMPY[name](x, axis))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", ["f32", "f64"])
def test_sum_of_squares(kind, isa):
    """Around the lanes, the blocks and the units; the same bits for any number of threads."""
    rng, eps = np.random.default_rng(3), np.finfo(TYPES[kind]).eps
    for n in (0, 1, 15, 16, 17, 31, 33, 63, 64, 65, 100, 1023, 1025, 16383, 16384, 16385, 100_003):
        x = rng.standard_normal(n + 1).astype(TYPES[kind])
        x[0] = np.nan  # off alignment, and outside
        results = []
        for threads in (1, 3):
            y = np.full(3, 77, x.dtype)
            _kernels.run(f"sum_squares_{kind}", [x[1:], y[1:2]], [n], (), threads, isa)
            assert y[0] == y[2] == 77
            results.append(y[1])
        wanted = (x[1:].astype(np.longdouble) ** 2).sum()
        assert results[0] == results[1] and abs(results[0] - wanted) <= 67 * eps / 2 * wanted, n


@pytest.mark.parametrize("isa", ISAS)
def test_extremes_of_64_bits(isa):
    """What no 32 bits hold."""
    info = np.iinfo("int64")
    for n in (1, 5, 40, 1000):
        x = np.full((3, n), 2**33, "int64")
        x[0], x[1, n // 2], x[2, n // 3] = info.min, info.max, info.min
        for name in ("max", "min"):
            for axes in ((0,), (1,), (0, 1)):
                np.testing.assert_array_equal(run(f"{name}_i64", x, axes, isa), NUMPY[name](x, axes))
            y = np.zeros(3, np.int32)
            _kernels.run(f"arg{name}_i64", [x, y], [3, n, 1, 0], (), 1, isa)
            np.testing.assert_array_equal(y, getattr(np, f"arg{name}")(x, 1))


@pytest.mark.parametrize("isa", ISAS)
def test_count(isa):
    """Around a vector, the most that a byte holds, and a unit."""
    rng, most = np.random.default_rng(9), 255 * 64
    for n in (0, 1, 15, 16, 17, 63, 64, 65, 1000, most - 1, most, most + 65, 65535, 65536, 65537, 300_001):
        for rows in (0, 1, 3, 200 if n < 2000 else 2):
            for least in (0.0, 0.5):
                x = rng.random((rows, n)) >= least
                source = np.zeros(x.size + 1, bool)
                source[1:] = x.ravel()
                for threads in (1, 3):
                    raw = np.full(rows + 2, 77, np.int32)
                    _kernels.run("count", [source[1:], raw[1:-1]], [rows, n], (), threads, isa)
                    np.testing.assert_array_equal(raw, [77, *x.sum(1), 77])


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", ["f32", "f64"])
@pytest.mark.parametrize("name", ["max", "min", "sum"])
def test_nan_and_infinity(name, kind, isa):
    x = np.zeros((40, 1200), TYPES[kind])
    x[3, 1100], x[7, 5], x[8, 6] = np.nan, np.inf, -np.inf
    for axes in [(0,), (1,), (0, 1)]:
        with np.errstate(invalid="ignore"):
            wanted = NUMPY[name](x, axes)
        np.testing.assert_array_equal(run(f"{name}_{kind}", x, axes, isa), wanted)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("name", ["sum", "max"])
def test_few_columns_have_the_same_bits_on_every_instruction_set(name, kind):
    rng = np.random.default_rng(7)
    widths = [*range(2, 10), 15, 16, 17, 31, 33, 48, 50, 64, 65, 100, 127, 128, 129, 135, 143, 234]
    for width, rows in itertools.product(widths, [3, 9, 33, 66, 200, 2100]):
        x = sample(rng, name, TYPES[kind], (3, rows, width))
        if kind[0] != "i":
            x[1, rng.integers(rows), [width // 2, -1]] = np.nan
        results = [run(f"{name}_{kind}", x, (1,), isa) for isa in ISAS]
        for result in results:
            assert result.tobytes() == results[0].tobytes(), (rows, width)
        np.testing.assert_allclose(results[0], NUMPY[name](x, 1), rtol=1e-5, atol=1e-4, err_msg=f"{rows} {width}")
        if name == "max":
            np.testing.assert_array_equal(results[0], x.max(axis=1), f"{rows} {width}")
        else:
            wanted, magnitude = x.sum(axis=1, dtype=np.float64), np.abs(x).sum(axis=1, dtype=np.float64)
            eps = 0 if kind[0] == "i" else np.finfo(x.dtype).eps
            is_close = np.abs(results[0] - wanted) <= 33 * eps * magnitude
            np.testing.assert_array_equal(is_close, ~np.isnan(wanted), f"{rows} {width}")  # NaN is near to nothing
            np.testing.assert_array_equal(np.isnan(results[0]), np.isnan(wanted), f"{rows} {width}")


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("name", ["sum", "max", "min"])
@pytest.mark.parametrize(("shape", "axis"), [((2100, 1501), 0), ((200, 1501), 1), ((3, 100001), 1)])
def test_what_is_asked_for_has_the_same_bits_on_every_instruction_set(shape, axis, name, kind):
    x = sample(np.random.default_rng(8), name, TYPES[kind], shape)
    results = [run(f"{name}_{kind}", x, (axis,), isa) for isa in ISAS]
    for result in results:
        assert result.tobytes() == results[0].tobytes()
    if name != "sum":
        np.testing.assert_array_equal(results[0], NUMPY[name](x, axis))
        return
    wanted, magnitude = x.sum(axis, np.longdouble), np.abs(x).sum(axis, np.longdouble)
    eps = 0 if kind[0] == "i" else np.finfo(x.dtype).eps
    assert (np.abs(results[0] - wanted) <= 33 * eps * magnitude).all()


@pytest.mark.parametrize("kind", ["f32", "f64"])
@pytest.mark.parametrize("isa", ISAS)
def test_sums_of_short_rows(kind, isa):
    """To the bit: elements four apart are added in their type, these sums in float64, first to last."""
    rng = np.random.default_rng(9)
    for length, rows in itertools.product(range(2, 9), [1, 7, 33, 9001]):
        x = sample(rng, "sum", TYPES[kind], (rows, length))
        quarters = [x[:, k::4] for k in range(min(length, 4))]
        wanted = np.zeros(rows)
        for each in quarters:
            wanted += each[:, 0] + each[:, 1] if each.shape[1] > 1 else each[:, 0]
        result = run(f"sum_{kind}", x, (1,), isa, threads=2)
        assert result.tobytes() == wanted.astype(x.dtype).tobytes(), (length, rows)


@pytest.mark.parametrize("kind", ["f32", "f64"])
@pytest.mark.parametrize("name", ["max", "min"])
@pytest.mark.parametrize("isa", ISAS)
def test_extremes_of_short_rows(name, kind, isa):
    """With NaN and infinities anywhere: many rows are taken at once."""
    rng = np.random.default_rng(10)
    for length, rows in itertools.product(range(2, 9), [1, 7, 33, 9001]):
        x = sample(rng, name, TYPES[kind], (rows, length))
        for special in (np.nan, np.inf, -np.inf):
            x[rng.random(x.shape) < 0.05] = special
        result = run(f"{name}_{kind}", x, (1,), isa, threads=2)
        np.testing.assert_array_equal(result, NUMPY[name](x, 1), err_msg=f"{(length, rows)}")


@pytest.mark.parametrize("kind", ["f32", "f64"])
@pytest.mark.parametrize("name", ["sum", "prod", "max", "min"])
def test_rows_have_the_same_bits_on_every_instruction_set(name, kind):
    """Lengths around vectors and lanes; NaN in each place of a row in turn."""
    rng = np.random.default_rng(4)
    for length in [*range(1, 36), 63, 64, 65, 127, 128, 129, 1023, 1024, 1025, 1056, 2049]:
        x = sample(rng, name, TYPES[kind], (length + 1, length))
        x[range(length), range(length)] = np.nan
        results = [run(f"{name}_{kind}", x, (1,), isa) for isa in ISAS]
        assert np.isnan(results[0][:-1]).all() and np.isfinite(results[0][-1]), length
        assert all(result.tobytes() == results[0].tobytes() for result in results), length
        if name in ("max", "min"):
            for isa in ISAS:
                y = np.full(length + 1, 77, np.int32)
                _kernels.run(f"arg{name}_{kind}", [x, y], [length + 1, length, 1, 0], (), 1, isa)
                assert y.tolist() == [*range(length), getattr(np, f"arg{name}")(x[-1])], length


@pytest.mark.parametrize("kind", ["f32", "f64"])
@pytest.mark.parametrize("name", ["sum", "prod"])
def test_columns_have_the_same_bits_on_every_instruction_set(name, kind):
    """Widths around vectors, with few rows and more than lie side by side; rows that lie apart."""
    rng = np.random.default_rng(6)
    shapes = [(3, rows, cols) for rows in (2, 8, 9, 20, 64, 65, 200) for cols in (2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 40)]
    for shape, axes in [*((shape, (1,)) for shape in shapes), ((5, 3, 50, 2, 4), (0, 2, 4)), ((40, 3, 100), (0, 2))]:
        x = sample(rng, name, TYPES[kind], shape)
        results = [run(f"{name}_{kind}", x, axes, isa) for isa in ISAS]
        assert all(result.tobytes() == results[0].tobytes() for result in results), (shape, axes)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_position_of_extreme(name, kind, isa):
    """Few distinct values, so that ties are everywhere; NaN here and there."""
    rng = np.random.default_rng(2)
    for shape in [(1,), (10,), (128, 10), (3, 1025), (4, 5, 6), (2, 33, 300), (40_000, 2), (0, 3)]:
        x = rng.integers(0, 5, shape).astype(TYPES[kind])
        for with_nan in (False, True):
            if with_nan and kind[0] != "i":
                x[rng.random(shape) < 0.05] = np.nan
            for axis in range(len(shape)):
                if shape[axis] == 0:
                    continue
                outer, inner = int(np.prod(shape[:axis])), int(np.prod(shape[axis + 1 :]))
                for threads in (1, 2):
                    y = np.full(outer * inner + 2, 77, np.int32)
                    _kernels.run(f"{name}_{kind}", [x, y[1:-1]], [outer, shape[axis], inner, 0], (), threads, isa)
                    np.testing.assert_array_equal(y[1:-1], getattr(np, name)(x, axis).reshape(-1), f"{shape} {axis}")
                    assert y[0] == y[-1] == 77


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_extreme_in_each_place(name, kind, isa):
    """In each place of a row in turn, and again in the last; of floats infinities of both signs, whose sum is NaN."""
    for length in [*range(1, 36), 63, 64, 65, 127, 128, 129, 200, 1000, 1025]:
        x = np.ones((length, length), TYPES[kind])
        for extreme in (3, np.inf)[: 1 if kind[0] == "i" else 2]:
            extreme = extreme if name == "argmax" else -extreme
            x[:, length // 2] = -extreme
            x[range(length), range(length)] = x[:, -1] = extreme
            y = np.full(length, 77, np.int32)
            _kernels.run(f"{name}_{kind}", [x, y], [length, length, 1, 0], (), 1, isa)
            assert y.tolist() == [*range(length)], (length, extreme)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", TYPES)
def test_largest_of_rows(kind, isa):
    """Few distinct values and many, in rows that rise too; NaN and infinities here and there, at last the most."""
    rng = np.random.default_rng(5)
    for outer, n in [(1, 1), (40, 10), (300, 17), (3, 1025), (2, 20_000), (0, 3)]:
        for x in (rng.integers(0, 5, (outer, n)), rng.permuted(np.arange(outer * n).reshape(outer, n), axis=1)):
            x = x.astype(TYPES[kind])
            rising = np.sort(x)
            if kind[0] != "i":
                x[rng.random(x.shape) < 0.05] = np.nan
                x[rng.random(x.shape) < 0.05] = -np.inf
                rising[:, 1:] = np.nan
            for rows in (x, rising):
                for k in {1, min(5, n), min(n, 128)}:
                    order = np.argsort(-rows, axis=1, kind="stable")[:, :k]
                    for threads in (1, 2):
                        largest, where = np.full((outer, k), 77, TYPES[kind]), np.full(outer * k + 2, 77, np.int32)
                        buffers = [rows, largest, where[1:-1]]
                        _kernels.run(f"top_k_{kind}", buffers, [outer, n, 1, k], (), threads, isa)
                        np.testing.assert_array_equal(where[1:-1], order.reshape(-1), f"{outer} {n} {k}")
                        np.testing.assert_array_equal(largest, np.take_along_axis(rows, order, 1))
                        assert where[0] == where[-1] == 77


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("reverse", [False, True])
def test_cumsum(reverse, kind, isa):
    """Totals are in float64: one rounding to T, and one in float64 for each term."""
    rng = np.random.default_rng(3)
    for shape in [(1,), (1000,), (3, 1025), (4, 5, 6), (2, 33, 300), (5000, 2), (0, 3), (3, 0)]:
        x = sample(rng, "sum", TYPES[kind], shape)
        for axis in range(len(shape)):
            wanted = np.cumsum(
                np.flip(x, axis) if reverse else x, axis, dtype=TYPES[kind] if kind[0] == "i" else np.longdouble
            )
            magnitude = np.cumsum(np.abs(np.flip(x, axis) if reverse else x), axis, dtype=np.longdouble)
            if reverse:
                wanted, magnitude = np.flip(wanted, axis), np.flip(magnitude, axis)
            y = x.copy()  # in place
            ints = [int(np.prod(shape[:axis])), shape[axis], int(np.prod(shape[axis + 1 :])), int(reverse)]
            _kernels.run(f"cumsum_{kind}", [y, y], ints, (), 2, isa)
            eps = 0 if kind[0] == "i" else np.finfo(x.dtype).eps / 2 + shape[axis] * np.finfo(np.float64).eps / 2
            assert (np.abs(y - wanted) <= eps * magnitude).all(), (shape, axis)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", TYPES)
def test_cumprod(kind, isa):
    """Totals are in float64: one rounding to T, and one in float64 for each factor. Integers wrap."""
    rng = np.random.default_rng(5)
    for shape in [(1,), (1000,), (3, 1025), (4, 5, 6), (2, 33, 300), (5000, 2), (0, 3), (3, 0)]:
        x = sample(rng, "prod", TYPES[kind], shape)
        for axis in range(len(shape)):
            wanted = np.cumprod(x, axis, dtype=TYPES[kind] if kind[0] == "i" else np.longdouble)
            y = x.copy()  # in place
            ints = [int(np.prod(shape[:axis])), shape[axis], int(np.prod(shape[axis + 1 :])), 0]
            _kernels.run(f"cumprod_{kind}", [y, y], ints, (), 2, isa)
            eps = 0 if kind[0] == "i" else np.finfo(x.dtype).eps / 2 + shape[axis] * np.finfo(np.float64).eps / 2
            assert (np.abs(y - wanted) <= eps * np.abs(wanted)).all(), (shape, axis)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", ["f32", "f64"])
def test_cumprod_at_the_ends_of_the_range(kind, isa):
    """A product of neighbours that is beyond the range does not make the running one so; zero and NaN stay."""
    big, zero = {"f32": 1e30, "f64": 1e300}[kind], 0.0
    x = np.array([1 / big, big, big, 1 / big, zero, 5, np.inf, 1, 2], TYPES[kind])
    y = np.empty_like(x)
    _kernels.run(f"cumprod_{kind}", [x, y], [1, x.size, 1, 0], (), 1, isa)
    with np.errstate(invalid="ignore"):
        wanted = np.cumprod(x.astype(np.longdouble))
    np.testing.assert_allclose(y, wanted, rtol=4 * np.finfo(x.dtype).eps)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", ["f32", "f64"])
@pytest.mark.parametrize("reverse", [False, True])
def test_linear_recurrence(reverse, kind, isa):
    """In float64, rounded once to T: a step has the errors of those before it, times factors of at most 1."""
    rng = np.random.default_rng(6)
    for shape in [(1,), (1000,), (11, 25), (3, 1025), (4, 5, 6), (2, 33, 300), (5000, 2), (0, 3), (3, 0)]:
        a = rng.uniform(-1, 1, shape).astype(TYPES[kind])
        b = rng.standard_normal(shape).astype(TYPES[kind])
        for axis in range(len(shape)):
            wanted, last = np.zeros(shape, np.longdouble), 0
            for i in reversed(range(shape[axis])) if reverse else range(shape[axis]):
                at = (slice(None),) * axis + (i,)
                last = wanted[at] = b[at] + a[at].astype(np.longdouble) * last
            ints = [int(np.prod(shape[:axis])), shape[axis], int(np.prod(shape[axis + 1 :])), int(reverse)]
            y = b.copy()  # in place of b
            _kernels.run(f"linear_recurrence_{kind}", [a, y, y], ints, (), 2, isa)
            bound = np.finfo(y.dtype).eps * np.abs(wanted)
            if wanted.size:
                bound += 2 * shape[axis] * np.finfo(np.float64).eps * np.max(np.abs(wanted))
            assert (np.abs(y - wanted) <= bound).all(), (shape, axis)
