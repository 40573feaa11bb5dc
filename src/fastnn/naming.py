"""Automatic names: dense, dense_1, ... counted for the whole process."""

import re
import threading
from collections import Counter

_counts: Counter[str] = Counter()
_lock = threading.Lock()


def to_snake_case(name: str) -> str:
    """A class's name as a layer's: "MaxPooling2D" -> "max_pooling2d", "ReLU" -> "re_lu".

    Example:
        >>> to_snake_case("MaxPooling2D")
        'max_pooling2d'
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(?<=.)(?=[A-Z][a-z])", "_", name)
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


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
