"""Metrics: state that batches update, and a result read from it."""

from fastnn import _api

__getattr__, __dir__ = _api.attach(__name__)
