"""Older addresses of the policies of dtypes, and of the optimizer that scales losses."""

from fastnn import _api

__getattr__, __dir__ = _api.attach(__name__)
