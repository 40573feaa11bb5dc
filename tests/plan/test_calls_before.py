"""Eager calls that find the plan of one made before: what differs in layout, bytes or type must not take it."""

import ctypes
import functools
import itertools
import mmap
import threading

import numpy as np
import pytest

from fastnn import config, ops
from fastnn._kernels import _engine
from fastnn.autodiff import GradientTape, jit
from fastnn.graph.symbolic import KerasTensor
from fastnn.graph.variable import Variable
from fastnn.ops import elementwise, record
from fastnn.plan import copying, executable
from fastnn.plan import function as plan_function

rng = np.random.default_rng(0)
X = rng.standard_normal((6, 4)).astype(np.float32)


def again(function, *args):
    """The results of a second and a third call."""
    function(*args)
    return [function(*args) for _ in range(2)]


@pytest.mark.parametrize("shape", [(), (1,), (0,), (3, 0, 2), (10,), (2, 3, 4, 5, 1, 2), (20_000,)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "uint8"])
def test_shapes_and_dtypes(shape, dtype):
    x = np.asarray(10 * rng.random(shape), dtype)
    for y in again(ops.add, x, x):
        assert y.dtype == dtype and y.flags.writeable
        np.testing.assert_array_equal(y, x + x)


@pytest.mark.parametrize("x", [X[::2], X.T, X[:, 1:3], X[::-1], X[:, :1].T, X.astype(">f4"), X.T.astype(">f4")])
def test_after_the_same_shape_in_plain_layout(x):
    plain = np.ascontiguousarray(x, np.float32)
    for expected in again(ops.exp, plain):
        np.testing.assert_array_equal(ops.exp(x), expected)
        np.testing.assert_array_equal(ops.exp(plain), expected)


@pytest.mark.parametrize("shape", [(5, 3), (130, 70), (3, 40, 1, 90)])
def test_arrays_whose_last_axes_have_changed_places(shape, monkeypatch):
    """They are read as they lie, by a plan that knows it: nothing is copied before."""
    monkeypatch.setattr(executable, "contiguous", None)
    x = rng.standard_normal(shape).astype(np.float32)
    turned = x.swapaxes(-1, -2)
    plain = np.ascontiguousarray(turned)
    for function in (
        lambda v: ops.sum(v, -1), ops.max, lambda v: ops.mean(v, (0, -1), keepdims=True), ops.exp, ops.isnan,
        lambda v: ops.add(v, plain), lambda v: ops.matmul(v, x), lambda v: ops.matmul(x, v), ops.transpose,
    ):  # fmt: skip
        for expected in again(function, plain):
            for y in again(function, turned):
                np.testing.assert_allclose(y, expected, rtol=2e-5, atol=2e-5)
                lies_as_given = function in (ops.exp, ops.isnan) and x.size > 4096
                assert (y.swapaxes(-1, -2) if lies_as_given else y).flags.c_contiguous and y.shape == expected.shape


def test_results_do_not_share_memory():
    first, second = again(ops.negative, X)
    first[...] = 0
    np.testing.assert_array_equal(second, -X)


def test_several_results_and_parameters():
    for values, indices in again(ops.top_k, X, 2):
        np.testing.assert_array_equal(values, -np.sort(-X, axis=-1)[:, :2])
        np.testing.assert_array_equal(np.take_along_axis(X, indices, -1), values)
    for axis in (0, 1, -1, (0, 1), [0], None):
        numpy_axis = tuple(axis) if isinstance(axis, list) else axis
        for keepdims in (False, True):
            for y in again(lambda axis=axis, keepdims=keepdims: ops.max(X, axis=axis, keepdims=keepdims)):
                np.testing.assert_array_equal(y, X.max(axis=numpy_axis, keepdims=keepdims))


def test_keys_tell_calls_apart():
    arrays = [X, X.T, X.reshape(24), X.reshape(24, 1), X.astype(np.float64), X.astype(np.int32), X.astype(">f4")]
    arrays += [X.astype(np.uint32), X.astype(np.complex64), X.astype(np.float16), X.astype(bool), X[0, 0, ...]]
    keys = [_engine.call_key("op", "isa", (x,), {}) for x in arrays]
    keys += [_engine.call_key("op", "isa", (X, X), {}), _engine.call_key("op", "isa", (X,), {"axis": 0})]
    keys += [_engine.call_key("op", "isa", (X,), {"axis": 1}), _engine.call_key("op", "isa", (X,), {"k": 1})]
    assert None not in keys and len(set(keys)) == len(keys)
    assert _engine.call_key("op", "isa", (X,), {"axis": 1}) == keys[-2]


NUMBERS = [0, -0.0, 2.5, 7, -3, 255, 300, 2**24 + 1, 2**40 + 1, 2**63, 1e-320, 1e39, float("inf"), float("nan"), True]


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int8", "uint8", "int32", "int64", "bool"])
@pytest.mark.parametrize("op", [ops.add, ops.divide, ops.greater, ops.maximum, ops.mod])
@pytest.mark.filterwarnings("ignore")
def test_numbers_beside_arrays(op, dtype):
    """They are of the dtype that they have where an array of them is made first, and have its bits."""
    x = (4 * rng.random(7) + 1).astype(dtype)
    for number in NUMBERS:
        for args in ((x, number), (number, x), (x.astype(">" + x.dtype.str[1:]), number)):
            try:
                expected = op(*args)
            except OverflowError:
                for _ in range(2):
                    with pytest.raises(OverflowError):
                        op(*args)
                continue
            same = elementwise._not_bools(*args) if op is ops.mod else args
            for y in [*again(op, *args), record.REGISTRY[op.__name__].apply(same, {})]:
                assert y.dtype == expected.dtype
                assert y.tobytes() == expected.tobytes()


def test_two_numbers_and_numbers_that_change():
    for low, high in ((-1, 1), (-0.5, 0.5), (-1.0, 0.25), (0, 10**30)):
        for y in again(ops.clip, X, low, high):
            np.testing.assert_array_equal(y, np.clip(X, np.float32(low), np.float32(high)))


def test_python_is_not_asked_again(monkeypatch):
    """Not for arrays, nor for arrays that lie turned, nor for numbers beside them."""
    calls = [(ops.exp, X), (ops.exp, X.T), (ops.add, X, X), (ops.add, X, 2.5), (ops.maximum, 3, X)]
    expected = [again(op, *args)[1] for op, *args in calls]
    monkeypatch.setattr(record.Op, "apply", None)
    monkeypatch.setattr(executable.Executable, "run", None)
    for (op, *args), y in zip(calls, expected, strict=True):
        np.testing.assert_array_equal(op(*args), y)


def test_python_is_not_asked_again_of_what_is_one_plan(monkeypatch):
    """Nor of constants, of lists of arrays, of several results, of matrices that lie turned, and of large scratch."""
    calls = [
        (ops.silu, X), (ops.leaky_relu, X, 0.3), (ops.stack, [X, X], 1), (ops.stack, (X, X[::-1].copy())),
        (ops.dot, X, X.T), (ops.matmul, X.T, X), (ops.roll, X, 7, (0, 1)), (ops.unstack, X), (ops.std, X),
    ]  # fmt: skip
    calls = [(op, args, {}) for op, *args in calls] + [(ops.var, [X], {"axis": (0, 1), "keepdims": True})]
    expected = [[op(*args, **kwargs) for _ in range(3)][2] for op, args, kwargs in calls]
    is_quick = [hasattr(op, "compiled") for op, _, _ in calls]
    assert sum(is_quick) >= 6
    monkeypatch.setattr(plan_function._OnePlan, "apply", None)
    monkeypatch.setattr(executable.Executable, "run", None)
    for (op, args, kwargs), y, quick in zip(calls, expected, is_quick, strict=True):
        if quick:
            np.testing.assert_array_equal(op(*args, **kwargs), y)


def test_constants_are_told_apart():
    def by(x, *constants, **named):
        return ops.add(x, float(len(repr((constants, sorted(named.items()))))))

    one_plan = plan_function.as_one_plan(by)
    constants = [(), (1,), (1.0,), (True,), ("a",), (None,), ((1, 2),), ([1, 2],), ((1, 2.0),), ((1,), 2), (1, (2,))]
    for _ in range(3):
        for given in constants:
            np.testing.assert_array_equal(one_plan(X, *given), by(X, *given))
            named = {f"k{k}": x for k, x in enumerate(given)}
            np.testing.assert_array_equal(one_plan(X, **named), by(X, **named))
    assert len(one_plan.compiled.called) == 2 * len(constants) - 1


def test_arrays_in_lists_are_told_apart():
    def many(x, y):
        return ops.add(x[0], y[0]) if len(x) == 1 else ops.subtract(x[0], x[1])

    one_plan = plan_function.as_one_plan(many)
    for _ in range(3):
        for args in (([X], [X, X]), ([X, X], [X]), ((X,), [X, X]), ([X], (X, X))):
            np.testing.assert_array_equal(one_plan(*args), many(*args))


def test_settings_are_part_of_a_plan():
    one_plan = plan_function.as_one_plan(lambda x: ops.add(x, config.epsilon()))
    before = config.epsilon()
    try:
        for epsilon in (0.5, 0.25, 0.5, 0.25):
            config.set_epsilon(epsilon)
            np.testing.assert_array_equal(one_plan(X), X + np.float32(epsilon))
    finally:
        config.set_epsilon(before)


def test_plans_that_are_dropped_are_not_found():
    one_plan = plan_function.as_one_plan(lambda x: ops.add(x, x))
    for n in range(1, 200):
        np.testing.assert_array_equal(one_plan(X.ravel()[:1].repeat(n)), 2 * X.ravel()[:1].repeat(n))
    compiled = one_plan.compiled
    assert {*compiled.called.values()} <= {*compiled.executables()} and len(compiled.executables()) <= 64


def test_while_a_tape_or_a_trace_watches():
    again(ops.multiply, X, 3.0)
    with GradientTape() as tape:
        x = Variable(X)
        y = ops.multiply(x, 3.0)
    np.testing.assert_array_equal(tape.gradient(y, x), np.full(X.shape, 3.0, np.float32))
    assert isinstance(ops.multiply(KerasTensor((6, 4)), X), KerasTensor)


class Subclass(np.ndarray):
    pass


NO_NUMBERS = [X.tolist(), 1.0, np.array(["a"]), np.zeros(2, "M8[s]"), X.view(Subclass), np.zeros(2, "f4,f4")]


@pytest.mark.parametrize("x", NO_NUMBERS)
def test_no_key_of_what_is_no_array_of_numbers(x):
    assert _engine.call_key("op", "isa", (x,), {}) is None


def test_subclasses_are_read_as_arrays():
    ops.abs(X)
    for y in again(ops.abs, X.view(Subclass)):
        assert type(y) is np.ndarray
        np.testing.assert_array_equal(y, np.abs(X))


def test_while_plans_are_timed():
    ops.sin(X)
    config.profile()
    try:
        np.testing.assert_allclose(ops.sin(X), np.sin(X), atol=1e-6)
    finally:
        config.profile(False)


def test_a_failing_call_says_so_each_time():
    for _ in range(3):
        with pytest.raises(IndexError, match="out of range"):
            ops.take(X, np.array([0, 7], np.int32), axis=0)


def test_more_threads_than_before_and_many_callers():
    wanted = np.tanh(X.astype(np.float64))
    try:
        for count in (1, 3, 2):
            config.set_threads(count)
            np.testing.assert_allclose(ops.tanh(X), wanted, atol=1e-6)
    finally:
        config.set_threads(None)
    errors = []

    def call():
        for k in range(2000):
            if not np.array_equal(ops.add(X, np.float32(k) + X), X + (np.float32(k) + X)):
                errors.append(k)

    callers = [threading.Thread(target=call) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not errors


ORDERS = [(1, 0), (2, 0, 1), (1, 2, 0), (2, 1, 0), (0, 2, 1), (1, 3, 0, 2)]


@pytest.mark.parametrize("dtype", ["float32", "int64", "bool"])
@pytest.mark.parametrize("order", ORDERS)
def test_arrays_in_another_order_give_results_in_it(order, dtype):
    """Each element has the bits that it has of contiguous copies, and lies where those of the arrays do."""
    rng = np.random.default_rng(0)
    sizes = {2: (70, 90), 3: (13, 40, 17), 4: (7, 11, 1, 90)}[len(order)]
    x, y = ((rng.standard_normal(sizes) * 9).astype(dtype).transpose(order) for _ in range(2))
    for call in (ops.add, ops.maximum, ops.greater, lambda a, b: ops.exp(a), lambda a, b: ops.cast(a, "float64"),
                 lambda a, b: ops.multiply(a, 3), lambda a, b: ops.where(a > 0, a, b)):  # fmt: skip
        found, wanted = call(x, y), call(np.ascontiguousarray(x), np.ascontiguousarray(y))
        np.testing.assert_array_equal(found, wanted)
        assert found.dtype == wanted.dtype and wanted.flags.c_contiguous
        assert found.transpose(np.argsort(order)).flags.c_contiguous
    with GradientTape():
        np.testing.assert_array_equal(ops.add(x, y), ops.add(np.ascontiguousarray(x), np.ascontiguousarray(y)))


@pytest.mark.parametrize("order", ORDERS)
def test_reductions_of_arrays_in_another_order(order):
    sizes = {2: (70, 90), 3: (13, 40, 17), 4: (7, 11, 1, 90)}[len(order)]
    x = np.random.default_rng(0).standard_normal(sizes).astype("float32").transpose(order)
    axes = [axes for n in range(1, x.ndim + 1) for axes in itertools.combinations(range(x.ndim), n)]
    for axis in axes:
        for keepdims in (False, True):
            for name in ("sum", "max", "mean"):
                found, wanted = getattr(ops, name)(x, axis, keepdims), getattr(np, name)(x, axis, keepdims=keepdims)
                assert found.shape == wanted.shape and found.dtype == wanted.dtype
                np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)
            np.testing.assert_array_equal(ops.any(x > 3, axis, keepdims), np.any(x > 3, axis, keepdims=keepdims))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
@pytest.mark.parametrize("width", [255, 256, 300, 1000])
def test_rows_that_lie_apart_are_reduced_where_they_lie(width, dtype):
    """Sums of all and of rows are those of a copy, NaN and all; other axes, short rows and integers are copied."""
    memory = at_the_end_of_memory(70 * 5 * 1100, dtype).reshape(70, 5, 1100)
    x = memory[:, 1:, 1100 - width :]
    for axis in ((0, 1, 2), (2,), (1,), (0,), (1, 2)):
        for name in ("sum", "max", "min", "mean"):
            for keepdims in (False, True):
                found = getattr(ops, name)(x, axis, keepdims)
                wanted = getattr(np, name)(x.astype("float64"), axis, keepdims=keepdims)
                assert found.shape == wanted.shape
                np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5 * x.size**0.5)
    if dtype != "int32":
        memory[3, 2, 1099] = np.nan
        for name in ("sum", "max", "min", "mean"):
            found = getattr(ops, name)(x, 2)
            assert np.isnan(found[3, 1]) and np.isnan(found).sum() == 1 and np.isnan(getattr(ops, name)(x))
    windows = [(key, plan) for key, plan in record._executables.items() if type(key[2]) is tuple and key[2][0]]
    mine = [
        (key[0].name, dict(key[4:])["axis"], plan) for key, plan in windows
        if key[2][0][0] == x.shape and key[3][1] == x.dtype.char and key[0].name in ("sum", "max", "min", "mean")
    ]  # fmt: skip
    assert all(plan is not None for _, _, plan in mine)
    is_read = dtype != "int32" and width >= 256
    wanted = set(itertools.product(("sum", "max", "min", "mean"), [(0, 1, 2), (2,)])) if is_read else set()
    assert {(name, axis) for name, axis, _ in mine} == wanted


def at_the_end_of_memory(n: int, dtype) -> np.ndarray:
    """Random elements, of which the last is followed by what cannot be read."""
    nbytes = n * np.dtype(dtype).itemsize
    pages = np.frombuffer(mmap.mmap(-1, (nbytes // mmap.PAGESIZE + 2) * mmap.PAGESIZE), "uint8")
    end = pages.ctypes.data + pages.nbytes - mmap.PAGESIZE
    assert not ctypes.CDLL(None).mprotect(ctypes.c_void_p(end), ctypes.c_size_t(mmap.PAGESIZE), 0)
    x = pages[pages.size - mmap.PAGESIZE - nbytes : -mmap.PAGESIZE].view(dtype)
    x[:] = np.random.default_rng(0).integers(-90, 90, n)
    return x


WINDOWS = {
    "every second": ((70_001,), (2,)), "every third": ((70_001,), (3,)), "every fourth": ((70_001,), (4,)),
    "backwards": ((70_001,), (-1,)), "columns": ((120, 600), (700, 1)), "every second row": ((120, 600), (1200, 1)),
    "rows backwards": ((120, 600), (-600, 1)), "a row again and again": ((120, 600), (0, 1)),
    "a column again and again": ((120, 600), (2, 0)), "every second of rows": ((120, 600), (1300, 2)),
    "images": ((7, 20, 600), (30 * 1300, 1300, 2)), "rows that overlap": ((120, 600), (7, 1)),
    "channels": ((30_000, 3), (3, -1)), "columns of columns": ((300, 250), (2, 900)),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "int32"])
@pytest.mark.parametrize("shape, strides", WINDOWS.values(), ids=WINDOWS)
def test_windows_are_read_where_they_lie(shape, strides, dtype):
    """They have the bits of contiguous copies, which are not made where a kernel reads them as fast, and nothing behind
    them is read."""
    reach = [(n - 1) * s for n, s in zip(shape, strides, strict=True)]
    memory = at_the_end_of_memory(1 + sum(map(abs, reach)), dtype)[-sum(r for r in reach if r < 0) :]
    x = np.lib.stride_tricks.as_strided(memory, shape, [s * memory.itemsize for s in strides])
    copy = np.ascontiguousarray(x)
    is_long = shape[-1] >= 64 and abs(strides[-1]) <= 4
    is_quick = dtype in ("float32", "float64") or (x.itemsize == 4 and strides[-1] == 2)
    is_window = is_long and x.itemsize >= 4 and (strides[-1] in (0, 1) or is_quick)
    assert not x.flags.c_contiguous
    for call in (ops.add, ops.greater, lambda a, b: ops.abs(b), lambda a, b: ops.multiply(a, 3), ops.maximum,
                 lambda a, b: ops.add(a, 2.5), lambda a, b: ops.exp(b), lambda a, b: ops.cast(b, "float32"),
                 lambda a, b: ops.cast(b, "float64")):  # fmt: skip
        for a, b in ((x, x), (x, copy), (copy, x), (x, x[..., ::-1]), (x, copy[..., :1])):
            found, wanted = call(a, b), call(np.ascontiguousarray(a), np.ascontiguousarray(b))
            np.testing.assert_array_equal(found, wanted)
            assert found.dtype == wanted.dtype
    for a, b, axis in ((x, x, 0), (x, copy, -1), (copy, x[..., ::-1], 0)):
        found = ops.concatenate([a, b], axis)
        np.testing.assert_array_equal(found, np.concatenate([a, b], axis))
        assert found.dtype == x.dtype and found.flags.c_contiguous
    windows = [(key, plan) for key, plan in record._executables.items() if type(key[2]) is tuple and key[2][0]]
    mine = {
        (key[0].name, plan is None) for key, plan in windows
        if key[2][0] == (shape, -sum(r for r in reach if r < 0), strides) and key[3][1] == x.dtype.char
    }  # fmt: skip
    assert (("add", False) in mine) == is_window and (("concatenate", False) in mine) == (x.itemsize > 1)
    assert not any(is_in_vain for _, is_in_vain in mine)
    with GradientTape():
        np.testing.assert_array_equal(ops.add(x, x), ops.add(copy, copy))


def test_many_numbers_with_gaps_are_read_where_they_lie():
    for dtype in ("float32", "float64"):
        x = np.arange(1 << 21, dtype=dtype)[::2]
        np.testing.assert_array_equal(ops.add(x, x), x + x)
        places = [key[2] for key in record._executables if key[0].name == "add" and type(key[2]) is tuple]
        assert (x.shape, 0, (2,)) in [place for found in places for place in found]


@pytest.mark.parametrize("dtype", ["float32", "int16", "complex64", "complex128"])
def test_windows_are_joined_in_a_plan(dtype):
    x = np.random.default_rng(0).integers(-90, 90, (40, 1400)).astype(dtype)
    y = x[:, ::-1].copy()
    joined = jit(lambda x, y: ops.concatenate([x[:, ::2], y[1:31, 20:720], x[::-1, :700], y[:, :700]], 0))
    wanted = np.concatenate([x[:, ::2], y[1:31, 20:720], x[::-1, :700], y[:, :700]], 0)
    np.testing.assert_array_equal(joined(x, y), wanted)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "bool", "int16", "float32"])
def test_windows_of_one_row_that_is_longer_than_a_tile(dtype):
    rng = np.random.default_rng(0)
    x, *others = [rng.integers(0, 2, n).astype(dtype) for n in (200_000, 100_000, 100_000, 100_000, 100_000, 100_000)]
    for step in (2, -2):
        join = ops.logical_or if dtype == "bool" else ops.maximum
        call = jit(lambda x, *ys, step=step, join=join: functools.reduce(join, ys, x[::step]))
        for count in (1, 5):
            wanted = functools.reduce(np.maximum, others[:count], x[::step])
            np.testing.assert_array_equal(call(x, *others[:count]), wanted)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "int16"])
def test_parts_of_rows_are_stacked_where_they_lie(dtype):
    memory = at_the_end_of_memory(301 * 700, dtype).reshape(301, 700)
    x, y = memory[:, :350], memory[:, 350:]
    for parts in ((x, y), [x, np.ascontiguousarray(y)], [np.ascontiguousarray(x), y[::-1]], [x.T, y.T]):
        for axis in (0, 1, 2, -1):
            found = ops.stack(parts, axis)
            np.testing.assert_array_equal(found, np.stack(parts, axis))
            assert found.dtype == x.dtype and found.flags.c_contiguous
    key = ((1, *x.shape), 0, (0, 700, 1))
    joined = [
        plan for key_of, plan in record._executables.items()
        if key_of[0].name == "concatenate" and type(key_of[2]) is tuple and key_of[2][0] == key
        and key_of[3][1] == x.dtype.char
    ]  # fmt: skip
    assert bool(joined) == (x.itemsize > 1) and None not in joined
    with pytest.raises(ValueError, match="one shape"):
        ops.stack([x, y[1:]])


def test_memory_that_no_kernel_reads():
    x = np.random.default_rng(0).standard_normal((400, 500)).astype("float32")
    raw = np.zeros(4 * 100_000 + 1, "uint8")
    for a in (x[:10, ::2], x.astype(">f4")[:, ::2], x.astype("i1")[:, ::2], x.view("c8")[:, ::2], x > 0,
              raw[1:].view("float32")[::2], np.zeros(70_000, [("a", "i2"), ("b", "f4")])["b"]):  # fmt: skip
        assert copying.in_memory(a) is None
        np.testing.assert_array_equal(ops.add(a, a), ops.add(np.ascontiguousarray(a), np.ascontiguousarray(a)))
    half = x[:, ::2]
    np.testing.assert_array_equal(ops.add(half, x[:, 250:].astype("float64")), half + x[:, 250:].astype("float64"))
    np.testing.assert_array_equal(ops.add(half, x[:10, ::2].mean()), half + x[:10, ::2].mean())
    np.testing.assert_array_equal(ops.where(half > 0, half, 2.0), np.where(half > 0, half, np.float32(2)))


def test_arrays_that_lie_in_no_common_order():
    """Gaps, an order of each, shapes that broadcast, another order of bytes: results are contiguous, as ever."""
    x = np.random.default_rng(0).standard_normal((80, 80, 3)).astype("float32")
    turned = x.transpose(1, 0, 2)
    for a, b in ((x, turned), (turned, x), (turned[::2], turned[::2]), (turned[:, ::-1], turned), (turned, x[0]),
                 (turned, turned.astype(">f4")), (x[::2], x[::2])):  # fmt: skip
        found = ops.add(a, b)
        np.testing.assert_array_equal(found, np.add(a, b))
        np.testing.assert_allclose(ops.sum(b, -1), np.sum(b, -1, dtype="float64"), rtol=1e-4, atol=1e-5)
    assert ops.add(x, turned).flags.c_contiguous and ops.add(turned[::2], 1).flags.c_contiguous
