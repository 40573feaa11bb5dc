"""Layers, metrics and optimizers as functions of their state; scopes."""

import keras
import numpy as np
import pytest

import fastnn
from fastnn import layers, metrics, ops, optimizers
from tests.tables import rows

X = rows(4, 3)


class Counts(layers.Layer):
    """Counts its calls, drops out, and adds a loss."""

    def __init__(self):
        super().__init__()
        self.calls = self.add_weight((), "zeros", trainable=False)
        self.seed = fastnn.random.SeedGenerator(1)

    def call(self, inputs):
        self.calls.assign_add(1.0)
        self.add_loss(ops.sum(inputs))
        return fastnn.random.dropout(inputs, 0.5, seed=self.seed)


def model():
    # The gradient of a bias before a normalization would be rounding errors alone, of which Adam makes whole steps.
    first = layers.Dense(5, use_bias=False)
    return fastnn.Sequential([fastnn.Input((3,)), first, layers.BatchNormalization(), Counts(), layers.Dense(2)])


def values(variables):
    return [np.array(v) for v in variables]


def jitted(function):
    return fastnn.jit(function)


@pytest.mark.parametrize("wrap", [lambda f: f, jitted], ids=["eager", "jit"])
def test_a_call_changes_nothing_and_gives_what_a_call_would(wrap):
    a, b = model(), model()
    b.set_weights(a.get_weights())
    before = values(a.variables)

    def call(trainable, others, x):
        return a.stateless_call(trainable, others, x, training=True, return_losses=True)

    others = values(a.non_trainable_variables)
    outputs, after, losses = wrap(call)(values(a.trainable_variables), others, X)
    for v, array in zip(a.variables, before, strict=True):
        np.testing.assert_array_equal(v, array)
    for v, value in zip(b.non_trainable_variables, others, strict=True):
        v.assign(value)
    np.testing.assert_allclose(outputs, b(X, training=True), rtol=1e-5, atol=1e-6)
    assert len(after) == len(b.non_trainable_variables) == 4
    for value, v in zip(after, b.non_trainable_variables, strict=True):
        np.testing.assert_allclose(value, np.array(v), rtol=1e-5, atol=1e-6, err_msg=v.path)
    np.testing.assert_allclose([float(x) for x in losses], [float(x) for x in b.losses], rtol=1e-5)
    doubled = [2 * v for v in values(a.trainable_variables)]
    assert not np.allclose(wrap(call)(doubled, others, X)[0], outputs)


def test_a_functional_training_loop_equals_fit():
    """Forward, gradient, optimizer and metric, all as one pure function of their states."""
    a, b = model(), model()
    b.set_weights(a.get_weights())
    for v, w in zip(b.non_trainable_variables, a.non_trainable_variables, strict=True):
        v.assign(np.array(w))
    y = rows(4, 2)
    optimizer = optimizers.Adam(0.1)
    optimizer.build(a.trainable_variables)
    mean = metrics.Mean()

    def loss_of(trainable, others):
        outputs, others, losses = a.stateless_call(trainable, others, X, training=True, return_losses=True)
        return ops.mean((outputs - y) ** 2) + sum(losses), others

    @fastnn.jit
    def step(trainable, others, of_optimizer, of_metric):
        (loss, others), gradients = fastnn.value_and_grad(loss_of, has_aux=True)(trainable, others)
        trainable, of_optimizer = optimizer.stateless_apply(of_optimizer, gradients, trainable)
        return trainable, others, of_optimizer, mean.stateless_update_state(of_metric, loss)

    state = [values(v) for v in (a.trainable_variables, a.non_trainable_variables, optimizer.variables, mean.variables)]
    for _ in range(3):
        state = step(*state)
    b.compile(optimizers.Adam(0.1), "mse")
    history = b.fit(X, y, epochs=3, batch_size=4, shuffle=False, verbose=0).history["loss"]
    np.testing.assert_allclose(mean.stateless_result(state[3]), np.mean(history), rtol=1e-5)
    for value, v in zip(state[0], b.trainable_variables, strict=True):
        np.testing.assert_allclose(value, np.array(v), rtol=1e-4, atol=1e-5, err_msg=v.path)
    assert float(optimizer.iterations) == 0 and float(mean.result()) == 0


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop", "Lion", "Adagrad", "Nadam", "Ftrl", "Lamb", "Adafactor"])
def test_optimizers(name, traced):
    a, b = (getattr(optimizers, name)(0.1, clipnorm=1.0, use_ema=True) for _ in range(2))
    start, gradients = [rows(3, 2), rows(2)], [rows(3, 2, seed=1), rows(2, seed=2)]
    variables = [fastnn.Variable(x) for x in start]
    a.build([fastnn.Variable(x) for x in start])
    b.build(variables)
    state, trained = values(a.variables), start
    apply = fastnn.jit(a.stateless_apply) if traced else a.stateless_apply
    for _ in range(2):
        trained, state = apply(state, gradients, trained)
        b.apply(gradients)
    for value, v in zip([*trained, *state], [*variables, *b.variables], strict=True):
        np.testing.assert_allclose(value, np.array(v), rtol=1e-5, atol=1e-6, err_msg=v.path)
    assert int(a.iterations) == 0


def test_metrics():
    metric = metrics.AUC(num_thresholds=5)
    labels, predictions = np.float32([0, 1, 1, 0]), np.float32([0.1, 0.9, 0.4, 0.6])
    state = metric.stateless_update_state(metric.stateless_reset_state(), labels, predictions)
    assert not any(np.array(v).any() for v in metric.variables)
    result = metric.stateless_result(state)
    metric.update_state(labels, predictions)
    assert float(result) == float(metric.result())


@pytest.mark.parametrize(
    "call",
    [
        lambda k: k.layers.Dense(2).stateless_call([], [], X),
        lambda k: built(k).stateless_call([], [], X),
        lambda k: built(k).stateless_call([X, X, X], [], X),
        lambda k: k.metrics.Mean().stateless_update_state([], X),
        lambda k: k.metrics.Mean().stateless_result([X]),
        lambda k: k.optimizers.SGD().stateless_apply([], [X], [X]),
        lambda k: optimizer(k).stateless_apply([], [X], [X]),
        lambda k: optimizer(k).stateless_apply(optimizer(k).variables, [X], []),
        lambda k: k.StatelessScope([(3, 4)]),
        lambda k: k.StatelessScope([(k.Variable(X), X[0])]),
        lambda k: k.name_scope("a/b"),
        lambda k: k.RematScope("some"),
    ],
)
def test_bad_arguments_are_keras_s(call):
    with pytest.raises(ValueError):
        call(keras)
    with pytest.raises(ValueError, match=r"variables|Scope|name|mode"):
        call(fastnn)


def built(k):
    layer = k.layers.Dense(2)
    layer.build((None, 3))
    return layer


def optimizer(k):
    made = k.optimizers.SGD()
    made.build([k.Variable(X)])
    return made


# ---- scopes ----


def test_a_scope_in_a_scope_and_a_gradient_in_it():
    v = fastnn.Variable([1.0, 2.0])
    with fastnn.StatelessScope([(v, np.float32([5, 6]))]) as outer:
        with fastnn.StatelessScope() as inner:
            v.assign([7.0, 8.0])
            np.testing.assert_array_equal(v.numpy(), [7, 8])
        np.testing.assert_array_equal(v, [5, 6])
        x = np.float32([3.0, 4.0])
        with fastnn.GradientTape() as tape:
            y = ops.sum(v * v)
        assert float(y) == 61
    np.testing.assert_array_equal(inner.get_current_value(v), [7, 8])
    np.testing.assert_array_equal(outer.get_current_value(v), [5, 6])
    np.testing.assert_array_equal(v, [1, 2])
    with fastnn.GradientTape() as tape:
        tape.watch(x)
        with fastnn.StatelessScope([(v, x)]):
            y = ops.sum(v * v)
    np.testing.assert_array_equal(tape.gradient(y, x), [6, 8])


def test_a_scope_in_a_trace():
    v = fastnn.Variable([1.0, 2.0])

    @fastnn.jit
    def run(x):
        v.assign_add([1.0, 1.0])
        with fastnn.StatelessScope([(v, x)]) as scope:
            v.assign_add([1.0, 1.0])
            inside = v * 2
            assert scope.get_current_value(v) is not None
        return inside, scope.get_current_value(v), v * 1

    inside, kept, outside = run(np.float32([5, 6]))
    np.testing.assert_array_equal(inside, [12, 14])
    np.testing.assert_array_equal(kept, [6, 7])
    np.testing.assert_array_equal(outside, [2, 3])
    np.testing.assert_array_equal(v, [2, 3])


def test_name_scope():
    def paths(k):
        with k.name_scope("a"), k.name_scope("b"):
            found = [k.Variable(1.0, name="x").path]
            dense = k.layers.Dense(1, name="d")
            dense.build((1, 1))
            found += [w.path for w in dense.weights]
        with k.name_scope("a"), k.name_scope("b", override_parent="q/w"):
            found.append(k.Variable(1.0, name="x").path)
        caller = object()
        with k.name_scope("a", caller=caller), k.name_scope("a", caller=caller):
            found.append(k.Variable(1.0, name="x").path)
        return [*found, k.Variable(1.0, name="x").path]

    assert paths(fastnn) == paths(keras)


def test_device():
    with fastnn.device("cpu:0"), fastnn.device("cpu"):
        assert layers.ReLU()(X).shape == X.shape
    for name in ("gpu:0", "cuda", "tpu", 3):
        with pytest.raises(ValueError, match="device_name"):
            fastnn.device(name)


def test_remat_calls_the_function():
    def doubled(x, times=2):
        return x * times

    assert fastnn.remat(doubled)(3, times=4) == 12 and fastnn.remat(doubled).__name__ == "doubled"


DTYPES = ["bool", "uint8", "int8", "int16", "uint16", "int32", "float16", "float32", int, float, bool]


@pytest.mark.parametrize("first", DTYPES, ids=str)
def test_result_type(first):
    for second in DTYPES:
        assert fastnn.backend.result_type(first, second) == keras.backend.result_type(first, second), second
    for name in ("is_float_dtype", "is_int_dtype"):
        if first is not float:  # Keras does not take Python's float here
            assert getattr(fastnn.backend, name)(first) == getattr(keras.backend, name)(first)
