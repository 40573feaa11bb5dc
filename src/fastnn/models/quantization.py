"""Quantization of a model: which of its layers are quantized."""

import re
import warnings

from fastnn.layers.core.quantized import config_of


def quantize(model, mode, config, filters, type_check=True, **kwargs) -> None:
    """What `Model.quantize` does."""
    if kwargs:
        raise ValueError(f"Unrecognized keyword arguments passed to {type(model).__name__}: {kwargs}")
    config = config_of(mode, config)
    if not model.built:
        raise ValueError(
            f"Cannot quantize a layer that isn't yet built. Layer '{model.name}' (of type "
            f"'{type(model).__name__}') is not built yet."
        )
    if config.mode in ("gptq", "awq"):
        raise NotImplementedError(f"Model.quantize: mode '{config.mode}' is not implemented by fastnn.")
    is_chosen = _filter(filters)
    layers = [layer for layer in model._flatten_layers() if not layer._children().layers and is_chosen(layer)]
    quantized = []
    for layer in layers:
        try:
            layer.check_quantizable(config.mode, type_check)
            quantized.append(layer)
        except NotImplementedError as error:
            warnings.warn(str(error), stacklevel=3)
    for layer in quantized:
        layer.quantize(config.mode, type_check, config)


def _filter(filters):
    """A function that says of a layer whether it is chosen."""
    if filters is None:
        return lambda layer: True
    if callable(filters):
        return filters
    patterns = [filters] if isinstance(filters, str) else filters
    if not isinstance(patterns, (list, tuple)):
        raise ValueError(
            "The `filters` argument must be a regex string, a list of regex strings, or a callable. Received: "
            f"{type(filters)}"
        )
    return lambda layer: any(re.search(pattern, layer.name) for pattern in patterns)
