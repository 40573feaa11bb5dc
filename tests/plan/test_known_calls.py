"""Public functions that know the plans of calls made before: what they give is what their Python code gives."""

import copy
import gc
import inspect
import pickle
import threading
import weakref

import numpy as np
import pytest

from fastnn import _kernels, config, ops
from fastnn._kernels import _engine
from fastnn.autodiff import GradientTape
from fastnn.graph.stateless import StatelessScope
from fastnn.graph.symbolic import KerasTensor, accepts_symbolic, symbolic_call
from fastnn.graph.variable import Variable
from fastnn.ops import forms, record
from fastnn.plan import executable
from fastnn.plan import function as plan_function

rng = np.random.default_rng(0)
SIDES = (3, 4)


def matrices(dtype):
    """Two pairs of matrices of one shape, and a vector of places: of the second none has a number of the first."""
    for seed in (0, 1):
        draw = np.random.default_rng(seed)
        x, y = (draw.uniform(0.1, 0.9, SIDES) * (40 if np.dtype(dtype).kind in "iu" else 1) + seed for _ in range(2))
        x[0, 0] = 0 if seed else x[0, 0]
        yield x.astype(dtype), y.astype(dtype)


# What a function is called with where that is not one array, or two for those of two.
ARGUMENTS = {
    "cast": [("float16",), ("int32",), ("bool",)], "clip": [(0.2, 0.7), (0, 1), (0.2, 1)], "concatenate": [],
    "leaky_relu": [(), (0.1,), (-0.0,), (0.0,)], "elu": [(), (2.0,)], "celu": [(), (2.0,)], "gelu": [(), (False,)],
    "pad": [(1,), (((1, 2), (0, 1)),), ([[1, 2], [0, 1]], "edge"), (1, "constant", 2.5), (1, "constant", 2)],
    "repeat": [(2,), (3, 1), (2, 0)], "roll": [(1,), (2, 0), ((1, 2), (0, 1))], "round": [(), (1,), (-1,)],
    "tile": [(2,), ((2, 3),), ([1, 2],)], "top_k": [(2,), (1,)], "transpose": [(), ((0, 1),), ([1, 0],)],
    "tril": [(), (1,), (-1,)], "triu": [(), (1,)], "diff": [(), (2,), (1, 0)], "rfft": [(), (3,), (8,)],
    "power": [(2,), (2.0,), (2.5,), (3,), (0.5,), (3.5,), (-1,)], "cumsum": [(), (0,), (1,)], "cumprod": [(0,)],
    "argsort": [(), (0,), (None,)], "sort": [(), (0,), (None,)], "norm": [(), (None, 1), (1, 0), ("fro",)],
    "prod": [(), (0,), (1, True)], "logsumexp": [(), (-1,)], "softmax": [(), (0,)], "log_softmax": [(), (0,)],
}  # fmt: skip
REDUCTIONS = "all amax amin any argmax argmin count_nonzero max mean median min nanmean nansum std sum var"
AXES = [(), (0,), (1,), (-1,), ((0, 1),), ([0],), (None, True)]
PAIRS = (
    "add arctan2 divide dot equal floor_divide fmax fmin greater greater_equal hypot inner less less_equal logaddexp "
    "logical_and logical_or logical_xor maximum minimum mod multiply not_equal outer subtract true_divide"
)
BITS = {"bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift", "bitwise_left_shift",
        "bitwise_right_shift"}  # fmt: skip
APART = {"take", "where", "concatenate", "stack", "searchsorted", "fft", "matmul"}


def calls(name, x, y):
    """Arguments of calls of a function, made of `x` and `y` alone but for constants."""
    if name in BITS:
        return [(x, y % 5), (y % 5, x), (x, 3)] if x.dtype.kind in "iu" else []
    if name in PAIRS.split():
        y = y.T.copy() if name == "dot" else y
        return [(x, y), (y, x), (x, x)] + ([] if name == "dot" else [(x, 2.5), (x, 2), (3, x)])
    if name in APART:
        place = (np.abs(x.ravel()) % 3).astype("int32")
        return {
            "take": [(x, place), (x, place, 1), (x.ravel(), place)], "where": [(x > 0.5, x, y), (x > 0.5, x, 1.5)],
            "concatenate": [([x, y],), ((x, y), 1), ([x, x, y], 0), ([x],), ([x, y], None)],
            "stack": [([x, y],), ([x, y], 1), ((x, x),)], "fft": [((x, y),), ((y, x),)],
            "searchsorted": [(np.sort(x.ravel()), y), (np.sort(x.ravel()), y, "right")],
            "matmul": [(x, y.T.copy()), (x, y.T), (x.T, y), (x, y[0])],
        }[name]  # fmt: skip
    wanted = ARGUMENTS.get(name, AXES if name in REDUCTIONS.split() else [()])
    more = [(x, *given) for given in wanted] + ([(x, y), (y, x)] if name == "power" else [])
    return [*more, *[(view, *args) for _, *args in more[:2] for view in (x.T, x[::2], x[0])]]


def answer(function, args):
    try:
        return function(*args)
    except Exception as error:
        return type(error), str(error)


def assert_same(found, wanted):
    if isinstance(wanted, tuple):
        assert type(found) is type(wanted) and len(found) == len(wanted)
        for a, b in zip(found, wanted, strict=True):
            assert_same(a, b)
    elif isinstance(wanted, np.ndarray):
        assert type(found) is np.ndarray and found.dtype == wanted.dtype and found.shape == wanted.shape
        assert found.tobytes() == wanted.tobytes()
    else:
        assert found == wanted


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "bool"])
@pytest.mark.parametrize("name", forms._FORWARDS)
@pytest.mark.filterwarnings("ignore")
def test_what_is_known_is_what_python_says(name, dtype):
    """Of other numbers in arrays of the same shapes, too, and after calls with other constants."""
    function, first, second = getattr(ops, name), *(calls(name, *pair) for pair in matrices(dtype))
    for args in first:
        for _ in range(4):
            answer(function, args)
    for args in [*second, *first]:
        assert_same(answer(function, args), answer(function.__wrapped__, args))


KNOWN = [
    (ops.exp, np.ones(5)), (ops.add, np.ones(5), np.ones(5)), (ops.add, np.ones(5), 2.5), (ops.sum, np.ones((2, 3)), 1),
    (ops.sort, np.ones(5, "float32")), (ops.cast, np.ones(5), "int32"), (ops.silu, np.ones(5)),
    (ops.stack, [np.ones(5), np.zeros(5)], 1), (ops.power, np.ones(5), 2.5), (ops.top_k, np.ones(5), 2),
    (ops.pad, np.ones((2, 3)), ((1, 2), (3, 4))), (ops.clip, np.ones(5), 0.5, 1.5), (ops.matmul, np.eye(3), np.eye(3)),
    (ops.maximum, 0.5, np.ones(3)),
]  # fmt: skip


@pytest.mark.parametrize("call", KNOWN, ids=lambda call: call[0].__name__)
def test_no_python_is_asked_again(call, monkeypatch):
    function, *args = call
    expected = [function(*args) for _ in range(20)][-1]
    monkeypatch.setattr(record.Op, "apply", None)
    monkeypatch.setattr(plan_function._OnePlan, "apply", None)
    monkeypatch.setattr(executable.Executable, "run", None)
    for module in {inspect.unwrap(function).__globals__["__name__"]}:
        monkeypatch.setitem(inspect.unwrap(function).__globals__, "dtype_of", None)
        assert module.startswith("fastnn.ops")
    assert_same(function(*args), expected)


def test_names_of_arguments():
    x = np.arange(6.0).reshape(2, 3)
    for _ in range(5):
        np.testing.assert_array_equal(ops.sum(x, axis=0), x.sum(0))
        np.testing.assert_array_equal(ops.sum(x, axis=1), x.sum(1))
        np.testing.assert_array_equal(ops.sum(x, keepdims=True), x.sum(keepdims=True))
        np.testing.assert_array_equal(ops.subtract(x1=x, x2=x + 1), x - (x + 1))
        np.testing.assert_array_equal(ops.subtract(x2=x, x1=x + 1), x + 1 - x)
        with pytest.raises(TypeError, match="unexpected keyword"):
            ops.sum(x, axes=0)
        with pytest.raises(TypeError):
            ops.exp()


def test_an_array_given_twice_is_told_from_two():
    x, y = np.array([1.0, 2.0]), np.array([5.0, 3.0])
    swapped = _engine.accepts(KerasTensor, lambda a, b: ops.subtract(b, a), symbolic_call, 1)
    swapped_op = _engine.accepts(KerasTensor, lambda a, b: record.REGISTRY["subtract"](b, a), symbolic_call, 1)
    for function in (swapped, swapped_op):
        for _ in range(4):
            np.testing.assert_array_equal(function(x, x), [0, 0])
        np.testing.assert_array_equal(function(x, y), y - x)


def test_more_calls_than_are_known():
    for n in [*range(1, 100), *range(100, 0, -1)]:
        for _ in range(4):
            np.testing.assert_array_equal(ops.negative(np.full(n, 2.5)), np.full(n, -2.5))
            np.testing.assert_array_equal(ops.roll(np.arange(5), n), np.roll(np.arange(5), n))


def test_a_call_that_is_made_often_takes_the_place_of_another():
    asked = []

    def negative(x, constant):
        asked.append(constant)
        return record.REGISTRY["negative"](x)

    function = _engine.accepts(KerasTensor, negative, symbolic_call, 1)
    x = np.arange(5.0)
    for constant in [*map(str, range(50)), *["often"] * 40]:
        function(x, constant)
    asked.clear()
    for constant in ("often", "49"):
        np.testing.assert_array_equal(function(x, constant), -x)
    assert asked == ["49"]


def test_settings_and_instruction_sets_are_asked():
    x = np.ones(3, "float32")
    read = _engine.accepts(KerasTensor, plan_function.as_one_plan(lambda x: ops.add(x, config.epsilon())), None, 1)
    before = config.epsilon()
    try:
        for epsilon in (0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.5):
            config.set_epsilon(epsilon)
            np.testing.assert_array_equal(read(x), x + np.float32(epsilon))
    finally:
        config.set_epsilon(before)
    for isa in _engine.isas() * 2:
        with _kernels.using(isa):
            for _ in range(4):
                np.testing.assert_allclose(ops.exp(x), np.exp(x), rtol=1e-6)


def test_whoever_watches_sees_the_calls():
    x = np.array([2.0, 3.0], "float32")
    for _ in range(4):
        ops.square(x)
    with GradientTape() as tape:
        tape.watch(x)
        y = ops.square(x)
    np.testing.assert_array_equal(tape.gradient(y, x), 2 * x)
    assert isinstance(ops.square(KerasTensor((2,))), KerasTensor)
    variable = Variable(x)
    np.testing.assert_array_equal(ops.square(variable), x * x)
    with StatelessScope([(variable, 2 * x)]):
        np.testing.assert_array_equal(ops.square(variable), 4 * x * x)
        np.testing.assert_array_equal(ops.square(x), x * x)
    compiled = plan_function.Compiled(lambda v: ops.square(v) + ops.square(x), "both")
    np.testing.assert_array_equal(compiled(x), 2 * x * x)


def test_errors_are_raised_each_time():
    for _ in range(5):
        ops.take(np.ones(3), np.array([0, 2], "int32"))
    for _ in range(5):
        with pytest.raises(IndexError, match="out of range"):
            ops.take(np.ones(3), np.array([0, 7], "int32"))
        with pytest.raises(ValueError, match="broadcast"):
            ops.add(np.ones(3), np.ones(4))
        with pytest.raises(ValueError, match="axis"):
            ops.sum(np.ones(3), 1)


def test_results_are_writable_and_apart():
    x = np.ones(4, "float32")
    results = [ops.negative(x) for _ in range(8)]
    results[0][...] = 7
    assert all(y.flags.writeable and y.flags.owndata for y in results)
    assert all((y == -1).all() for y in results[1:])


def test_it_is_a_function_to_everybody():
    assert pickle.loads(pickle.dumps(ops.exp)) is ops.exp and copy.deepcopy(ops.exp) is ops.exp
    assert weakref.ref(ops.exp)() is ops.exp and ops.exp.__name__ == "exp" and "exp" in repr(ops.exp)
    assert list(inspect.signature(ops.sum).parameters) == ["x", "axis", "keepdims"]
    holder = type("Holder", (), {"method": accepts_symbolic(lambda self, x: (self, x)), "f": staticmethod(ops.exp)})()
    assert holder.method(1) == (holder, 1) and holder.f is ops.exp
    with pytest.raises(TypeError):
        type(ops.exp)()


def test_nothing_is_kept_alive():
    def one():
        def function(x):
            return ops.exp(x)

        run = _engine.accepts(KerasTensor, function, symbolic_call, 1)
        function.run = run  # a cycle
        for _ in range(4):
            run(np.ones(3))
        return weakref.ref(run)

    kept = one()
    gc.collect()
    assert kept() is None
    x = np.ones(5)
    box = np.ones(1).view(type("Subclass", (np.ndarray,), {}))
    alive = weakref.ref(box)
    ops.exp(box)
    del box
    gc.collect()
    assert alive() is None
    for function in (ops.exp, lambda v: ops.add(v, 12345.678), lambda v: ops.stack([v, v], 1)):
        counts = []
        for _ in range(50):
            function(x)
            counts.append(len(gc.get_objects()))
        assert counts[-1] - counts[10] < 20


def test_many_callers():
    errors = []

    def call(seed):
        draw = np.random.default_rng(seed)
        for _ in range(3000):
            x = draw.random(draw.integers(1, 20)).astype("float32")
            if not (np.array_equal(ops.add(x, x + 1), x + (x + 1)) and np.array_equal(ops.negative(x), -x)):
                errors.append(x)

    callers = [threading.Thread(target=call, args=(seed,)) for seed in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not errors


def test_what_references_give_is_as_promised():
    """Of another shape or dtype, or an argument itself, it is made what the shape rule says, in each call."""
    x = np.arange(6.0).reshape(2, 3)
    for dtype, give in (("float32", lambda x: x * 2), ("float64", lambda x: (x * 2).T), ("float64", lambda x: x),
                        ("float64", lambda x: x[:]), ("float64", lambda x: x * 2)):  # fmt: skip
        op = record.Op("given", lambda spec, dtype=dtype: record.Spec((3, 2), dtype), give, is_registered=False)
        for _ in range(3):
            y = op(x)
            assert y.shape == (3, 2) and y.dtype == dtype and y is not x
            np.testing.assert_array_equal(y, give(x).reshape(3, 2))
