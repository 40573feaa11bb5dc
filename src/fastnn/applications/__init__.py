"""Image classifiers with published weights."""

from fastnn import _api

__getattr__, __dir__ = _api.attach(__name__)
