"""`get`, `serialize` and `deserialize` of quantizers."""

from fastnn import lookup
from fastnn.object_registration import custom_object_scope
from fastnn.quantizers.abs_max import AbsMaxQuantizer
from fastnn.quantizers.quantizer import Quantizer
from fastnn.serialization import serialize_keras_object

_NAMES = lookup.named((Quantizer, AbsMaxQuantizer))


def get(identifier, **kwargs):
    """The quantizer that `identifier` stands for.

    Args:
        identifier: None, a name, a config, a class or a quantizer.
        kwargs: arguments for a name or a class.

    Raises:
        ValueError: for an unknown name, or what is none of these.

    Example:
        >>> fastnn.quantizers.get("abs_max_quantizer", axis=0).axis
        (0,)
    """
    if isinstance(identifier, str) and identifier in _NAMES:
        identifier = _NAMES[identifier]
    if isinstance(identifier, type):
        return identifier(**kwargs)
    return lookup.get_object(identifier, _NAMES, "quantizer")


def serialize(initializer):
    """The config of a quantizer (`initializer` is what Keras calls the argument); `deserialize` makes it again.

    Example:
        >>> fastnn.quantizers.serialize(fastnn.quantizers.AbsMaxQuantizer(axis=0))["class_name"]
        'AbsMaxQuantizer'
    """
    return serialize_keras_object(initializer)


def deserialize(config, custom_objects=None):
    """The quantizer that a config describes.

    Args:
        config: from `serialize`.
        custom_objects: `{name: class}` of further quantizers.

    Example:
        >>> fastnn.quantizers.deserialize({"class_name": "AbsMaxQuantizer", "config": {"axis": 0}}).axis
        (0,)
    """
    with custom_object_scope(custom_objects or {}):
        return get(config)
