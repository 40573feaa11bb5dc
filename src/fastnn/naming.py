"""Automatic names: dense, dense_1, ... counted for the whole process."""

import threading
from collections import Counter

_counts: Counter[str] = Counter()
_lock = threading.Lock()


class _Scopes(threading.local):
    def __init__(self):
        self.names: list[str] = []


scopes = _Scopes()


def path(name: str = "") -> str:
    """The names of the scopes around this point of the thread (layers, `name_scope`) and `name`, joined by slashes."""
    return "/".join([*scopes.names, name] if name else scopes.names)


class name_scope:
    """Inside, the paths of new variables begin with `name`.

    Args:
        name: no slash in it.
        caller, deduplicate: the same `caller` does not enter the scope it is in a second time.
        override_parent: a path to begin with instead of the scopes around.

    Raises:
        ValueError: for what is no name.

    Example:
        >>> with fastnn.name_scope("block"):
        ...     print(fastnn.Variable(1.0, name="scale").path)
        block/scale
    """

    def __init__(self, name, caller=None, deduplicate=True, override_parent=None):
        if not isinstance(name, str) or "/" in name:
            raise ValueError(
                f"Argument `name` must be a string and cannot contain character `/`. Received: name={name}"
            )
        self.name, self.caller = name, caller
        self.deduplicate, self.override_parent = deduplicate, override_parent

    def __enter__(self):
        self._outer = scopes.names
        if self.override_parent is not None:
            parent = [self.override_parent] if self.override_parent else []
            scopes.names = _Names([*parent, self.name], self.caller)
            return self
        is_again = self.caller is not None and getattr(scopes.names, "caller", None) is self.caller
        if not (self.deduplicate and is_again and scopes.names[-1:] == [self.name]):
            scopes.names = _Names([*scopes.names, self.name], self.caller)
        return self

    def __exit__(self, *_):
        scopes.names = self._outer


class _Names(list):
    """The names of nested scopes, and who opened the innermost."""

    def __init__(self, names, caller):
        super().__init__(names)
        self.caller = caller


def to_snake_case(name: str) -> str:
    """A class's name as a layer's: "MaxPooling2D" -> "max_pooling2d", "ReLU" -> "re_lu".

    Example:
        >>> to_snake_case("MaxPooling2D")
        'max_pooling2d'
    """
    name = "".join([c for c in name if c.isalnum() or c == "_"])
    befores, afters = " " + name, name[1:] + " "
    return "".join(
        [
            # Where a word begins: a capital behind a small letter, or before one.
            f"_{c}" if k and "A" <= c <= "Z" and ("a" <= befores[k] <= "z" or "a" <= afters[k] <= "z") else c
            for k, c in enumerate(name)
        ]
    ).lower()


def auto_name(prefix: str) -> str:
    """`prefix` the first time, then `prefix_1`, `prefix_2`, ..."""
    with _lock:
        count = _counts[prefix]
        _counts[prefix] += 1
    return f"{prefix}_{count}" if count else prefix


def get_uid(prefix: str = "") -> int:
    """The next number for `prefix`, from 1.

    Example:
        >>> fastnn.backend.get_uid("demo"), fastnn.backend.get_uid("demo")
        (1, 2)
    """
    with _lock:
        _counts[prefix] += 1
        return _counts[prefix]


def clear_session(free_memory: bool = True) -> None:
    """Starts automatic names (dense, dense_1, ...) from the beginning.

    Args:
        free_memory: accepted for Keras; memory goes with the models that hold it.

    Example:
        >>> fastnn.backend.clear_session(); fastnn.layers.Dense(1).name
        'dense'
    """
    with _lock:
        _counts.clear()
