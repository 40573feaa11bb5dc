"""Policies of dtypes, as Keras names them; see `dtype_policy.py`."""

from fastnn import _api

__getattr__, __dir__ = _api.attach(__name__)
