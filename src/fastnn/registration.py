"""Names and configs of Keras objects: look one up by name, write one down as a config, make one from a config.

Each package (losses, metrics, optimizers, ...) has a table of what can be found in it; this module owns the three
rules that all of them share. Custom objects come from the `custom_objects` argument only.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from typing import Any

_counters: dict[str, itertools.count] = {}


def snake_case(name: str) -> str:
    """`name` as Keras makes default names of classes: "MeanSquaredError" -> "mean_squared_error", "AUC" -> "auc"."""
    name = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def unique_name(class_name: str) -> str:
    """The snake_case of `class_name`, with "_1", "_2", ... from its second use on."""
    name = snake_case(class_name)
    k = next(_counters.setdefault(name, itertools.count()))
    return f"{name}_{k}" if k else name


def serialize_object(obj, module: str) -> Any:
    """The config of `obj`, as Keras writes it: `{"module", "class_name", "config", "registered_name"}`.

    Args:
        obj: an object with `get_config`, a function, or None.
        module: the public module that it is found in, such as "keras.losses".
    """
    if obj is None or isinstance(obj, str):
        return obj
    if not hasattr(obj, "get_config"):
        return {"module": "builtins", "class_name": "function", "config": obj.__name__, "registered_name": "function"}
    name = type(obj).__name__
    is_ours = type(obj).__module__.startswith("fastnn.")
    return {
        "module": module if is_ours else type(obj).__module__,
        "class_name": name,
        "config": obj.get_config(),
        "registered_name": None if is_ours else name,
    }


def deserialize_object(config, table: Mapping[str, Any], custom_objects: Mapping[str, Any] | None, kind: str) -> Any:
    """The object that `config` describes.

    Args:
        config: what `serialize_object` gave, an older `{"class_name", "config"}`, or a name.
        table: `{name: class or function}`; custom objects win over it.
        custom_objects: the user's.
        kind: "loss", "metric", ...: for messages.

    Raises:
        ValueError: for a name that is in neither.
    """
    names = {**table, **(custom_objects or {})}
    if isinstance(config, str):
        return _find(config, names, kind)
    if not isinstance(config, Mapping) or "class_name" not in config:
        raise ValueError(f"Could not interpret {kind} config: {config!r}. Expected a dict with `class_name`.")
    if config["class_name"] == "function":
        return _find(config["config"], names, kind)
    found = _find(config["class_name"], names, kind)
    arguments = config.get("config") or {}
    return found.from_config(arguments) if hasattr(found, "from_config") else found(**arguments)


def get_object(identifier, table: Mapping[str, Any], kind: str) -> Any:
    """What `get` functions return: None for None, an object for a name or config, a callable as it is.

    Raises:
        ValueError: for anything else.
    """
    if identifier is None:
        return None
    if isinstance(identifier, (str, Mapping)):
        found = deserialize_object(identifier, table, None, kind)
        return found() if isinstance(found, type) else found
    if isinstance(identifier, type):
        return identifier()
    if callable(identifier):
        return identifier
    raise ValueError(f"Could not interpret {kind} identifier: {identifier!r}")


def _find(name: str, names: Mapping[str, Any], kind: str) -> Callable[..., Any]:
    if name not in names:
        raise ValueError(f"Could not interpret {kind} identifier: {name}{_suggestion(name, names)}")
    return names[name]


def _suggestion(name: str, names: Mapping[str, Any]) -> str:
    import difflib  # only for the message of an error

    close = difflib.get_close_matches(str(name), [str(n) for n in names], n=1)
    return f". Did you mean {close[0]!r}?" if close else ""
