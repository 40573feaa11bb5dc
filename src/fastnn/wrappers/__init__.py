"""Keras's `wrappers`: models as scikit-learn estimators."""

from fastnn import _api

__getattr__, __dir__ = _api.attach(__name__)
