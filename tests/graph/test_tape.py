"""A tape that records the same ops again and again runs its gradient as a plan, with the results of op by op."""

from unittest import mock

import numpy as np
import pytest

import fastnn as k
from fastnn import ops, tape_replay
from fastnn.layers import taped_call


@pytest.fixture(autouse=True)
def forgetful():
    tape_replay._times.clear()
    tape_replay._backwards.clear()


def _network():
    k.utils.set_random_seed(3)
    model = k.Sequential(
        [k.layers.Dense(9, activation="relu"), k.layers.Dense(5, activation="tanh"), k.layers.Dense(4)]
    )
    model.build((None, 6))
    return model


def _batches(count=6, rows=7):
    rng = np.random.default_rng(5)
    for _ in range(count):
        yield rng.normal(size=(rows, 6)).astype("float32"), rng.integers(0, 4, rows)


def _one_by_one(function, *args):
    """The gradients without a plan."""
    with mock.patch.object(tape_replay, "_signature", lambda *_: None), mock.patch.object(taped_call, "call", _nothing):
        return function(*args)


def _nothing(*_):
    return NotImplemented


def _assert_close(found, expected):
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6 * np.abs(b).max())


LOSSES = {
    "classes": lambda model, x, y: k.losses.SparseCategoricalCrossentropy(from_logits=True)(y, model(x)),
    "power": lambda model, x, y: ops.mean(model(x) ** 2) + 0.5 * ops.sum(model(x)[:, 0]),
    "gather": lambda model, x, y: ops.sum(ops.take_along_axis(model(x), y[:, None], axis=1)),
    "several numbers as a constant": lambda model, x, y: ops.mean(model(x) * np.float32([1, 2, 3, 4])),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_plan_gives_what_op_by_op_gives(name):
    model = _network()

    def gradient(x, y):
        with k.GradientTape() as tape:
            loss = LOSSES[name](model, x, y)
        return tape.gradient(loss, model.trainable_variables)

    for x, y in _batches():
        _assert_close(gradient(x, y), _one_by_one(gradient, x, y))
    assert len(tape_replay._backwards) == 1


def test_a_factor_that_changes_is_not_kept():
    w = k.Variable([1.0, 2.0])
    for factor in (1.0, 2.0, 3.0, 4.0, 5.0, 1.0, 1.0, 1.0):
        with k.GradientTape() as tape:
            loss = ops.sum(w * w * factor)
        np.testing.assert_allclose(tape.gradient(loss, w), 2 * w.numpy() * factor)
    assert len(tape_replay._backwards) == 1


def test_what_a_plan_depends_on():
    """Shapes, dtypes, what is watched, and which sources, targets and seeds there are."""
    rng = np.random.default_rng(7)
    a, b = k.Variable(rng.normal(size=(3, 4))), k.Variable(rng.normal(size=(4, 2)))
    other = k.Variable(np.zeros(3))
    for rows in (5, 6):
        for sources in ([a, b], [b, a], [b], [other, b]):
            for seeds in (None, [rng.normal(size=(rows, 2)).astype("float32")]):

                def gradient(x, sources=sources, seeds=seeds):
                    with k.GradientTape() as tape:
                        tape.watch(x)
                        y = ops.matmul(ops.matmul(x, a), b)
                    return tape.gradient(y, [*sources, x], output_gradients=seeds)

                for _ in range(4):
                    x = np.array(rng.normal(size=(rows, 3)), "float32")
                    found, expected = gradient(x), _one_by_one(gradient, x)
                    assert [g is None for g in found] == [g is None for g in expected]
                    _assert_close([g for g in found if g is not None], [g for g in expected if g is not None])


@pytest.mark.parametrize("seed", [2.0, np.float64([2, 2]), np.int32([2, 2])])
def test_what_flows_in_takes_the_dtype_and_shape_of_the_target(seed):
    w = k.Variable([1.0, 2.0])
    for _ in range(5):
        with k.GradientTape() as tape:
            y = w * w
        found = tape.gradient(y, w, output_gradients=seed)
        assert found.dtype == "float32"
        np.testing.assert_array_equal(found, 4 * w.numpy())


def test_a_source_that_is_the_target():
    w = k.Variable([1.0, 2.0])
    for _ in range(5):
        with k.GradientTape() as tape:
            y = w * 3.0
        np.testing.assert_array_equal(tape.gradient(y, y), [1.0, 1.0])


def test_second_derivatives_stay_right():
    x = k.Variable([1.0, 2.0, 3.0])
    for _ in range(5):
        with k.GradientTape() as outer:
            with k.GradientTape() as inner:
                y = ops.sum(x**3)
            first = inner.gradient(y, x)
        np.testing.assert_allclose(outer.gradient(first, x), 6 * x.numpy(), rtol=1e-6)


def test_a_custom_gradient_is_its_own_each_time():
    w = k.Variable([1.0, 2.0])
    for scale in (1.0, 2.0, 3.0, 4.0, 5.0):

        @k.custom_gradient
        def twice(x, scale=scale):
            return x * 2.0, lambda dy: dy * scale

        with k.GradientTape() as tape:
            y = ops.sum(twice(w))
        np.testing.assert_allclose(tape.gradient(y, w), [scale, scale])


def test_training_by_a_tape_learns():
    model, optimizer = _network(), k.optimizers.Adam(0.01)
    loss_of = k.losses.SparseCategoricalCrossentropy(from_logits=True)
    losses = []
    x, y = next(_batches(1, 32))
    for _ in range(60):
        with k.GradientTape() as tape:
            loss = loss_of(y, model(x, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        losses.append(float(loss))
    assert losses[-1] < 0.7 * losses[0]


class CubedLayer(k.layers.Layer):
    """By NumPy's operators alone."""

    def call(self, x):
        return x * x * x


class CubedLoss(k.losses.Loss):
    def call(self, y_true, y_pred):
        return y_pred * y_pred * y_pred


@pytest.mark.parametrize("where", ["layer", "loss"])
def test_a_plain_array_that_is_watched_passes_through_layers_and_losses(where):
    x = np.float32([[1, 2, 3]])
    with k.GradientTape() as tape:
        tape.watch(x)
        y = CubedLayer()(x) if where == "layer" else CubedLoss(reduction="none")([0], x)
    np.testing.assert_allclose(tape.gradient(y, x), 3 * x * x)


def test_ops_of_a_tape_see_what_is_in_an_array_now():
    w, x = k.Variable(np.float32([1, 2])), np.float32([3, 4])
    for factor in (1, 2, 3, 4, 5):
        with k.GradientTape() as tape:
            y = ops.relu(w * (x * factor))
        np.testing.assert_array_equal(y, np.float32([3, 8]) * factor)
        np.testing.assert_array_equal(tape.gradient(y, w), x * factor)


def _before(w, tape):
    y = w * 2.0
    with tape:
        return y * 3.0 + w


def _after(w, tape):
    with tape:
        y = w * 2.0
    return y * w


def _between(w, tape):
    with tape:
        y = w * 2.0
    z = y + w * w
    with tape:
        return y * 5.0 + z * 3.0


def _after_reset(w, tape):
    with tape:
        y = w * 2.0
        tape.reset()
        return y * w


def _inside_another(w, tape):
    with tape:
        y = ops.square(w)
        with k.GradientTape() as inner:
            z = y * ops.square(w)
        return ops.sum(z) + ops.sum(inner.gradient(z, w) * 10.0)


@pytest.mark.parametrize("way", ["eager", "traced"])
@pytest.mark.parametrize(
    ("function", "expected"),
    [(_before, [1, 1]), (_after, [0, 0]), (_between, [10, 10]), (_after_reset, [4, 6]), (_inside_another, None)],
)
def test_what_was_not_done_inside_the_tape_is_constant(function, expected, way):
    """_inside_another: 4 w^3 + 60 w^2, as the inner gradient takes y = w^2 for a number and the outer one does not."""
    w = k.Variable(np.float32([2, 3]))

    def gradient():
        tape = k.GradientTape(persistent=True)
        y = function(w, tape)
        return tape.gradient(y, w, unconnected_gradients="zero")

    if function is _inside_another:
        expected = 4 * w.numpy() ** 3 + 60 * w.numpy() ** 2
    np.testing.assert_allclose((k.jit(gradient) if way == "traced" else gradient)(), expected)
