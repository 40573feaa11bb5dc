"""What reading a file may cost: variables and traced nodes in proportion to the bytes that are there.

A config of a hundred bytes can ask for arrays of any size, and for a graph of any length. So while a model is read from
a file, what is made on that thread is counted, and refused before it is made.
"""

import threading
from contextlib import contextmanager

# Variables are in the file, and an optimizer keeps up to five numbers for each of them; metrics are not.
VARIABLE_RATIO, VARIABLE_BASE = 8, 1 << 24
# The deepest published models trace some ten thousand nodes while they are read.
NODES = 300_000


class _State(threading.local):
    def __init__(self):
        self.variable_bytes: int | None = None
        self.nodes: int | None = None


_state = _State()


@contextmanager
def reading(file_bytes: int):
    """Inside, what a file of `file_bytes` bytes cannot hold is refused on this thread."""
    outer = vars(_state).copy()
    _state.variable_bytes, _state.nodes = VARIABLE_RATIO * file_bytes + VARIABLE_BASE, NODES
    try:
        yield
    finally:
        vars(_state).update(outer)


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


def count_node() -> None:
    """Counts a traced node.

    Raises:
        ValueError: when the model that is being read has too many.
    """
    if _state.nodes is None:
        return
    if _state.nodes == 0:
        raise ValueError(f"The model takes more than {NODES} traced nodes; no file of a model needs as many.")
    _state.nodes -= 1
