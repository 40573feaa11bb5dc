"""clone_model, nested and shared models, get_layer, and training with frozen parts; each as in Keras."""

import keras
import numpy as np
import pytest

import fastnn
from tests.tables import rows

X = rows(6, 4)
BOTH = pytest.mark.parametrize("k", [fastnn, keras], ids=["fastnn", "keras"])


def branching(k):
    """A layer that is called twice, an op, and a model that is called twice."""
    x = k.Input((4,), name="in")
    dense = k.layers.Dense(3, name="dense")
    inner = k.Sequential([k.Input((3,)), k.layers.Dense(2, name="inside")], name="inner")
    return k.Model(x, [inner(dense(x)), inner(dense(x) * 2)], name="outer")


def chain(k):
    return k.Sequential([k.Input((4,)), k.layers.Dense(3, name="a"), k.layers.Dense(2, name="b")], name="chain")


def renamed(layer):
    return type(layer).from_config({**layer.get_config(), "name": f"{layer.name}_copy"})


def names(model):
    return [[layer.name, [x.name for x in getattr(layer, "layers", [])]] for layer in model.layers]


@pytest.mark.parametrize("make", [branching, chain])
def test_a_clone_computes_the_same_with_the_same_weights(make):
    described = []
    for k in (fastnn, keras):
        model = make(k)
        clone = k.models.clone_model(model)
        assert not any(a is b for a in model.weights for b in clone.weights)
        clone.set_weights(model.get_weights())
        for a, b in zip(k.tree.flatten(clone(X)), k.tree.flatten(model(X)), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6)
        described.append((names(clone), clone.name, type(clone).__name__, [w.path for w in clone.weights]))
    assert described[0] == described[1]


@pytest.mark.parametrize("recursive", [False, True])
@pytest.mark.parametrize("make", [branching, chain])
def test_clone_function(make, recursive):
    ours, theirs = (
        names(k.models.clone_model(make(k), clone_function=renamed, recursive=recursive)) for k in (fastnn, keras)
    )
    assert ours == theirs


@BOTH
def test_call_function(k):
    model, called = branching(k), []

    def call(layer, *args, **kwargs):
        called.append(layer.name)
        return layer(*args, **kwargs)

    clone = k.models.clone_model(model, call_function=call)
    assert sorted(name.split("_")[0] for name in called) == ["dense", "dense", "inner", "inner", "multiply"]
    assert names(clone) == names(model)

    def halved(layer, *args, **kwargs):
        y = layer(*args, **kwargs)
        return y * 0.5 if layer.name == "dense" else y

    clone = k.models.clone_model(model, call_function=halved)
    clone.set_weights(model.get_weights())
    kernel = model.get_layer("inner").get_layer("inside").get_weights()
    hidden = np.asarray(X @ model.get_weights()[0])
    np.testing.assert_allclose(clone(X)[0], 0.5 * hidden @ kernel[0], rtol=1e-5, atol=1e-6)


@BOTH
@pytest.mark.parametrize("make", [branching, chain])
def test_input_tensors(k, make):
    new = k.Input((4,), name="new")
    clone = k.models.clone_model(make(k), input_tensors=new)
    assert clone.inputs[0] is new and clone.input_names == ["new"] if k is fastnn else clone.inputs[0] is new


class Own(fastnn.Model):
    def __init__(self, units=2, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.dense = fastnn.layers.Dense(units)

    def call(self, x):
        return self.dense(x)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def test_a_subclass_is_made_again_from_its_config():
    assert fastnn.models.clone_model(Own(3)).units == 3
    with pytest.raises(ValueError, match="clone_function"):
        fastnn.models.clone_model(Own(3), clone_function=renamed)


def test_a_functional_subclass_is_copied_as_what_it_is_made_of():
    class Wide(fastnn.Model):
        def __init__(self, units):
            x = fastnn.Input((4,))
            super().__init__(x, fastnn.layers.Dense(units)(x))

    clone = fastnn.models.clone_model(Wide(7))
    assert type(clone).__name__ == "Functional" and clone.output_shape == (None, 7)


BAD = [
    lambda k: k.models.clone_model(branching(k), input_tensors=[k.Input((4,))]),
    lambda k: k.models.clone_model(branching(k), input_tensors=3),
    lambda k: k.models.clone_model(chain(k), call_function=len),
    lambda k: k.models.clone_model(chain(k), other=1),
    lambda k: branching(k).get_layer(),
    lambda k: branching(k).get_layer("dense", 1),
    lambda k: branching(k).get_layer("none"),
    lambda k: branching(k).get_layer(index=9),
]


@BOTH
@pytest.mark.parametrize("call", BAD)
def test_bad_arguments(k, call):
    with pytest.raises(ValueError):
        call(k)


@BOTH
def test_get_layer_and_operations(k):
    model = branching(k)
    assert model.get_layer("dense") is model.get_layer(index=1) is model.layers[1]
    assert [operation.name.split("_")[0] for operation in model.operations] == ["in", "dense", "multiply", "inner"]


@BOTH
@pytest.mark.parametrize("make", [branching, chain])
def test_from_config_of_the_class(k, make):
    model = make(k)
    again = type(model).from_config(model.get_config())
    again.set_weights(model.get_weights())
    assert again.name == model.name and names(again) == names(model)
    for a, b in zip(k.tree.flatten(again(X)), k.tree.flatten(model(X)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


# ---- freezing ----


@BOTH
def test_frozen_batch_normalization_runs_in_inference(k):
    layer = k.layers.BatchNormalization()
    x = k.Input((4,))
    model = k.Model(x, layer(x))
    layer.trainable = False
    y = model(X, training=True)
    np.testing.assert_allclose(y, X / np.sqrt(1 + 1e-3), rtol=1e-5)
    assert not np.asarray(layer.moving_mean).any()
    model.trainable = True
    assert layer.trainable and len(model.trainable_weights) == 2
    assert abs(np.asarray(model(X, training=True)).mean(0)).max() < 1e-5
    assert np.asarray(layer.moving_mean).any()


def test_transfer_learning():
    """A frozen base, batch normalization included, is as it was after training; then part of it learns too."""
    base = fastnn.Sequential([fastnn.Input((4,)), fastnn.layers.Dense(5), fastnn.layers.BatchNormalization()])
    x = fastnn.Input((4,))
    base.trainable = False
    model = fastnn.Model(x, fastnn.layers.Dense(1)(base(x, training=False)))
    model.compile("adam", "mse")
    before, y = base.get_weights(), rows(6, 1)
    losses = model.fit(X, y, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0] and len(model.trainable_weights) == 2
    for a, b in zip(base.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    base.trainable = True
    base.layers[1].trainable = False
    model.compile("adam", "mse")
    model.fit(X, y, epochs=2, verbose=0)
    after = base.get_weights()
    assert not np.array_equal(after[0], before[0])
    for a, b in zip(after[2:], before[2:], strict=True):
        np.testing.assert_array_equal(a, b)


@BOTH
def test_a_mask_of_a_model_is_that_of_its_inputs(k):
    model = branching(k)
    assert model.compute_mask(X, None) is None and not model.supports_masking
    assert model.compute_mask(X, X > 0).shape == X.shape
