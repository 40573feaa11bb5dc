"""Helpers of Keras's `utils` that users call: labels, files, progress, seeds."""

from fastnn import _api

__getattr__, __dir__ = _api.attach(__name__)
