"""Callbacks: driven by hand with given logs next to the released Keras, and in real fits."""

import csv

import keras as judge
import numpy as np
import pytest

import fastnn as keras
from fastnn import callbacks, layers
from fastnn.callbacks.callback_list import CallbackList

X = np.random.default_rng(0).normal(size=(12, 4)).astype("float32")
Y = X.sum(1, keepdims=True)


def model(learning_rate=0.01):
    keras.utils.set_random_seed(2)
    made = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    made.compile(keras.optimizers.SGD(learning_rate), "mse", metrics=["mae"])
    return made


class FakeOptimizer:
    def __init__(self):
        self.learning_rate = 1.0


class FakeModel:
    """What callbacks touch of a model; Keras's own callbacks run on it as well."""

    def __init__(self):
        self.optimizer, self.stop_training, self.epoch = FakeOptimizer(), False, 0
        self.restored = None
        self.metrics, self._compile_metrics, self.loss = [], None, "mse"

    def get_weights(self):
        return [self.epoch]

    def set_weights(self, weights):
        self.restored = weights


def drive(callback, name, values):
    """Epochs with these values in the logs; what the callback did to the model in each."""
    fake = FakeModel()
    callback.set_model(fake)
    callback.on_train_begin()
    seen = []
    for epoch, value in enumerate(values):
        fake.epoch = epoch
        callback.on_epoch_begin(epoch)
        callback.on_epoch_end(epoch, {name: value})
        seen.append((fake.stop_training, round(float(np.asarray(fake.optimizer.learning_rate)), 6)))
        if fake.stop_training:
            break
    callback.on_train_end({})
    return seen, fake.restored


VALUES = [1.0, 0.9, 0.95, 0.8, 0.81, 0.79999, 0.82, 0.83, 0.7, 0.75, 0.75, 0.75, 0.74]


@pytest.mark.parametrize(
    ("name", "arguments", "monitor"),
    [
        ("EarlyStopping", {}, "val_loss"),
        ("EarlyStopping", {"patience": 2}, "val_loss"),
        ("EarlyStopping", {"patience": 3, "min_delta": 0.05, "restore_best_weights": True}, "val_loss"),
        ("EarlyStopping", {"patience": 2, "mode": "max"}, "val_loss"),
        ("EarlyStopping", {"patience": 4, "baseline": 0.85, "restore_best_weights": True}, "val_loss"),
        ("EarlyStopping", {"patience": 1, "baseline": 0.1, "restore_best_weights": True}, "val_loss"),
        ("EarlyStopping", {"patience": 1, "start_from_epoch": 3, "restore_best_weights": True}, "val_loss"),
        ("ReduceLROnPlateau", {"patience": 1}, "val_loss"),
        ("ReduceLROnPlateau", {"patience": 2, "factor": 0.5, "min_delta": 0.01, "cooldown": 2}, "val_loss"),
        ("ReduceLROnPlateau", {"patience": 1, "factor": 0.3, "min_lr": 0.2, "mode": "max"}, "val_loss"),
    ],
)  # fmt: skip
def test_watching_callbacks_do_what_keras_does(name, arguments, monitor):
    ours = drive(getattr(callbacks, name)(monitor=monitor, **arguments), monitor, VALUES)
    mode = arguments.get("mode", "min")  # Keras asks the model's metrics for "auto"; the loss is better small
    theirs = drive(getattr(judge.callbacks, name)(monitor=monitor, **{**arguments, "mode": mode}), monitor, VALUES)
    assert ours == theirs


@pytest.mark.parametrize(
    ("monitor", "is_larger_better"),
    [("val_loss", False), ("accuracy", True), ("val_acc", True), ("val_auc", True), ("mae", False), ("a_loss", False),
     ("val_precision", True), ("val_mean_io_u", True), ("mean_squared_error", False), ("my_accuracy_loss", False)],
)  # fmt: skip
def test_auto_mode(monitor, is_larger_better):
    rising = [0.1, 0.2, 0.3, 0.4]
    seen, _ = drive(callbacks.EarlyStopping(monitor=monitor, patience=1), monitor, rising)
    assert seen[-1][0] is not is_larger_better


def test_missing_log_warns_and_changes_nothing():
    for callback in (callbacks.EarlyStopping(), callbacks.ReduceLROnPlateau()):
        with pytest.warns(UserWarning, match="val_loss.*not available.*loss"):
            assert drive(callback, "loss", [1.0])[0] == [(False, 1.0)]


def test_early_stopping_restores_the_best_weights():
    made = model(learning_rate=10.0)  # diverges: the first epoch is the best
    best = []
    keep = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: best.append(made.get_weights()[0].copy()))
    stop = callbacks.EarlyStopping(monitor="loss", patience=2, restore_best_weights=True)
    history = made.fit(X, Y, epochs=9, verbose=0, callbacks=[keep, stop])
    assert len(history.history["loss"]) == 3 and stop.best_epoch == 0
    np.testing.assert_array_equal(made.get_weights()[0], best[0])


def test_reduce_lr_on_plateau_in_fit():
    made = model(learning_rate=1e-6)
    callback = callbacks.ReduceLROnPlateau(monitor="loss", patience=1, factor=0.1, min_delta=1.0)
    rates = made.fit(X, Y, epochs=3, verbose=0, callbacks=[callback]).history["learning_rate"]
    np.testing.assert_allclose(rates, [1e-6, 1e-6, 1e-7], rtol=1e-5)
    with pytest.raises(ValueError, match=r"factor=1\.0"):
        callbacks.ReduceLROnPlateau(factor=1.0)


def test_terminate_on_nan():
    x = X.copy()
    x[5] = np.nan
    history = model().fit(x, Y, epochs=5, verbose=0, callbacks=[callbacks.TerminateOnNaN()])
    assert len(history.history["loss"]) == 1
    with pytest.raises(RuntimeError, match="NaN or Inf"):
        model().fit(x, Y, epochs=5, verbose=0, callbacks=[callbacks.TerminateOnNaN(raise_error=True)])


def test_learning_rate_scheduler():
    seen = []

    def schedule(epoch, rate):
        seen.append(rate)
        return rate * 0.5

    history = model(1.0).fit(X, Y, epochs=3, verbose=0, callbacks=[callbacks.LearningRateScheduler(schedule)])
    assert seen == [1.0, 0.5, 0.25] and history.history["learning_rate"] == [0.5, 0.25, 0.125]
    assert model().fit(
        X, Y, verbose=0, callbacks=[callbacks.LearningRateScheduler(lambda epoch: 0.25)]
    ).history["learning_rate"] == [0.25]  # fmt: skip
    with pytest.raises(ValueError, match="should be a float"):
        model().fit(X, Y, verbose=0, callbacks=[callbacks.LearningRateScheduler(lambda epoch: "fast")])


def test_csv_logger(tmp_path):
    path = tmp_path / "log.csv"
    history = model().fit(
        X, Y, epochs=3, validation_data=(X, Y), validation_freq=2, verbose=0, callbacks=[callbacks.CSVLogger(path)]
    )
    model().fit(X, Y, verbose=0, callbacks=[callbacks.CSVLogger(path, append=True)])
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["epoch", "loss", "mae", "val_loss", "val_mae"]
    assert [row["epoch"] for row in rows] == ["0", "1", "2", "0"]
    assert [float(row["loss"]) for row in rows[:3]] == history.history["loss"]
    assert rows[0]["val_loss"] == "NA" and float(rows[1]["val_loss"]) == history.history["val_loss"][0]


def test_lambda_callback():
    seen = []
    made = callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: seen.append(f"E{epoch}"),
        on_train_batch_end=lambda batch, logs: seen.append(f"e{batch}"),
        on_train_end=lambda logs: seen.append("end"),
    )
    model().fit(X, Y, batch_size=6, epochs=2, verbose=0, callbacks=[made])
    assert seen == ["E0", "e0", "e1", "E1", "e0", "e1", "end"]
    assert not callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None).needs_every_batch


def test_model_checkpoint(tmp_path):
    pytest.importorskip("h5py")
    if not hasattr(keras.Model, "save_weights"):
        pytest.skip("models do not save weights yet")
    made = model(learning_rate=10.0)
    path = tmp_path / "folder" / "at-{epoch:02d}-{mae:.1f}.weights.h5"
    each = callbacks.ModelCheckpoint(path, save_weights_only=True)
    best = callbacks.ModelCheckpoint(
        tmp_path / "best.weights.h5", monitor="loss", save_best_only=True, save_weights_only=True
    )
    weights = []
    keep = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: weights.append(made.get_weights()[0].copy()))
    made.fit(X, Y, epochs=3, verbose=0, callbacks=[each, best, keep])
    assert sorted(p.name[:5] for p in (tmp_path / "folder").iterdir()) == ["at-01", "at-02", "at-03"]
    made.load_weights(tmp_path / "best.weights.h5")  # it diverged: the first epoch was the best
    np.testing.assert_array_equal(made.get_weights()[0], weights[0])


def test_model_checkpoint_says_what_it_cannot_do():
    with pytest.raises(ValueError, match=r"\.keras"):
        callbacks.ModelCheckpoint("model.weights.h5")
    with pytest.raises(ValueError, match=r"best\.h5"):
        callbacks.ModelCheckpoint("best.h5", save_weights_only=True)
    with pytest.raises(ValueError, match="save_freq: often"):
        callbacks.ModelCheckpoint("best.weights.h5", save_weights_only=True, save_freq="often")


def test_list_calls_everyone_and_knows_who_wants_batches():
    class Batches(callbacks.Callback):
        def on_test_batch_end(self, batch, logs=None):
            pass

    class Old(callbacks.Callback):
        def on_batch_end(self, batch, logs=None):
            pass

    quiet = [callbacks.History(), callbacks.EarlyStopping(), callbacks.ProgbarLogger(), callbacks.TerminateOnNaN()]
    for made, train, test in ((quiet, False, False), ([Batches()], False, True), ([[Old()]], True, False)):
        listed = CallbackList(made)
        assert (listed.wants_batches("train"), listed.wants_batches("test")) == (train, test)
    with pytest.raises(TypeError, match="3"):
        CallbackList([3])


def test_stop_training_in_a_batch_hook_stops_there():
    class Stop(callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.seen = 0

        def on_train_batch_end(self, batch, logs=None):
            self.seen += 1
            self.model.stop_training = self.seen == 2

    stop = Stop()
    history = model().fit(X, Y, batch_size=2, epochs=4, verbose=0, callbacks=[stop])
    assert stop.seen == 2 and len(history.history["loss"]) == 1


def test_params_and_model_are_set():
    class Look(callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.seen = dict(self.params)

    look = Look()
    made = model()
    made.fit(X, Y, batch_size=5, epochs=2, verbose=0, callbacks=look)
    assert look.model is made and look.seen == {"epochs": 2, "steps": 3, "verbose": 0}


def test_a_hook_that_is_set_on_a_callback_sees_each_batch():
    begun = []
    callback = keras.callbacks.Callback()
    callback.on_train_batch_begin = lambda batch, logs=None: begun.append(batch)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.ones((12, 2)), np.ones(12), batch_size=3, epochs=3, verbose=0, callbacks=[callback])
    assert begun == [0, 1, 2, 3] * 3
