"""Keras's `ops`: every function works on NumPy arrays at once, on traced values and on KerasTensors.

One file a family; records and public functions stand next to each other there. `_api.py` lists which family has which
function, and a family is imported when one of its functions is first asked for. `linalg`, `nn` and `numpy` hold no
code: they are Keras's other addresses of the same functions.
"""

import importlib

from fastnn import _api
from fastnn.graph.value import Operators
from fastnn.ops import matmul, softmax
from fastnn.ops.forms import recorded
from fastnn.ops.rounding import ROUND_TO_HALF

__getattr__, __dir__ = _api.attach(__name__, recorded)

# Families that bear the name of a function of theirs, and that every network needs: an import binds that name to the
# family, and does so once.
del matmul, softmax


class _Functions(dict):
    """The functions behind Python's operators on values, looked up in this package by name."""

    def __missing__(self, name):
        self[name] = function = getattr(importlib.import_module(__name__), name)
        return function


Operators.functions = _Functions({op.name: op for op in ROUND_TO_HALF})
