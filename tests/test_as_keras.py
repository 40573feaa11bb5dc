"""Packages written for Keras run on fastnn, unmodified; each in a process of its own, as `keras` is imported once."""

import subprocess
import sys
import textwrap

import pytest

DATA = """
import sys, tempfile
import numpy as np
sys.modules |= {"tensorflow": None, "jax": None}  # as if not installed
import fastnn
fastnn.install_as_keras()
import keras
rng = np.random.default_rng(0)
X = rng.normal(size=(120, 4)).astype("float32")
y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
"""


def run(code):
    code = DATA + textwrap.dedent(code)
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_imports_of_keras_are_ours():
    run("""
    import keras.layers, keras.optimizers.schedules
    from keras import ops
    from keras.src.saving.saving_lib import load_model
    assert keras.layers.Dense is fastnn.layers.Dense and ops is fastnn.ops
    assert keras.optimizers.schedules.CosineDecay is fastnn.optimizers.schedules.CosineDecay
    assert load_model is fastnn.saving.load_model
    assert keras.__version__ == keras.version() >= "3" and "layers" in dir(keras)
    try:
        import keras.nothing
    except ModuleNotFoundError as error:
        assert "keras.nothing" in str(error)
    """)


def test_the_other_keras_may_have_been_imported():
    code = """
    import os, sys
    os.environ["KERAS_BACKEND"] = "numpy"
    import keras as other
    import fastnn
    fastnn.install_as_keras()
    import keras
    from keras.layers import Dense
    assert Dense is fastnn.layers.Dense is not other.layers.Dense
    """
    subprocess.run([sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)], check=True, timeout=600)


@pytest.mark.parametrize(
    ("tuner", "arguments"), [("RandomSearch", {"max_trials": 3}), ("Hyperband", {"max_epochs": 4})], ids=str
)
def test_keras_tuner(tuner, arguments):
    out = run(f"""
    import keras_tuner

    def build(hp):
        units = hp.Int("units", 4, 16, step=4)
        layers = [keras.Input((4,)), keras.layers.Dense(units, activation=hp.Choice("activation", ["relu", "tanh"]))]
        model = keras.Sequential([*layers, keras.layers.Dense(3, activation="softmax")])
        rate = hp.Float("rate", 1e-3, 1e-1, sampling="log")
        model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    search = keras_tuner.{tuner}(build, objective="val_accuracy", directory=tempfile.mkdtemp(), seed=1, **{arguments!r})
    search.search(X, y, epochs=3, validation_split=0.2, verbose=0)
    best, values = search.get_best_models(1)[0], search.get_best_hyperparameters()[0].values
    assert best.predict(X, verbose=0).shape == (120, 3) and set(values) >= {{"units", "activation", "rate"}}
    print(best.evaluate(X, y, verbose=0)[1])
    """)
    assert 0 <= float(out.split()[-1]) <= 1


def test_scikeras():
    run("""
    import pickle
    from scikeras.wrappers import KerasClassifier, KerasRegressor
    from sklearn.model_selection import GridSearchCV, cross_val_score

    def build(width, meta, compile_kwargs):
        inputs = keras.Input((meta["n_features_in_"],))
        hidden = keras.layers.Dense(width, activation="relu")(inputs)
        model = keras.Model(inputs, keras.layers.Dense(meta["n_classes_"], activation="softmax")(hidden))
        model.compile(loss="sparse_categorical_crossentropy", optimizer=compile_kwargs["optimizer"])
        return model

    arguments = dict(width=8, optimizer="adam", optimizer__learning_rate=0.02, epochs=20, verbose=0, random_state=0)
    classifier = KerasClassifier(build, **arguments).fit(X, y)
    assert classifier.score(X, y) > 0.8
    again = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(again.predict_proba(X), classifier.predict_proba(X))
    search = GridSearchCV(KerasClassifier(build, **arguments), {"width": [2, 8]}, cv=2).fit(X, y)
    assert search.best_params_["width"] in (2, 8)
    line = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    scores = cross_val_score(KerasRegressor(line, loss="mse", epochs=3, verbose=0), X, X[:, 0], cv=3)
    assert np.isfinite(scores).all()
    """)
