"""The scikit-learn wrappers: scikit-learn's own checks, and its tools around them."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastnn
from fastnn.wrappers import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer


def build(X, y, loss, width=10, activation=None):
    fastnn.utils.set_random_seed(0)
    outputs = y.shape[1] if y.ndim > 1 else 1
    model = fastnn.Sequential(
        [
            fastnn.Input((X.shape[1],)),
            fastnn.layers.Dense(width, activation="relu"),
            fastnn.layers.Dense(outputs, activation=activation),
        ]
    )
    model.compile(loss=loss, optimizer=fastnn.optimizers.Adam(0.02))
    return model


def classifier(**fit_kwargs):
    arguments = {"loss": "categorical_crossentropy", "activation": "softmax"}
    return SKLearnClassifier(build, model_kwargs=arguments, fit_kwargs={"verbose": 0, "epochs": 30, **fit_kwargs})


def regressor(**fit_kwargs):
    return SKLearnRegressor(build, model_kwargs={"loss": "mse"}, fit_kwargs={"verbose": 0, **fit_kwargs})


def transformer(**fit_kwargs):
    return SKLearnTransformer(build, model_kwargs={"loss": "mse"}, fit_kwargs={"verbose": 0, **fit_kwargs})


def failures(estimator):
    # Keras's own regressor has this and three more.
    wants_a_warning = {"check_supervised_y_2d": "a column is a target of shape (samples, 1), not a mistake to warn of"}
    return wants_a_warning if isinstance(estimator, SKLearnRegressor) else {}


CHECKS = parametrize_with_checks([classifier(), regressor(), transformer()], expected_failed_checks=failures)


def name_of(value):
    """scikit-learn's own name of an estimator has the address of `build`, which no two processes share."""
    return type(value).__name__ if isinstance(value, BaseEstimator) else CHECKS.kwargs["ids"](value)


@pytest.mark.parametrize(*CHECKS.args, ids=name_of)
def test_estimator(estimator, check):
    check(estimator)


RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 4))
LABELS = np.array(["a", "b", "c"])[(X[:, 0] > 0).astype(int) + (X[:, 1] > 0)]


def test_classifier_learns_labels_of_any_kind():
    fitted = classifier(epochs=60).fit(X, LABELS)
    assert fitted.score(X, LABELS) > 0.9
    assert list(fitted.classes_) == ["a", "b", "c"]
    assert fitted.decision_function(X).shape == (90, 3)
    assert set(fitted.history_.history) == {"loss"}


def test_two_classes_have_one_decision():
    fitted = classifier().fit(X, X[:, 0] > 0)
    np.testing.assert_array_equal(fitted.decision_function(X) > 0, fitted.predict(X))
    assert cross_val_score(classifier(), X, X[:, 0] > 0, scoring="roc_auc", cv=3).min() > 0.9


def test_search_pipeline_and_processes():
    pipeline = make_pipeline(StandardScaler(), classifier(epochs=2))
    grid = {"sklearnclassifier__model_kwargs": [
        {"loss": "categorical_crossentropy", "activation": "softmax", "width": width} for width in (2, 8)
    ]}  # fmt: skip
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=2).fit(X, LABELS)
    assert search.best_estimator_.predict(X).shape == (90,)
    assert len(search.cv_results_["mean_test_score"]) == 2
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_model_instances_are_cloned_and_warm_start_goes_on():
    model = build(X, X[:, :1], "mse")
    before = model.get_weights()
    cold = clone(SKLearnRegressor(model, fit_kwargs={"verbose": 0})).fit(X, X[:, 0])
    assert cold.predict(X).shape == (90,)
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    warm = SKLearnRegressor(model, warm_start=True, fit_kwargs={"verbose": 0})
    losses = [warm.fit(X, X[:, 0], epochs=20).history_.history["loss"][-1] for _ in range(3)]
    assert warm.model_ is model
    assert losses[2] < losses[1] < losses[0]


def test_several_targets():
    fitted = regressor().fit(X, X[:, :2])
    assert fitted.predict(X).shape == (90, 2)


def test_transformer_in_front_of_a_classifier():
    pipeline = make_pipeline(transformer(), LogisticRegression())
    assert pipeline.fit(X, X[:, 0] > 0).predict(X).shape == (90,)


def test_bad_models():
    with pytest.raises(TypeError, match="Model"):
        SKLearnRegressor(lambda X, y: 3).fit(X, X[:, 0])
    with pytest.raises(ValueError, match="compiled"):
        SKLearnRegressor(fastnn.Sequential([fastnn.layers.Dense(1)])).fit(X, X[:, 0])
    with pytest.raises(ValueError, match="label type"):
        classifier().fit(X, (X > 0).astype(int))
    with pytest.raises(ValueError, match="class"):
        classifier().fit(X, np.zeros(90))
