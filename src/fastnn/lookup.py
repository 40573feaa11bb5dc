"""What `get` functions share: an object from its name, its config, itself or a class."""

import importlib
from collections.abc import Mapping

from fastnn import _api
from fastnn.naming import to_snake_case
from fastnn.object_registration import get_registered_object
from fastnn.serialization import deserialize_keras_object


class Places(Mapping):
    """`{name: class or function}`, each imported when it is asked for.

    Args:
        places: `{name: (defining module, attribute)}`.
    """

    def __init__(self, places: dict[str, tuple[str, str]]):
        self._places = places

    def __getitem__(self, name):
        module, attribute = self._places[name]
        return getattr(importlib.import_module(module), attribute)

    def __contains__(self, name):
        return name in self._places

    def __iter__(self):
        return iter(self._places)

    def __len__(self):
        return len(self._places)


def places(package: str) -> dict[str, tuple[str, str]]:
    """`{public name: (defining module, attribute)}` of "fastnn.losses" and its like, without `get`."""
    return {name: place for name, place in _api.table(package).items() if place[0] != f"{package}.lookup"}


def get_object(identifier, names: Mapping, kind: str):
    """The object that `identifier` stands for.

    Args:
        identifier: None, a name, a config, a class or an object.
        names: `{name: class or function}`; custom objects win over it.
        kind: "initializer", "regularizer", ...: for the message.

    Raises:
        ValueError: for an unknown name, or what is none of these.
    """
    found = identifier
    if identifier is None:
        return None
    if isinstance(identifier, dict):
        name = identifier.get("class_name")
        if name in names and not identifier.get("registered_name"):
            found = names[name]
            return found.from_config(identifier.get("config") or {}) if isinstance(found, type) else found
        found = deserialize_keras_object(identifier)
    elif isinstance(identifier, str):
        found = get_registered_object(identifier, module_objects=names)
    if isinstance(found, type):
        found = found()
    if not callable(found):
        import difflib  # only for the message of an error

        close = difflib.get_close_matches(str(identifier), names, n=1)
        hint = f". Did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"Could not interpret {kind} identifier: {identifier}{hint}")
    return found


def named(classes, aliases: dict | None = None) -> dict:
    """`{name: class}` of `classes`, under their own names and in snake case, and of `aliases`."""
    names = {}
    for cls in classes:
        names[cls.__name__] = names[to_snake_case(cls.__name__)] = cls
    return names | (aliases or {})
