"""Names that older scripts import from `preprocessing`."""

from fastnn import _api

__getattr__, __dir__ = _api.attach(__name__)
