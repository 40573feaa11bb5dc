"""Which graph, if any, the current thread is tracing into, and which eager tapes are watching."""

import threading

from fastnn._kernels._engine import watch
from fastnn.graph.value import Graph


class _State(threading.local):
    """Who sets `graph`, `scope` or an item of `tapes` says so to the engine (`watch`), which asks only then."""

    def __init__(self):
        self.graph: Graph | None = None
        self.tapes: list = []
        self.scope = None  # the eager StatelessScope, see `stateless`
        self.autocast: str | None = None  # the dtype that float variables are read in


state = _State()


def current() -> Graph | None:
    """The graph being traced by this thread, or None when ops run at once."""
    return state.graph


class _Inside:
    """A context in which attributes of `state` are others; entered once."""

    __slots__ = ("outer", "values")

    def __init__(self, **values):
        self.values = values

    def __enter__(self) -> None:
        now = state.__dict__
        self.outer = {name: now[name] for name in self.values}
        if self.values.get("graph") is not None:
            watch(1)
        now.update(self.values)

    def __exit__(self, *_exception) -> None:
        state.__dict__.update(self.outer)
        if self.values.get("graph") is not None:
            watch(-1)


def tracing(graph: Graph) -> _Inside:
    """Ops called inside become nodes of `graph`."""
    return _Inside(graph=graph, tapes=[])


def untaped() -> _Inside:
    """What is done inside is not written down by eager tapes."""
    return _Inside(tapes=[])


def eager() -> _Inside:
    """Ops called inside run at once, whatever is being traced around them."""
    return _Inside(graph=None)


def autocasting(dtype: str | None) -> _Inside:
    """Float variables that allow it are read in `dtype` inside; None: as they are."""
    return _Inside(autocast=dtype)


class label:
    """Nodes traced inside carry `name`, so that errors and explain() can say which layer they belong to."""

    __slots__ = ("labels", "name")

    def __init__(self, name: str):
        self.name = name

    def __enter__(self) -> None:
        self.labels = None if state.graph is None else state.graph.labels
        if self.labels is not None:
            self.labels.append(f"{self.labels[-1]}/{self.name}" if self.labels else self.name)

    def __exit__(self, *_exception) -> None:
        if self.labels is not None:
            self.labels.pop()
