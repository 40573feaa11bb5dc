"""Layers of weights and of arithmetic. Who keeps weights in few bits asks for `core.float8` and `core.int4`, which load
then."""

from fastnn import _api

__getattr__ = _api.modules_on_use(__name__)
