"""Keras's `ops`: every function works on NumPy arrays at once, on traced values and on KerasTensors.

One file a family; records and public functions stand next to each other there. `linalg`, `nn` and `numpy` hold no code:
they are Keras's other addresses of the same functions, listed in `_api.py`. They and `image` are imported on first
use.
"""

from inspect import isfunction

from fastnn import _api
from fastnn.graph.value import Operators
from fastnn.ops.activations import *
from fastnn.ops.adaptive_pool import *
from fastnn.ops.attention import *
from fastnn.ops.branches import *
from fastnn.ops.complex_numbers import *
from fastnn.ops.conv import *
from fastnn.ops.counting import *
from fastnn.ops.creation import *
from fastnn.ops.ctc import *
from fastnn.ops.einops import *
from fastnn.ops.elementwise import *
from fastnn.ops.factorizations import *
from fastnn.ops.forms import install
from fastnn.ops.fourier import *
from fastnn.ops.gather import *
from fastnn.ops.indexing import *
from fastnn.ops.joining import *
from fastnn.ops.layout import *
from fastnn.ops.logic import *
from fastnn.ops.loops import *
from fastnn.ops.matmul import *
from fastnn.ops.nan import *
from fastnn.ops.normalization import *
from fastnn.ops.norms import *
from fastnn.ops.own_gradient import *
from fastnn.ops.patches import *
from fastnn.ops.pieces import *
from fastnn.ops.pool2d import *
from fastnn.ops.prefix_scan import *
from fastnn.ops.quantiles import *
from fastnn.ops.random import *
from fastnn.ops.rare import *
from fastnn.ops.reduce import *
from fastnn.ops.rounding import *
from fastnn.ops.rounding import ROUND_TO_HALF
from fastnn.ops.softmax import *
from fastnn.ops.solving import *
from fastnn.ops.sort import *
from fastnn.ops.statistics import *
from fastnn.ops.transforms import *
from fastnn.ops.trigonometry import *
from fastnn.ops.vectors import *
from fastnn.ops.window_functions import *

# The families export public functions only.
__all__ = sorted(
    name for name, value in dict(globals()).items() if isfunction(value) and value not in (isfunction, install)
)

# Here, and not where they are written: what one is composed of is called directly there, and so recorded as one call.
install(globals())


__getattr__, _, _addresses = _api.attach(__name__)


def __dir__():
    return sorted({*globals(), *_addresses})


class _Functions(dict):
    """The functions behind Python's operators on values, looked up in this package by name."""

    def __missing__(self, name):
        self[name] = function = globals()[name]
        return function


Operators.functions = _Functions({op.name: op for op in ROUND_TO_HALF})
