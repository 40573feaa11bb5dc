"""The four cases of the document that this project began from, as written there, on small data."""

import numpy as np
import pytest

import fastnn as keras
from fastnn.callbacks import EarlyStopping, LearningRateScheduler
from fastnn.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from fastnn.models import Sequential
from fastnn.optimizers import SGD, Adam
from fastnn.regularizers import l1, l2
from fastnn.utils import np_utils, to_categorical


@pytest.fixture(autouse=True)
def seed():
    keras.utils.set_random_seed(5)


def images(n=96):
    """Images of 28 by 28 whose brightest quarter tells their class (of 4 among 10)."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, n)
    x = rng.uniform(0, 0.2, (n, 28, 28, 1)).astype("float32")
    for image, label in zip(x, labels, strict=True):
        row, column = divmod(int(label), 2)
        image[row * 14 : row * 14 + 14, column * 14 : column * 14 + 14] += 0.8
    return x, labels


def table(n=128):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(n, 6)).astype("float32")
    return x, x @ np.float32([1, -2, 0.5, 0, 1, 0])


def test_1_convolutional_network_on_images():
    x, labels = images()
    y = to_categorical(labels, 10)
    assert (np_utils.to_categorical(labels, 10) == y).all()
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
    history = model.fit(x, y, batch_size=32, epochs=4, verbose=0, validation_split=0.1)
    assert sorted(history.history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    loss, accuracy = model.evaluate(x, y, verbose=0)
    assert accuracy > 0.9 and loss < history.history["loss"][0]
    assert model.predict(x[:5], verbose=0).shape == (5, 10)


def test_1_without_flatten_dense_works_on_the_last_axis():
    x, labels = images(32)
    model = Sequential()
    model.add(Conv2D(4, kernel_size=(3, 3), activation="relu", input_shape=(28, 28, 1)))
    model.add(MaxPooling2D(pool_size=(2, 2)))
    model.add(Dense(8))
    model.add(Dense(10, activation="softmax"))
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    assert model.output_shape == (None, 13, 13, 10)
    y = np.broadcast_to(to_categorical(labels, 10)[:, None, None], (32, 13, 13, 10))
    losses = model.fit(x, y, batch_size=16, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_2_binary_classifier():
    x, score = table()
    y = (score > 0).astype(int)
    model = Sequential()
    model.add(Dense(12, activation="relu", input_dim=6))
    model.add(Dense(8))
    model.add(Dense(1, activation="sigmoid"))
    model.compile(loss="binary_crossentropy", optimizer=Adam(0.02), metrics=["accuracy"])
    model.fit(x, y, epochs=20, batch_size=16, verbose=0)
    assert model.evaluate(x, y, verbose=0)[1] > 0.95


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop", SGD(0.01, momentum=0.9)], ids=str)
def test_2_regression(optimizer):
    x, y = table()
    model = Sequential([Dense(16, activation="relu", input_dim=6), Dense(1)])
    model.compile(loss="mean_squared_error", optimizer=optimizer)
    losses = model.fit(x, y, epochs=10, batch_size=16, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]


def test_2_sparse_labels():
    x, score = table()
    y = np.digitize(score, [-1, 1])
    model = Sequential([Dense(16, activation="relu", input_dim=6), Dense(3, activation="softmax")])
    model.compile(loss="sparse_categorical_crossentropy", optimizer=Adam(0.02), metrics=["accuracy"])
    model.fit(x, y, epochs=20, batch_size=16, verbose=0)
    assert model.evaluate(x, y, verbose=0)[1] > 0.9


def test_3_fit_returns_a_history_and_prints_progress(capsys):
    x, y = table()
    model = Sequential([Dense(4, activation="relu", input_dim=6), Dense(1)])
    model.compile(loss="mse", optimizer="sgd", metrics=["mae"])
    history = model.fit(x, y, batch_size=128, epochs=3, verbose=1, validation_split=0.1)
    assert history is model.history and history.epoch == [0, 1, 2]
    assert all(len(values) == 3 for values in history.history.values())
    printed = capsys.readouterr().out
    assert "Epoch 3/3" in printed and "val_mae: " in printed and "1/1" in printed
    loss, mae = model.evaluate(x, y, verbose=0)
    assert loss == pytest.approx(np.mean((model.predict(x, verbose=0)[:, 0] - y) ** 2), rel=1e-5)
    assert mae == pytest.approx(np.mean(np.abs(model.predict(x, verbose=0)[:, 0] - y)), rel=1e-5)


def test_4_against_overfitting():
    x, y = table()
    model = Sequential([
        Dense(32, activation="relu", kernel_regularizer=l2(0.01), bias_regularizer=l1(0.01), input_dim=6),
        Dropout(0.5),
        Dense(1, kernel_regularizer=l1(0.001)),
    ])  # fmt: skip
    model.compile(loss="mse", optimizer=SGD(keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.9)))
    weights = model.get_weights()
    penalty = 0.01 * (weights[0] ** 2).sum() + 0.001 * np.abs(weights[2]).sum()  # the biases are zero
    predicted = model.predict(x, verbose=0)[:, 0]
    assert model.evaluate(x, y, verbose=0) == pytest.approx(np.mean((predicted - y) ** 2) + penalty, rel=1e-5)
    stopping = EarlyStopping(monitor="val_loss", min_delta=100.0, patience=2, restore_best_weights=True)
    history = model.fit(x, y, epochs=10, validation_split=0.25, callbacks=[stopping], verbose=0)
    assert len(history.history["loss"]) == 3  # the first epoch, and two that did not improve by 100
    assert float(np.asarray(model.optimizer.learning_rate)) == pytest.approx(0.01 * 0.9 ** (3 * 3 / 10), rel=1e-5)


def test_4_learning_rate_by_callback():
    x, y = table(16)
    model = Sequential([Dense(1, input_dim=6)])
    model.compile(loss="mse", optimizer=SGD(0.1))
    history = model.fit(x, y, epochs=3, verbose=0, callbacks=[LearningRateScheduler(lambda epoch, lr: lr / 2)])
    assert history.history["learning_rate"] == [pytest.approx(0.1 / 2**k) for k in (1, 2, 3)]
