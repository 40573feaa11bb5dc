"""Which graph, if any, the current thread is tracing into, and which eager tapes are watching."""

import threading
from contextlib import contextmanager

from fastnn.graph.value import Graph


class _State(threading.local):
    def __init__(self):
        self.graph: Graph | None = None
        self.tapes: list = []
        self.scope = None  # the eager StatelessScope, see `stateless`
        self.autocast: str | None = None  # the dtype that float variables are read in


state = _State()


def current() -> Graph | None:
    """The graph being traced by this thread, or None when ops run at once."""
    return state.graph


@contextmanager
def tracing(graph: Graph):
    """Ops called inside become nodes of `graph`."""
    outer, outer_tapes = state.graph, state.tapes
    state.graph, state.tapes = graph, []
    try:
        yield graph
    finally:
        state.graph, state.tapes = outer, outer_tapes


@contextmanager
def eager():
    """Ops called inside run at once, whatever is being traced around them."""
    outer = state.graph
    state.graph = None
    try:
        yield
    finally:
        state.graph = outer


@contextmanager
def autocasting(dtype: str | None):
    """Float variables that allow it are read in `dtype` inside; None: as they are."""
    outer = state.autocast
    state.autocast = dtype
    try:
        yield
    finally:
        state.autocast = outer


@contextmanager
def label(name: str):
    """Nodes traced inside carry `name`, so that errors and explain() can say which layer they belong to."""
    graph = state.graph
    if graph is None:
        yield
        return
    graph.labels.append(f"{graph.labels[-1]}/{name}" if graph.labels else name)
    try:
        yield
    finally:
        graph.labels.pop()
