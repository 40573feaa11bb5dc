"""Keras's `random`: samplers, and the generators of their seeds."""

from fastnn import _api

__getattr__, __dir__ = _api.attach(__name__)
