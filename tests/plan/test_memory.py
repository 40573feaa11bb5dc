"""Where the values of a plan live: nobody writes into what is still to be read, and the arena is not much larger than
what lives at once."""

import tracemalloc

import numpy as np
import pytest

import fastnn as k
from benchmarks.models import networks
from fastnn._kernels import _engine
from fastnn.graph.value import INPUT
from fastnn.plan import executable as executable_module
from fastnn.plan import memory
from fastnn.plan.memory import empty, root_of
from fastnn.plan.packing import ALIGN_LARGE, LARGE

NOTHING = 0


def plan_of(model, batch_size):
    model.explain(batch_size=batch_size)
    return model.train_function.executables()[-1]


def bytes_of(executable, value):
    """The bytes of the arena that `value` stands in; None elsewhere."""
    slot, offset = executable._place(value)
    return slice(offset, offset + value.spec.nbytes) if slot == -1 else None


def replay(executable):
    """Runs the plan with names instead of numbers: each byte of the arena holds the number of the value that was
    written there last, and whoever reads a value finds its number, or zeros in the padding of a packed one."""
    written = np.full(executable.plan.arena_bytes, NOTHING, np.int32)
    number = {}
    pieces = {}
    for piece, (whole, offset) in executable.inside.items():
        pieces.setdefault(whole, []).append((piece, offset))

    def write(value):
        place = bytes_of(executable, value)
        if value in pieces:  # the step that clears what is between them
            inside = np.zeros(value.spec.nbytes, bool)
            for piece, offset in pieces[value]:
                inside[offset : offset + piece.spec.nbytes] = True
            written[place][~inside] = NOTHING
        elif place is not None:
            written[place] = number.setdefault(root_of(value), len(number) + 1)

    def check(value):
        root, place = root_of(value), bytes_of(executable, value)
        if place is None:
            return
        expected = np.full(value.spec.nbytes, number.get(root, NOTHING), np.int32)
        if root in pieces:
            expected[:] = NOTHING
            for piece, offset in pieces[root]:
                expected[offset : offset + piece.spec.nbytes] = number[piece]
        np.testing.assert_array_equal(written[place], expected, str(root))

    for _ in range(2):  # the second batch finds what the first one left
        for node in executable.graph.nodes:
            if node.op is INPUT and node.outputs[0] in executable.places:
                write(node.outputs[0])
        for step in executable.steps:
            for value in step.reads:
                check(value)
            if step in executable.native_steps:  # what its threads share meets none of its values
                native = executable.native_steps.index(step)
                at, size = executable.shared_at[native], executable.plan.work[native][2]
                written[at : at + size] = NOTHING - 1
                for value in step.reads:
                    check(value)
                shared = slice(at, at + size)
            for value in step.buffers:
                if value is not None and value not in set(step.reads):
                    write(value)
            for value in step.writes:
                write(value)
            if step in executable.native_steps:
                assert (written[shared] == NOTHING - 1).all(), step.kernel
        for value in executable.graph.outputs:
            check(value)


def odd_sizes():
    """Gradients with padding between them, one of which is as large as all else and produced last."""
    model = k.Sequential([k.Input((7,), dtype="int32"), k.layers.Embedding(301, 5), k.layers.GRU(3), k.layers.Dense(1)])
    model.compile(k.optimizers.Adam(global_clipnorm=0.1, weight_decay=0.01), "mse")
    return model


@pytest.mark.parametrize("name", networks.ROWS)
def test_nobody_writes_into_what_is_still_to_be_read(name):
    replay(plan_of(networks.build(name, k), 2))


def test_pieces_of_a_packed_value_with_padding():
    executable = plan_of(odd_sizes(), 4)
    wholes = {whole for whole, _ in executable.inside.values()}
    assert sum(whole.spec.nbytes for whole in wholes) > sum(piece.spec.nbytes for piece in executable.inside)
    replay(executable)


def deep(width=100, depth=8):
    """Gradients and padding as large as activations in turns."""
    k.utils.set_random_seed(1)
    model = k.Sequential([k.Input((width,)), *(k.layers.Dense(width, "relu") for _ in range(depth)), k.layers.Dense(3)])
    model.compile(k.optimizers.Adam(global_clipnorm=0.1), "mse")
    return model


def test_padding_is_cleared_where_its_bytes_serve_others_before():
    executable = plan_of(deep(), 128)
    assert executable.plan.arena_bytes < 1.1 * executable.live_bytes
    clearing = [k for k, step in enumerate(executable.steps) if step.kernel == "copy"]
    wholes = {whole for whole, _ in executable.inside.values()}
    assert clearing == [min(k for k, step in enumerate(executable.steps) if wholes.intersection(step.reads)) - 1]
    replay(executable)
    planner = memory._Planner(executable.steps, executable.slots, set(), [], executable.inside)
    planner.lifetimes()
    (whole,) = wholes
    readers = [k for k, step in enumerate(executable.steps) if whole in set(step.reads)]
    found = {(part.first, part.last) for part in planner.parts()[whole] if part.size == 4 * (112 - 100)}
    assert len(readers) > 1 and found == {(clearing[0], readers[-1])}
    for other in (plan_of(deep(depth=1), 128), wide(2000, rows=4)):  # nothing is won
        assert not any(step.kernel == "copy" for step in other.steps)
    assert other.plan.arena_bytes > 1.1 * other.live_bytes


def test_cleared_padding_is_as_if_nobody_had_written_there(monkeypatch):
    """The norm of all gradients reads it, too."""
    x, y = (np.random.default_rng(seed).standard_normal((256, 100)).astype("float32") for seed in (0, 1))
    found = []
    for much in (executable_module.MUCH, 100):
        monkeypatch.setattr(executable_module, "MUCH", much)
        model = deep()
        model.fit(x, y[:, :3], batch_size=128, epochs=3, shuffle=False, verbose=0)
        found.append([model.train_function.executables()[-1].plan.arena_bytes, *model.get_weights()])
    assert found[0][0] < 0.8 * found[1][0]
    for cleared, apart in zip(found[0][1:], found[1][1:], strict=True):
        np.testing.assert_array_equal(cleared, apart)


def wide(units=512, rows=16):
    """Products of few rows, whose long sums are split between the threads, which add in memory that they share."""
    model = k.Sequential([k.Input((units,)), *(k.layers.Dense(units, "relu") for _ in range(2))])
    model.compile("adam", "mse")
    return plan_of(model, rows)


def test_what_threads_share_has_a_place_among_the_values():
    executable = plan_of(networks.build("cnn", k), networks.ROWS["cnn"].batch_size)
    shared = max(work[2] for work in executable.plan.work)
    assert executable.plan.arena_bytes < executable.live_bytes + shared / 2
    executable = wide()
    assert any(work[2] for work in executable.plan.work)
    replay(executable)


def test_a_range_of_a_long_sum_lies_in_the_result_itself():
    executable = wide(2048)
    product = next(work for work in executable.plan.work if work[2])
    assert product[2] == 16 * 2048 * 4
    assert executable.plan.arena_bytes < 1.25 * executable.live_bytes


def test_copied_columns_take_no_more_than_they_are():
    """Of 32 columns of the gradient, not of as many as the widest tile has."""
    executable = wide(1024, rows=32)
    assert max(work[2] for work in executable.plan.work) <= 32 * 1024 * 4
    assert executable.plan.arena_bytes < 1.3 * executable.live_bytes


@pytest.mark.parametrize("inputs, units", [(3000, 300), (3000, 3000)])
def test_long_sums_of_a_few_rows_are_split_into_few(inputs, units):
    """They would take more than the rows themselves."""
    model = k.Sequential([k.Input((inputs,)), k.layers.Dense(units)])
    model.compile("adam", "mse")
    assert max(work[2] for work in plan_of(model, 4).plan.work) <= 3 * 4 * units * 4


@pytest.mark.parametrize("name", networks.ROWS)
def test_the_arena_is_little_more_than_what_lives_at_once(name):
    plan = networks.build(name, k).explain(batch_size=networks.ROWS[name].batch_size)
    assert plan.live_bytes <= plan.arena_bytes < 1.1 * plan.live_bytes


@pytest.mark.parametrize("name", networks.ROWS)
def test_a_network_has_the_same_plan_each_time(name):
    """Whatever the addresses of its nodes, by which sets are ordered."""

    def calls():
        executable = plan_of(networks.build(name, k), 2)
        return [
            (step.kernel, step.ints, step.reals, [v if v is None else executable._place(v) for v in step.buffers])
            for step in executable.steps
        ]

    first = calls()
    for _ in range(5 if name != "resnet" else 1):
        assert calls() == first


def test_a_metric_does_not_hold_the_predictions_it_reads():
    """The loss's gradient takes the memory of the probabilities, which only the accuracy reads after it was made."""
    found = []
    for metrics in ([], ["accuracy"]):
        model = k.Sequential([k.Input((8,)), *(k.layers.Dense(16, "relu") for _ in range(4)), k.layers.Dense(4096)])
        model.add(k.layers.Activation("softmax"))
        model.compile("adam", "sparse_categorical_crossentropy", metrics=metrics)
        found.append(plan_of(model, 256).live_bytes)
    assert found[1] < found[0] + (1 << 18)  # 256 rows of 4,096 numbers are 16 times as much


def test_large_results_begin_where_arenas_do():
    y = empty((LARGE // 4, 3), np.dtype("float32"))
    assert y.shape == (LARGE // 4, 3) and y.flags.c_contiguous and y.flags.writeable
    assert y.ctypes.data % ALIGN_LARGE == _engine.IN_PAGE


def test_large_results_of_calls_made_before_do_so_too_and_are_given_back():
    x = np.ones((LARGE // 4, 3), "float32")
    for _ in range(3):
        y = k.ops.negative(x)
        assert y.shape == x.shape and y.dtype == x.dtype and y.flags.c_contiguous and y.flags.writeable
        assert y.ctypes.data % ALIGN_LARGE == _engine.IN_PAGE and (y == -1).all()
    tracemalloc.start()
    for _ in range(20):
        k.ops.negative(x)
    in_use, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert in_use < x.nbytes + 2 * ALIGN_LARGE  # that of one, for the next


def test_large_results_get_the_memory_of_those_that_are_gone():
    x, shorter = np.ones(LARGE, "float32"), np.ones(LARGE - 1, "float32")
    for _ in range(3):  # until both have plans and arenas, for which memory is given back
        k.ops.negative(x), k.ops.negative(shorter)
    y = k.ops.negative(x)
    place, view = y.ctypes.data, y[1:]
    del y
    assert k.ops.negative(x).ctypes.data != place
    del view
    assert k.ops.negative(shorter).ctypes.data != place
    y = k.ops.negative(x)
    assert y.ctypes.data == place and (y == -1).all()


def test_memory_of_results_that_are_gone_is_bounded():
    n, room = LARGE // 4, LARGE + ALIGN_LARGE
    xs = [np.ones(n + i, "float32") for i in range(40)]
    large = [np.ones((x_mib << 18) + 1, "float32") for x_mib in (25, 30, 20, 65)]
    for x in 3 * (*xs, *large):  # until all have plans and arenas, for which memory is given back
        k.ops.negative(x)
    tracemalloc.start()
    for x in xs:
        k.ops.negative(x)
    few = tracemalloc.get_traced_memory()[0]
    for x in large:
        k.ops.negative(x)
    many = tracemalloc.get_traced_memory()[0]
    k.ops.negative(np.ones(n + 40, "float32"))  # a plan and an arena
    rest = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert 15 * room < few < 18 * room
    assert 50 << 20 < many < 64 << 20
    assert rest < 3 * room
