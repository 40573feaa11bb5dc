"""Layers: `build` makes the weights, `call` computes with `fastnn.ops`."""

from fastnn import _api

__getattr__, __dir__ = _api.attach(__name__)
