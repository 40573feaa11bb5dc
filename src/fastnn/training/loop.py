"""The one loop over batches, for fit, evaluate and predict; how many batches run in one call."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np

from fastnn import tree
from fastnn.training.data import Run, as_input, slice_of_rows
from fastnn.training.logs import concatenated

REFRESH_S = 0.1  # how often a progress bar should move, and how long Ctrl-C may take


class Pace:
    """Chooses how many batches run in one call: about as many as fit into `REFRESH_S`.

    Args:
        fixed: as many as this, always: when callbacks must see each batch.
    """

    def __init__(self, fixed: int | None = None):
        self.fixed = fixed
        self._step_s: float | None = None
        self._calls = 0

    def steps(self) -> int:
        if self.fixed is not None:
            return self.fixed
        if self._step_s is None:
            return 1
        return max(1, int(REFRESH_S / max(self._step_s, 1e-7)))

    def note(self, steps: int, seconds: float) -> None:
        """Takes the time of a call into account; the first one compiles and says nothing about the next."""
        self._calls += 1
        if self._calls > 1:
            self._step_s = seconds / steps


def run_epoch(
    source, function, pace: Pace, begin: Callable[[int], None], end: Callable[[int, object], bool | None], first=0
):
    """Applies `function` to the batches of an epoch, and returns what it returned last (None without batches).

    Args:
        source: batches (see `training.data`).
        function: compiled or eager.
        pace: how many batches a call.
        begin: called before a call, with the number of its first batch.
        end: called after it, with the number of its last batch and the outputs; True stops the epoch.
        first: how many batches of the epoch are done already.
    """
    outputs = None
    runs: Iterator[Run] = source.epoch(pace.steps, first)
    for run in runs:
        begin(run.first)
        start_s = time.perf_counter()
        outputs = run.on(function)
        pace.note(run.steps, time.perf_counter() - start_s)
        if end(run.first + run.steps - 1, outputs):
            break
    return outputs


def outputs_of_rows(function, x, count: int, size: int):
    """The outputs of `function`, compiled or eager, for the `count` rows of `x`, `size` at a time, in one array each.

    A lone output with a row for each of `x` has its place before it is computed: it is never in memory twice.
    """
    slices = (slice_of_rows(x, slice(begin, begin + size)) for begin in range(0, count, size))
    first = function(next(slices))
    if not isinstance(first, np.ndarray) or first.shape[:1] != (size,) or count <= size:
        return concatenated([first, *map(function, slices)])
    whole = np.empty((count, *first.shape[1:]), first.dtype)
    whole[:size] = first
    for begin, rows in zip(range(size, count, size), slices, strict=True):
        place = whole[begin : begin + size]
        outputs = function.into(place, rows)
        if outputs is place:
            continue
        if outputs.shape != place.shape:  # of a step of the user's own
            return concatenated([whole[:begin], outputs, *map(function, slices)])
        place[...] = outputs
    return whole


class EagerFunction:
    """What `Compiled` is, without compiling: for `run_eagerly=True`."""

    def __init__(self, function):
        self.function = function

    def __call__(self, *args, **kwargs):
        return self.function(*args, **kwargs)

    def into(self, _array, *args):
        """What a call does: nothing is written into the array."""
        return self.function(*args)

    def batches(self, data, batch_size, start, steps, index=None, **kwargs):
        """Runs `steps` batches of `batch_size` rows from row `start` of the order `index`, one after another."""
        outputs = None
        for k in range(steps):
            rows = slice(start + k * batch_size, start + (k + 1) * batch_size)
            which = rows if index is None else index[rows]
            batch = tree.map_structure(lambda a, which=which: None if a is None else as_input(a[which]), data)
            outputs = self.function(batch, **kwargs)
        return outputs
