"""Data sets with Keras's `load_data`, read from `KERAS_HOME` or downloaded once."""

from fastnn import _api

__getattr__, __dir__ = _api.attach(__name__)
