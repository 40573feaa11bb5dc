"""The older address of the functions for images."""

from fastnn import _api

__getattr__, __dir__ = _api.attach(__name__)
