"""Ops that are composed of others, and losses, are one record of a tape each from the third time on, with the results
and gradients of their ops one by one."""

import copy
import dataclasses
import gc
import pickle
import weakref
from unittest import mock

import numpy as np
import pytest

import fastnn as k
from fastnn import ops, tape_replay
from fastnn.losses.loss import LossFunctionWrapper

RNG = np.random.default_rng(7)
X = RNG.normal(size=(6, 5)).astype("float32")
Y = RNG.uniform(0.1, 0.9, (6, 5)).astype("float32")
CLASSES = RNG.integers(0, 5, 6).astype("int32")
WEIGHTS = RNG.uniform(0.5, 2.0, 6).astype("float32")
L = k.losses


def _loss(loss, y_true, sample_weight=None):
    return lambda x: loss(y_true, x, sample_weight)


CALLS = {
    "std": lambda x: ops.std(x, axis=1, keepdims=True),
    "einsum": lambda x: ops.einsum("ij,kj->ik", x, Y),
    "normalize": ops.normalize,
    "logsumexp": lambda x: ops.logsumexp(x, axis=(0, 1)),
    "stack of a list": lambda x: ops.stack([x, Y, x]),
    "mean_squared_error": lambda x: L.mean_squared_error(Y, x),
    "MeanSquaredError": _loss(L.MeanSquaredError(), Y),
    "Huber with weights": _loss(L.Huber(delta=0.3), Y, WEIGHTS),
    "sum of MeanAbsoluteError": _loss(L.MeanAbsoluteError(reduction="sum"), Y),
    "none of LogCosh": _loss(L.LogCosh(reduction=None), Y),
    "float64 labels": _loss(L.MeanSquaredError(), Y.astype("float64")),
    "classes": _loss(L.SparseCategoricalCrossentropy(from_logits=True), CLASSES),
    "ignored classes": _loss(L.SparseCategoricalCrossentropy(from_logits=True, ignore_class=1), CLASSES),
    "float16": _loss(L.MeanSquaredError(dtype="float16"), Y),
    "Circle": _loss(L.Circle(), CLASSES),
}


@pytest.fixture(autouse=True)
def forgetful(monkeypatch):
    for name in ("_times", "_backwards", "_rules"):
        monkeypatch.setattr(tape_replay, name, {})


def _gradient(call, x):
    """The value, its gradient and the number of records of the call."""
    with k.GradientTape() as tape:
        tape.watch(x)
        y = call(x)
        records = len(tape.records)
        target = ops.sum(y * y) if y.shape else y
    return np.array(y), tape.gradient(target, x), records


@pytest.mark.parametrize("make", [k.Variable, np.array])
@pytest.mark.parametrize("name", CALLS)
def test_one_record_gives_what_op_by_op_gives(name, make):
    call, x = CALLS[name], make(X)
    with mock.patch.object(tape_replay, "call_of_op", lambda *_: NotImplemented):
        expected, expected_dx, many = _gradient(call, x)
    for _ in range(7):
        y, dx, records = _gradient(call, x)
        np.testing.assert_allclose(y, expected, rtol=1e-3 if name == "float16" else 1e-5, atol=1e-6)
        np.testing.assert_allclose(dx, expected_dx, rtol=1e-2 if name == "float16" else 1e-4, atol=1e-5)
        assert y.dtype == expected.dtype
    assert records == 1 < many


def test_derivatives_of_derivatives():
    x, loss = k.Variable(X), L.MeanSquaredError()
    expected = 2.0 / X.size * np.ones_like(X)
    for _ in range(8):
        with k.GradientTape() as outer:
            with k.GradientTape() as inner:
                y = loss(Y, x)
            dx = inner.gradient(y, x)
        np.testing.assert_allclose(outer.gradient(dx, x), expected, rtol=1e-5)


def test_tapes_that_watch_nothing_of_a_call_write_nothing_down():
    with k.GradientTape() as tape:
        found = [ops.std(X), L.MeanSquaredError()(Y, X), ops.vstack([X, Y])]
    assert not tape.records
    assert [type(y) for y in found] == [np.ndarray] * 3
    np.testing.assert_allclose(found[0], X.std(), rtol=1e-5)


def test_the_mask_of_predictions_counts():
    loss, x = L.MeanSquaredError(), k.Variable(X)
    mask = np.array([True, False, True, True, False, True])
    expected = np.where(mask[:, None], 2 * (X - Y), 0) / (mask.sum() * X.shape[1])
    for _ in range(7):
        with k.GradientTape() as tape:
            predicted = x * 1.0
            k.backend.set_keras_mask(predicted, mask)
            value = loss(Y, predicted)
            records = len(tape.records)
        np.testing.assert_allclose(tape.gradient(value, x), expected, rtol=1e-4, atol=1e-6)
        unmasked = X.copy()
        k.backend.set_keras_mask(unmasked, mask)
        np.testing.assert_allclose(loss(Y, unmasked), np.square(X - Y)[mask].mean(), rtol=1e-5)
    assert records == 2


class Counted(L.Loss):
    calls = 0

    def call(self, y_true, y_pred):
        self.calls += 1
        return ops.mean(ops.square(y_true - y_pred), axis=-1)


def _counted(y_true, y_pred):
    _counted.calls += 1
    return ops.mean(ops.square(y_true - y_pred), axis=-1)


def test_code_of_a_user_runs_each_time():
    _counted.calls = 0
    own, wrapped = Counted(), LossFunctionWrapper(_counted)
    for _ in range(6):
        own(Y, X), wrapped(Y, X)
        with k.GradientTape() as tape:
            x = k.Variable(X)
            y = own(Y, x) + wrapped(Y, x)
        np.testing.assert_allclose(tape.gradient(y, x), 4 * (X - Y) / X.size, rtol=1e-4, atol=1e-7)
    assert own.calls == _counted.calls == 12


@dataclasses.dataclass
class Unhashable(L.Loss):
    """A dataclass compares by its fields, so that nothing can be kept of it by itself as a key."""

    factor: float

    def __post_init__(self):
        super().__init__()

    def call(self, y_true, y_pred):
        return self.factor * ops.mean(ops.square(y_true - y_pred), axis=-1)


def test_losses_that_cannot_be_hashed():
    loss = Unhashable(2.0)
    for factor in (2.0, 3.0):
        loss.factor = factor
        for _ in range(4):
            np.testing.assert_allclose(loss(Y, X), factor * np.square(X - Y).mean(), rtol=1e-5)
        assert copy.deepcopy(loss) == loss


def test_what_is_changed_of_a_loss_counts_from_then_on():
    loss, circle = L.MeanSquaredError(), L.Circle()
    for _ in range(5):
        np.testing.assert_allclose(loss(Y, X), np.square(X - Y).mean(), rtol=1e-5)
        before = circle(CLASSES, X)
    loss.reduction, circle.gamma = "sum", 8.0
    for _ in range(5):
        np.testing.assert_allclose(loss(Y, X), np.square(X - Y).mean(axis=-1).sum(), rtol=1e-5)
        np.testing.assert_allclose(circle(CLASSES, X), L.Circle(gamma=8.0)(CLASSES, X), rtol=1e-5)
        assert abs(circle(CLASSES, X) - before) > 1e-3


def test_settings_count_from_then_on():
    loss, poisson = L.MeanSquaredError(), L.Poisson()
    for _ in range(4):
        assert loss(Y, X).dtype == "float32"
        zero = poisson([[1.0]], np.zeros((1, 1), "float32"))
    try:
        k.config.set_floatx("float64")
        k.config.set_epsilon(1e-3)
        assert loss(Y, X).dtype == "float64"
        np.testing.assert_allclose(poisson([[1.0]], np.zeros((1, 1))), -np.log(1e-3), rtol=1e-5)
    finally:
        k.config.set_floatx("float32")
        k.config.set_epsilon(1e-7)
    assert poisson([[1.0]], np.zeros((1, 1), "float32")) == zero


def test_copies_and_losses_that_are_gone():
    loss = L.Huber(delta=0.5)
    expected = float(loss(Y, X))
    assert [float(loss(Y, X)) for _ in range(4)] == pytest.approx([expected] * 4)
    copies = (
        copy.copy(loss),
        copy.deepcopy(loss),
        pickle.loads(pickle.dumps(loss)),
        L.Huber.from_config(loss.get_config()),
    )
    for other in copies:
        assert [float(other(Y, X)) for _ in range(4)] == pytest.approx([expected] * 4)
    gone = weakref.ref(loss)
    del loss
    gc.collect()
    assert gone() is None


def test_wrong_shapes_are_said_by_the_op(monkeypatch):
    monkeypatch.setattr(tape_replay, "COMPILED_TIMES", 1)
    loss, x = L.MeanSquaredError(), k.Variable(X)
    messages = set()
    for _ in range(5):
        with k.GradientTape() as tape, pytest.raises(ValueError) as error:
            loss(Y[:4], x)
        messages.add(str(error.value))
        assert not [r for r in tape.records if isinstance(r[0], tape_replay.TapedCall)]
    assert len(messages) == 1


def test_ops_that_read_numbers_go_on_one_by_one():
    x = k.Variable(X)
    for _ in range(5):
        with k.GradientTape() as tape:
            y = ops.repeat(x, np.array([1, 2, 0, 1, 1, 3]), axis=0)
        np.testing.assert_array_equal(tape.gradient(y, x)[:, 0], [1, 2, 0, 1, 1, 3])
