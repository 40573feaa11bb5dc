"""Functional, Sequential and subclassed models: what they compute, what they are made of, what they refuse."""

import json

import keras
import numpy as np
import pytest

import fastnn
from fastnn import layers, ops

RNG = np.random.default_rng(3)
X = RNG.normal(size=(5, 4)).astype("float32")
Y = RNG.normal(size=(5, 4)).astype("float32")


def branching(library):
    """Two inputs, a shared layer, an op, branches of different depth, two outputs."""
    layers = library.layers
    a, b = layers.Input((4,), name="a"), layers.Input((4,), name="b")
    shared = layers.Dense(3, name="shared")
    left, right = shared(a), layers.Activation("relu", name="relu")(shared(b))
    right = layers.Dense(3, name="deep")(right)
    total = layers.Add(name="total")([left, right])
    scaled = layers.Concatenate(name="both")([total, a * 2])
    return library.Model(inputs={"a": a, "b": b}, outputs={"total": total, "both": scaled}, name="branching")


def chain(library):
    layers = library.layers
    return library.Sequential(
        [
            layers.Input((4,)),
            layers.Dense(3, activation="relu"),
            layers.Reshape((3, 1)),
            layers.Flatten(),
            layers.Dense(2),
        ],
        name="chain",
    )


def nested(library):
    layers = library.layers
    x = layers.Input((4,), name="x")
    inner, outer = branching(library), chain(library)
    y = inner({"a": x, "b": outer_in(library, x)})
    return library.Model(x, [outer(x), y["both"]], name="nested")


def outer_in(library, x):
    return library.layers.Dense(4, name="widen")(x)


def assert_same(result, expected):
    for a, b in zip(fastnn.tree.flatten(result), fastnn.tree.flatten(expected), strict=True):
        np.testing.assert_array_equal(a, b)


MAKERS = [branching, chain, nested]


def inputs_of(make):
    return {"a": X, "b": Y} if make is branching else X


@pytest.mark.parametrize("make", MAKERS)
def test_same_outputs_as_keras(make):
    # Automatic names count from the beginning in both, whatever tests ran before.
    fastnn.backend.clear_session(free_memory=False)
    keras.backend.clear_session(free_memory=False)
    ours, theirs = make(fastnn), make(keras)
    assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]
    assert [(w.name, w.shape) for w in ours.weights] == [(w.name, tuple(w.shape)) for w in theirs.weights]
    ours.set_weights(theirs.get_weights())
    result, expected = ours(inputs_of(make)), theirs(inputs_of(make))
    assert type(result) is type(expected)
    for a, b in zip(fastnn.tree.flatten(result), fastnn.tree.flatten(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def clean(config):
    """A config without the class of ops, which have a module of their own here; without masks of None, which Keras
    writes down for nested models; and without the build config of Flatten, which builds nothing."""
    if isinstance(config, dict):
        if str(config.get("module")).startswith(("keras.src.ops", "fastnn.ops")):
            return [config["inbound_nodes"] and clean(config["inbound_nodes"])]
        dropped = {"compile_config", "mask"}
        dropped |= {"build_config"} if config.get("class_name") in ("Functional", "Flatten") else set()
        return {key: clean(value) for key, value in config.items() if key not in dropped}
    return [clean(item) for item in config] if isinstance(config, (list, tuple)) else config


@pytest.mark.parametrize("make", MAKERS)
def test_same_config_as_keras(make):
    fastnn.backend.clear_session(free_memory=False)
    keras.backend.clear_session(free_memory=False)
    ours, theirs = json.loads(make(fastnn).to_json()), json.loads(make(keras).to_json())
    assert clean(ours) == clean(theirs)


@pytest.mark.parametrize("make", MAKERS)
def test_round_trip_of_configs(make):
    model = make(fastnn)
    for text in (model.to_json(), make(keras).to_json()):  # Keras's files are read too
        again = fastnn.models.model_from_json(text)
        again.set_weights(model.get_weights())
        for a, b in zip(
            fastnn.tree.flatten(model(inputs_of(make))), fastnn.tree.flatten(again(inputs_of(make))), strict=True
        ):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("make", MAKERS)
def test_clones_have_weights_of_their_own(make):
    model = make(fastnn)
    clone = fastnn.models.clone_model(model)
    assert [w.shape for w in clone.weights] == [w.shape for w in model.weights]
    assert not {id(w) for w in clone.weights} & {id(w) for w in model.weights}
    clone.set_weights(model.get_weights())
    for a, b in zip(
        fastnn.tree.flatten(model(inputs_of(make))), fastnn.tree.flatten(clone(inputs_of(make))), strict=True
    ):
        np.testing.assert_array_equal(a, b)


def test_clone_function_and_input_tensors():
    def narrower(layer):
        config = layer.get_config()
        return type(layer).from_config({**config, "units": 7} if "units" in config else config)

    clone = fastnn.models.clone_model(
        fastnn.Sequential([fastnn.Input((4,)), layers.Dense(3)]),
        clone_function=narrower,
        input_tensors=fastnn.Input((9,)),
    )
    assert clone.output_shape == (None, 7) and clone.count_params() == 9 * 7 + 7


def test_inputs_by_name_by_place_and_of_other_dtypes():
    a, b = fastnn.Input((4,), name="a"), fastnn.Input((4,), name="b")
    model = fastnn.Model([a, b], layers.Subtract()([a, b]))
    for inputs in ([X, Y], (X, Y), {"b": Y, "a": X}, [X.astype("float64"), Y]):
        np.testing.assert_allclose(model(inputs), X - Y, rtol=1e-6)
    counts = np.arange(20).reshape(5, 4)
    assert model([counts, counts.astype("uint8")]).dtype == np.float32


def test_ranks_are_adjusted_as_in_keras():
    for library in (fastnn, keras):
        x = library.layers.Input((1,))
        model = library.Model(x, library.layers.Rescaling(2.0)(x))
        assert model(np.ones(5, "float32")).shape == (5, 1)
        x = library.layers.Input((4,))
        model = library.Model(x, library.layers.Rescaling(2.0)(x))
        assert model(np.ones((5, 4, 1), "float32")).shape == (5, 4)


def test_models_from_the_middle():
    x = fastnn.Input((4,))
    hidden = layers.Dense(3, name="hidden")(x)
    model = fastnn.Model(x, layers.Dense(2)(hidden))
    head, features = fastnn.Model(hidden, model.output), fastnn.Model(x, model.get_layer("hidden").output)
    np.testing.assert_allclose(head(features(X)), model(X), rtol=1e-6)
    assert [type(layer).__name__ for layer in head.layers] == ["InputLayer", "Dense"]


def test_ops_on_keras_tensors():
    x = fastnn.Input((4,))
    y = ops.mean(ops.exp(x) + x[:, :1], axis=-1, keepdims=True) / 2.0
    model = fastnn.Model(x, y)
    np.testing.assert_allclose(model(X), np.mean(np.exp(X) + X[:, :1], axis=-1, keepdims=True) / 2, rtol=1e-5)
    again = fastnn.models.model_from_json(model.to_json())
    np.testing.assert_array_equal(again(X), model(X))


class Apart(layers.Layer):
    """(7 n, 12, c) to (n, 84, 5): what lies along the batch taken apart in a layer."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(5)

    def call(self, x):
        return ops.reshape(self.dense(x), (-1, 84, 5))


def test_parts_along_the_batch_are_taken_apart_again():
    x = layers.Input((7, 96))
    parts = layers.Dense(4)(ops.reshape(x, (-1, 12, 8)))
    assert ops.reshape(parts, (-1, 49, 64, 4)).shape == (None, 49, 64, 4)
    assert ops.reshape(parts, (-1, 2, 7, 12, 4)).shape == (None, 2, 7, 12, 4)
    model = fastnn.Model(x, Apart()(parts))
    assert model.output_shape == (None, 84, 5)
    numbers = RNG.normal(size=(40, 7, 96)).astype("float32")
    whole = model.predict(numbers, verbose=0)
    assert whole.shape == (40, 84, 5)
    np.testing.assert_allclose(whole[3:4], model.predict(numbers[3:4], verbose=0), atol=1e-5)
    with pytest.raises(ValueError, match=r"shape \(5, 3\) has 15 elements and does not become \(2, -1\)"):
        ops.reshape(layers.Input(batch_shape=(5, 3)), (2, -1))
    with pytest.raises(ValueError, match=r"does not become \(-1, 16777259\)"):
        ops.reshape(x, (-1, 16777259))


def test_deep_models_need_no_deep_stack():
    x = y = fastnn.Input((4,))
    for _ in range(1500):
        y = y + 1.0
    model = fastnn.Model(x, y)
    np.testing.assert_allclose(model(X), X + 1500, rtol=1e-5)


def test_identity_model():
    x = fastnn.Input((4,))
    np.testing.assert_array_equal(fastnn.Model(x, x)(X), X)


def test_optional_inputs():
    class Either(layers.Layer):
        def call(self, a, b=None):
            return a if b is None else a + b

    a, b = fastnn.Input((4,)), fastnn.Input((4,), optional=True, name="b")
    model = fastnn.Model([a, b], Either()(a, b))
    np.testing.assert_array_equal(model([X, None]), X)
    np.testing.assert_array_equal(model([X, Y]), X + Y)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: branching(fastnn)({"a": X}), 'Missing data for input "b".*a.*b'),
        (lambda: branching(fastnn)([X]), r"branching.*2 input\(s\).*1 input"),
        (
            lambda: branching(fastnn)({"a": X, "b": X[:, :3]}),
            r"Input 1 with name 'b'.*'branching'.*\(None, 4\).*\(5, 3\)",
        ),
        (lambda: chain(fastnn)(X[:, :3]), r"axis -1.*value 4.*\(5, 3\)"),
        (lambda: chain(fastnn)(X[:, :, None, None]), r"layer 'chain'.*\(None, 4\).*\(5, 4, 1, 1\)"),
        (lambda: fastnn.Model(fastnn.Input((3,)), fastnn.Input((3,))), "not connected to `inputs`"),
        (lambda: fastnn.Model(X, X), "must be KerasTensors"),
        (lambda: chain(fastnn).get_layer("nope"), r"No such layer: nope.*dense"),
        (lambda: chain(fastnn).get_layer(index=9), "index 9.*4 layers"),
        (lambda: chain(fastnn).get_layer(), "Provide one of"),
        (lambda: fastnn.Sequential([3]), "Only instances of.*3"),
        (lambda: fastnn.Sequential([layers.Dense(1, name="q"), layers.Dense(1, name="q")]), "unique names.*'q'"),
        (lambda: fastnn.Sequential([fastnn.Input((3,)), fastnn.Input((4,))]), "already been configured"),
        (lambda: fastnn.Sequential().build((None, 3)), "has no layers"),
        (lambda: fastnn.Model()(X), "does not have a `call"),
    ],
)
def test_errors(make, message):
    with pytest.raises((ValueError, NotImplementedError), match=f"(?s){message}"):
        make()


def test_two_layers_of_one_name():
    x = fastnn.Input((3,))
    y = layers.Dense(1, name="same")(layers.Dense(3, name="same")(x))
    with pytest.raises(ValueError, match='"same" is used 2 times'):
        fastnn.Model(x, y)


def test_sequential_grows_and_shrinks():
    model = fastnn.Sequential([fastnn.Input((4,)), layers.Dense(3)])
    assert model.output_shape == (None, 3)
    first = model(X)
    model.add(layers.Dense(2))
    assert model(X).shape == (5, 2) and model.output_shape == (None, 2)
    assert model.pop().units == 2
    np.testing.assert_array_equal(model(X), first)
    with pytest.raises(ValueError, match="ndim=4"):
        model.add(layers.Conv2D(3, 3))
    assert len(model.layers) == 1, "a layer that does not fit is not added"
    np.testing.assert_array_equal(model(X), first)


def test_sequential_without_an_input():
    model = fastnn.Sequential([layers.Dense(3), layers.Dense(2)])
    assert not model.built and model.weights == []
    assert model(X).shape == (5, 2) and model.built
    assert [w.path.split("/")[0] for w in model.weights] == [model.name] * 4
    assert model(X[:2]).shape == (2, 2), "another batch size is fine"
    other = fastnn.Sequential([layers.Dense(3)])
    other.build((None, 7))
    assert other.weights[0].shape == (7, 3)


def test_sequential_of_structures():
    class Pick(layers.Layer):
        def call(self, inputs):
            return inputs["b"]

    np.testing.assert_array_equal(fastnn.Sequential([Pick(), layers.Rescaling(2.0)])({"a": X, "b": Y}), 2 * Y)


class Subclassed(fastnn.Model):
    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.first = layers.Dense(units)
        self.rest = [layers.Dense(2), layers.Dropout(0.5)]

    def call(self, inputs, training=False):
        x = ops.relu(self.first(inputs))
        for layer in self.rest:
            x = layer(x, training=training)
        return x


def test_subclassed_models():
    model = Subclassed()
    assert not model.weights
    assert model(X).shape == (5, 2)
    assert [layer.name for layer in model.layers] == [model.first.name, *(layer.name for layer in model.rest)]
    assert [w.path.split("/")[1] for w in model.weights] == [model.first.name] * 2 + [model.rest[0].name] * 2
    assert (model(X, training=True) == 0).any()
    again = Subclassed.from_config(model.get_config())
    assert again.units == 3 and again.name == model.name
    built = Subclassed()
    built.build((None, 6))
    assert built.first.kernel.shape == (6, 3)
    assert built(fastnn.Input((6,))).shape == (None, 2)


def test_subclass_with_inputs_and_outputs():
    class Wrapped(fastnn.Model):
        def __init__(self, units):
            x = fastnn.Input((4,))
            super().__init__(inputs=x, outputs=layers.Dense(units)(x))
            self.extra = 3

    model = Wrapped(6)
    assert model(X).shape == (5, 6) and model.output_shape == (None, 6) and len(model.weights) == 2


def test_shared_layers_count_once():
    model = branching(fastnn)
    assert model.count_params() == (4 * 3 + 3) + (3 * 3 + 3)
    shared = model.get_layer("shared")
    assert len(shared._inbound) == 2 and shared.output is shared._inbound[0][1]


def test_frozen_parts():
    model = nested(fastnn)
    model.get_layer("chain").trainable = False
    names = {w.path for w in model.trainable_weights}
    assert names and not any(w.path in names for w in model.get_layer("chain").weights)
    assert len(model.trainable_weights) + len(model.non_trainable_weights) == len(model.weights)


@pytest.mark.parametrize("k", [fastnn, keras], ids=["fastnn", "keras"])
def test_a_sequential_inside_another_model_has_the_tensors_of_that_call(k):
    inner = k.Sequential([k.Input((4,)), k.layers.Dense(3)])
    outer = k.Sequential([k.Input((4,)), inner, k.layers.Dense(2)])
    inner(k.Input((4,)))
    assert inner.input is outer.inputs[0] and inner.output is not inner.outputs[0]
    hidden = k.Model(outer.inputs, inner.output)
    x = np.ones((2, 4), "float32")
    np.testing.assert_allclose(hidden.predict(x, verbose=0), inner.predict(x, verbose=0), rtol=1e-6)
