"""What surrounds a step: freezing, LoRA, several outputs, averages of weights, nested models, as Keras has them."""

import keras
import numpy as np
import pytest

import fastnn
from tests.parity.trajectory import batches, compare

BLOBS = list(batches((8,), 4, 16, steps=20))
X, LABELS = (np.concatenate(parts) for parts in zip(*BLOBS[:4], strict=True))
LOSS = "sparse_categorical_crossentropy"


def base(k, name="base"):
    inputs = k.Input((8,))
    x = k.layers.Dense(6, activation="relu")(inputs)
    x = k.layers.BatchNormalization(momentum=0.5)(x)
    return k.Model(inputs, k.layers.Dense(6, activation="tanh")(x), name=name)


def classifier(k, *parts, optimizer=None):
    x = inputs = k.Input((8,))
    for part in parts:
        x = part(x)
    model = k.Model(inputs, k.layers.Dense(4, activation="softmax")(x))
    model.compile(optimizer or k.optimizers.Adam(0.02), LOSS, metrics=["accuracy"])
    return model


def fitted(k, model, x, y, weights=None, **options):
    """The weights before, the history, and the weights after three epochs; `options` are of `fit`."""
    if weights is not None:
        model.set_weights(weights)
    before = model.get_weights()
    history = model.fit(x, y, batch_size=16, epochs=3, shuffle=False, verbose=0, **options)
    return before, history.history, model.get_weights()


def assert_same_fit(make, x=X, y=LABELS, **options):
    """`make(k)` trains alike in both packages; returns fastnn's weights before and after."""
    keras.utils.set_random_seed(0)
    before, expected, theirs = fitted(keras, make(keras), x, y, **options)
    before, actual, ours = fitted(fastnn, make(fastnn), x, y, before, **options)
    assert list(actual) == list(expected)
    for name in expected:
        np.testing.assert_allclose(actual[name], expected[name], rtol=1e-4, atol=1e-6, err_msg=name)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)
    return before, ours


def test_a_frozen_base_is_in_inference_mode():
    """The rule of BatchNormalization: frozen, it takes its moving moments, which stay what they are."""

    def make(k):
        part = base(k)
        part.layers[2].moving_mean.assign(np.linspace(-1, 1, 6, dtype="float32"))
        part.trainable = False
        return classifier(k, part)

    compare(make, BLOBS)
    before, after = assert_same_fit(make)
    changed = [bool((a != b).any()) for a, b in zip(before, after, strict=True)]
    assert changed == [True, True, *[False] * 8] or changed == [*[False] * 8, True, True]


def test_one_frozen_normalization():
    def make(k):
        part = base(k)
        part.layers[2].trainable = False
        return classifier(k, part)

    compare(make, BLOBS)


def test_unfreezing_and_compiling_again():
    def train(k, weights=None):
        part = base(k)
        part.trainable = False
        model = classifier(k, part)
        first = fitted(k, model, X, LABELS, weights)
        part.trainable = True
        model.compile(k.optimizers.SGD(0.01), LOSS)
        return first[0], fitted(k, model, X, LABELS)

    keras.utils.set_random_seed(0)
    weights, (_, expected, theirs) = train(keras)
    _, (_, actual, ours) = train(fastnn, weights)
    np.testing.assert_allclose(actual["loss"], expected["loss"], rtol=1e-4)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


def test_nested_and_shared_models():
    def make(k):
        part, layer = base(k), k.layers.Dense(8, activation="tanh")
        x = inputs = k.Input((8,))
        x = k.layers.Concatenate()([part(layer(x)), part(layer(layer(x)))])
        model = k.Model(inputs, k.layers.Dense(4, activation="softmax")(x))
        model.compile(k.optimizers.Adam(0.01), LOSS)
        return model

    compare(make, BLOBS)


@pytest.mark.parametrize(
    ("kind", "alpha"), [("Dense", None), ("Dense", 4.0), ("EinsumDense", None), ("Embedding", 4.0)]
)
def test_lora(kind, alpha):
    """Only the factors, the biases and the other layers are trained; Embedding is all of it that is frozen."""
    makers = {
        "Dense": lambda k: (k.Input((8,)), k.layers.Dense(8, activation="tanh"), X),
        "EinsumDense": lambda k: (k.Input((8,)), k.layers.EinsumDense("ab,bc->ac", 8, bias_axes="c"), X),
        "Embedding": lambda k: (k.Input((8,), dtype="int32"), k.layers.Embedding(5, 3), (X * 2).astype("int32") % 5),
    }

    def make(k):
        inputs, layer, _ = makers[kind](k)
        x = k.layers.Flatten()(layer(inputs))
        model = k.Model(inputs, k.layers.Dense(4, activation="softmax")(x))
        layer.enable_lora(2, **({} if alpha is None else {"lora_alpha": alpha}))
        model.compile(k.optimizers.Adam(0.01), LOSS)
        return model

    assert_same_fit(make, x=makers[kind](fastnn)[2])
    ours, theirs = make(fastnn), make(keras)
    assert [v.path.split("/")[-1] for v in ours.trainable_variables] == [
        v.path.split("/")[-1] for v in theirs.trainable_variables
    ]


def two_outputs(k):
    x = k.Input((8,), name="x")
    h = k.layers.Dense(6, activation="tanh")(x)
    outputs = {
        "kind": k.layers.Dense(4, activation="softmax", name="kind")(h),
        "size": k.layers.Dense(1, name="size")(h),
    }
    return k.Model(x, outputs)


TARGETS = {"kind": LABELS, "size": np.abs(X).mean(1, keepdims=True)}


@pytest.mark.parametrize(
    "arguments",
    [
        {"loss": {"kind": LOSS, "size": "mse"}},
        {"loss": {"kind": LOSS, "size": "mse"}, "loss_weights": {"kind": 0.3, "size": 2.0}},
        {"loss": {"kind": LOSS, "size": "mse"}, "metrics": {"kind": ["accuracy"], "size": ["mae", "mse"]}},
        {"loss": {"kind": LOSS, "size": "mse"}, "metrics": {"kind": "accuracy"}, "weighted_metrics": {"size": ["mae"]}},
    ],
    ids=["losses", "weights", "metrics", "weighted_metrics"],
)
def test_several_outputs_by_name(arguments):
    def make(k):
        model = two_outputs(k)
        model.compile(k.optimizers.Adam(0.01), **arguments)
        return model

    assert_same_fit(make, y=TARGETS, validation_data=(X, TARGETS))


@pytest.mark.parametrize(
    "options",
    [
        {"use_ema": True, "ema_momentum": 0.8},
        {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 2},
        {"gradient_accumulation_steps": 3},
        {"loss_scale_factor": 8.0},
    ],
    ids=str,
)
def test_options_of_optimizers(options):
    """In `fit`, whose end puts the averages in the place of the weights."""
    assert_same_fit(lambda k: classifier(k, base(k), optimizer=k.optimizers.SGD(0.1, momentum=0.5, **options)))


@pytest.mark.parametrize(
    "options",
    [
        {"steps_per_execution": 3},
        {"run_eagerly": True},
        {"jit_compile": False},
        {"jit_compile": "auto"},
    ],
    ids=str,
)
def test_options_of_compile(options):
    """They change when callbacks are called, and no number."""

    def train(k, weights=None):
        model = classifier(k, base(k))
        model.compile(k.optimizers.SGD(0.1), LOSS, **options)
        begun = []
        counter = k.callbacks.Callback()
        counter.on_train_batch_begin = lambda batch, logs=None: begun.append(batch)
        weights, history, _ = fitted(k, model, X, LABELS, weights, callbacks=[counter])
        return weights, history["loss"], begun, model.jit_compile

    keras.utils.set_random_seed(0)
    weights, expected, *theirs = train(keras)
    _, actual, *ours = train(fastnn, weights)
    np.testing.assert_allclose(actual, expected, rtol=1e-4)
    assert ours == theirs
