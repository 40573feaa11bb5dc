"""Configs: what an object was made from, as plain data, and the object made from it again.

A config is data. The names in it stand for classes of a closed list (`_CLASSES`), a few kinds of functions
(`_FUNCTIONS`) and custom objects that the user registered or passed: reading a config imports nothing by its name, and
calls nothing but the constructors of those classes.
"""

import functools
import importlib
import types

import numpy as np

from fastnn import _api
from fastnn.graph.dtypes import standardize_dtype
from fastnn.object_registration import custom_object_scope, get_registered_name, get_registered_object

PLAIN = (str, int, float, bool, type(None))
# Public modules whose classes a config may mention, in the order in which a name without a module is looked for, and
# which of their names: None for all that have `from_config`.
_CLASSES: dict[str, tuple[str, ...] | None] = {
    "fastnn.layers": None,
    "fastnn": ("DTypePolicy", "FloatDTypePolicy", "Initializer", "InputSpec", "Layer", "Loss", "Metric", "Model",
               "Operation", "Optimizer", "Regularizer", "Sequential"),
    "fastnn.models": ("Model", "Sequential"),
    "fastnn.initializers": None,
    "fastnn.regularizers": None,
    "fastnn.constraints": None,
    "fastnn.optimizers": None,
    "fastnn.optimizers.schedules": None,
    "fastnn.losses": None,
    "fastnn.metrics": None,
    "fastnn.random": ("SeedGenerator",),
    "fastnn.dtype_policies": None,
    "fastnn.utils": ("FeatureSpace",),
    "fastnn.distillation": None,
    "fastnn.quantizers": None,
}  # fmt: skip
# Those whose functions it may mention, but for what looks names up.
_FUNCTIONS = ("fastnn.activations", "fastnn.losses", "fastnn.metrics")
_LOOKUPS = ("deserialize", "get", "serialize")
# Classes that are not public names in Keras either, but appear in its files.
_UNPUBLISHED = {
    ("keras.src.models.functional", "Functional"): ("fastnn.models.model", "Functional"),
    ("keras.src.applications.convnext", "LayerScale"): ("fastnn.applications.convnext", "LayerScale"),
    ("keras.src.applications.inception_resnet_v2", "CustomScaleLayer"): (
        "fastnn.applications.inception_resnet_v2",
        "CustomScaleLayer",
    ),
    **{
        ("keras.src.layers.preprocessing.feature_space", name): ("fastnn.models.features", name)
        for name in ("Cross", "Feature", "TFDIdentity")
    },
}


def serialize_keras_object(obj):
    """`obj` as plain data: None, numbers, strings, lists and dicts.

    Args:
        obj: an object with `get_config`, a function, an array, or plain data; or a structure of them.

    Raises:
        TypeError: for anything else.

    Example:
        >>> fastnn.saving.serialize_keras_object(fastnn.regularizers.L2(0.5))["config"]
        {'l2': 0.5}
    """
    if isinstance(obj, PLAIN):
        return obj
    if isinstance(obj, (list, tuple)):
        items = [serialize_keras_object(item) for item in obj]
        return tuple(items) if isinstance(obj, tuple) else items
    if isinstance(obj, dict):
        return {key: serialize_keras_object(value) for key, value in obj.items()}
    if isinstance(obj, (np.ndarray, np.generic)):
        return {"class_name": "__numpy__", "config": {"value": obj.tolist(), "dtype": obj.dtype.name}}
    if isinstance(obj, slice):
        parts = [serialize_keras_object(part) for part in (obj.start, obj.stop, obj.step)]
        return {"class_name": "__slice__", "config": dict(zip(("start", "stop", "step"), parts, strict=True))}
    if obj is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(obj, (types.FunctionType, types.BuiltinFunctionType)) or (
        callable(obj) and not hasattr(obj, "get_config")
    ):
        return _serialize_function(obj)
    if not hasattr(obj, "get_config"):
        raise TypeError(
            f"Cannot serialize object {obj} of type {type(obj)}. To be serializable, a class must implement the "
            "`get_config()` method."
        )
    return _serialize_instance(obj)


def _serialize_function(function):
    name = getattr(function, "__name__", None)
    if name is None or name == "<lambda>":
        raise ValueError(
            "A lambda cannot be written into a config, because reading it back would run code from a file. Use a named "
            "function and `fastnn.saving.register_keras_serializable()`."
        )
    return {
        "module": "builtins",
        "class_name": "function",
        "config": get_registered_name(function),
        "registered_name": "function",
    }


def _serialize_instance(obj) -> dict:
    cls = type(obj)
    module, class_name, registered_name = mention_of(cls)
    config = {
        "module": module,
        "class_name": class_name,
        "config": serialize_keras_object(obj.get_config()),
        "registered_name": registered_name,
    }
    for method, key in (("get_build_config", "build_config"), ("get_compile_config", "compile_config")):
        extra = getattr(obj, method, dict)()
        if extra is not None and (extra or key == "compile_config") and hasattr(obj, method):
            config[key] = serialize_keras_object(extra)
    return config


@functools.lru_cache(maxsize=4096)
def mention_of(cls) -> tuple[str | None, str, str | None]:
    """With which module, class name and registered name a config mentions `cls`: for what is ours Keras's module, and
    the public name (that of the class where it is one)."""
    own = (cls.__module__, cls.__name__)
    for (module, registered_name), defined in _UNPUBLISHED.items():
        if defined == own:
            return module, cls.__name__, registered_name
    for package in ("fastnn", *_CLASSES):
        names = _api.names_of(package, *own)
        if names:
            name = cls.__name__ if cls.__name__ in names else names[0]
            return package.replace("fastnn", "keras", 1), name, None
    module = None if cls.__module__ in ("builtins", "__main__") else cls.__module__
    return module, cls.__name__, get_registered_name(cls)


def deserialize_keras_object(config, custom_objects=None, safe_mode=True, **kwargs):
    """What `serialize_keras_object` described.

    Args:
        config: its result, or the same after a trip through JSON.
        custom_objects: dict from names in the config to the user's classes and functions.
        safe_mode: kept for Keras's signature. Code inside a config is never run.

    Raises:
        TypeError: for a name that is neither fastnn's nor a custom object, or a config that its class does not take.

    Example:
        >>> config = fastnn.saving.serialize_keras_object(fastnn.layers.Dense(3))
        >>> fastnn.saving.deserialize_keras_object(config).units
        3
    """
    if custom_objects:
        with custom_object_scope(custom_objects):
            return deserialize_keras_object(config, safe_mode=safe_mode)
    if isinstance(config, PLAIN):
        found = get_registered_object(config) if isinstance(config, str) else None
        return config if found is None else found
    if isinstance(config, (list, tuple)):
        return type(config)(deserialize_keras_object(item) for item in config)
    if not isinstance(config, dict):
        raise TypeError(f"Could not parse config: {config}")
    if "class_name" not in config or "config" not in config:
        return {key: deserialize_keras_object(value) for key, value in config.items()}
    return _deserialize_instance(config)


def _deserialize_instance(config: dict):
    name, inner = config["class_name"], config["config"]
    if name in _PLAIN_CLASSES:
        return _PLAIN_CLASSES[name](inner)
    if name == "function":
        return find_function(inner)
    if name == "__lambda__":
        raise ValueError(
            "This config holds a Python lambda as code. Running code from a file is not safe, and fastnn never does: "
            "use a named function and pass it in `custom_objects`."
        )
    cls = find_class(config)
    if not hasattr(cls, "from_config"):  # a custom object
        raise TypeError(f"Unable to reconstruct an instance of '{name}': it has no from_config() method.")
    made = cls.from_config(inner or {})
    if config.get("build_config") and hasattr(made, "build_from_config") and not getattr(made, "built", False):
        made.build_from_config(config["build_config"])
    if config.get("compile_config") and hasattr(made, "compile_from_config"):
        made.compile_from_config(config["compile_config"])
    return made


_PLAIN_CLASSES = {
    "__tuple__": lambda inner: tuple(deserialize_keras_object(item) for item in inner["value"]),
    "__numpy__": lambda inner: np.array(inner["value"], dtype=standardize_dtype(inner["dtype"])),
    "__tensor__": lambda inner: np.array(inner["value"], dtype=standardize_dtype(inner["dtype"])),
    "__slice__": lambda inner: slice(*(deserialize_keras_object(inner[k]) for k in ("start", "stop", "step"))),
    "__ellipsis__": lambda inner: Ellipsis,
}


def find_function(name: str):
    """The function that a config calls `name`: a custom object, an activation, a loss, a metric."""
    found = get_registered_object(name)
    candidates = (_public(package, name) for package in _FUNCTIONS if name not in _LOOKUPS)
    if found is None:
        found = next((f for f in candidates if f is not None and not isinstance(f, type)), None)
    if found is None:
        raise TypeError(_not_found("function", name, name))
    return found


def find_class(config: dict):
    """The class that a config mentions.

    Raises:
        TypeError: when there is none, with the name.
    """
    name, module = config["class_name"], config.get("module")
    for custom in (config.get("registered_name"), name):
        found = get_registered_object(custom) if custom else None
        if found is not None:
            return found
    if (module, name) in _UNPUBLISHED:
        source, attribute = _UNPUBLISHED[module, name]
        return getattr(importlib.import_module(source), attribute)
    package = (module or "").replace("keras", "fastnn", 1)
    for candidate in (package, *_CLASSES) if package in _CLASSES else _CLASSES:
        allowed = _CLASSES[candidate]
        found = _public(candidate, name) if allowed is None or name in allowed else None
        if isinstance(found, type) and hasattr(found, "from_config"):
            return found
    raise TypeError(_not_found("class", name, config))


def _public(package: str, name: str):
    """The public object `name` of a module that configs may mention; None when there is none."""
    place = _api.find(package, name)
    return getattr(importlib.import_module(place[0]), place[1]) if place else None


def _not_found(kind: str, name: str, config) -> str:
    return (
        f"Could not locate {kind} '{name}'. Make sure custom classes and functions are decorated with "
        "`@fastnn.saving.register_keras_serializable()`, or pass them in `custom_objects`. Full object config: "
        f"{config}"
    )
