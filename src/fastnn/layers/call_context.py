"""What nested layer calls of one thread share: names of the enclosing layers (in `fastnn.naming`), and `training`."""

import threading
from contextlib import contextmanager

from fastnn.naming import path, scopes


class _Context(threading.local):
    def __init__(self):
        self.training: list = []
        self.is_probing = False


_context = _Context()

__all__ = ["calling", "depth", "is_probing", "naming", "path", "probing", "training"]


def depth() -> int:
    """How many layer calls are running around this point."""
    return len(_context.training)


def training():
    """The `training` of the innermost call that has one, or None."""
    return _context.training[-1] if _context.training else None


class calling:
    """Inside, calls are nested in a call of the layer `name` with `training=value`."""

    __slots__ = ("name", "value")

    def __init__(self, name: str, value):
        self.name, self.value = name, value

    def __enter__(self) -> None:
        _context.training.append(self.value)
        scopes.names.append(self.name)

    def __exit__(self, *_exception) -> None:
        _context.training.pop()
        scopes.names.pop()


@contextmanager
def naming(name: str):
    """Inside, variables are made under `name`."""
    scopes.names.append(name)
    try:
        yield
    finally:
        scopes.names.pop()


def is_probing() -> bool:
    """Whether the sizes that layers see now stand for unknown ones."""
    return _context.is_probing


@contextmanager
def probing():
    """Inside, layers are called to infer shapes: `training` is not inherited from the calls around."""
    saved = _context.training, _context.is_probing
    _context.training, _context.is_probing = [], True
    try:
        yield
    finally:
        _context.training, _context.is_probing = saved
