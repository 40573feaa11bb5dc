"""The older address of `fastnn.utils.to_categorical` and `normalize`."""

from fastnn import _api

__getattr__, __dir__ = _api.attach(__name__)
