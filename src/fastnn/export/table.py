"""The table of emitters: one function an op of fastnn.

An emitter is `(b, step, *inputs) -> name | tuple of names`: it makes nodes with the builder `b` and returns the names
of the step's outputs, None for one that it does not make (then nothing may read it).
"""

from collections.abc import Callable

EMITTERS: dict[str, Callable] = {}


def emits(*names: str):
    """Registers an emitter for the ops `names`."""

    def register(function):
        EMITTERS.update(dict.fromkeys(names, function))
        return function

    return register
