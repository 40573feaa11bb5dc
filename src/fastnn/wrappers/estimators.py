"""Models as scikit-learn estimators: they work in its pipelines, searches and cross-validation."""

from __future__ import annotations

import numpy as np

from fastnn.models.cloning import clone_model
from fastnn.models.model import Model

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
    from sklearn.utils.multiclass import type_of_target
    from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data
except ImportError as error:
    raise ImportError("fastnn.wrappers needs scikit-learn 1.6 or newer: pip install 'fastnn-cpu[sklearn]'") from error


class _Estimator(BaseEstimator):
    """What the three have in common; a subclass says what becomes of the target."""

    def __init__(self, model, warm_start=False, model_kwargs=None, fit_kwargs=None):
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs

    def fit(self, X, y, **kwargs):
        """Trains the model.

        Args:
            X: array of shape (samples, features).
            y: array of shape (samples,) or (samples, outputs).
            **kwargs: of `Model.fit`; they go before those of `fit_kwargs`.

        Raises:
            ValueError: when `X` and `y` are not such arrays, or the model is not compiled.
            TypeError: when `model` gives something else than a `Model`.
        """
        X, y = validate_data(self, X, y, multi_output=True)
        target = self._encode(y)
        model = self._model_for(X, target)
        self.history_ = model.fit(X, target, **{**(self.fit_kwargs or {}), **kwargs})
        self.model_ = model
        return self

    def _model_for(self, X, y) -> Model:
        if self.warm_start and hasattr(self, "model_"):
            return self.model_
        model = self.model
        if not isinstance(model, Model):
            model = model(X=X, y=y, **(self.model_kwargs or {}))
        elif not self.warm_start:
            model = clone_model(model)
            if config := self.model.get_compile_config():
                model.compile_from_config(config)
        if not isinstance(model, Model):
            raise TypeError(f"`model` should be a Model or return one. Received: {model} (of type {type(model)})")
        if not model.compiled:
            raise ValueError("The model is not compiled: scikit-learn estimators take compiled models.")
        return model

    def _outputs(self, X) -> np.ndarray:
        check_is_fitted(self)
        X = validate_data(self, X, reset=False)
        return self.model_.predict(X, verbose=0)

    def _encode(self, y) -> np.ndarray:
        """The target as the model's outputs: a column for each."""
        if y.dtype.kind not in "biuf":
            y = y.astype("float64")
        return y.reshape(len(y), -1)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        tags.target_tags.required = True
        return tags


class SKLearnClassifier(ClassifierMixin, _Estimator):
    """A model as a scikit-learn classifier: binary or of several classes, with labels of any kind.

    The model is trained on one-hot targets, one column a class, for a loss such as "categorical_crossentropy".

    Args:
        model: a compiled `Model`, which is cloned for each `fit`, or a function `(X, y, **model_kwargs) -> Model`
            that is called with the arrays of that `fit`, `y` one-hot.
        warm_start: whether `fit` goes on from the weights of the last one.
        model_kwargs: dict of further arguments of `model`, where it is a function.
        fit_kwargs: dict of arguments of `Model.fit`.

    Attributes:
        model_: the fitted `Model`.
        history_: what `Model.fit` returned.
        classes_: the labels, sorted.

    Raises:
        ImportError: without scikit-learn (the extra `sklearn`).

    Example:
        >>> def build(X, y):
        ...     model = fastnn.Sequential([fastnn.Input(X.shape[1:]), fastnn.layers.Dense(y.shape[1], "softmax")])
        ...     model.compile("adam", "categorical_crossentropy")
        ...     return model
        >>> X, y = np.random.rand(20, 3), np.array(["cat", "dog"] * 10)
        >>> classifier = fastnn.wrappers.SKLearnClassifier(build, fit_kwargs={"verbose": 0}).fit(X, y)
        >>> classifier.predict(X).shape
        (20,)
    """

    def _encode(self, y) -> np.ndarray:
        kind = type_of_target(y, raise_unknown=True)
        if kind not in ("binary", "multiclass"):
            raise ValueError(f"Unknown label type: {kind}. Only binary and multiclass targets are supported.")
        self.classes_, index = np.unique(column_or_1d(y, warn=True), return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"Classifier can't train when only one class is present: {self.classes_[0]!r}.")
        return np.eye(len(self.classes_), dtype="float32")[index]

    def decision_function(self, X):
        """The model's outputs, of shape (samples, classes). For two classes, as scikit-learn has it, of shape
        (samples,): how much the second class is ahead."""
        outputs = self._outputs(X)
        return outputs[:, 1] - outputs[:, 0] if len(self.classes_) == 2 else outputs

    def predict(self, X):
        """The labels of the largest outputs: an array of shape (samples,)."""
        best = np.argmax(self._outputs(X), axis=-1)
        return self.classes_[best]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags


class SKLearnRegressor(RegressorMixin, _Estimator):
    """A model as a scikit-learn regressor, of one target or several.

    Args:
        model: a compiled `Model`, which is cloned for each `fit`, or a function `(X, y, **model_kwargs) -> Model`
            that is called with the arrays of that `fit`, `y` of shape (samples, targets).
        warm_start: whether `fit` goes on from the weights of the last one.
        model_kwargs: dict of further arguments of `model`, where it is a function.
        fit_kwargs: dict of arguments of `Model.fit`.

    Attributes:
        model_: the fitted `Model`.
        history_: what `Model.fit` returned.

    Raises:
        ImportError: without scikit-learn (the extra `sklearn`).

    Example:
        >>> model = fastnn.Sequential([fastnn.Input((3,)), fastnn.layers.Dense(1)])
        >>> model.compile("adam", "mse")
        >>> regressor = fastnn.wrappers.SKLearnRegressor(model, fit_kwargs={"verbose": 0})
        >>> regressor.fit(np.random.rand(20, 3), np.random.rand(20)).predict(np.zeros((2, 3))).shape
        (2,)
    """

    def _encode(self, y) -> np.ndarray:
        self._is_flat = y.ndim == 1
        return super()._encode(y)

    def predict(self, X):
        """The model's outputs: an array of the shape of `y` in `fit`, for the samples of `X`."""
        outputs = self._outputs(X)
        return outputs[:, 0] if self._is_flat and outputs.ndim == 2 and outputs.shape[1] == 1 else outputs

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags


class SKLearnTransformer(TransformerMixin, _Estimator):
    """A model as a scikit-learn transformer: its outputs are the new features.

    Args:
        model: a compiled `Model`, which is cloned for each `fit`, or a function `(X, y, **model_kwargs) -> Model`
            that is called with the arrays of that `fit`.
        warm_start: whether `fit` goes on from the weights of the last one.
        model_kwargs: dict of further arguments of `model`, where it is a function.
        fit_kwargs: dict of arguments of `Model.fit`.

    Attributes:
        model_: the fitted `Model`.
        history_: what `Model.fit` returned.

    Raises:
        ImportError: without scikit-learn (the extra `sklearn`).

    Example:
        >>> model = fastnn.Sequential([fastnn.Input((3,)), fastnn.layers.Dense(2)])
        >>> model.compile("adam", "mse")
        >>> transformer = fastnn.wrappers.SKLearnTransformer(model, fit_kwargs={"verbose": 0})
        >>> transformer.fit_transform(np.random.rand(20, 3), np.random.rand(20, 2)).shape
        (20, 2)
    """

    def transform(self, X):
        """The model's outputs for `X`."""
        return self._outputs(X)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags
