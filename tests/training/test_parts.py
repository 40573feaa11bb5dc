"""`predict` with a large batch: how many rows it computes at once, and that nothing but speed depends on it."""

import numpy as np
import pytest

import fastnn as keras
from fastnn import layers, ops
from fastnn.training.data import rows_of_number_arrays
from fastnn.training.parts import CACHED_BYTES, LEAST_ROWS, rows_at_once

X = np.random.default_rng(0).random((300, 32, 32, 3), "float32")


def network(*between, filters=32):
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Conv2D(filters, 3, padding="same", activation="relu"),
            *between,
            layers.Conv2D(filters, 3, padding="same"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(10, activation="softmax"),
        ]
    )


def at_once(model, x=X, size=256):
    return rows_at_once(model.make_predict_function(), x, min(size, rows_of_number_arrays(x)))


def test_a_part_is_what_the_caches_hold():
    model = network(filters=8)
    part = at_once(model)
    assert LEAST_ROWS < part < 256
    arenas = [model.make_predict_function().executable_for(X[:rows]).plan.arena_bytes for rows in (part, 2 * part)]
    assert arenas[0] <= CACHED_BYTES < arenas[1]
    assert at_once(model, X[: part + 2]) == part + 2  # which fits too
    assert at_once(network()) == LEAST_ROWS


def test_small_networks_and_batches_stay_whole():
    small = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    assert at_once(small, np.ones((5000, 4), "float32"), 4096) == 4096
    assert at_once(network(), size=LEAST_ROWS) == LEAST_ROWS
    assert at_once(network(), X[:7]) == 7


class Graph(layers.Layer):
    """Rows of a table that is computed from weights, as nodes of a graph are, whatever rows are asked for."""

    def build(self, _):
        self.table = self.add_weight(shape=(4000, 16))
        self.kernel = self.add_weight(shape=(16, 512))

    def call(self, x):
        return ops.take(ops.relu(ops.matmul(self.table, self.kernel)), x[:, 0], axis=0)


def test_what_belongs_to_no_row_is_computed_once():
    model = keras.Sequential([keras.Input((1,), dtype="int32"), Graph(), layers.Dense(3)])
    assert at_once(model, np.zeros((300, 1), "int32")) == 256


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
def test_the_same_rows_as_by_whole_batches(dtype):
    model, x = network(layers.BatchNormalization(), layers.MaxPooling2D()), (X * 3).astype(dtype)
    assert at_once(model, x) < 256
    whole = model.predict(x, batch_size=256, verbose=0, callbacks=[keras.callbacks.Callback()])
    np.testing.assert_allclose(model.predict(x, batch_size=256, verbose=0), whole, rtol=1e-5, atol=1e-7)


def test_several_outputs():
    inputs = keras.Input((32, 32, 3))
    y = layers.Conv2D(32, 3, padding="same")(inputs)
    y = layers.Conv2D(32, 3)(y)
    model = keras.Model(inputs, {"a": layers.GlobalMaxPooling2D()(y), "b": layers.Flatten()(y)})
    assert at_once(model) < 256
    whole = model.predict(X, batch_size=256, verbose=0, callbacks=[keras.callbacks.Callback()])
    found = model.predict(X, batch_size=256, verbose=0)
    for name in ("a", "b"):
        np.testing.assert_allclose(found[name], whole[name], rtol=1e-5, atol=1e-6)


class Mixing(layers.Layer):
    def call(self, x):
        return x - ops.mean(x, axis=0, keepdims=True)


class Sized(layers.Layer):
    def call(self, x):
        return x / x.shape[0]


class Counting(layers.Layer):
    def build(self, _):
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, x):
        self.calls.assign_add(1.0)
        return x


@pytest.mark.parametrize("layer", [Mixing, Sized, Counting])
def test_rows_that_depend_on_their_batch_stay_together(layer):
    model = network(layer())
    assert at_once(model) == 256
    whole = np.concatenate([model.predict_on_batch(X[:256]), model.predict_on_batch(X[256:])])
    np.testing.assert_array_equal(model.predict(X, batch_size=256, verbose=0), whole)


def test_a_model_of_a_fixed_batch_size():
    inputs = keras.Input(batch_shape=(100, 32, 32, 3))
    y = layers.Conv2D(32, 3)(ops.reshape(inputs, (100, 32, 32, 3)))
    model = keras.Model(inputs, layers.GlobalAveragePooling2D()(y))
    assert at_once(model, X, 100) == 100
    assert model.predict(X, batch_size=100, verbose=0).shape == (300, 32)


def test_a_profile_shows_the_batch_that_was_asked_for():
    model = network()
    keras.config.profile(True)
    try:
        assert at_once(model) == 256
    finally:
        keras.config.profile(False)


def test_what_a_model_becomes_is_looked_at_again():
    model = network(layers.Dropout(0.5))
    assert at_once(model) < 256
    model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=True)
    assert at_once(model) == 256


def towers():
    keras.utils.set_random_seed(2)
    a, b = keras.Input((32, 32, 3), name="a"), keras.Input((5,), name="b")
    tower = network(layers.Conv2D(32, 3, padding="same", activation="relu"))
    outputs = [layers.Dense(3)(layers.Concatenate()([tower(a), b])), tower(a)]
    return keras.Model([a, b], outputs[0]), keras.Model({"a": a, "b": b}, outputs)


B = np.random.default_rng(1).random((300, 5))  # float64: cast


@pytest.mark.parametrize("rows", [1, 32, 33, 300])
def test_several_inputs_go_by_parts_too(rows):
    by_list, by_dict = towers()
    x, named = [X[:rows], B[:rows]], {"a": X[:rows], "b": B[:rows]}
    if rows == 300:
        assert at_once(by_list, x) == at_once(by_dict, named) == LEAST_ROWS
    seen = []  # a callback asks for the batches themselves
    watching = keras.callbacks.LambdaCallback(on_predict_batch_end=lambda batch, logs: seen.append(batch))
    for model, data in ((by_list, x), (by_dict, named)):
        found = model.predict(data, batch_size=256, verbose=0)
        wanted = model.predict(data, batch_size=256, verbose=0, callbacks=[watching])
        assert type(found) is type(wanted)
        for y, by_batches in zip(keras.tree.flatten(found), keras.tree.flatten(wanted), strict=True):
            assert y.dtype == np.float32
            np.testing.assert_allclose(y, by_batches, rtol=1e-5, atol=1e-6)
    assert len(seen) == 2 * (1 + (rows > 256))


def test_inputs_with_different_rows_are_refused():
    with pytest.raises(ValueError, match="sizes: 7, 6"):
        towers()[0].predict([X[:7], B[:6]], verbose=0)
