"""Training: `fit`, `evaluate` and `predict`; how data is cut into batches; what a compiled loss and its metrics are."""

from fastnn import _api

__getattr__ = _api.modules_on_use(__name__)
