"""Training steps as users write them give in a trace what they give op by op."""

import numpy as np
import pytest

import fastnn as k
from fastnn import ops

STEPS = {}


def step(function):
    """Registers `function(model, other, optimizer, x, y)`, a step of training that returns a loss."""
    STEPS[function.__name__] = function
    return function


def _fit(model, optimizer, x, y):
    with k.GradientTape() as tape:
        loss = ops.mean((model(x) - y) ** 2)
    variables = model.trainable_variables
    optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
    return loss


def _descend(model, loss, tape):
    for variable, gradient in zip(
        model.trainable_variables, tape.gradient(loss, model.trainable_variables), strict=True
    ):
        variable.assign_sub(0.1 * gradient)


@step
def two_networks_against_each_other(model, other, optimizer, x, y):
    """The second loss knows `other` as it is after its step, which came from a pass of `model`."""
    both = ops.concatenate([model(x), y], axis=0)
    with k.GradientTape() as tape:
        loss = ops.mean(ops.softplus(other(both)) * np.float32([1] * 6 + [-1] * 6)[:, None])
    optimizer.apply_gradients(
        zip(tape.gradient(loss, other.trainable_variables), other.trainable_variables, strict=True)
    )
    with k.GradientTape() as tape:
        loss = ops.mean(ops.softplus(-other(model(x))))
    _descend(model, loss, tape)
    return loss


@step
def a_target_from_before(model, other, optimizer, x, y):
    target = model(x)
    return _fit(model, optimizer, x * 1.1, target)


@step
def a_moving_average_of_the_weights(model, other, optimizer, x, y):
    loss = _fit(model, optimizer, x, y)
    other.weights[3].assign(0.9 * other.weights[3] + 0.1 * model.weights[3])
    return loss


@step
def weights_clipped_after_each_of_several_steps(model, other, optimizer, x, y):
    for _ in range(3):
        loss = _fit(model, optimizer, x, y)
        for variable in model.trainable_variables:
            variable.assign(ops.clip(variable, -0.1, 0.1))
    return loss + ops.mean(model(x))


@step
def halfway_back_to_the_old_weights(model, other, optimizer, x, y):
    old = [variable + 0 for variable in model.trainable_variables]
    loss = _fit(model, optimizer, x, y)
    for variable, before in zip(model.trainable_variables, old, strict=True):
        variable.assign(0.5 * variable + 0.5 * before)
    return loss


@step
def a_momentum_that_is_reset(model, other, optimizer, x, y):
    _fit(model, optimizer, x, y)
    optimizer.variables[2].assign(ops.zeros_like(optimizer.variables[2]))
    return _fit(model, optimizer, x, y)


@step
def one_variable_by_another(model, other, optimizer, x, y):
    loss = _fit(model, optimizer, x, y)
    bias, last = model.weights[1], model.weights[3]
    bias.assign(bias * 0.5)
    last.assign(last + bias[:2])
    return loss


@step
def at_the_worst_place_nearby(model, other, optimizer, x, y):
    with k.GradientTape() as tape:
        loss = ops.mean((model(x) - y) ** 2)
    variables = model.trainable_variables
    away = [0.05 * gradient for gradient in tape.gradient(loss, variables)]
    for variable, by in zip(variables, away, strict=True):
        variable.assign_add(by)
    with k.GradientTape() as tape:
        loss = ops.mean((model(x) - y) ** 2)
    gradients = tape.gradient(loss, variables)
    for variable, by in zip(variables, away, strict=True):
        variable.assign_sub(by)
    optimizer.apply_gradients(zip(gradients, variables, strict=True))
    return loss


@step
def a_penalty_on_a_gradient(model, other, optimizer, x, y):
    with k.GradientTape() as tape:
        with k.GradientTape() as inner:
            inner.watch(x)
            scores = other(model(x))
        slope = inner.gradient(scores, x)
        loss = ops.mean((ops.sqrt(ops.sum(slope * slope, axis=1)) - 1) ** 2) + ops.mean(scores)
    variables = model.trainable_variables
    optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
    return loss


@step
def inputs_moved_against_the_loss(model, other, optimizer, x, y):
    with k.GradientTape() as tape:
        tape.watch(x)
        loss = ops.mean((model(x) - y) ** 2)
    return _fit(model, optimizer, x + 0.1 * ops.sign(tape.gradient(loss, x)), y)


@step
def gradients_of_several_batches(model, other, optimizer, x, y):
    total = None
    for begin in (0, 2, 4):
        with k.GradientTape() as tape:
            loss = ops.mean((model(x[begin : begin + 2]) - y[begin : begin + 2]) ** 2)
        found = tape.gradient(loss, model.trainable_variables)
        total = found if total is None else [a + b for a, b in zip(total, found, strict=True)]
    optimizer.apply_gradients(zip(total, model.trainable_variables, strict=True))
    return loss


@step
def two_losses_of_one_tape(model, other, optimizer, x, y):
    with k.GradientTape(persistent=True) as tape:
        made = model(x)
        loss, further = ops.mean((made - y) ** 2), ops.mean(other(made) ** 2)
    variables = model.trainable_variables
    optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
    _descend(other, further, tape)
    return loss + further


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize("name", STEPS)
def test_a_trace_does_what_is_done_op_by_op(name, optimizer):
    rng, found = np.random.default_rng(0), []
    x, y = rng.normal(size=(6, 4)).astype("float32"), rng.normal(size=(6, 2)).astype("float32")
    for run in (lambda function: function, k.jit):
        k.utils.set_random_seed(1)
        model = k.Sequential([k.Input((4,)), k.layers.Dense(5, activation="tanh"), k.layers.Dense(2)])
        other = k.Sequential([k.Input((2,)), k.layers.Dense(3, activation="gelu"), k.layers.Dense(2)])
        learns = k.optimizers.Adam(0.05) if optimizer == "Adam" else k.optimizers.SGD(0.05, momentum=0.9)
        learns.build((other if "networks" in name else model).trainable_variables)
        one = run(lambda x, y, model=model, other=other, learns=learns: STEPS[name](model, other, learns, x, y))
        losses = [float(one(x, y)) for _ in range(4)]
        found.append([losses, *model.get_weights(), *other.get_weights()])
    for traced, expected in zip(*found, strict=True):
        np.testing.assert_allclose(traced, expected, rtol=1e-4, atol=1e-5)


class Distiller(k.Model):
    """Whose loss is written without `training`, as in Keras's example of distillation."""

    def __init__(self):
        super().__init__()
        self.student, self.teacher = k.layers.Dense(2), k.layers.Dense(2, trainable=False)

    def call(self, x):
        return self.student(x)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
        return ops.mean((y_pred - self.teacher(x)) ** 2)


@pytest.mark.parametrize("eagerly", [False, True])
def test_a_loss_may_be_written_without_training(eagerly):
    model, x = Distiller(), np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
    model.compile(optimizer=k.optimizers.SGD(0.5), run_eagerly=eagerly)
    before = model.evaluate(x, np.zeros((8, 2)), verbose=0)
    model.fit(x, np.zeros((8, 2)), epochs=20, verbose=0)
    after = model.evaluate(x, np.zeros((8, 2)), verbose=0)
    assert after < 0.1 * before
    variables = [[v.value for v in group] for group in (model.trainable_variables, model.non_trainable_variables)]
    loss, _ = model.stateless_compute_loss(*variables, [v.value for v in model.metrics_variables], x=x, y_pred=model(x))
    np.testing.assert_allclose(loss, after, rtol=1e-5)
