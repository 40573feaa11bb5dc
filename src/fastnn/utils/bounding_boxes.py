"""Keras's `utils.bounding_boxes`: the functions of `ops/bounding_boxes.py`."""

from fastnn import _api

__getattr__, __dir__ = _api.attach(__name__)
