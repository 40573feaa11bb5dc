"""Models: which layer feeds which, and who owns the weights."""

from fastnn import _api

__getattr__, __dir__ = _api.attach(__name__)
