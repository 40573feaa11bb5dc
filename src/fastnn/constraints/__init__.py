"""Projections applied to a weight after each update."""

from fastnn import _api

__getattr__, __dir__ = _api.attach(__name__)
