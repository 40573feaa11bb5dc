"""The level `others`: networks besides the six (`others.py`) by fastnn, by Keras on its backends and, without training,
by ONNX Runtime, each contender in one process: an epoch of `fit`, or of `train_on_batch`, `predict` at batches of 512
and `model(x)` of one row."""

import functools

from benchmarks import pairs
from benchmarks.models import level
from benchmarks.models.others import ROWS

PEERS = tuple(name for name in level.PEERS if name.startswith("keras-") or name in ("onnxruntime", pairs.BEFORE))
GROUPS = tuple(ROWS)
measure = functools.partial(level.measure, measures=("others",))
