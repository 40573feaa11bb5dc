"""Numbers in few bits: quantizers, what layers are quantized with, and the packing of int4."""

from fastnn import _api

__getattr__, __dir__ = _api.attach(__name__)
