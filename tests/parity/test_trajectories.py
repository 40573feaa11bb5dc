"""Fifty training steps agree with Keras: networks, optimizers, losses, regularizers, clipping and schedules."""

import keras
import numpy as np
import pytest

import fastnn
from tests.parity.trajectory import batches, compare

BLOBS = list(batches((16,), 5, 32))


def mlp(optimizer, loss="sparse_categorical_crossentropy", **dense):
    """A function of `k` that builds a compiled MLP; `optimizer` is a function of `k` too."""

    def build(k):
        model = k.Sequential(
            [
                k.Input((16,)),
                k.layers.Dense(32, activation="relu", **{key: make(k) for key, make in dense.items()}),
                k.layers.Dense(16, activation="tanh"),
                k.layers.Dense(5, activation="softmax"),
            ]
        )
        model.compile(optimizer=optimizer(k), loss=loss, metrics=["accuracy"])
        return model

    return build


OPTIMIZERS = {
    "SGD": {"learning_rate": 0.05},
    "Adam": {"learning_rate": 0.005},
    "AdamW": {"learning_rate": 0.005, "weight_decay": 0.01},
    "RMSprop": {"learning_rate": 0.002},
    "Adagrad": {"learning_rate": 0.02},
    "Adadelta": {"learning_rate": 0.5},
    "Adamax": {"learning_rate": 0.005},
    "Nadam": {"learning_rate": 0.005},
    "Ftrl": {"learning_rate": 0.1},
    "Lion": {"learning_rate": 0.0005},
    "Lamb": {"learning_rate": 0.005},
    "Adafactor": {"learning_rate": 0.01},
    "Muon": {"learning_rate": 0.005},
    "ScheduleFreeAdamW": {"learning_rate": 0.01},
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer(name):
    compare(mlp(lambda k: getattr(k.optimizers, name)(**OPTIMIZERS[name])), BLOBS)


def test_two_optimizers():
    def optimizer(k):
        return k.optimizers.MultiOptimizer(
            k.optimizers.OptimizerMap(k.optimizers.SGD(0.05, momentum=0.9), {".*bias": k.optimizers.Adam(0.005)})
        )

    compare(mlp(optimizer), BLOBS)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("SGD", {"momentum": 0.9}),
        ("SGD", {"momentum": 0.9, "nesterov": True}),
        ("SGD", {"weight_decay": 0.01, "clipvalue": 0.01}),
        ("Adam", {"clipnorm": 0.1}),
        ("Adam", {"global_clipnorm": 0.1}),
        ("Adam", {"amsgrad": True}),
        ("Adam", {"beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-5}),
        ("RMSprop", {"momentum": 0.5}),
        ("RMSprop", {"centered": True}),
        ("Adam", {"use_ema": True, "ema_momentum": 0.9, "ema_overwrite_frequency": 20}),
        ("SGD", {"gradient_accumulation_steps": 4}),
    ],
    ids=str,
)
def test_optimizer_options(name, options):
    compare(mlp(lambda k: getattr(k.optimizers, name)(learning_rate=0.01, **options)), BLOBS)


@pytest.mark.parametrize(
    ("schedule", "options"),
    [
        ("ExponentialDecay", {"initial_learning_rate": 0.02, "decay_steps": 10, "decay_rate": 0.5}),
        ("InverseTimeDecay", {"initial_learning_rate": 0.02, "decay_steps": 10, "decay_rate": 0.5}),
        ("PolynomialDecay", {"initial_learning_rate": 0.02, "decay_steps": 20, "power": 2.0, "cycle": True}),
        ("CosineDecayRestarts", {"initial_learning_rate": 0.02, "first_decay_steps": 9.5, "m_mul": 0.5}),
        ("ExponentialDecay", {"initial_learning_rate": 0.02, "decay_steps": 10, "decay_rate": 0.5, "staircase": True}),
        ("CosineDecay", {"initial_learning_rate": 0.01, "decay_steps": 40, "warmup_target": 0.02, "warmup_steps": 5}),
        ("PiecewiseConstantDecay", {"boundaries": [10, 30], "values": [0.02, 0.01, 0.001]}),
    ],
)
def test_schedule(schedule, options):
    compare(mlp(lambda k: k.optimizers.Adam(getattr(k.optimizers.schedules, schedule)(**options))), BLOBS)


@pytest.mark.parametrize(
    ("argument", "make"),
    [
        ("kernel_regularizer", lambda k: k.regularizers.L2(0.01)),
        ("kernel_regularizer", lambda k: k.regularizers.L1(0.001)),
        # Not L1: biases start at 0, where its gradient jumps, so rounding would decide the sign of an update.
        ("bias_regularizer", lambda k: k.regularizers.L2(0.01)),
        ("activity_regularizer", lambda k: k.regularizers.L2(0.01)),
        ("kernel_constraint", lambda k: k.constraints.MaxNorm(0.8)),
    ],
    ids=["l2", "l1", "bias", "activity", "max_norm"],
)
def test_regularizer(argument, make):
    if argument.endswith("constraint") and "MaxNorm" not in dir(fastnn.constraints):
        pytest.skip("fastnn has no constraints yet")
    compare(mlp(lambda k: k.optimizers.Adam(0.005), **{argument: make}), BLOBS)


@pytest.mark.parametrize("loss", ["mean_squared_error", "mean_absolute_error", "huber", "categorical_crossentropy"])
def test_loss(loss):
    data = [(x, np.eye(5, dtype="float32")[y]) for x, y in BLOBS]
    compare(mlp(lambda k: k.optimizers.Adam(0.005), loss=loss), data)


def test_binary_classifier():
    def build(k):
        model = k.Sequential([k.Input((16,)), k.layers.Dense(8, activation="relu"), k.layers.Dense(1, "sigmoid")])
        model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
        return model

    compare(build, [(x, (y > 2).astype("float32")[:, None]) for x, y in BLOBS])


def cnn(k):
    """Convolutions with strides and padding, batch normalization, pooling, and a residual sum."""
    x = inputs = k.Input((12, 12, 2))
    x = k.layers.Conv2D(8, 3, padding="same", use_bias=False)(x)
    x = k.layers.BatchNormalization()(x)
    x = k.layers.Activation("relu")(x)
    x = k.layers.MaxPooling2D(2)(x)
    y = k.layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    x = k.layers.Add()([x, y])
    x = k.layers.Conv2D(16, 3, strides=2, activation="relu")(x)
    x = k.layers.AveragePooling2D(2, strides=1, padding="same")(x)
    x = k.layers.GlobalAveragePooling2D()(x)
    model = k.Model(inputs, k.layers.Dense(5, activation="softmax")(x))
    model.compile(optimizer=k.optimizers.Adam(0.003), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def test_cnn():
    compare(cnn, list(batches((12, 12, 2), 5, 16)))


def test_embedding_and_layer_normalization():
    def build(k):
        x = inputs = k.Input((6,), dtype="int32")
        x = k.layers.Embedding(20, 8)(x)
        x = k.layers.LayerNormalization()(x)
        x = k.layers.Flatten()(x)
        model = k.Model(inputs, k.layers.Dense(4, activation="softmax")(x))
        model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
        return model

    rng = np.random.default_rng(0)
    words = [rng.integers(0, 20, (32, 6)).astype("int32") for _ in range(50)]
    compare(build, [(x, x[:, 0] % 4) for x in words])


def test_weights_of_samples_and_classes():
    """`fit` with both, one batch an epoch, against Keras."""
    x, y = BLOBS[0]
    weights = np.linspace(0.1, 2, len(x)).astype("float32")
    histories = []
    theirs = mlp(lambda k: k.optimizers.SGD(0.1))(keras)
    ours = mlp(lambda k: k.optimizers.SGD(0.1))(fastnn)
    ours.set_weights(theirs.get_weights())
    for model in (ours, theirs):
        history = model.fit(
            x, y, batch_size=8, epochs=5, shuffle=False, verbose=0, sample_weight=weights, validation_data=(x, y)
        )
        history = history.history
        more = model.fit(x, y, batch_size=8, epochs=5, shuffle=False, verbose=0, class_weight={0: 2.0, 3: 0.5})
        histories.append({**history, "weighted": more.history["loss"]})
    assert histories[0].keys() == histories[1].keys()
    for name in histories[0]:
        np.testing.assert_allclose(histories[0][name], histories[1][name], rtol=1e-4, err_msg=name)
