"""Keras's `distillation`: a small model that learns from a large one."""

from fastnn import _api

__getattr__, __dir__ = _api.attach(__name__)
