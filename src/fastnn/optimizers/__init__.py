"""Optimizers: update rules written as ops, so that they compile into the training step."""

from fastnn import _api

__getattr__, __dir__ = _api.attach(__name__)
