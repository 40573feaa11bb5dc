"""LSTM and GRU records: plans against the references, gradients, second derivatives, errors."""

import numpy as np
import pytest

import fastnn
from fastnn import ops
from fastnn.ops import recurrent
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
    assert [y is None for y in step.buffers[5:]] == [False, True, True, True, True]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda a: recurrent.lstm(a(2, 3, 8), a(2, 6), a(2, 2), a(2, 2)), r"\(2, 6\)"),
        (lambda a: recurrent.lstm(a(2, 3, 8), a(2, 8), a(2, 2), a(3, 2)), r"\(3, 2\)"),
        (lambda a: recurrent.lstm(a(2, 3, 8), a(2, 8), a(2, 2), a(2, 2), a(2, 2)), r"bool\[2,3\]"),
        (lambda a: recurrent.gru(a(2, 3, 6), a(2, 6), a(5), a(2, 2)), r"\(5,\)"),
    ],
)
def test_shapes_that_do_not_fit(call, message):
    with pytest.raises(ValueError, match=message):
        call(lambda *shape: np.zeros(shape, "float32"))
