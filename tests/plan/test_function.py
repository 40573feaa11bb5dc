"""as_one_plan: composed ops called with arrays are one plan for each signature."""

import gc

import numpy as np
import pytest

import fastnn
from fastnn import ops
from fastnn.ops import record
from fastnn.plan import executable
from fastnn.plan.function import Compiled, _without_collections

X = np.linspace(-2, 2, 12, dtype="float32").reshape(3, 4)


def plans(op) -> int:
    """How many signatures the public op `op` has been compiled for."""
    return len(op.compiled.executables())


def test_one_plan_for_each_signature():
    before = plans(ops.selu)
    first, again = ops.selu(X), ops.selu(X + 1)
    assert plans(ops.selu) == before + 1
    assert ops.selu(X[:2]).shape == (2, 4)
    assert plans(ops.selu) == before + 2
    assert not np.array_equal(first, again)


@pytest.mark.parametrize("axes", [[0], (0,), [0, 1], 1])
def test_lists_and_tuples_of_constants_are_part_of_the_signature(axes):
    before = plans(ops.moments)
    mean, variance = ops.moments(X, axes=axes)
    np.testing.assert_allclose(mean, X.mean(axis=axes if isinstance(axes, int) else tuple(axes)), atol=1e-6)
    assert variance.shape == mean.shape
    assert plans(ops.moments) == before + 1


def test_new_bounds_of_clip_need_no_new_plan():
    ops.clip(X, -1.0, 1.0)
    before = set(record._executables)
    for bound in (0.25, 0.5, 0.75):
        np.testing.assert_array_equal(ops.clip(X, -bound, bound), np.clip(X, -bound, bound))
    assert set(record._executables) == before
    assert not hasattr(ops.clip, "compiled")


@pytest.mark.parametrize("op", [ops.isclose, ops.allclose, ops.hypot, ops.fmod], ids=lambda op: op.__name__)
def test_new_numbers_beside_an_array_need_no_new_plan(op):
    of_arrays = op(X, np.full_like(X, 0.5))
    np.testing.assert_allclose(op(X, 0.5), of_arrays, rtol=1e-6)
    before = plans(op)
    for number in (0.25, 3, -1.5):
        op(X, number)
    op(X, x2=0.25), op(X, [0.5] * X.shape[-1])
    assert plans(op) == before
    op(X, x2=np.full((4,), 0.5, "float32"))
    assert plans(op) == before + 1


def test_eager_calls_keep_the_memory_of_the_latest_alone():
    most, latest = executable._LATEST.most, executable._LATEST
    first = np.ones((64, 1 << 12), "float32")  # what `std` keeps between its steps is as large, 1 MiB
    for _ in range(3):
        ops.std(first, axis=0)
    assert first.nbytes <= latest.total <= most
    (mine,) = [e for e in ops.std.compiled.executables() if e.graph.inputs[0].shape == first.shape]
    assert mine in latest.sizes
    for rows in range(1, 3 * (most >> 22)):
        x = np.ones((256 + rows, 1 << 12), "float32")
        ops.std(x, axis=0), ops.std(x, axis=0)
    assert mine not in latest.sizes
    assert latest.total == sum(latest.sizes.values()) <= most
    np.testing.assert_array_equal(ops.std(first, axis=0), np.zeros(1 << 12))


def test_models_keep_plans_for_many_shapes(monkeypatch):
    traces = []
    double = Compiled(lambda x: traces.append(x.shape) or x * 2, "double")
    shapes = [np.ones(n, "float32") for n in range(1, 101)]
    for x in shapes * 2:
        assert double(x).sum() == 2 * x.size
    assert traces == [x.shape for x in shapes]
    nodes = len(double.executables()[0].graph.nodes)
    monkeypatch.setattr(Compiled, "CACHE_NODES", 80 * nodes)
    double(np.ones(200, "float32"))
    assert len(double.executables()) == 80
    monkeypatch.setattr(Compiled, "CACHE_NODES", nodes)
    double(np.ones(201, "float32"))
    assert len(double.executables()) == Compiled.CACHE_SIZE
    double(shapes[-1])
    assert len(traces) == 102


def test_plans_of_models_keep_the_arenas_that_were_made_last(monkeypatch):
    monkeypatch.setattr(executable, "_KEPT", executable._Kept(1 << 21))

    def has_run_in(plan):
        arena = plan.acquire(1)
        plan.release(arena)
        return arena.epoch is not None

    twice = Compiled(lambda x: ops.sum(ops.cumsum(ops.cumsum(x)) * x), "twice")
    rows = [np.ones(n << 10, "float32") for n in (100, 101, 102, 103)]  # arenas of 0.8 MiB and more
    expected = [twice(x) for x in rows]
    made = [e.plan for e in twice.executables()]
    assert [has_run_in(plan) for plan in made] == [False, False, True, True]
    assert twice(rows[0]) == expected[0]
    assert [has_run_in(plan) for plan in made] == [True, False, False, True]
    assert [twice(x) for x in rows] == expected
    assert len(executable._KEPT.sizes) == 2
    del twice, made
    gc.collect()
    assert all(ref() is None for ref, _ in executable._KEPT.sizes)


@pytest.mark.parametrize(
    ("op", "arguments", "expected"),
    [
        (ops.repeat, (np.arange(3), np.array([1, 2, 0])), [0, 1, 1]),
        (ops.tile, (np.arange(2), np.array([2])), [0, 1, 0, 1]),
        (ops.elu, (np.float32([-1, 2]), np.array(0.5)), [0.5 * np.expm1(-1), 2]),
        (ops.diagonal, (np.eye(3), np.array(1)), [0, 0]),
        (ops.image.resize, (np.ones((2, 2, 1), "float32"), np.array([1, 1])), [[[1]]]),
    ],
    ids=["repeat", "tile", "elu", "diagonal", "resize"],
)
def test_arrays_whose_numbers_an_op_reads(op, arguments, expected):
    before = plans(op)
    for _ in range(2):
        np.testing.assert_allclose(op(*arguments), expected, rtol=1e-6)
    assert plans(op) == before


def test_a_tape_sees_the_ops_themselves():
    x = fastnn.Variable(X)
    before = plans(ops.gelu)
    with fastnn.GradientTape() as tape:
        y = ops.gelu(x)
    assert tape.gradient(y, x).shape == X.shape
    assert plans(ops.gelu) == before


def test_errors_are_those_of_the_op():
    with pytest.raises(ValueError, match=r"3.*4"):
        ops.dot(np.ones(3, "float32"), np.ones(4, "float32"))


def test_epsilon_may_change():
    x = np.zeros((1, 2), "float32") + np.float32([[-0.001, 0.001]])
    before = ops.rms_normalization(x)
    epsilon = fastnn.config.epsilon()
    fastnn.config.set_epsilon(0.1)
    try:
        assert not np.array_equal(ops.rms_normalization(x), before)
    finally:
        fastnn.config.set_epsilon(epsilon)


def test_the_format_of_images_may_change():
    x = np.zeros((1, 3, 3, 3), "float32")
    assert ops.image.rgb_to_grayscale(x).shape == (1, 3, 3, 1)
    fastnn.config.set_image_data_format("channels_first")
    try:
        assert ops.image.rgb_to_grayscale(x).shape == (1, 1, 3, 3)
    finally:
        fastnn.config.set_image_data_format("channels_last")


@pytest.mark.parametrize("op", [ops.exp, ops.relu6, ops.gelu, lambda x: ops.add(x, 2.0), lambda x: ops.max(x, axis=0)])
def test_arrays_that_kernels_cannot_read_are_copied(op):
    for _ in range(3):  # the first call compiles, and those after it find the plan
        expected = op(X)
        for x in (np.asfortranarray(X), np.repeat(X, 2, axis=1)[:, ::2], X[::-1].copy()[::-1], X.astype(">f4")):
            np.testing.assert_array_equal(op(x), expected)
        assert op(X.astype("float64")).dtype == "float64"


def test_threads_may_change_between_calls():
    x = np.ones(1_000_000, "float32")
    expected = ops.exp(x)
    try:
        for count in (1, 3, 2):
            fastnn.config.set_threads(count)
            np.testing.assert_array_equal(ops.exp(x), expected)
    finally:
        fastnn.config.set_threads(None)


def test_what_a_trace_made_is_searched_once_and_nothing_older():
    found, thresholds = [], gc.get_threshold()
    note = lambda phase, info: found.append(info["generation"]) if phase == "start" else None  # noqa: E731
    gc.collect()
    gc.set_threshold(100, 0, 0)  # older objects are due at each collection
    gc.callbacks.append(note)
    try:
        with _without_collections():
            kept = [[] for _ in range(1000)]
        assert found == [0]
        assert gc.isenabled()
        gc.set_threshold(0)  # who wants no collections gets none
        with _without_collections():
            kept += [[] for _ in range(1000)]
        assert found == [0]
    finally:
        gc.callbacks.remove(note)
        gc.set_threshold(*thresholds)
