"""What a layer owns, read from its attributes, and a version that says when any of it has changed.

A layer's children (layers, variables, seed generators, metrics) are found by scanning its attributes, lists, tuples
and dicts included; the scan is cached until one of these changes. Compiled calls use the versions in their key.
"""

from fastnn.graph.variable import Variable


class Changes:
    """Counts the changes of attributes of all layers of the process."""

    count = 0


class Children:
    """What one layer owns directly."""

    def __init__(self):
        self.layers: list = []
        self.variables: list[Variable] = []
        self.seed_generators: list = []
        self.metrics: list = []
        self.containers: list = []
        self._at: int | None = None  # how often the owner's attributes had changed; None where not all can be known
        self._versions: list[int] = []  # of the containers

    def are_other(self, changes: int) -> bool:
        """Whether there may be others since: the owner's attributes have changed `changes` times."""
        return self._at != changes or [container.version for container in self.containers] != self._versions


def scan(attributes: dict, is_layer, changes: int) -> Children:
    """The children among the values of `attributes`, which have changed `changes` times: each once, in order."""
    children = Children()
    children._at = changes
    seen: set[int] = set()
    for value in attributes.values():
        _collect(value, children, seen, is_layer)
    children._versions = [container.version for container in children.containers]
    return children


def kind_of(value, is_layer) -> str | None:
    """Which field of Children `value` belongs in; None when it is not tracked.

    Metrics and seed generators are told by what they do: their modules stand beside or above this one.
    """
    if isinstance(value, Variable):
        return "variables"
    if is_layer(value):
        return "layers"
    if isinstance(getattr(value, "state", None), Variable) and hasattr(value, "next"):
        return "seed_generators"
    if hasattr(value, "update_state") and hasattr(value, "reset_state"):
        return "metrics"
    return None


def _collect(value, children: Children, seen: set[int], is_layer) -> None:
    if value is None or isinstance(value, (str, int, float)) or id(value) in seen:
        return
    if isinstance(value, (list, tuple, dict)):
        seen.add(id(value))
        if isinstance(value, (TrackedList, TrackedDict)):
            children.containers.append(value)
        elif not isinstance(value, tuple):
            children._at = None  # it does not report its changes
        for item in value.values() if isinstance(value, dict) else value:
            _collect(item, children, seen, is_layer)
        return
    kind = kind_of(value, is_layer)
    if kind is not None:
        seen.add(id(value))
        getattr(children, kind).append(value)


def tracked(value):
    """A list or dict as one that reports its changes; anything else as it is."""
    if type(value) is list:
        return TrackedList(tracked(item) for item in value)
    if type(value) is dict:
        return TrackedDict((key, tracked(item)) for key, item in value.items())
    return value


def _reporting(base: type, method: str):
    original = getattr(base, method)

    def wrapper(self, *args, **kwargs):
        Changes.count += 1
        self.version += 1
        return original(self, *args, **kwargs)

    wrapper.__name__ = method
    wrapper.__doc__ = original.__doc__
    return wrapper


class TrackedList(list):
    """A list that counts its changes."""

    version = 0

    def __reduce__(self):
        return list, (list(self),)


class TrackedDict(dict):
    """A dict that counts its changes."""

    version = 0

    def __reduce__(self):
        return dict, (dict(self),)


for _method in (
    "append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse", "__setitem__", "__delitem__",
    "__iadd__", "__imul__",
):  # fmt: skip
    setattr(TrackedList, _method, _reporting(list, _method))
for _method in ("pop", "popitem", "clear", "update", "setdefault", "__setitem__", "__delitem__", "__ior__"):
    setattr(TrackedDict, _method, _reporting(dict, _method))
