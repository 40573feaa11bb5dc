"""Keras 2's optimizers, by name only: as in Keras 3, making one says that there are none."""

from fastnn import _api

__getattr__, __dir__ = _api.attach(__name__)
