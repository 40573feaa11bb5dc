"""The functions of `fastnn.ops` for neural networks, by the address that Keras gives them too."""

from fastnn import _api

__getattr__, __dir__ = _api.attach(__name__)
