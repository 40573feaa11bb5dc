"""Keras's `backend` names that scripts still use; each is defined in `fastnn.config`."""

from fastnn import _api

__getattr__, __dir__ = _api.attach(__name__)
