"""LSTM and GRU records: plans against the references, gradients, second derivatives, errors."""

import numpy as np
import pytest

import fastnn
from fastnn import ops
from fastnn.ops import recurrent
from fastnn.ops.matmul import linear
from fastnn.testing import check_gradient, check_op

SIZES = [(1, 1, 1), (3, 4, 5), (26, 3, 17)]
RECORDS = {"lstm": (recurrent.lstm_op, 4, 2), "gru": (recurrent.gru_op, 3, 1)}


def inputs_of(name, b, t, u, masked, dtype="float64"):
    rng = np.random.default_rng(b + t + u)
    _, gates, states = RECORDS[name]
    shapes = [(b, t, gates * u), (u, gates * u), *([(gates * u,)] if name == "gru" else []), *([(b, u)] * states)]
    arrays = [(0.7 * rng.normal(size=shape)).astype(dtype) for shape in shapes]
    return [*arrays, rng.random((b, t)) < 0.6] if masked else arrays


@pytest.mark.parametrize("masked", [False, True], ids=["all", "masked"])
@pytest.mark.parametrize("backwards", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", RECORDS)
def test_record(name, size, backwards, masked):
    record, _, states = RECORDS[name]
    arrays = inputs_of(name, *size, masked, "float32")
    check_op(record, arrays, backwards=backwards, gradient=False)
    # Each output alone, and all that a layer reads: other gradients are then absent.
    for read in (*range(1 + states), slice(0, 1 + states)):
        check_gradient(lambda *xs, read=read: record(*xs, backwards=backwards)[read], arrays)


@pytest.mark.parametrize("masked", [False, True], ids=["all", "masked"])
@pytest.mark.parametrize("name", RECORDS)
def test_second_derivative(name, masked):
    record, _, states = RECORDS[name]

    def gradient(*xs):
        with fastnn.GradientTape() as tape:
            total = sum(ops.sum(ops.sin(y)) for y in record(*xs, backwards=masked)[: 1 + states])
        return tape.gradient(total, [x for x in xs if x.dtype != "bool"])

    check_gradient(gradient, inputs_of(name, 2, 3, 4, masked))


def test_what_only_a_gradient_reads_is_not_stored():
    x, *rest = inputs_of("lstm", 2, 3, 4, False)
    plan = fastnn.jit(lambda x: recurrent.lstm(x, *rest)[0])
    plan(x)
    (executable,) = plan.executables()
    (step,) = [step for step in executable.steps if step.kernel == "lstm_f64"]
    assert [y is None for y in step.buffers[7:]] == [False, True, True, True, True, True]


@pytest.mark.parametrize("name", RECORDS)
def test_gradients_by_states_that_begin_at_zero_are_not_made(name):
    record, _, states = RECORDS[name]
    arrays = inputs_of(name, 2, 3, 4, False)

    def gradient(kernel):
        with fastnn.GradientTape() as tape:
            total = ops.sum(ops.sin(record(arrays[0], kernel, *arrays[2:], backwards=False)[0]))
        return tape.gradient(total, kernel)

    plan = fastnn.jit(gradient)
    plan(arrays[1])
    (executable,) = plan.executables()
    (step,) = [step for step in executable.steps if step.kernel == f"{name}_grad_f64"]
    assert step.buffers[-states:] == [None] * states


@pytest.mark.parametrize("masked", [False, True], ids=["all", "masked"])
def test_record_that_projects(masked):
    rng = np.random.default_rng(0)
    x, w, bias = (rng.normal(size=shape).astype("float32") for shape in ((17, 3, 5), (5, 28), (28,)))
    _, *others = inputs_of("lstm", 17, 3, 7, masked, "float32")
    check_op(recurrent.projecting_lstm_op, [x, w, bias, *others], backwards=masked, gradient=False)
    check_gradient(lambda *xs: recurrent.projecting_lstm_op(*xs, backwards=masked)[0], [x, w, bias, *others])


@pytest.mark.parametrize(
    ("size", "projects"),
    [((16, 32, 8, 4), True), ((15, 40, 8, 4), False), ((16, 31, 8, 4), False), ((16, 32, 9, 4), False)],
)
@pytest.mark.parametrize("has_bias", [True, False])
def test_projection_joins_where_rows_share_the_weights(size, projects, has_bias):
    """Of the sizes (b, t, d, u), forward and with gradients, against the same without it."""
    b, t, d, u = size
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=s).astype("float32") for s in ((b, t, d), (d, 4 * u), (u, 4 * u), (4 * u,))]
    zeros = np.zeros((b, u), "float32")

    def gradients(x, w, r, bias, project):
        with fastnn.GradientTape() as tape:
            y = recurrent.lstm(project(x, w, *([bias] if has_bias else [])), r, zeros, zeros)[0]
            total = ops.sum(ops.sin(y))
        return y, *tape.gradient(total, [x, w, r, bias][: 3 + has_bias])

    plan = fastnn.jit(lambda *xs: gradients(*xs, linear))
    actual = plan(*arrays)
    (executable,) = plan.executables()
    (step,) = [step for step in executable.steps if step.kernel == "lstm_f32"]
    assert step.ints[4] == (d if projects else 0)
    apart = fastnn.jit(lambda *xs: gradients(*xs, lambda x, w, bias=0.0: ops.sum(x[..., None] * w, -2) + bias))
    for y, wanted in zip(actual, apart(*arrays), strict=True):
        np.testing.assert_allclose(y, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("rows", "units", "is_composed"), [(1, 74, True), (32, 74, True), (33, 74, False), (1, 63, False)]
)
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("name", RECORDS)
def test_a_single_step_packs_no_weights(name, backwards, rows, units, is_composed):
    """Of few rows by large weights: outputs and gradients as the record's."""
    record, _, states = RECORDS[name]
    arrays = inputs_of(name, rows, 1, units, False)

    def gradients(call):
        def function(*xs):
            with fastnn.GradientTape() as tape:
                ys = call(*xs, backwards=backwards)[: 1 + states]
                total = sum(ops.sum(ops.sin(y)) for y in ys)
            return *ys, *tape.gradient(total, list(xs))

        return fastnn.jit(function)

    plan, of_record = gradients(getattr(recurrent, name)), gradients(record)
    for actual, wanted in zip(plan(*arrays), of_record(*arrays), strict=True):
        np.testing.assert_allclose(actual, wanted, rtol=1e-9, atol=1e-9)
    (executable,) = plan.executables()
    assert is_composed == all(not step.kernel.startswith(name) for step in executable.steps)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda a: recurrent.lstm(a(2, 1, 256), a(64, 256), a(2, 64), a(3, 64)), r"\(3, 64\)"),
        (lambda a: recurrent.gru(a(2, 1, 256), a(64, 256), a(256), a(2, 64)), r"\(2, 1, 256\)"),
        (lambda a: recurrent.lstm(a(2, 3, 8), a(2, 6), a(2, 2), a(2, 2)), r"\(2, 6\)"),
        (lambda a: recurrent.lstm(a(2, 3, 8), a(2, 8), a(2, 2), a(3, 2)), r"\(3, 2\)"),
        (lambda a: recurrent.lstm(a(2, 3, 8), a(2, 8), a(2, 2), a(2, 2), a(2, 2)), r"bool\[2,3\]"),
        (lambda a: recurrent.gru(a(2, 3, 6), a(2, 6), a(5), a(2, 2)), r"\(5,\)"),
    ],
)
def test_shapes_that_do_not_fit(call, message):
    with pytest.raises(ValueError, match=message):
        call(lambda *shape: np.zeros(shape, "float32"))
