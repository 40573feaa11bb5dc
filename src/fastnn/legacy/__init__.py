"""Keras's `legacy`: what Keras 2 had."""

from fastnn import _api

__getattr__, __dir__ = _api.attach(__name__)
