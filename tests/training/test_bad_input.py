"""Bad input: an exception that names the argument or the layer and the numbers, and a model that is as it was."""

import numpy as np
import pytest

import fastnn as keras
from fastnn import layers

N = 8
X = np.random.default_rng(0).normal(size=(N, 4)).astype("float32")
LABELS = np.arange(N) % 3
Y = np.eye(3, dtype="float32")[LABELS]


def model(loss="mse", **arguments):
    made = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="softmax", name="scores")])
    made.compile("adam", loss, **arguments)
    made.fit(X, LABELS if loss.startswith("sparse") else Y, verbose=0)
    return made


def generator():
    yield X, Y


SPARSE = "sparse_categorical_crossentropy"
EMPTY = np.zeros((0, 4), "float32")
CASES = [
    # what is wrong, loss, call, exception, what its message must hold
    ("input shape", "mse", lambda m: m.fit(X[:, :3], Y, verbose=0), ValueError, r"(?s)4.*3"),
    ("input shape in predict", "mse", lambda m: m.predict(X[:, :3], verbose=0), ValueError, r"(?s)4.*3"),
    ("target shape", "categorical_crossentropy", lambda m: m.fit(X, Y[:, :2], verbose=0), ValueError, r"(?s)2\).*3\)"),
    ("labels for one-hot", "categorical_crossentropy", lambda m: m.fit(X, LABELS, verbose=0), ValueError, r"\(8,"),
    ("rows of y", "mse", lambda m: m.fit(X, Y[:5], verbose=0), ValueError, r"(?s)'x' sizes: 8.*'y' sizes: 5"),
    ("rows of weights", "mse", lambda m: m.fit(X, Y, sample_weight=np.ones(5), verbose=0), ValueError, "sizes: 5"),
    ("rows in evaluate", "mse", lambda m: m.evaluate(X, Y[:5], verbose=0), ValueError, "sizes: 5"),
    ("rows on batch", "mse", lambda m: m.train_on_batch(X, Y[:5]), ValueError, "sizes: 5"),
    ("empty fit", "mse", lambda m: m.fit(EMPTY, Y[:0], verbose=0), ValueError, "0 samples"),
    ("empty predict", "mse", lambda m: m.predict(EMPTY, verbose=0), ValueError, "0 samples"),
    ("no data", "mse", lambda m: m.fit(None, None, verbose=0), ValueError, "`x` is None"),
    ("no targets", "mse", lambda m: m.fit(X, verbose=0), ValueError, "mse.*y"),
    ("label too large", SPARSE, lambda m: m.fit(X, LABELS + 1, verbose=0), ValueError, "from 1 to 3.* 3 classes"),
    ("label negative", SPARSE, lambda m: m.fit(X, LABELS - 1, verbose=0), ValueError, "from -1 to 1.* 3 classes"),
    ("label in evaluate", SPARSE, lambda m: m.evaluate(X, LABELS + 9, verbose=0), ValueError, "to 11"),
    ("label on batch", SPARSE, lambda m: m.train_on_batch(X, LABELS + 1), ValueError, "from 1 to 3"),
    ("label in a generator", SPARSE, lambda m: m.fit(iter([(X, LABELS + 1)]), verbose=0), ValueError, "from 1 to 3"),
    ("label in validation", SPARSE, lambda m: m.fit(X, LABELS, validation_data=(X, LABELS + 1), verbose=0), ValueError,
     "from 1 to 3"),
    ("label is NaN", SPARSE, lambda m: m.fit(X, np.full(N, np.nan), verbose=0), ValueError, "nan"),
    ("objects", "mse", lambda m: m.fit(X.astype(object), Y, verbose=0), ValueError, "dtype: object.*`x`"),
    ("strings", "mse", lambda m: m.fit(X, np.array(["a"] * N), verbose=0), ValueError, "dtype: <U1.*`y`"),
    ("complex", "mse", lambda m: m.predict(X.astype("complex64"), verbose=0), ValueError, "complex64"),
    ("list of numbers", "mse", lambda m: m.fit([1, 2, 3], Y, verbose=0), ValueError, r"Unrecognized data type.*\[1, 2"),
    ("a number", "mse", lambda m: m.fit(3, Y, verbose=0), ValueError, "Unrecognized data type: x=3"),
    ("batch size", "mse", lambda m: m.fit(X, Y, batch_size=-1, verbose=0), ValueError, "-1"),
    ("batch size a float", "mse", lambda m: m.fit(X, Y, batch_size=3.5, verbose=0), TypeError, "3.5"),
    ("split takes all", "mse", lambda m: m.fit(X, Y, validation_split=0.999, verbose=0), ValueError,
     r"8 samples.*0.999"),
    ("split of generator", "mse", lambda m: m.fit(generator(), validation_split=0.5, verbose=0), ValueError,
     "generator"),
    ("generator and y", "mse", lambda m: m.fit(generator(), Y, verbose=0), ValueError, "`y` should not be passed"),
    ("four in a batch", "mse", lambda m: m.fit(iter([(X, Y, Y, Y)]), verbose=0), ValueError, "length 4"),
    ("validation data", "mse", lambda m: m.fit(X, Y, validation_data=3, verbose=0), ValueError, "x=3"),
    ("both weights", "mse", lambda m: m.fit(X, Y, class_weight={0: 1.0}, sample_weight=np.ones(N), verbose=0),
     ValueError, "class_weight"),
    ("verbose", "mse", lambda m: m.fit(X, Y, verbose=7), ValueError, "7"),
    ("callbacks", "mse", lambda m: m.fit(X, Y, callbacks=[3], verbose=0), TypeError, "3"),
    ("argument of evaluate", "mse", lambda m: m.evaluate(X, Y, foo=3), ValueError, "'foo': 3"),
    ("two inputs for one", "mse", lambda m: m.predict([X, X], verbose=0), ValueError, "2"),
    ("optimizer", "mse", lambda m: m.compile("adamm"), ValueError, "adamm"),
    ("loss", "mse", lambda m: m.compile("adam", "mean_squarred_error"), ValueError, "mean_squarred_error"),
    ("metric", "mse", lambda m: m.compile("adam", "mse", metrics=["accuracyy"]), ValueError, "accuracyy"),
    ("metrics a string", "mse", lambda m: m.compile("adam", "mse", metrics="accuracy"), ValueError, "metrics=accuracy"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("loss", "call", "exception", "message"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_bad_input(loss, call, exception, message):
    made = model(loss)
    weights = [w.copy() for w in made.get_weights()]
    state = [np.array(v) for v in made.optimizer.variables]
    optimizer = made.optimizer
    predicted = made.predict(X, verbose=0)
    with pytest.raises(exception, match=message):
        call(made)
    for before, after in zip(weights, made.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    assert made.optimizer is optimizer
    for before, variable in zip(state, optimizer.variables, strict=True):
        np.testing.assert_array_equal(before, np.array(variable))
    np.testing.assert_array_equal(made.predict(X, verbose=0), predicted)
    made.fit(X, LABELS if loss == SPARSE else Y, verbose=0)  # and it can still be trained


@pytest.mark.parametrize("first", [True, False], ids=["in the first fit", "in a later fit"])
def test_labels_are_checked_before_anything_runs(first):
    made = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="softmax")])
    made.compile("adam", SPARSE)
    if not first:
        made.fit(X, LABELS, verbose=0)
    before = made.get_weights()[0].copy()
    labels = LABELS.copy()
    labels[-1] = 3
    with pytest.raises(ValueError, match=r"sparse_categorical_crossentropy: .*from 0 to 3.* 3 classes.*\[0, 2\]"):
        made.fit(X, labels, batch_size=2, verbose=0)
    np.testing.assert_array_equal(made.get_weights()[0], before)
    made.fit(X, LABELS, verbose=0)


def test_ignored_label_may_be_anything():
    made = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="softmax")])
    made.compile("adam", keras.losses.SparseCategoricalCrossentropy(ignore_class=-1))
    labels = LABELS.copy()
    labels[:2] = -1
    assert np.isfinite(made.fit(X, labels, verbose=0).history["loss"][0])
    with pytest.raises(ValueError, match="-2"):
        made.fit(X, labels - 1, verbose=0)


@pytest.mark.parametrize("call", ["fit", "evaluate", "train_on_batch", "test_on_batch"])
def test_before_compile(call):
    made = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    with pytest.raises(ValueError, match=r"must call `compile\(\)`"):
        getattr(made, call)(X, Y)


def test_no_loss():
    made = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    made.compile("adam")
    with pytest.raises(ValueError, match="No loss to compute"):
        made.fit(X, Y, verbose=0)


def test_loss_structures_name_the_outputs():
    i = keras.Input((4,))
    made = keras.Model(i, [layers.Dense(3, name="a")(i), layers.Dense(1, name="b")(i)])
    for arguments, message in (
        ({"loss": {"a": "mse", "c": "mse"}}, r"\['a', 'b'\].*\['a', 'c'\]"),
        ({"loss": ["mse", "mse", "mse"]}, "2 outputs.*3"),
        ({"loss": "mse", "loss_weights": [1, 2, 3]}, "2 outputs and 3 weights"),
        ({"loss": "mse", "metrics": ["mae"]}, "2 outputs"),
        ({"loss": "mse", "metrics": {"z": "mae"}}, "z"),
    ):
        made.compile("sgd", **arguments)
        with pytest.raises(ValueError, match=message):
            made.fit(X, [Y, Y[:, 0]], verbose=0)
    made.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"2 outputs.*1"):
        made.fit(X, [Y], verbose=0)


def test_numpy_in_a_step_says_what_to_do():
    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(3)

        def call(self, x):
            return self.dense(np.tanh(np.asarray(x)))

    made = Model()
    made.compile("sgd", "mse")
    with pytest.raises((TypeError, ValueError), match="run_eagerly=True"):
        made.fit(X, Y, verbose=0)
