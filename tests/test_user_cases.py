"""The programs that fastnn began from, as their users write them: they must run, and learn."""

import numpy as np
import pytest

import fastnn as keras
from fastnn.callbacks import EarlyStopping, LearningRateScheduler
from fastnn.datasets import digits
from fastnn.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from fastnn.models import Sequential
from fastnn.optimizers import SGD, Adam, RMSprop
from fastnn.utils import np_utils, to_categorical


@pytest.fixture(autouse=True)
def seed():
    keras.utils.set_random_seed(0)


@pytest.fixture(scope="module")
def images():
    """Digits enlarged to (28, 28, 1), 300 of them, with one-hot labels."""
    (x, y), _ = digits.load_data()
    x = np.pad(x[:300].repeat(3, axis=1).repeat(3, axis=2), ((0, 0), (2, 2), (2, 2)))
    return (x[..., None] / 16).astype("float32"), to_categorical(y[:300], 10)


def table(rows=400, columns=6):
    x = np.random.default_rng(0).normal(size=(rows, columns)).astype("float32")
    return x, x @ np.arange(1, columns + 1, dtype="float32")


def test_convnet_filled_with_add(images):
    x, y = images
    model = Sequential()
    model.add(Conv2D(32, kernel_size=(3, 3), activation="relu", input_shape=(28, 28, 1)))
    model.add(MaxPooling2D(pool_size=(2, 2)))
    model.add(Flatten())
    model.add(Dense(128))
    model.add(Dense(64))
    model.add(Dense(10, activation="softmax"))
    with pytest.warns(DeprecationWarning, match="learning_rate"):
        optimizer = Adam(lr=0.001)
    model.compile(optimizer=optimizer, loss="categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, batch_size=128, epochs=8, verbose=0, validation_split=0.1)
    assert set(history.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert history.history["loss"][-1] < 0.5 * history.history["loss"][0]
    loss, accuracy = model.evaluate(x, y, verbose=0)
    assert accuracy > 0.8 and np.isfinite(loss)
    assert model.predict(x[:3], verbose=0).shape == (3, 10)


def test_dense_without_flatten_works_on_the_last_axis():
    model = Sequential()
    model.add(Conv2D(4, kernel_size=(3, 3), activation="relu", input_shape=(28, 28, 1)))
    model.add(MaxPooling2D(pool_size=(2, 2)))
    model.add(Dense(8))
    model.add(Dense(10, activation="softmax"))
    assert model.output_shape == (None, 13, 13, 10)
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    rng = np.random.default_rng(0)
    x = rng.random((4, 28, 28, 1)).astype("float32")
    y = to_categorical(rng.integers(0, 10, (4, 13, 13)), 10)
    assert np.isfinite(model.fit(x, y, epochs=1, verbose=0).history["loss"][0])


@pytest.mark.parametrize(
    ("optimizer", "least"),
    [("sgd", 0.7), ("adam", 0.7), ("rmsprop", 0.7), (SGD(0.1), 0.9), (Adam(0.01), 0.9), (RMSprop(0.01), 0.9)],
)
def test_binary_classifier(optimizer, least):
    x, y = table()
    y = (y > 0).astype("float32")
    model = Sequential()
    model.add(Dense(12, activation="relu", input_dim=6))
    model.add(Dense(8, activation="relu"))
    model.add(Dense(1, activation="sigmoid"))
    model.compile(optimizer=optimizer, loss="binary_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, batch_size=32, epochs=20, verbose=0)
    assert history.history["accuracy"][-1] > least


def test_regression():
    x, y = table()
    model = Sequential([Dense(16, activation="relu", input_dim=6), Dense(1)])
    model.compile(optimizer=Adam(learning_rate=0.02), loss="mean_squared_error")
    losses = model.fit(x, y, batch_size=32, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < 0.1 * losses[0]


def test_integer_labels(images):
    x, y = images
    model = Sequential(
        [Flatten(input_shape=(28, 28, 1)), Dense(32, activation="relu"), Dense(10, activation="softmax")]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y.argmax(axis=1), batch_size=32, epochs=15, verbose=0)
    assert history.history["accuracy"][-1] > 0.9


def test_tools_against_overfitting():
    x, y = table()
    y = np_utils.to_categorical(y > 0, 2)
    rates = []
    model = Sequential(
        [
            Dense(16, activation="relu", input_dim=6, kernel_regularizer=keras.regularizers.l2(0.01)),
            Dropout(0.5),
            Dense(8, activation="relu", kernel_regularizer=keras.regularizers.L1(0.001)),
            Dense(2, activation="softmax"),
        ]
    )
    schedule = keras.optimizers.schedules.ExponentialDecay(0.05, decay_steps=10, decay_rate=0.9)
    model.compile(optimizer=SGD(schedule, momentum=0.9), loss="categorical_crossentropy", metrics=["accuracy"])
    stop = EarlyStopping(monitor="val_loss", patience=3, restore_best_weights=True)
    history = model.fit(x, y, epochs=100, verbose=0, validation_split=0.25, callbacks=[stop])
    assert 4 <= len(history.epoch) < 100
    best = min(history.history["val_loss"])
    assert model.evaluate(x[300:], y[300:], verbose=0)[0] == pytest.approx(best, rel=1e-5)

    model.compile(optimizer=SGD(0.1), loss="categorical_crossentropy")
    decay = LearningRateScheduler(lambda epoch, rate: rates.append(rate) or rate / 2)
    model.fit(x, y, epochs=3, verbose=0, callbacks=[decay])
    assert rates == pytest.approx([0.1, 0.05, 0.025])
