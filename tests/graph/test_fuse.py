"""What two groups need is made in both where that stores less, and nothing else changes by it."""

import functools

import numpy as np
import pytest

import fastnn as k
from fastnn import ops
from fastnn.graph import fuse

GATES = {
    "silu": ops.silu,
    "twice": lambda x: ops.multiply(ops.sigmoid(x), ops.multiply(ops.tanh(x), x)),
    "chain": lambda x: ops.multiply(x, ops.sigmoid(ops.square(ops.tanh(x)))),
    "shifted": lambda x: ops.multiply(x, ops.sigmoid(ops.add(x, 1.0))),
    "softsign": ops.softsign,
    "softplus": lambda x: ops.multiply(x, ops.softplus(x)),
    "mish": lambda x: ops.multiply(x, ops.tanh(ops.softplus(x))),
    "long": lambda x: ops.multiply(x, ops.sigmoid(functools.reduce(ops.add, [x, *np.ones(fuse.MAX_REPEATED)]))),
    "hard_silu": ops.hard_silu,
}


def network(activation, normalizes):
    k.utils.set_random_seed(1)
    layers = [k.layers.Conv2D(6, 3, padding="same"), k.layers.BatchNormalization()][: 2 if normalizes else 1]
    model = k.Sequential([k.Input((8, 8, 3)), *layers, k.layers.Activation(activation), k.layers.Conv2D(2, 3)])
    model.compile(k.optimizers.SGD(0.1), "mse")
    return model


def written(model, batch_size):
    model.explain(batch_size=batch_size)
    steps = model.train_function.executables()[-1].steps
    return [value.node.op.name for step in steps for value in step.writes if len(value.shape) == 4]


@pytest.mark.parametrize("normalizes", [False, True])
@pytest.mark.parametrize("gate", GATES)
def test_values_that_are_made_again_are_the_same(gate, normalizes, monkeypatch):
    x = np.random.default_rng(0).standard_normal((12, 8, 8, 3)).astype("float32") * 3
    y = np.random.default_rng(1).random((12, 6, 6, 2), "float32")
    found, stored = [], []
    for least in (0, 1 << 60):
        monkeypatch.setattr(fuse, "LARGE", least)
        model = network(GATES[gate], normalizes)
        model.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0)
        found.append(model.get_weights())
        stored.append(written(model, 4))
    assert len(stored[0]) <= len(stored[1])
    more = ["batch_norm"] if normalizes else []  # whose gradient reads what that is made of
    if gate in ("silu", "shifted"):  # the sum, which nothing else reads, too
        assert "sigmoid" in stored[1] and sorted([*stored[0], "sigmoid", *more]) == sorted(stored[1])
    if gate == "long":
        assert "sigmoid" in stored[0]
    for again, once in zip(*found, strict=True):
        np.testing.assert_array_equal(again, once)


def test_only_large_values_are_made_again():
    """One of 4 * 8 * 8 * 6 floats is not; those of 12 times as many as there are in 256 KB are."""
    assert "sigmoid" in written(network(ops.silu, True), 4)
    assert "sigmoid" not in written(network(ops.silu, True), 2048)


def test_a_normalized_array_that_a_reshape_reads_is_stored_once(monkeypatch):
    monkeypatch.setattr(fuse, "LARGE", 0)
    x = k.Input((8, 8, 3))
    y = k.layers.BatchNormalization()(k.layers.Conv2D(6, 3)(x))
    both = [k.layers.Flatten()(y), k.layers.Flatten()(k.layers.Activation("silu")(y))]
    model = k.Model(x, k.layers.Dense(2)(k.layers.Concatenate()(both)))
    model.compile("sgd", "mse")
    assert written(model, 4).count("batch_norm") == 1


class Scaled(k.layers.Layer):
    def build(self, input_shape):
        self.scale = self.add_weight(shape=input_shape[-1:], initializer="ones")

    def call(self, x):
        return ops.relu(ops.multiply(x, self.scale))


@pytest.mark.parametrize("is_trained", [False, True])
def test_a_normalized_array_is_stored_rather_than_what_it_is_made_of(is_trained, monkeypatch):
    """Without a gradient of the convolution nobody reads its output later."""
    monkeypatch.setattr(fuse, "LARGE", 0)
    first = k.layers.Conv2D(6, 3, trainable=is_trained)
    layers = [first, k.layers.BatchNormalization(center=False, scale=False), Scaled(), k.layers.Conv2D(2, 3)]
    model = k.Sequential([k.Input((8, 8, 3)), *layers])
    model.compile("sgd", "mse")
    assert ("batch_norm" in written(model, 4)) is not is_trained


def test_a_program_takes_no_more_than_it_can_hold(monkeypatch):
    monkeypatch.setattr(fuse, "LARGE", 0)
    monkeypatch.setattr(fuse, "MAX_INSTRUCTIONS", 3)  # the array alone is a difference, a product and a sum
    assert "batch_norm" in written(network(ops.silu, True), 4)


READERS = {
    "a convolution": lambda y: k.layers.Conv2D(6, 3, padding="same")(y),
    "a mean of columns": lambda y: ops.mean(y, axis=(1, 2), keepdims=True),
    "sums and a product": lambda y: ops.multiply(y, ops.multiply(ops.cumsum(y, 1), ops.cumsum(y, 2))),
    "a flipped array and a gate": lambda y: ops.multiply(ops.flip(y, 1), ops.sigmoid(y)),
    "a normalization": lambda y: k.layers.LayerNormalization()(y),
    "a convolution's sum": lambda y: ops.add(k.layers.Conv2D(6, 3, padding="same", use_bias=False)(ops.relu(y)), y),
    "an image as long": lambda y: ops.add(y, ops.mean(ops.multiply(y, y), axis=0)),
}


@pytest.mark.parametrize("reader", READERS)
def test_normalized_arrays_that_others_read_are_the_same(reader, monkeypatch):
    rng, found = np.random.default_rng(0), []
    x, target = rng.standard_normal((12, 8, 8, 3)).astype("float32"), rng.random((12, 8, 8, 6), "float32")
    for least in (0, 1 << 60):
        monkeypatch.setattr(fuse, "LARGE", least)
        k.utils.set_random_seed(1)
        inputs = k.Input((8, 8, 3))
        y = k.layers.BatchNormalization()(k.layers.Conv2D(6, 3, padding="same")(inputs))
        model = k.Model(inputs, ops.add(ops.silu(y), READERS[reader](y)))
        model.compile(k.optimizers.SGD(0.1), "mse")
        model.fit(x, target, batch_size=4, epochs=2, shuffle=False, verbose=0)
        found.append(model.get_weights())
    for again, once in zip(*found, strict=True):
        np.testing.assert_allclose(again, once, rtol=1e-5, atol=1e-6)


def test_what_a_third_group_reads_is_stored_once(monkeypatch):
    """Two convolutions' inputs are made of the sigmoid, and its gradient is."""
    monkeypatch.setattr(fuse, "LARGE", 0)
    x = k.Input((8, 8, 3))
    y = k.layers.Conv2D(6, 3, padding="same")(x)
    s = k.layers.Activation("sigmoid")(y)
    z = k.layers.Conv2D(6, 3, padding="same")(k.layers.Multiply()([y, s]))
    model = k.Model(x, k.layers.Conv2D(2, 3)(k.layers.Multiply()([z, s])))
    model.compile("sgd", "mse")
    assert written(model, 4).count("sigmoid") == 1


@pytest.mark.parametrize("activation, slope", [("tanh", "subtract"), ("sigmoid", "multiply"), ("softplus", "negative")])
def test_what_is_made_of_kept_values_needs_no_memory(activation, slope):
    """A kernel's gradient reads the activation after that of the activation has done so; that of pooling reads none."""

    def stored(layer):
        layers = [k.layers.Dense(8), k.layers.Activation(activation), *layer, k.layers.Dense(2)]
        model = k.Sequential([k.Input((9, 4)), *layers])
        model.compile(k.optimizers.SGD(0.1), "mse")
        model.explain(batch_size=3)
        steps = model.train_function.executables()[-1].steps
        return [value.node.op.name for step in steps for value in step.writes if value.shape == (3, 9, 8)]

    assert stored([]) == [activation, "multiply"]  # and what flows on
    assert stored([k.layers.AveragePooling1D(3)]) == [activation, slope]


def test_what_was_read_shortly_before_needs_no_memory():
    """The gradient of a transposed convolution's kernel reads the activation before that of the activation is made."""
    layers = [k.layers.Conv2D(6, 3), k.layers.Activation("tanh"), k.layers.Conv2DTranspose(2, 3)]
    model = k.Sequential([k.Input((8, 8, 3)), *layers])
    model.compile(k.optimizers.SGD(0.1), "mse")
    model.explain(batch_size=3)
    steps = model.train_function.executables()[-1].steps
    stored = [value.node.op.name for step in steps for value in step.writes if value.shape == (3, 6, 6, 6)]
    assert stored == ["tanh", "multiply"]


def test_what_is_made_of_kept_values_is_the_same(monkeypatch):
    x, y = (np.random.default_rng(seed).standard_normal((12, 4)).astype("float32") for seed in (0, 1))
    found = []
    for stores_less in (fuse._Fuser.stores_less, lambda *_: False):
        monkeypatch.setattr(fuse._Fuser, "stores_less", stores_less)
        k.utils.set_random_seed(1)
        layers = [k.layers.Dense(8, activation="tanh"), k.layers.Dense(8, activation="sigmoid"), k.layers.Dense(4)]
        model = k.Sequential([k.Input((4,)), *layers])
        model.compile("adam", "mse")
        model.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0)
        found.append(model.get_weights())
    for moved, stayed in zip(*found, strict=True):
        np.testing.assert_array_equal(moved, stayed)
