"""Losses, as classes with a reduction and as functions per sample."""

from fastnn import _api

__getattr__, __dir__ = _api.attach(__name__)
