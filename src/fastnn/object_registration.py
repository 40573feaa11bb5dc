"""Custom objects: the user's classes and functions, by the names under which configs mention them."""

import inspect
import threading
from contextlib import contextmanager

_registered: dict = {}  # {"package>name": object}, for the whole process
_names: dict = {}  # the other way round


class _Scopes(threading.local):
    def __init__(self):
        self.objects: dict = {}


_scopes = _Scopes()


def register_keras_serializable(package="Custom", name=None):
    """A decorator that lets configs mention a class or function, as `package>name`.

    Args:
        package: the part of the name that keeps packages apart.
        name: defaults to that of the class or function.

    Raises:
        ValueError: for a class without `get_config`.

    Example:
        >>> @fastnn.saving.register_keras_serializable("demo")
        ... class Twice(fastnn.layers.Layer):
        ...     def call(self, x):
        ...         return x * 2
        >>> fastnn.saving.get_registered_name(Twice)
        'demo>Twice'
    """

    def decorate(obj):
        registered = f"{package}>{name or obj.__name__}"
        if inspect.isclass(obj) and not hasattr(obj, "get_config"):
            raise ValueError("Cannot register a class that does not have a get_config() method.")
        _registered[registered] = obj
        _names[obj] = registered
        return obj

    return decorate


@contextmanager
def CustomObjectScope(custom_objects):
    """Inside, configs may mention the objects of the dict `custom_objects` by its keys.

    Example:
        >>> with fastnn.saving.custom_object_scope({"double": lambda x: x * 2}):
        ...     activation = fastnn.activations.get("double")
        >>> activation(3)
        6
    """
    outer = _scopes.objects
    _scopes.objects = {**outer, **(custom_objects or {})}
    try:
        yield
    finally:
        _scopes.objects = outer


custom_object_scope = CustomObjectScope


def get_custom_objects() -> dict:
    """The dict of registered objects; changing it registers and forgets objects.

    Example:
        >>> isinstance(fastnn.saving.get_custom_objects(), dict)
        True
    """
    return _registered


def get_registered_name(obj) -> str:
    """The name under which configs mention `obj`: `package>name` when it is registered, else its own name."""
    try:
        return _names.get(obj) or obj.__name__
    except TypeError:  # not hashable
        return type(obj).__name__


def get_registered_object(name, custom_objects=None, module_objects=None):
    """The object that `name` stands for: in a scope, registered, in `custom_objects`, in `module_objects`; or None."""
    for names in (_scopes.objects, _registered, custom_objects or {}, module_objects or {}):
        if name in names:
            return names[name]
    return None
