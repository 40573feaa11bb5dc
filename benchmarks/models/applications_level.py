"""The level `applications`: networks of `keras.applications` (`applications.py`) by fastnn, by Keras on its backends,
by PyTorch and, without training, by ONNX Runtime: an epoch of `fit`, `predict` of all images at once, `model(x)` of
one."""

import functools

from benchmarks.models import level
from benchmarks.models.applications import ROWS

PEERS = tuple(name for name in level.PEERS if name not in ("numpy", "scikit-learn"))
GROUPS = tuple(ROWS)
measure = functools.partial(level.measure, measures=("others",))
