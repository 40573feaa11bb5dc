"""Executable: a compiled graph that can be run."""

from __future__ import annotations

import threading

import numpy as np

from fastnn.graph.interpret import interpret
from fastnn.graph.value import Graph


class Executable:
    """A graph, ready to run.

    Args:
        graph: what to compute.
        name: for messages.
        gathered: the source dtypes of the inputs when they are batches gathered from larger arrays, else None.
    """

    def __init__(self, graph: Graph, name: str, gathered: list[str] | None = None):
        self.graph = graph
        self.name = name
        self._lock = threading.Lock()

    def run(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        """The outputs for `arrays`; variables are updated."""
        with self._lock:
            return interpret(self.graph, arrays)

    def run_batches(self, sources, index, batch_size: int, start: int, steps: int) -> list[np.ndarray]:
        """Runs `steps` batches gathered from `sources` and returns the outputs of the last."""
        outputs = []
        for step in range(steps):
            rows = slice(start + step * batch_size, start + (step + 1) * batch_size)
            batch = [a[rows] if index is None else a[index[rows]] for a in sources]
            outputs = self.run([x.astype(value.dtype) for x, value in zip(batch, self.graph.inputs, strict=True)])
        return outputs
