"""Configs as Keras 2 wrote them: a class's name and its arguments, without the module."""

import inspect

from fastnn.object_registration import (
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
)
from fastnn.serialization import PLAIN


def serialize_keras_object(instance):
    """`{"class_name": ..., "config": ...}` of an object, or the name of a function.

    Args:
        instance: an object with `get_config`, a function, or None.

    Raises:
        ValueError: for anything else.

    Example:
        >>> fastnn.utils.legacy.serialize_keras_object(fastnn.regularizers.L2(0.5))
        {'class_name': 'L2', 'config': {'l2': 0.5}}
    """
    if instance is None:
        return None
    if hasattr(instance, "get_config"):
        config = {name: _member(value) for name, value in instance.get_config().items()}
        return {"class_name": get_registered_name(type(instance)), "config": config}
    if hasattr(instance, "__name__"):
        return get_registered_name(instance)
    raise ValueError(f"Cannot serialize {instance} because it doesn't implement `get_config()`.")


def _member(value):
    """A member of a config: functions and objects in it become configs, plain data stays."""
    if isinstance(value, (*PLAIN, type)):
        return value
    if hasattr(value, "get_config"):
        return {**serialize_keras_object(value), "__passive_serialization__": True}
    return get_registered_name(value) if hasattr(value, "__name__") else value


def deserialize_keras_object(identifier, module_objects=None, custom_objects=None, printable_module_name="object"):
    """What `serialize_keras_object` described: an object, or the function or an instance of the class of that name.

    Args:
        identifier: its result; None and functions are returned as they are.
        module_objects: `{name: class or function}` in which names are looked up.
        custom_objects: the same, looked at first; within `from_config` these are custom objects.
        printable_module_name: what the object is, for messages.

    Raises:
        ValueError: for a name that is in neither dict, or what is no such config.

    Example:
        >>> config = {"class_name": "L2", "config": {"l2": 0.5}}
        >>> float(fastnn.utils.legacy.deserialize_keras_object(config, {"L2": fastnn.regularizers.L2}).l2)
        0.5
    """
    if identifier is None or callable(identifier):
        return identifier
    if isinstance(identifier, str):
        found = _find(identifier, custom_objects, module_objects, printable_module_name)
        return found() if isinstance(found, type) else found
    if not isinstance(identifier, dict):
        raise ValueError(f"Could not interpret serialized {printable_module_name}: {identifier}")
    if not {"class_name", "config"} <= identifier.keys():
        raise ValueError(
            f"Improper config format for {identifier}. Expecting python dict contains `class_name` and `config` as keys"
        )
    found = _find(identifier["class_name"], custom_objects, module_objects, printable_module_name)
    config = dict(identifier["config"])
    for name, value in config.items():
        named = get_registered_object(value, custom_objects, module_objects) if isinstance(value, str) else None
        config[name] = named if inspect.isfunction(named) else value
    if not hasattr(found, "from_config"):
        return found(**config)
    takes_objects = "custom_objects" in inspect.signature(found.from_config).parameters
    with custom_object_scope(custom_objects):
        if takes_objects:
            return found.from_config(config, custom_objects={**get_custom_objects(), **(custom_objects or {})})
        return found.from_config(config)


def _find(name: str, custom_objects, module_objects, kind: str):
    found = get_registered_object(name, custom_objects, module_objects)
    if found is None:
        raise ValueError(
            f"Unknown {kind}: '{name}'. Pass it in `custom_objects`, or use a "
            "`fastnn.utils.custom_object_scope` that includes it."
        )
    return found
