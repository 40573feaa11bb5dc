"""Penalties on weights and activations, added to the loss."""

from fastnn import _api

__getattr__, __dir__ = _api.attach(__name__)
