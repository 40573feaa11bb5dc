"""What fit, evaluate and predict do, against plain NumPy and against what the released Keras was seen to do."""

import json
import random
import subprocess
import sys
import threading
import time
import tracemalloc

import numpy as np
import pytest

import fastnn as keras
from fastnn import callbacks, layers, losses, metrics, ops, optimizers, tree
from fastnn.training.data import ArraySource, Shuffler

rng = np.random.default_rng(4)
X = rng.normal(size=(10, 4)).astype("float32")
LABELS = rng.integers(0, 3, 10)
Y = np.eye(3, dtype="float32")[LABELS]


def classifier(loss="mse", seed=0, **arguments):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="softmax")])
    model.compile("sgd", loss=loss, **arguments)
    return model


def linear(**arguments):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1, use_bias=False)])
    model.compile(optimizers.SGD(0.1), "mse", **arguments)
    return model


class Log(callbacks.Callback):
    """What was called, in the letters of the hooks."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_epoch_begin(self, epoch, logs=None):
        self.seen.append(f"E{epoch}")

    def on_train_batch_begin(self, batch, logs=None):
        self.seen.append(f"b{batch}")

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(f"e{batch}")

    def on_test_begin(self, logs=None):
        self.seen.append("T")

    def on_test_batch_end(self, batch, logs=None):
        self.seen.append(f"t{batch}")

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(",".join(sorted(logs)))

    def on_train_end(self, logs=None):
        self.seen.append("end")


def fit(model, *args, **kwargs):
    log = Log()
    history = model.fit(*args, callbacks=[log], verbose=0, **kwargs)
    return " ".join(log.seen), history.history


def flat(lists):
    return [x for inner in lists for x in inner]


def by_hand(weight, x, y, batch_size, epochs, rate=0.1):
    """Gradient descent on the mean squared error of x @ weight, in rows' own order; the mean loss of each epoch."""
    history = []
    for _ in range(epochs):
        total = 0.0
        for start in range(0, len(x), batch_size):
            a, b = x[start : start + batch_size], y[start : start + batch_size]
            error = a @ weight - b
            total += float((error**2).mean()) * len(a)
            weight = weight - rate * 2 * a.T @ error / len(a)
        history.append(total / len(x))
    return weight, history


@pytest.mark.parametrize("batch_size", [1, 3, 5, 10, 32])
@pytest.mark.parametrize("run_eagerly", [False, True])
def test_fit_is_gradient_descent(batch_size, run_eagerly):
    model = linear(run_eagerly=run_eagerly)
    y = (X @ np.float32([[1], [2], [3], [4]])).astype("float32")
    expected, losses_by_hand = by_hand(model.get_weights()[0], X, y, batch_size, 3)
    history = model.fit(X, y, batch_size=batch_size, epochs=3, shuffle=False, verbose=0)
    np.testing.assert_allclose(model.get_weights()[0], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(history.history["loss"], losses_by_hand, rtol=1e-4)


def test_many_batches_in_one_call_are_the_same_bits_as_one_by_one():
    weights = []
    for watched in ([], [Log()]):
        model = classifier("categorical_crossentropy", metrics=["accuracy"])
        model.fit(np.tile(X, (40, 1)), np.tile(Y, (40, 1)), batch_size=7, epochs=3, verbose=0, callbacks=watched)
        weights.append(model.get_weights())
    for a, b in zip(*weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_every_row_is_seen_once_an_epoch_in_a_new_order():
    seen = []

    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.scale = layers.Dense(1)

        def call(self, x):
            return self.scale(x)

        def train_step(self, data):
            x, _ = data
            seen.append(np.array(x)[:, 0].tolist())
            return {"loss": ops.mean(x)}

    model = Model()
    model.compile("sgd", "mse", run_eagerly=True)
    x = np.arange(10.0)[:, None]
    keras.utils.set_random_seed(3)
    model.fit(x, x, batch_size=4, epochs=2, verbose=0)
    first, second = flat(seen[:3]), flat(seen[3:])
    assert sorted(first) == sorted(second) == list(range(10)) and first != second
    assert [len(batch) for batch in seen] == [4, 4, 2] * 2
    seen.clear()
    model.fit(x, x, batch_size=4, verbose=0, shuffle="batch")
    assert all(np.diff(batch).tolist() == [1.0] * (len(batch) - 1) for batch in seen)
    assert sorted(flat(seen)) == list(range(10))


@pytest.mark.parametrize("shuffle", [True, "batch"])
def test_a_plan_takes_rows_in_the_order_of_eager_steps(shuffle):
    x, ends = np.arange(40, dtype="float32").reshape(10, 4) / 40, []
    for run_eagerly in (False, True):
        keras.utils.set_random_seed(3)
        model = linear(run_eagerly=run_eagerly)
        model.fit(x, x[:, :1], batch_size=4, epochs=3, verbose=0, shuffle=shuffle)
        ends.append(model.get_weights()[0])
    np.testing.assert_allclose(*ends, rtol=1e-6)


def order_of(shuffler=None, **kwargs):
    return (shuffler or Shuffler(shuffles=True)).permutation(1000, **kwargs).tolist()


def test_orders_are_permutations_that_differ_and_are_told_again():
    shuffler = Shuffler(shuffles=True)
    first, second, again = order_of(shuffler), order_of(shuffler), order_of(shuffler, again=True)
    assert sorted(first) == list(range(1000)) and first != second == again
    resumed = Shuffler(shuffles=True)
    resumed.resume(json.loads(json.dumps(shuffler.position())))
    assert order_of(resumed, again=True) == second and order_of(resumed) == order_of(shuffler)


def test_each_place_is_as_likely_for_each_row():
    keras.utils.set_random_seed(1)
    shuffler, counts = Shuffler(shuffles=True), np.zeros((5, 5))
    for _ in range(5000):
        counts[np.arange(5), shuffler.permutation(5)] += 1
    assert abs(counts - 1000).max() < 150  # five deviations of 28


@pytest.mark.parametrize("seed", [np.random.seed, keras.utils.set_random_seed])
def test_an_order_follows_from_the_seed_of_numpy(seed):
    orders = []
    for number in (3, 3, 4):
        random.seed()
        seed(number)
        orders.append(order_of())
    assert orders[0] == orders[1] != orders[2]


PLAIN = """
import random, sys
import numpy
from fastnn.training.data import Shuffler
random.seed(3)
print(Shuffler(shuffles=True).permutation(100).tolist(), "numpy.random" in sys.modules)
"""


def test_an_order_follows_from_the_seed_of_python_where_nobody_has_loaded_that_of_numpy():
    run = lambda: subprocess.run([sys.executable, "-c", PLAIN], capture_output=True, text=True, check=True).stdout  # noqa: E731
    first = run()
    assert first.endswith("True\n") or first == run()


def test_more_rows_than_an_order_counts():
    x = np.empty((2**31, 0), "uint8")
    with pytest.raises(ValueError, match=r"`shuffle` can order at most 2147483647 rows\. Received: 2147483648"):
        next(ArraySource((x,), shuffle=True).epoch(lambda: 1))


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 1

    def __getitem__(self, index):
        return X


@pytest.mark.parametrize("run_eagerly", [False, True])
def test_steps_get_x_alone_as_it_was_given(run_eagerly):
    seen = []

    class Model(keras.Model):
        def train_step(self, data):
            seen.append(tree.map_structure(lambda a: a.shape, data))
            return {"loss": 0.0}

        test_step = predict_step = train_step

    model = Model()
    model.compile("sgd", run_eagerly=run_eagerly)
    rows = (4, *X.shape[1:])
    for x, data in ((X[:4], rows), ({"a": X[:4]}, {"a": rows}), ([X[:4]], ([rows],))):
        model.fit(x, batch_size=4, verbose=0)
        model.evaluate(x, batch_size=4, verbose=0)
        assert seen == [data, data]
        seen.clear()
    model.fit(Batches(), verbose=0)
    model.fit(iter([(X,)]), verbose=0)
    model.train_on_batch(X)
    assert set(map(str, seen)) == {str((X.shape,))}  # packed, as Keras's adapters of these do
    seen.clear()
    model.fit(iter([X]), verbose=0)
    assert seen == [X.shape]


def test_float64_integer_and_strided_inputs_arrive():
    plain = linear()
    plain.fit(X, X[:, :1], epochs=2, batch_size=4, shuffle=False, verbose=0)
    for x in (X.astype("float64"), np.asfortranarray(X), np.repeat(X, 2, axis=1)[:, ::2]):
        model = linear()
        keras.utils.set_random_seed(0)
        model.set_weights([np.ones((4, 1), "float32")])
        model.fit(x, x[:, :1], epochs=2, batch_size=4, shuffle=False, verbose=0)
        again = linear()
        again.set_weights([np.ones((4, 1), "float32")])
        again.fit(X, X[:, :1], epochs=2, batch_size=4, shuffle=False, verbose=0)
        np.testing.assert_array_equal(model.get_weights()[0], again.get_weights()[0])
    model = linear()
    x = np.arange(8, dtype="uint8").reshape(2, 4)
    np.testing.assert_allclose(model.predict(x, verbose=0), x.astype("f") @ model.get_weights()[0], rtol=1e-6)


def test_steps_per_epoch_goes_on_where_the_last_epoch_stopped():
    log, history = fit(classifier(), X, Y, batch_size=3, epochs=3, steps_per_epoch=2)
    assert log == "E0 b0 e0 b1 e1 loss E1 b0 e0 b1 e1 loss E2 b0 e0 b1 e1 loss end"
    assert len(history["loss"]) == 3


def test_too_many_steps_warn_and_stop():
    with pytest.warns(UserWarning, match="ran out of data"):
        log, _ = fit(classifier(), X, Y, batch_size=3, steps_per_epoch=6)
    assert log == "E0 b0 e0 b1 e1 b2 e2 b3 e3 loss end"


def batches(n):
    for _ in range(n):
        yield X[:2], Y[:2]


def test_generators():
    log, _ = fit(classifier(), batches(5), epochs=2, steps_per_epoch=2)
    assert log == "E0 b0 e0 b1 e1 loss E1 b0 e0 b1 e1 loss end"
    log, _ = fit(classifier(), batches(3))
    assert log == "E0 b0 e0 b1 e1 b2 e2 loss end"
    with pytest.warns(UserWarning, match="ran out of data"):
        fit(classifier(), batches(3), epochs=2, steps_per_epoch=2)
    model = classifier()
    expected = model.predict(X[:2], verbose=0)
    assert model.predict(((X[:2],) for _ in range(2)), verbose=0).shape == (4, 3)
    np.testing.assert_array_equal(model.predict(batches(1), verbose=0), expected)
    assert model.evaluate(batches(2), verbose=0) == pytest.approx(np.mean((expected - Y[:2]) ** 2), rel=1e-6)


def test_py_dataset():
    seen = []

    class Data(keras.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            seen.append(index)
            return X[index * 3 : index * 3 + 3], Y[index * 3 : index * 3 + 3]

        def on_epoch_end(self):
            seen.append("end")

    classifier().fit(Data(), epochs=2, shuffle=False, verbose=0)
    assert seen == [0, 1, 2, "end"] * 2
    seen.clear()
    keras.utils.set_random_seed(1)
    classifier(seed=1).fit(Data(), epochs=2, verbose=0)
    assert sorted(seen[:3]) == sorted(seen[4:7]) == [0, 1, 2] and seen[:3] + seen[4:7] != [0, 1, 2] * 2


def test_py_dataset_of_several_workers():
    threads, most = set(), 0

    class Data(keras.utils.PyDataset):
        def __len__(self):
            return 6

        def __getitem__(self, index):
            nonlocal most
            threads.add(threading.current_thread())
            most = max(most, index)
            if index == 5 and self.fails:
                raise OSError("no such picture")
            time.sleep(0.005 * (index % 2 == 0))
            return X[index : index + 2], Y[index : index + 2]

        fails = False

    losses = []
    for workers in (1, 3):
        threads.clear()
        keras.utils.set_random_seed(1)
        model = classifier(seed=1)
        losses.append(model.fit(Data(workers=workers), epochs=2, verbose=0).history["loss"])
        assert (threading.current_thread() in threads) == (workers == 1)
        np.testing.assert_array_equal(model.predict(Data(workers=workers), verbose=0).shape, (12, *Y.shape[1:]))
    assert losses[0] == losses[1]
    most = 0
    model.fit(Data(workers=2, max_queue_size=2), steps_per_epoch=2, shuffle=False, verbose=0)
    assert most < 4
    Data.fails = True
    with pytest.raises(OSError, match="no such picture"):
        model.fit(Data(workers=2), verbose=0)


def test_validation():
    model = classifier(metrics=["accuracy"])
    log, history = fit(model, X, Y, epochs=2, batch_size=4, validation_split=0.25, validation_freq=2)
    both = "accuracy,loss,val_accuracy,val_loss"
    assert log == f"E0 b0 e0 b1 e1 accuracy,loss E1 b0 e0 b1 e1 T t0 {both} end"
    assert [len(history[name]) for name in sorted(history)] == [2, 2, 1, 1]
    values = model.evaluate(X[7:], Y[7:], verbose=0)
    np.testing.assert_allclose([history["val_loss"][0], history["val_accuracy"][0]], values, rtol=1e-6)
    _, history = fit(classifier(), X, Y, epochs=3, validation_data=(X, Y), validation_freq=[1, 3])
    assert len(history["val_loss"]) == 2
    _, history = fit(classifier(), X, Y, validation_data=batches(2))
    assert len(history["val_loss"]) == 1
    log, _ = fit(classifier(), X, Y, validation_data=(X, Y), validation_batch_size=4, validation_steps=2)
    assert "T t0 t1 loss" in log


def test_hooks_see_steps_per_execution_batches():
    log, _ = fit(classifier(steps_per_execution=2), X, Y, batch_size=2)
    assert log == "E0 b0 e1 b2 e3 b4 e4 loss end"


def test_initial_epoch_and_no_epochs():
    assert fit(classifier(), X, Y, epochs=3, initial_epoch=2)[0] == "E2 b0 e0 loss end"
    assert fit(classifier(), X, Y, epochs=0)[1] == {}


def test_sample_and_class_weights():
    weights = np.linspace(0, 2, 10).astype("float32")
    model = classifier("sparse_categorical_crossentropy", weighted_metrics=["accuracy"], metrics=["acc"])
    p = model.predict(X, verbose=0)
    per_row = -np.log(p[np.arange(10), LABELS])
    hits = p.argmax(1) == LABELS
    loss, acc, accuracy = model.evaluate(X, LABELS, sample_weight=weights, verbose=0)
    assert loss == pytest.approx((per_row * weights).mean(), rel=1e-5)
    assert acc == pytest.approx(hits.mean()) and accuracy == pytest.approx((hits * weights).sum() / weights.sum())
    class_weight = {0: 0.5, 2: 3.0}
    of_rows = np.array([class_weight.get(c, 1.0) for c in LABELS])
    for y, compiled in ((LABELS, "sparse_categorical_crossentropy"), (Y, "categorical_crossentropy")):
        model = classifier(compiled)
        history = model.fit(X, y, class_weight=class_weight, verbose=0)
        assert history.history["loss"][0] == pytest.approx((per_row * of_rows).mean(), rel=1e-5)
    model = classifier("sparse_categorical_crossentropy")
    assert model.train_on_batch(X, LABELS, class_weight=class_weight) == pytest.approx(
        (per_row * of_rows).mean(), rel=1e-5
    )


def test_nan_in_the_data_is_a_nan_loss():
    x = X.copy()
    x[3] = np.nan
    model = classifier()
    assert np.isnan(model.fit(x, Y, verbose=0).history["loss"][0])
    assert np.isnan(model.get_weights()[0]).any()


def test_batches_of_one_row_and_larger_than_the_data():
    model = classifier()
    expected = model.predict(X, verbose=0)
    for size in (1, 3, 100):
        np.testing.assert_allclose(model.predict(X, batch_size=size, verbose=0), expected, rtol=1e-5)
        assert model.evaluate(X, Y, batch_size=size, verbose=0) == pytest.approx(np.mean((expected - Y) ** 2), rel=1e-5)


def test_on_batch():
    model = classifier(metrics=["accuracy"])
    p = model.predict_on_batch(X)
    first = model.train_on_batch(X, Y)
    assert first[0] == pytest.approx(np.mean((p - Y) ** 2), rel=1e-5)
    p = model.predict_on_batch(X)
    assert model.train_on_batch(X, Y)[0] == pytest.approx(np.mean((p - Y) ** 2), rel=1e-5)  # of this batch alone
    assert model.test_on_batch(X, Y) == model.test_on_batch(X, Y) == model.evaluate(X, Y, verbose=0)
    logs = model.test_on_batch(X, Y, return_dict=True)
    assert sorted(logs) == ["accuracy", "loss"]
    assert isinstance(classifier().test_on_batch(X, Y), float)


def two_outputs(kind):
    i = keras.Input((4,))
    a = layers.Dense(3, activation="softmax", name="a")(i)
    b = layers.Dense(1, name="b")(i)
    return keras.Model(i, {"list": [a, b], "dict": {"p": a, "q": b}}[kind])


SPARSE = "sparse_categorical_crossentropy"
B = rng.normal(size=10).astype("float32")


@pytest.mark.parametrize(
    ("kind", "y", "arguments", "names"),
    [
        ("list", [LABELS, B], {"loss": [SPARSE, "mse"], "metrics": [["accuracy"], ["mae"]]},
         ["a_accuracy", "a_loss", "b_loss", "b_mae", "loss"]),
        ("list", {"a": LABELS, "b": B},
         {"loss": {"a": SPARSE, "b": "mse"}, "metrics": {"b": ["mae", "mse"], "a": "acc"}},
         ["a_acc", "a_loss", "b_loss", "b_mae", "b_mse", "loss"]),
        ("list", [Y, B], {"loss": "mse", "metrics": ["mae", "mse"], "weighted_metrics": ["mae", "mae"]},
         ["a_loss", "a_mae", "a_weighted_mae", "b_loss", "b_mae", "b_mse", "loss"]),
        ("list", [LABELS, B], {"loss": [None, "mse"], "metrics": [None, "mae"]}, ["b_mae", "loss"]),
        ("dict", {"p": LABELS, "q": B}, {"loss": {"p": SPARSE, "q": "mse"}, "metrics": {"p": "acc"}},
         ["loss", "p_acc", "p_loss", "q_loss"]),
        ("dict", {"p": LABELS, "q": B}, {"loss": {"p": SPARSE}, "metrics": {"p": "acc"}}, ["loss", "p_acc"]),
    ],
)  # fmt: skip
def test_several_outputs_have_keras_names(kind, y, arguments, names):
    model = two_outputs(kind)
    model.compile("sgd", **arguments)
    logs = model.evaluate(X, y, verbose=0, return_dict=True)
    assert sorted(logs) == names
    parts = [logs[name] for name in names if name.endswith("_loss")]
    assert not parts or logs["loss"] == pytest.approx(sum(parts), rel=1e-5)
    assert sorted(model.fit(X, y, verbose=0).history) == names
    assert model.evaluate(X, y, verbose=0)[0] < logs["loss"]
    predicted = model.predict(X, batch_size=3, verbose=0)
    shapes = [p.shape for p in (predicted.values() if kind == "dict" else predicted)]
    assert shapes == [(10, 3), (10, 1)]


@pytest.mark.parametrize("y", [B, [B]], ids=["array", "list"])
def test_an_output_without_a_loss_needs_no_target(y):
    model = two_outputs("list")
    model.compile("sgd", [None, "mse"])
    alone = model.evaluate(X, y, verbose=0)
    assert alone == model.evaluate(X, [LABELS, B], verbose=0)
    model.compile("sgd", [SPARSE, None])
    with pytest.raises(ValueError, match="labels must be in"):
        model.fit(X, LABELS + 3, verbose=0)
    model.compile("sgd", [SPARSE, "mse"])
    with pytest.raises(ValueError, match="2 outputs, `y` has 1 entries"):
        model.evaluate(X, y, verbose=0)


def test_loss_weights_and_order_of_evaluate():
    model = two_outputs("list")
    model.compile("sgd", [SPARSE, "mse"], loss_weights={"a": 0.5, "b": 2}, metrics=[["accuracy"], ["mae"]])
    total, a, b, _, mae = model.evaluate(X, [LABELS, B], verbose=0)
    assert total == pytest.approx(0.5 * a + 2 * b, rel=1e-5)
    p = model.predict(X, verbose=0)[1][:, 0]
    assert mae == pytest.approx(np.abs(p - B).mean(), rel=1e-5) and b == pytest.approx(((p - B) ** 2).mean(), rel=1e-5)
    assert model.metrics_names == ["loss", "compile_metrics", "a_loss", "b_loss"]


def test_sample_weight_for_each_output():
    model = two_outputs("list")
    model.compile("sgd", [SPARSE, "mse"])
    weights = np.linspace(0, 2, 10).astype("float32")
    _, plain_a, plain_b = model.evaluate(X, [LABELS, B], verbose=0)
    _, a, b = model.evaluate(X, [LABELS, B], sample_weight=[weights, np.ones(10, "float32")], verbose=0)
    assert b == pytest.approx(plain_b, rel=1e-6) and a != pytest.approx(plain_a, rel=1e-3)
    _, _, b = model.evaluate(X, [LABELS, B], sample_weight=weights, verbose=0)
    assert b != pytest.approx(plain_b, rel=1e-3)


def test_several_inputs_in_lists_and_dicts():
    one, two = keras.Input((4,), name="one"), keras.Input((1,), name="two")
    model = keras.Model([one, two], layers.Dense(1)(layers.Concatenate()([one, two])))
    model.compile("sgd", "mse")
    results = [model.evaluate(x, B, verbose=0) for x in ([X, B[:, None]], {"one": X, "two": B[:, None]})]
    assert results[0] == pytest.approx(results[1])
    model.fit([X, B[:, None]], B, batch_size=3, epochs=2, verbose=0)
    assert model.predict({"one": X, "two": B[:, None]}, verbose=0).shape == (10, 1)


def test_accuracy_is_chosen_by_the_labels():
    for loss, y, units, expected in (
        ("binary_crossentropy", LABELS > 0, 1, metrics.BinaryAccuracy),
        ("sparse_categorical_crossentropy", LABELS, 3, metrics.SparseCategoricalAccuracy),
        ("sparse_categorical_crossentropy", LABELS[:, None], 3, metrics.SparseCategoricalAccuracy),
        ("categorical_crossentropy", Y, 3, metrics.CategoricalAccuracy),
    ):
        model = keras.Sequential([keras.Input((4,)), layers.Dense(units, activation="sigmoid")])
        model.compile("sgd", loss, metrics=["accuracy"])
        model.evaluate(X, y, verbose=0)
        (chosen,) = model.metrics[1].metrics
        assert type(chosen) is expected and chosen.name == "accuracy"


def test_custom_steps_losses_and_metrics():
    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1, kernel_initializer="ones")
            self.error = metrics.MeanAbsoluteError(name="error")

        def call(self, x):
            return self.dense(x)

        def train_step(self, data):
            x, y = data
            with keras.GradientTape() as tape:
                y_pred = self(x, training=True)
                loss = self.compute_loss(y=y, y_pred=y_pred)
            grads = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply(grads, self.trainable_variables)
            self.error.update_state(y, y_pred)
            return {"loss": loss, "error": self.error.result()}

        @property
        def metrics(self):
            return [self.error]

    model = Model()
    model.compile("sgd", lambda y_true, y_pred: ops.mean(ops.square(y_true - y_pred), axis=-1))
    target = X.sum(1, keepdims=True) + 1.0
    history = model.fit(X, target, epochs=2, verbose=0, shuffle=False)
    assert history.history["loss"][0] == pytest.approx(1.0, rel=1e-5)  # the bias alone is missing
    assert history.history["error"][0] == pytest.approx(1.0, rel=1e-5)
    assert history.history["loss"][1] < history.history["loss"][0]


def test_compute_loss_can_be_overridden():
    class Model(keras.Sequential):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return ops.sum(ops.square(y - y_pred))

    model = Model([keras.Input((4,)), layers.Dense(3)])
    model.compile("sgd")
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(((model.predict(X, verbose=0) - Y) ** 2).sum(), rel=1e-4)


def test_losses_of_layers_are_added():
    class Penalty(layers.Layer):
        def call(self, x):
            self.add_loss(0.5 * ops.mean(ops.square(x)))
            return x

    model = keras.Sequential([keras.Input((4,)), Penalty(), layers.Dense(3)])
    model.compile("sgd", losses.MeanSquaredError())
    plain = np.mean((model.predict(X, verbose=0) - Y) ** 2)
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(plain + 0.5 * np.mean(X**2), rel=1e-5)
    assert model.fit(X, Y, verbose=0).history["loss"][0] == pytest.approx(plain + 0.5 * np.mean(X**2), rel=1e-5)


def test_compile_config_round_trip():
    model = classifier("categorical_crossentropy", metrics=["accuracy"])
    config = model.get_compile_config()
    other = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="softmax")])
    other.compile_from_config(config)
    other.set_weights(model.get_weights())
    assert other.evaluate(X, Y, verbose=0) == pytest.approx(model.evaluate(X, Y, verbose=0))


def test_fit_again_and_after_a_new_compile():
    model = classifier()
    model.fit(X, Y, epochs=2, verbose=0)
    assert int(np.asarray(model.optimizer.iterations)) == 2
    before = model.get_weights()[0]
    model.compile(optimizers.SGD(0.0), "mse")
    model.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], before)


def test_a_frozen_layer_stays_and_the_others_train():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(5), layers.Dense(3)])
    model.layers[0].trainable = False
    model.compile(optimizers.Adam(0.1), "mse")
    before = model.get_weights()
    model.fit(X, Y, verbose=0)
    after = model.get_weights()
    np.testing.assert_array_equal(before[0], after[0])
    assert not (before[2] == after[2]).any()


@pytest.mark.parametrize("verbose", [0, 1, 2, "auto"])
def test_verbosity(verbose, capsys):
    model = classifier(metrics=["accuracy"])
    model.fit(X, Y, epochs=2, batch_size=4, verbose=verbose)
    model.evaluate(X, Y, verbose=verbose)
    model.predict(X, verbose=verbose)
    out = capsys.readouterr().out
    if verbose == 0:
        assert out == ""
        return
    lines = out.splitlines()
    assert lines[0] == "Epoch 1/2" and lines[1].startswith("3/3") and "accuracy: " in lines[1] and "loss: " in lines[1]
    assert len(lines) == 6


def test_the_step_of_keras_own_guide():
    """Every metric is updated in a loop, and all results are returned, the compiled ones in a dict of their own."""

    class Model(keras.Model):
        def train_step(self, data):
            x, y = data
            with keras.GradientTape() as tape:
                y_pred = self(x, training=True)
                loss = self.compute_loss(y=y, y_pred=y_pred)
            grads = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(grads, self.trainable_variables, strict=True))
            for metric in self.metrics:
                if metric.name == "loss":
                    metric.update_state(loss)
                else:
                    metric.update_state(y, y_pred)
            return {m.name: m.result() for m in self.metrics}

    def build(cls):
        keras.utils.set_random_seed(0)
        inputs = keras.Input((4,))
        made = cls(inputs, layers.Dense(3, activation="softmax")(inputs))
        made.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
        return made.fit(X, Y, batch_size=5, epochs=2, shuffle=False, verbose=0).history

    ours, default = build(Model), build(keras.Model)
    assert ours.keys() == default.keys() == {"accuracy", "loss"}
    np.testing.assert_allclose(ours["loss"], default["loss"], rtol=1e-6)


def test_a_model_without_input_shape_is_built_by_its_data():
    model = keras.Sequential([layers.Dense(5, activation="relu"), layers.Dense(3)])
    model.compile("adam", losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    history = model.fit(X, LABELS, epochs=2, batch_size=4, validation_split=0.2, verbose=0)
    assert sorted(history.history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert [w.shape for w in model.get_weights()] == [(4, 5), (5,), (5, 3), (3,)]


@pytest.mark.parametrize("dtype", ["float32", "float64", ">f4", "float16", "int32", "uint8", "bool"])
@pytest.mark.parametrize("batch_size", [None, 1, 3, 7, 100])
def test_predicting_without_callbacks_is_predicting_with_them(dtype, batch_size):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    x = (np.arange(28).reshape(7, 4) % 5).astype(dtype)
    seen = model.predict(x, batch_size=batch_size, verbose=0, callbacks=[keras.callbacks.Callback()])
    np.testing.assert_array_equal(model.predict(x, batch_size=batch_size, verbose=0), seen)
    assert seen.shape == (7, 3) and seen.dtype == "float32"


def test_predicted_rows_are_in_memory_once():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1024)])
    x = np.ones((1000, 4), "float32")
    model.predict(x, batch_size=100, verbose=0)
    tracemalloc.start()
    rows = model.predict(x, batch_size=100, verbose=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows.nbytes <= peak < 1.3 * rows.nbytes


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_steps_that_predict_another_number_of_rows(rows):
    class Fixed(keras.Model):
        def predict_step(self, data):
            return keras.ops.concatenate([data, data, data])[:rows]

    inputs = keras.Input((4,))
    model = Fixed(inputs, keras.layers.Dense(2)(inputs))
    x = np.arange(20.0).reshape(5, 4).astype("float32")
    expected = np.concatenate([np.concatenate([batch] * 3)[:rows] for batch in (x[:2], x[2:4], x[4:])])
    np.testing.assert_array_equal(model.predict(x, batch_size=2, verbose=0), expected)
