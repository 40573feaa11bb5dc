"""Plans against the interpreter, on graphs that stress fusion, memory and in-place updates."""

import gc
import threading

import numpy as np
import pytest

import fastnn
from fastnn import config, ops
from fastnn.graph.interpret import interpret
from fastnn.graph.trace import tracing
from fastnn.graph.value import Graph
from fastnn.plan.executable import Executable
from fastnn.plan.function import Compiled


def build(function, *arrays):
    graph = Graph()
    values = [graph.input(a.shape, a.dtype.name) for a in arrays]
    with tracing(graph):
        outputs = function(*values)
    graph.outputs = list(outputs) if isinstance(outputs, tuple) else [outputs]
    return graph


def check(function, *arrays, rtol=2e-6):
    graph = build(function, *arrays)
    expected = interpret(graph, list(arrays))
    executable = Executable(build(function, *arrays), "test")
    for result, wanted in zip(executable.run(list(arrays)), expected, strict=True):
        assert result.dtype == wanted.dtype
        np.testing.assert_allclose(result, wanted, rtol=rtol, atol=1e-6)
    return executable


RNG = np.random.default_rng(0)


def floats(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize(
    "function, bound",
    [
        (lambda x: ops.exp(x), 1),
        (lambda x: ops.reshape(ops.exp(x), (-1, 2)), 1),
        (lambda x: (ops.exp(x), ops.sum(x), x * 2), 2),
        (lambda x: (ops.reshape(y := ops.exp(x), (-1, 2)), y), 0),  # one memory for two arrays
        (lambda x: ops.exp(x)[:7], 0),
        (lambda x: ops.cumsum(ops.sort(ops.exp(x), axis=1), axis=0), 1),
        (lambda x: (x, ops.softmax(x), ops.max(x, axis=0)), 2),
    ],
)
def test_large_results_are_written_where_they_are_returned(function, bound):
    arrays = [floats(300, 200), floats(300, 200)]
    executable = check(function, arrays[0], rtol=1e-5)
    assert sum(offset < 0 for offset in executable.result_offsets) == bound
    first = executable.run(arrays[:1])
    kept = [y.copy() for y in first]
    second = executable.run(arrays[1:])
    assert not any(np.shares_memory(a, b) for a in (*first, *arrays) for b in second)
    for a, b in zip(first, kept, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "function, in_arena",
    [
        (lambda x, y: ops.softmax(ops.matmul(x, y)), 0),
        (lambda x, y: ops.reshape(ops.softmax(ops.softmax(ops.matmul(x, y))), (-1, 2)), 0),
        (lambda x, y: ops.softmax(ops.matmul(x, y)) - ops.softmax(ops.matmul(y, x)), 1),  # room for one of two
        (lambda x, y: ops.softmax(ops.softmax(ops.matmul(x, y)) + x), 0),
        (lambda x, y: (ops.softmax(z := ops.matmul(x, y)), ops.sort(z, axis=1)), 1),  # needed again
        (lambda x, y: (z := ops.matmul(x, y), ops.softmax(z)), 0),
        (lambda x, y: ops.softmax(x), 0),  # the caller's array
    ],
)
def test_what_a_large_result_overwrites_is_in_its_memory(function, in_arena):
    arrays = [floats(200, 200) / 16 for _ in range(2)]
    kept = [a.copy() for a in arrays]
    executable = check(function, *arrays, rtol=1e-5)
    assert executable.live_bytes // arrays[0].nbytes == in_arena
    executable.run(list(arrays))
    for array, before in zip(arrays, kept, strict=True):
        np.testing.assert_array_equal(array, before)


def test_a_chain_is_one_kernel_call():
    executable = check(lambda x, y: ops.tanh(x * y + 1.0) / 2.0, floats(300, 7), floats(7))
    assert [step.kernel for step in executable.steps] == ["fused_f32"]


@pytest.mark.parametrize(
    "function, instructions",  # with the store
    [
        (lambda x, y: x * 0.5 + y, 2),
        (lambda x, y: (y - x) * 0.25 + x, 2),
        (lambda x, y: x + 0.25 * (y - x), 2),
        (lambda x, y: y + 0.25 * (y - x), 3),
        (lambda x, y: (x - y) * (x - y) + y, 3),
        (lambda x, y: x / (ops.sqrt(ops.abs(y)) + 0.5), 3),
        (lambda x, y: x / (0.5 + ops.sqrt(ops.abs(y))), 3),
        (lambda x, y: (ops.sqrt(ops.abs(y)) + 0.5) / (ops.abs(x) + 1.0), 7),
        (lambda x, y: x / (ops.sqrt(ops.abs(y)) + ops.sqrt(ops.abs(x))), 5),
        (lambda x, y: x / (ops.sqrt(ops.abs(y)) + x * x), 5),
        (lambda x, y: x / (x * x + ops.sqrt(ops.abs(y))), 5),
        (lambda x, y: x / ((y - x) * (y - x) + ops.sqrt(ops.abs(y) + 1.0)), 7),
        (lambda x, y: (ops.abs(x) * y - x) * y + x, 4),
    ],
)
def test_operations_that_one_opcode_does_together(function, instructions):
    executable = check(function, floats(50, 7), floats(50, 7))
    (step,) = executable.steps
    assert step.ints[step.ints[0] + 1] == instructions


def test_what_is_needed_again_is_no_part_of_another_operation():
    def function(x, y):
        difference, root = y - x, ops.sqrt(ops.abs(y))
        return difference * 0.25 + x, difference, x / (root + 0.5), root

    check(function, floats(50, 7), floats(50, 7))


def test_reductions_and_scalar_arithmetic_ride_along():
    executable = check(lambda x, y: ops.sqrt(ops.sum(x * y) / 5.0 + 100.0) + ops.max(x), floats(40, 3), floats(40, 3))
    assert len(executable.steps) == 1


@pytest.mark.parametrize(
    "function, kernels",
    [
        (lambda x, y: ops.sum(x * y, axis=-1), 1),
        (lambda x, y: (ops.sum(x - y, axis=-1, keepdims=True), ops.max(x * y, axis=-1), ops.sum(x * x), x * y), 1),
        (lambda x, y: x * y / ops.sum(x * y, axis=-1, keepdims=True), 2),
        (lambda x, y: ops.sum(ops.reshape(x * y, (20, 300)), axis=-1), 2),  # other rows than the product has
        (lambda x, y: ops.sum(x * y, axis=(1, 2)), 2),
        (lambda x, y: ops.sum(x, axis=-1), 1),
        (lambda x, y: ops.sum(x * y, axis=0), 2),
    ],
)
@pytest.mark.parametrize("shape", [(4, 10, 150), (150,), (10, 1)])
def test_rows_are_reduced_by_what_makes_them(function, kernels, shape):
    x, y = (np.round(8 * floats(*sizes)) for sizes in ((4, 10, 150), shape))  # of which sums are exact
    assert len(check(function, x, y).steps) == kernels


@pytest.mark.parametrize(
    "shapes", [((2, 3, 4), (3, 1)), ((5, 1, 4), (1, 3, 1)), ((1,), (6, 1)), ((), (3,)), ((0, 3), (3,))]
)
def test_broadcasting(shapes):
    check(lambda x, y: (x - y) * (x + y), *(floats(*shape) for shape in shapes))


def test_an_epilogue_follows_its_anchor():
    x, w, b = floats(33, 20), floats(20, 17), floats(17)
    executable = check(lambda x, w, b: ops.tanh(ops.matmul(x, w) + b) * 2.0, x, w, b, rtol=2e-5)
    assert len(executable.steps) == 1


@pytest.mark.parametrize(
    "after, begins_with_bias, has_program",
    [
        (lambda y, b, z: y + b, True, False),
        (lambda y, b, z: b + y, True, False),
        (lambda y, b, z: ops.relu(y + ops.reshape(b, (1, 1, 17))), True, True),
        (lambda y, b, z: (y + b) * y, False, True),
        (lambda y, b, z: (y + b, y), False, True),
        (lambda y, b, z: y + z, False, True),
        (lambda y, b, z: y + b[3], False, True),
        (lambda y, b, z: y * b, False, True),
    ],
)
def test_a_row_that_is_added_is_where_depthwise_sums_begin(after, begins_with_bias, has_program):
    def function(x, w, b, z):
        return after(ops.depthwise_conv(x, w, padding="same"), b, z)

    arrays = floats(2, 5, 6, 17), floats(3, 3, 17, 1), floats(17), floats(2, 5, 6, 17)
    step = next(s for s in check(function, *arrays, rtol=2e-5).steps if s.kernel.startswith("depthwise"))
    assert (step.ints[15] > 0, step.ints[16] > 0) == (begins_with_bias, has_program)


@pytest.mark.parametrize(
    ("function", "first", "second"),
    [
        # What the second reads of the first is smaller when it makes s (1 - s) itself: it has s, or as well as that x.
        (lambda p, s: p * (s * (1 - s)) + s, ["sigmoid", "multiply"], ["subtract", "multiply", "multiply", "add"]),
        (lambda p, s: p * (s * (1 - s)), ["sigmoid", "multiply", "subtract", "multiply"], ["multiply"]),
    ],
    ids=["less", "as much"],
)
def test_what_one_group_alone_needs_is_made_there(function, first, second):
    def both(x):
        s = ops.sigmoid(x)
        return function(ops.softmax(x * s), s)

    steps = check(both, floats(6, 40)).steps
    bodies = [[node.op.name for node in step.group.body] for step in steps]
    assert [name for body in bodies[1:] for name in body] == second
    assert bodies[0] == first


def test_what_is_read_elsewhere_too_stays_where_it_is():
    def both(x):
        s = ops.sigmoid(x)
        slope = s * (1 - s)
        return ops.softmax(x * s) * slope + s, ops.softmax(slope)

    first = check(both, floats(6, 40)).steps[0]
    assert sorted(node.op.name for node in first.group.body) == ["multiply", "multiply", "sigmoid", "subtract"]


def test_groups_that_end_up_empty_are_nobodys_predecessors():
    """The product p g moves from the first kernel to the second, which alone needs it, and then exp(a) does."""

    def both(a, u, v):
        g, p = ops.exp(a), u @ a
        return (v @ a) * (p * g) + p + g

    steps = check(both, floats(8, 8), floats(8, 8), floats(8, 8), rtol=2e-5).steps
    names = [[node.op.name for node in step.group.nodes] for step in steps]
    assert names == [["linear"], ["linear", "exp", "multiply", "multiply", "add", "add"]]


def test_values_that_die_make_room():
    def deep(x):
        for _ in range(20):
            x = ops.matmul(x, x) * 0.1
        return x

    executable = check(deep, floats(64, 64) * 0.1, rtol=1e-3)
    assert executable.plan.arena_bytes < 4 * 64 * 64 * 4
    assert executable.live_bytes <= executable.plan.arena_bytes


def test_integers_and_booleans():
    labels = RNG.integers(0, 5, 50)
    executable = check(
        lambda p, t: ops.mean(ops.cast(ops.equal(ops.argmax(p, axis=-1), t), "float32")), floats(50, 5), labels
    )
    assert not executable.has_references


def test_variables_are_updated_in_place_and_read_before():
    w = fastnn.Variable(np.arange(5, dtype=np.float32))
    home = w.array

    @fastnn.jit
    def step(x):
        old = ops.sum(w * x)
        w.assign_add(x)
        w.assign(w * 2.0)
        return old, ops.sum(w.value)

    old, new = step(np.ones(5, np.float32))
    assert (old, new) == (10.0, 30.0)
    assert w.array is home
    np.testing.assert_array_equal(w.numpy(), (np.arange(5) + 1) * 2)


def test_two_variables_can_swap():
    a, b = fastnn.Variable([1.0, 2.0]), fastnn.Variable([3.0, 4.0])

    @fastnn.jit
    def swap():
        old = a.value
        a.assign(b.value)
        b.assign(old)

    swap()
    np.testing.assert_array_equal(a.numpy(), [3.0, 4.0])
    np.testing.assert_array_equal(b.numpy(), [1.0, 2.0])


def test_a_variable_read_in_another_order_than_it_is_written():
    w = fastnn.Variable(floats(4, 4))
    before = w.numpy().copy()

    @fastnn.jit
    def flip():
        w.assign(ops.transpose(w.value) + w.value)

    flip()
    np.testing.assert_allclose(w.numpy(), before.T + before)


def test_outputs_are_not_overwritten_by_the_next_run():
    double = fastnn.jit(lambda x: x * 2.0)
    first = double(np.ones(3, np.float32))
    double(np.full(3, 5, np.float32))
    np.testing.assert_array_equal(first, [2.0, 2.0, 2.0])


@pytest.mark.parametrize("rows", [1, 37])
def test_what_a_step_remembers_follows_the_arrays(rows):
    """Programs stay decoded from run to run: by these runs for the same arrays, others, and one array twice."""
    fn = fastnn.jit(lambda x, y: (x * y + 0.5, ops.sum(x - y), ops.relu(ops.matmul(x, y[:1].T) + y[0, 0]) * x[:, :1]))
    a, b, c = floats(rows, 9), floats(rows, 9), floats(rows, 9)
    for x, y in [(a, b), (a, b), (b, a), (a, a), (c, c), (a, b), (c, b)]:
        product, total, anchored = fn(x, y)
        np.testing.assert_allclose(product, x * y + 0.5, rtol=2e-6, atol=1e-6)
        np.testing.assert_allclose(total, np.sum(x - y, dtype=np.float64), rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(anchored, np.maximum(x @ y[:1].T + y[0, 0], 0) * x[:, :1], rtol=2e-5, atol=1e-5)


def test_batches_are_gathered_in_order():
    total = fastnn.Variable(np.zeros(3))
    fn = Compiled(lambda x: (total.assign_add(ops.sum(ops.cast(x, "float64"), axis=0)), x)[1], "sum")
    data = np.arange(30, dtype=np.uint8).reshape(10, 3)
    index = np.random.default_rng(1).permutation(10).astype(np.int32)
    last = fn.batches(data, 3, 0, 3, index)
    np.testing.assert_array_equal(last, data[index[6:9]])
    np.testing.assert_array_equal(total.numpy(), data[index[:9]].sum(0))
    last = fn.batches(data, 3, 1, 2)
    np.testing.assert_array_equal(last, data[4:7])


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32", "float64"])
def test_casts_and_scales_ride_in_the_gather(dtype):
    fn = Compiled(lambda x: ops.cast(x, "float32") * (1 / 255) - 0.5, "rescale")
    data = RNG.integers(0, 255, (12, 5)).astype(dtype)
    expected = data[4:8].astype(np.float32) * np.float32(1 / 255) - np.float32(0.5)
    np.testing.assert_allclose(fn.batches(data, 4, 4, 1), expected, rtol=3e-7, atol=1e-7)
    steps = fn.executables()[0].steps
    assert [[node.op.name for node in step.group.nodes] for step in steps] == [["copy"]]  # out, for the caller


def test_an_input_that_is_read_twice_is_not_scaled_in_the_gather():
    fn = Compiled(lambda x: (ops.cast(x, "float32") * 2.0, ops.sum(ops.cast(x, "float32"))), "twice")
    data = np.arange(12, dtype=np.uint8).reshape(4, 3)
    doubled, total = fn.batches(data, 4, 0, 1)
    np.testing.assert_array_equal(doubled, data * 2.0)
    assert total == data.sum()


def test_runs_from_many_threads_do_not_share_memory():
    fn = fastnn.jit(lambda x: ops.tanh(ops.matmul(x, x)) + x)
    arrays = [floats(48, 48) for _ in range(4)]
    expected = [fn(x) for x in arrays]
    wrong = []

    def work(k):
        for _ in range(50):
            if not np.array_equal(fn(arrays[k]), expected[k]):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


@pytest.mark.parametrize("rows", [32, 1000])
def test_runs_alone_and_shared_in_turns_give_the_same_bits(rows):
    """Short runs (of 32 rows) try both ways some times in 600; those of 1,000 rows are too long to."""
    fn = fastnn.jit(lambda x, w: ops.tanh(ops.matmul(ops.tanh(ops.matmul(x, w)), w)))
    x, w = floats(rows, 300), floats(300, 300)
    config.set_threads(2)
    try:
        expected = fn(x, w)
        for _ in range(600 if rows == 32 else 20):
            np.testing.assert_array_equal(fn(x, w), expected)
    finally:
        config.set_threads(None)


def test_a_failed_trace_leaves_variables_alone():
    w = fastnn.Variable([1.0])

    @fastnn.jit
    def broken(x):
        w.assign(x)
        return ops.matmul(x, np.ones((7, 7), np.float32))

    with pytest.raises(ValueError, match="7"):
        broken(np.ones(1, np.float32))
    np.testing.assert_array_equal(w.numpy(), [1.0])


@pytest.mark.parametrize("was_enabled", [True, False])
def test_garbage_collection_waits_for_a_trace_and_is_as_it_was_afterwards(was_enabled):
    seen = []

    def function(x, fail=False):
        seen.append(gc.isenabled())
        return x + 1 if not fail else x.nothing

    (gc.enable if was_enabled else gc.disable)()
    try:
        compiled = Compiled(function, "test")
        compiled(floats(3))
        after = gc.isenabled()
        with pytest.raises(AttributeError):
            compiled(floats(3), fail=True)
        assert (seen, after, gc.isenabled()) == ([False, False], was_enabled, was_enabled)
    finally:
        gc.enable()


def test_traced_values_say_that_they_have_no_numbers():
    with pytest.raises(TypeError, match="run_eagerly"):
        fastnn.jit(lambda x: x if x > 0 else -x)(np.asarray(1, np.float32))


def test_denormals_are_zero_in_plans_and_the_callers_mode_is_as_it_was():
    tiny = np.full(100_000, 1e-40, np.float32)
    assert not fastnn.jit(lambda x: x * 0.5)(tiny).any()
    assert (tiny * np.float32(0.5)).all()


WINDOWS = {
    "neighbours": lambda x: x[:, 1:] - x[:, :-1],
    "reversed": lambda x: x[::-1, ::-1] * 2 + x[:1],
    "steps": lambda x: ops.exp(x[1::2, ::3] / 8) + x[::2, :0:-3],
    "a box of a box": lambda x: x[1:, ::2][::2, 3:] + 1,
    "steps and numbers": lambda x: (ops.sum(x[1::2, ::2] * x[::2, :600]), ops.max(x[2:, 5:])),
    "a row": lambda x: x[1:, 1:] * x[2:3, :-1] + x[:1, 1:],
    "sums of rows": lambda x: ops.sum(ops.square(x[:, 1:]), axis=-1),
    "of a view": lambda x: ops.reshape(x, (5, 3, 2400))[1:4:2, 1:, 10:900] + 1,
}


@pytest.mark.parametrize("name", WINDOWS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_boxes_of_inputs_are_read_where_they_lie(name, dtype):
    x = (10 * np.random.default_rng(0).standard_normal((30, 1200))).astype(dtype)
    executable = check(WINDOWS[name], x, rtol=3e-5)
    # What another kernel reads is copied, as where integers are reduced.
    assert all(step.kernel != "copy" for step in executable.steps) or (name, dtype) == ("steps and numbers", "int32")


def test_boxes_that_are_copied():
    """What is no input, is short, lies apart, or is read by another kernel, too."""
    x = floats(30, 1200)
    for function in (
        lambda x: ops.exp(x)[:, 1:] + 1, lambda x: x[:, 3:400] + 1, lambda x: x[:, 1::5] + 1, lambda x: x[:, 1:],
        lambda x: x[:, 1:] + ops.sort(x[:, 1:], 0),
    ):  # fmt: skip
        assert [step.kernel for step in check(function, x, rtol=2e-5).steps].count("copy") == 1
