"""What reading a file may cost: variables and steps of tracing in proportion to the bytes that are there.

A config of a hundred bytes can ask for arrays of any size, and for a graph of any length. So while a model is read from
a file, what is made on that thread is counted, and refused before it is made. Behind that stands a limit on all that
NumPy allocates there, whoever asks: constants that are computed while a layer is traced, tables, arrays of a file.
"""

import threading
from contextlib import contextmanager

from fastnn._kernels import _engine

# Variables are in the file, and an optimizer keeps up to five numbers for each of them; metrics are not.
VARIABLE_RATIO, VARIABLE_BASE = 8, 1 << 24
# Copies while variables are filled, an optimizer's flat buffers, and random numbers before they are cast.
MEMORY_RATIO, MEMORY_BASE = 32, 1 << 26
# A traced node is a step and a layer's call ten more, some milliseconds; its config takes some hundreds of bytes.
# AugMix alone takes 12,000 steps.
STEPS_PER_BYTE, STEPS_BASE, LAYER_CALL = 0.1, 25_000, 10


class _State(threading.local):
    def __init__(self):
        self.variable_bytes: int | None = None
        self.steps: int | None = None


_state = _State()


@contextmanager
def reading(weight_bytes: int, config_bytes: int):
    """Inside, what weights and a config of so many bytes cannot stand for is refused on this thread."""
    outer = vars(_state).copy()
    _state.variable_bytes = VARIABLE_RATIO * weight_bytes + VARIABLE_BASE
    _state.steps = int(STEPS_PER_BYTE * config_bytes) + STEPS_BASE
    try:
        with memory(MEMORY_RATIO * (weight_bytes + config_bytes) + MEMORY_BASE):
            yield
    finally:
        vars(_state).update(outer)


@contextmanager
def memory(nbytes: int):
    """Inside, NumPy raises MemoryError on this thread where its arrays made here would take more than `nbytes`."""
    outer = _engine.set_memory_handler(_engine.memory_handler(nbytes))
    try:
        yield
    finally:
        _engine.set_memory_handler(outer)


def count_variable(name: str, shape: tuple[int, ...], nbytes: int) -> None:
    """Counts a variable that is about to be made.

    Raises:
        ValueError: when the file that is being read is too small to hold it.
    """
    if _state.variable_bytes is None:
        return
    if nbytes > _state.variable_bytes:
        raise ValueError(
            f"The file is too small for the weights of its model: variable {name!r} of shape {shape} takes {nbytes} "
            "bytes, and the file does not hold as many. It is not made."
        )
    _state.variable_bytes -= nbytes


def count_steps(count: int) -> None:
    """Counts steps of tracing: nodes, and calls of layers.

    Raises:
        ValueError: when the model that is being read takes too many.
    """
    if _state.steps is None:
        return
    if _state.steps < count:
        raise ValueError("The model takes more calls and traced nodes than a config of its length can stand for.")
    _state.steps -= count
