"""Keras's `ops.image`: the functions of the families `image_*.py`."""

from fastnn.ops import image_size
from fastnn.ops.image_size import *

__all__ = sorted(image_size.__all__)
