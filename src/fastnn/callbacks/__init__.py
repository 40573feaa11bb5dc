"""Observers of training: they see logs at each batch and epoch, and may stop it or set the learning rate."""

from fastnn import _api

__getattr__, __dir__ = _api.attach(__name__)
