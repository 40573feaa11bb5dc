"""Keras 2's serialization of objects."""

from fastnn import _api

__getattr__, __dir__ = _api.attach(__name__)
