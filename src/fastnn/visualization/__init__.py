"""Keras's `visualization`: images with what is known about them."""

from fastnn import _api

__getattr__, __dir__ = _api.attach(__name__)
