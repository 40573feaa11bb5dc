"""Calls of layers under a tape: from the third on one plan, with the results, gradients and updates of op by op."""

import gc
import weakref

import numpy as np
import pytest

import fastnn as keras
from fastnn import layers, ops, tape_replay
from tests.tables import rows

TIMES = 5


class Doubled(layers.Layer):
    def call(self, x):
        self.seen = x
        return 2 * x


class Own(keras.Model):
    """What a user writes: `inner` is called twice, does not say `training`, and has calls counted around it."""

    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        self.inner, self.calls = inner, 0

    def call(self, x, training=None):
        self.calls += 1
        y = self.inner(x)
        self.add_loss(0.1 * ops.mean(ops.square(ops.cast(y, "float32"))))
        return y + self.inner(x)


def functional(x, *made):
    inputs = keras.Input(x.shape[1:], dtype=x.dtype)
    y = inputs
    for layer in made:
        y = layer(y)
    return keras.Model(inputs, y)


def with_residual():
    inputs = keras.Input((5, 6))
    attended = layers.MultiHeadAttention(2, 3)(inputs, inputs)
    y = layers.LayerNormalization()(inputs + attended)
    return keras.Model(inputs, layers.Dense(4)(layers.GlobalAveragePooling1D()(y)))


IMAGES, SEQUENCES, ROWS = rows(4, 6, 6, 2), rows(4, 5, 6), rows(4, 6)
WORDS = np.array([[1, 2, 3, 0], [4, 5, 0, 0]], "int32")
MODELS = {
    "dense": (ROWS, lambda: functional(ROWS, layers.Dense(5, activation="tanh"), layers.Dense(4))),
    "sequential": (ROWS, lambda: keras.Sequential([keras.Input((6,)), layers.Dense(5, "gelu"), layers.Dense(4)])),
    "one layer": (ROWS, lambda: built(layers.Dense(4, activation="softmax"), ROWS)),
    "convolutions": (
        IMAGES,
        lambda: functional(IMAGES, layers.Conv2D(3, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten(),
                           layers.Dense(4)),
    ),
    "normalization": (ROWS, lambda: functional(ROWS, layers.Dense(5), layers.BatchNormalization(), layers.Dense(4))),
    "dropout": (ROWS, lambda: functional(ROWS, layers.Dense(50), layers.Dropout(0.5, seed=1), layers.Dense(4))),
    "noise": (ROWS, lambda: functional(ROWS, layers.GaussianNoise(0.5, seed=1), layers.Dense(4), layers.Dropout(0.1))),
    "attention": (SEQUENCES, with_residual),
    "recurrent": (SEQUENCES, lambda: functional(SEQUENCES, layers.LSTM(3), layers.Dense(4))),
    "masks": (WORDS, lambda: functional(WORDS, layers.Embedding(7, 3, mask_zero=True), layers.GRU(4))),
    "penalties": (ROWS, lambda: functional(ROWS, layers.Dense(5, activity_regularizer="l2"), layers.Dense(4))),
    "half precision": (ROWS, lambda: functional(ROWS, layers.Dense(5, dtype="mixed_bfloat16"), layers.Dense(4))),
    "frozen": (ROWS, lambda: frozen(functional(ROWS, layers.Dense(5), layers.Dense(4)))),
}  # fmt: skip


def built(layer, x):
    layer.build(x.shape)
    return layer


def frozen(model):
    model.layers[1].trainable = False
    return model


def steps(make, x, step, monkeypatch, compiled_times):
    """What `step(model, tape, x)` gives TIMES times, and the weights at last."""
    monkeypatch.setattr(tape_replay, "COMPILED_TIMES", compiled_times)
    monkeypatch.setattr(tape_replay, "_times", {})
    monkeypatch.setattr(tape_replay, "_backwards", {})
    keras.utils.set_random_seed(3)
    model = make()
    found = [step(model, x + k if x.dtype.kind == "f" else x) for k in range(TIMES)]
    return found, [np.array(w) for w in model.weights], model


def assert_same(found, expected, tolerance=1e-5):
    for a, b in zip(keras.tree.flatten(found), keras.tree.flatten(expected), strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            np.testing.assert_allclose(np.float64(a), np.float64(b), rtol=tolerance, atol=tolerance)


def compare(make, x, step, monkeypatch, is_taken=True, tolerance=1e-5):
    found, weights, model = steps(make, x, step, monkeypatch, 2)
    expected, expected_weights, _ = steps(make, x, step, monkeypatch, 1000)
    assert_same(found, expected, tolerance)
    assert_same(weights, expected_weights, tolerance)
    if type(model) is Own:
        assert model.calls >= TIMES
        assert not model._state.taped.executables()
        model = model.inner
    taken = model._state.taped is not None and len(model._state.taped.executables()) > 0
    assert taken == is_taken


def trained(model, x):
    with keras.GradientTape() as tape:
        y = model(x, training=True)
        loss = ops.mean(ops.square(ops.cast(y, "float32"))) + sum(model.losses)
    gradients = tape.gradient(loss, model.trainable_variables)
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        variable.assign_sub(0.1 * gradient)
    return y, loss, gradients


@pytest.mark.parametrize("name", MODELS)
def test_a_step_of_training(name, monkeypatch):
    x, make = MODELS[name]
    compare(make, x, trained, monkeypatch, tolerance=2e-2 if name == "half precision" else 1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_a_step_of_what_is_called_by_code_of_a_user(name, monkeypatch):
    x, make = MODELS[name]
    compare(lambda: Own(make()), x, trained, monkeypatch, tolerance=2e-2 if name == "half precision" else 1e-5)


def test_training_is_that_of_the_call_around(monkeypatch):
    def step(model, x):
        with keras.GradientTape() as tape:
            tape.watch(x)
            found = [model(x, training=training) for training in (True, False, None)]
        return found, tape.gradient(found, x)

    compare(lambda: Own(MODELS["normalization"][1]()), ROWS, step, monkeypatch)


def test_layers_of_other_dtypes_in_a_model_of_a_user(monkeypatch):
    x, make = MODELS["normalization"]
    compare(lambda: Own(make(), dtype="mixed_bfloat16"), x, trained, monkeypatch)


def test_masks_of_a_layer_before_in_a_model_of_a_user(monkeypatch):
    class Words(keras.Model):
        def __init__(self):
            super().__init__()
            self.words, self.inner = layers.Embedding(7, 3, mask_zero=True), layers.GRU(4)

        def call(self, x):
            return self.inner(self.words(x))

    def step(model, x):
        found = trained(model, x)
        return found, trained(model, np.ones_like(x))

    compare(Words, WORDS, step, monkeypatch, is_taken=False)
    model = steps(Words, WORDS, step, monkeypatch, 2)[2]
    assert model.inner._state.taped.executables()


@pytest.mark.parametrize("name", ["recurrent", "normalization", "attention"])
def test_a_gradient_computes_nothing_again(name, monkeypatch):
    """What a plan left is enough."""
    steps(MODELS[name][1], MODELS[name][0], trained, monkeypatch, 2)
    graphs = [backward.call.graph for backward in tape_replay._backwards.values()]
    again = {"attention", "batch_norm", "layer_norm", "linear", "lstm"}
    assert graphs and again.isdisjoint(node.op.name for graph in graphs for node in graph.nodes)


@pytest.mark.parametrize("name", ["dense", "convolutions", "normalization", "attention", "recurrent"])
def test_the_gradient_by_what_goes_in(name, monkeypatch):
    def step(model, x):
        with keras.GradientTape() as tape:
            tape.watch(x)
            y = model(x)
        return tape.gradient(y, x)

    compare(MODELS[name][1], MODELS[name][0], step, monkeypatch)


def test_the_gradient_by_another_output(monkeypatch):
    """What Grad-CAM asks."""

    def make():
        inputs = keras.Input((6, 6, 2))
        maps = layers.Conv2D(3, 3, activation="relu")(inputs)
        y = layers.Dense(4, activation="softmax")(layers.Flatten()(layers.Dropout(0.5, seed=1)(maps)))
        return keras.Model(inputs, {"maps": maps, "classes": y})

    def step(model, x):
        with keras.GradientTape() as tape:
            out = model(x, training=True)
            best = ops.max(out["classes"], axis=-1)
        gradient = tape.gradient(best, out["maps"])
        assert np.abs(gradient).max() > 0
        return gradient

    compare(make, IMAGES, step, monkeypatch)


def test_one_model_after_the_other_and_one_twice(monkeypatch):
    def make():
        return keras.Sequential([keras.Input((6,)), layers.Dense(6), layers.BatchNormalization(), layers.Dropout(0.2)])

    def step(model, x):
        with keras.GradientTape(persistent=True) as tape:
            y = model(x, training=True)
            z = model(2 * y, training=True)
            loss = ops.sum(ops.tanh(z * y))
        return tape.gradient(loss, model.trainable_variables), tape.gradient(z, y), tape.gradient(y, z)

    compare(make, ROWS, step, monkeypatch)


@pytest.mark.parametrize("name", ["dense", "convolutions", "normalization", "attention", "recurrent", "masks"])
def test_derivatives_of_derivatives(name, monkeypatch):
    x, make = MODELS[name]

    def step(model, x):
        given = x if x.dtype.kind == "f" else model.layers[1].embeddings
        with keras.GradientTape() as outer:
            with keras.GradientTape() as inner:
                inner.watch(given)
                y = model(x, training=True)
            slope = inner.gradient(y, given)
            penalty = ops.sum(slope * slope)
        return slope, outer.gradient(penalty, model.trainable_variables)

    compare(make, x, step, monkeypatch)


def test_the_residual_of_a_differential_equation(monkeypatch):
    """Three tapes, of which two see a factor of one number that the others do not, and weights that one does not."""
    made = []

    def make():
        model = functional(ROWS, layers.Dense(5, activation="tanh"), layers.Dense(1))
        made[:] = [keras.Variable([0.3]), keras.ops.convert_to_tensor(np.float32([0.7]))]
        return model

    def step(model, x):
        speed, source = made
        with keras.GradientTape(persistent=True) as outer:
            outer.watch(source)
            scale = 2 * source
            with keras.GradientTape() as middle:
                middle.watch(x)
                with keras.GradientTape(watch_accessed_variables=False) as inner:
                    inner.watch(x)
                    u = scale * model(x)
                first = inner.gradient(u, x)
                slope = first[:, 0:1]
            second = middle.gradient(slope, x)
            loss = ops.mean(ops.square(first[:, 1:2] * u - speed * second[:, 0:1]))
        sources = [*model.trainable_variables, speed, source]
        gradients = outer.gradient(loss, sources)
        assert all(np.abs(gradient).max() > 0 for gradient in gradients if gradient is not None)
        return first, second, loss, gradients

    compare(make, ROWS, step, monkeypatch)


def test_the_derivative_by_what_flows_into_a_gradient(monkeypatch):
    def step(model, x):
        flow = ops.convert_to_tensor(rows(4, 4))
        with keras.GradientTape() as outer:
            outer.watch(flow)
            with keras.GradientTape() as inner:
                inner.watch(x)
                y = model(x)
            slope = inner.gradient(y, x, output_gradients=ops.square(flow))
            loss = ops.sum(slope**3)
        gradient = outer.gradient(loss, flow)
        assert np.abs(gradient).max() > 0
        return gradient

    compare(MODELS["dense"][1], ROWS, step, monkeypatch)


def test_derivatives_of_derivatives_by_one_tape(monkeypatch):
    def step(model, x):
        with keras.GradientTape(persistent=True) as tape:
            tape.watch(x)
            y = model(x)
            penalty = ops.sum(tape.gradient(y, x) ** 2)
        return tape.gradient(penalty, model.trainable_variables[:3])

    compare(MODELS["dense"][1], ROWS, step, monkeypatch)


def test_strings_and_wrong_shapes(monkeypatch):
    monkeypatch.setattr(tape_replay, "COMPILED_TIMES", 1)
    lookup, model = layers.StringLookup(vocabulary=["a", "b"]), MODELS["dense"][1]()
    for _ in range(3):
        with keras.GradientTape():
            np.testing.assert_array_equal(lookup(np.array(["b", "c"])), [2, 0])
            with pytest.raises(ValueError, match="incompatible"):
                model(IMAGES)


def test_what_may_do_more_than_compute_runs_each_time(monkeypatch):
    compare(lambda: functional(ROWS, layers.Dense(5), Doubled()), ROWS, trained, monkeypatch, is_taken=False)
    calls = []

    def noted(x):
        calls.append(1)
        return x

    compare(lambda: functional(ROWS, layers.Dense(5), layers.Lambda(noted)), ROWS, trained, monkeypatch, is_taken=False)
    assert len(calls) >= 2 * TIMES


def test_weights_that_are_thawed_later(monkeypatch):
    def step(model, x):
        if np.array_equal(x, ROWS + 2):
            model.layers[1].trainable = True
        return trained(model, x)

    compare(MODELS["frozen"][1], ROWS, step, monkeypatch)


def test_a_variable_that_is_thawed_later_by_itself(monkeypatch):
    """Its gradient needs the mask of the dropout, which nothing needed when the call was traced."""

    def make():
        made = (layers.Embedding(7, 3), layers.Dropout(0.5, seed=1), layers.Flatten(), layers.Dense(4))
        model = functional(WORDS, *made)
        made[0].embeddings.trainable = False
        return model

    times = []

    def step(model, x):
        times.append(1)
        model.layers[1].embeddings.trainable = len(times) % TIMES in (0, 4)
        return trained(model, x)

    compare(make, WORDS, step, monkeypatch)


def test_a_model_that_nobody_has_leaves_no_weights(monkeypatch):
    model = steps(MODELS["normalization"][1], ROWS, trained, monkeypatch, 1)[2]
    assert model._state.taped.executables()
    weights = [weakref.ref(weight) for weight in model.weights]
    del model
    gc.collect()
    assert not [reference for reference in weights if reference() is not None]


def test_where_nothing_is_watched_arrays_stay_plain(monkeypatch):
    monkeypatch.setattr(tape_replay, "COMPILED_TIMES", 1)
    model = functional(IMAGES, layers.MaxPooling2D())
    with keras.GradientTape() as tape:
        y = model(IMAGES)
    assert type(y) is np.ndarray and not tape.records and model._state.taped.executables()
