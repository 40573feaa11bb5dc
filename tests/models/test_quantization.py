"""Quantized models: which layers are, and files that go both ways with Keras."""

import warnings

import keras
import numpy as np
import pytest

import fastnn
from tests.tables import close, rows

X = rows(6, 5)


def model_of(k):
    inputs = k.Input((5,))
    x = k.layers.Dense(4, activation="relu", name="first")(inputs)
    x = k.layers.BatchNormalization(name="bn")(x)
    inner = k.Sequential([k.layers.Dense(3, name="second"), k.layers.Dense(2, name="third")], name="inner")
    return k.Model(inputs, inner(x))


def tokens_model(k):
    inputs = k.Input((4,), dtype="int32")
    table = k.layers.ReversibleEmbedding(9, 6)
    x = k.layers.EinsumDense("abc,cd->abd", (None, 6), bias_axes="d")(table(inputs))
    return k.Model(inputs, table(x, reverse=True))


def attention_model(k):
    inputs = k.Input((4,), dtype="int32")
    x = k.layers.Embedding(9, 6)(inputs)
    return k.Model(inputs, k.layers.MultiHeadAttention(2, 3)(x, x))


TOKENS = np.random.default_rng(0).integers(0, 9, (3, 4))
MODELS = {"dense": (model_of, X), "tokens": (tokens_model, TOKENS)}


def quantized(k, make, *args, **kwargs):
    model = make(k)
    model.set_weights([rows(*w.shape, seed=n) * 0.5 + 0.1 for n, w in enumerate(model.weights)])
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        model.quantize(*args, **kwargs)
    return model, sorted(str(w.message) for w in found if "quantize" in str(w.message))


def policies(model):
    return [layer.dtype_policy.name for layer in model._flatten_layers() if layer.weights]


FILTERS = [None, "first", "^s", ["st$", "third"], lambda layer: layer.name == "second", "inner", "nothing"]


@pytest.mark.parametrize("filters", FILTERS, ids=lambda f: "function" if callable(f) else str(f))
def test_filters(filters):
    ours, theirs = (quantized(k, model_of, "int8", filters=filters) for k in (fastnn, keras))
    assert {layer.name: layer.dtype_policy.name for layer in ours[0]._flatten_layers() if "input" not in layer.name
            and "functional" not in layer.name} == {
        layer.name: layer.dtype_policy.name for layer in theirs[0]._flatten_layers() if "input" not in layer.name
        and "functional" not in layer.name
    }  # fmt: skip
    assert set(ours[1]) == set(theirs[1])
    close(ours[0].predict(X, verbose=0), theirs[0].predict(X, verbose=0), 1e-5)


@pytest.mark.parametrize("mode", ["int8", "int4"])
@pytest.mark.parametrize("name", MODELS)
def test_files_go_both_ways(name, mode, tmp_path):
    make, x = MODELS[name]
    models = {k: quantized(k, make, mode)[0] for k in (fastnn, keras)}
    wanted = models[keras].predict(x, verbose=0)
    close(models[fastnn].predict(x, verbose=0), wanted, 1e-5)
    for k, other in ((fastnn, keras), (keras, fastnn)):
        models[k].save(tmp_path / "model.keras")
        again = other.saving.load_model(tmp_path / "model.keras")
        assert policies(again) == policies(models[k])
        close(again.predict(x, verbose=0), wanted, 1e-5)
        models[k].save_weights(tmp_path / "model.weights.h5")
        empty = make(other)
        empty.quantize(mode)
        empty.load_weights(tmp_path / "model.weights.h5")
        close(empty.predict(x, verbose=0), wanted, 1e-5)


@pytest.mark.parametrize("mode", ["int8", "int4"])
def test_layers_inside_layers(mode):
    """Keras cannot read what it saves of these."""
    ours, theirs = (quantized(k, attention_model, mode)[0] for k in (fastnn, keras))
    assert sorted(policies(ours)) == sorted(policies(theirs))
    close(ours.predict(TOKENS, verbose=0), theirs.predict(TOKENS, verbose=0), 1e-5)


@pytest.mark.parametrize("name", ["GPTQConfig", "AWQConfig"])
def test_what_is_not_there_says_so(name):
    config = getattr(fastnn.quantizers, name)(["a text"], None)
    with pytest.raises(NotImplementedError, match=config.mode):
        model_of(fastnn).quantize(config=config)
    with pytest.raises(NotImplementedError, match=config.mode):
        layer = fastnn.layers.Dense(3, dtype=f"{config.dtype_policy_string()}_from_float32")
        layer.build((None, 4))


def test_quantizing_twice_changes_nothing():
    model, _ = quantized(fastnn, model_of, "int8", filters="third")
    before = model.predict(X, verbose=0)
    with pytest.raises(ValueError, match=r"third.*already quantized"):
        model.quantize("int8")
    assert policies(model).count("int8_from_float32") == 1
    np.testing.assert_array_equal(model.predict(X, verbose=0), before)


def test_a_compiled_model_is_quantized_and_trained_on():
    model = model_of(fastnn)
    model.compile("adam", "mse")
    before = model.predict(X, verbose=0)
    model.quantize("int8")
    assert 0 < np.abs(model.predict(X, verbose=0) - before).max() < 0.1
    model.compile("adam", "mse")
    losses = model.fit(X, rows(6, 2), epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
