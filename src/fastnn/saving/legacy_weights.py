"""Weights in `.h5` files of Keras 2, which Keras still publishes and its `model.save("x.h5")` still writes.

The attribute `layer_names` lists the layers in the model's order, and the attribute `weight_names` of a layer's group
its arrays, trainable ones first. Layers and weights are matched by their order; names are not looked at.
"""

import warnings

import numpy as np

from fastnn import config
from fastnn._api import KERAS_VERSION
from fastnn.layers import weight_lists
from fastnn.saving.stores import Store, hard_linked, has_texts, texts

SUFFIXES = (".h5", ".hdf5")
WHOLE_MODEL = "model_weights"  # the group of the weights in a file of a whole model
_OWN = "top_level_model_weights"  # and in it that of the model's own, which are no layer's
_STRINGS = 4000  # in an attribute, each a reference of 16 bytes


def load(model, file, file_bytes: int, skip_mismatch: bool) -> None:
    """Reads the weights of `model` from the open h5py `file`.

    Raises:
        ValueError: when layers or weights do not fit. The model is as it was.
    """
    place = "" if has_texts(file, "layer_names") else WHOLE_MODEL
    group = hard_linked(file, place) if place else file
    if group is None or not has_texts(group, "layer_names"):
        raise ValueError("The file holds no weights in the layout of Keras 2: it has no attribute 'layer_names'.")
    names = texts(group, "layer_names", file_bytes)
    saved = [(name, texts(hard_linked(group, name), "weight_names", file_bytes)) for name in names]
    saved = [(name, weights) for name, weights in saved if weights]
    layers = [layer for layer in model.layers if layer.weights]
    if len(saved) != len(layers):
        raise ValueError(
            f"Layer count mismatch when loading weights from file. Model expected {len(layers)} layers, found "
            f"{len(saved)} saved layers."
        )
    found = []
    for layer, (name, weights) in zip(layers, saved, strict=True):
        try:
            found += _read(layer, Store(file, f"{place}/{name}".lstrip("/"), file_bytes), name, weights)
        except ValueError as error:
            if not skip_mismatch:
                raise
            warnings.warn(f"Layer {layer.name!r} is left as it is: {error}", stacklevel=5)
    own = texts(hard_linked(group, _OWN), "weight_names", file_bytes) if _OWN in group else []
    variables = weight_lists.own(model)
    if own and len(own) == len(variables):
        store = Store(file, f"{place}/{_OWN}".lstrip("/"), file_bytes)
        found += [(v, store.read(name, v.shape)) for name, v in zip(own, variables, strict=True)]
    for variable, array in found:
        variable.assign(array)


def write(model, group) -> None:
    """Writes the weights of `model` into `group`."""
    _set_texts(group, "layer_names", [layer.name for layer in model.layers])
    group.attrs["keras_version"], group.attrs["backend"] = KERAS_VERSION, config.backend()
    for layer in model.layers:
        variables = [*layer.trainable_weights, *layer.non_trainable_weights]
        write_group(group.create_group(layer.name), variables, [v.path for v in variables])
    own = weight_lists.own(model)
    write_group(group.create_group(_OWN), own, [v.path for v in own])


def write_group(group, variables, names: list[str]) -> None:
    """Writes variables under names, the second of a name with a number behind."""
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        seen[name] = seen.get(name, -1) + 1
        unique.append(f"{name}_{seen[name]}" if seen[name] else name)
    _set_texts(group, "weight_names", unique)
    for name, variable in zip(unique, variables, strict=True):
        group.create_dataset(name, data=variable.array)


def _set_texts(group, attribute: str, texts: list[str]) -> None:
    """Sets an attribute to a list of strings, in parts where HDF5 takes no attribute as long (64 kB)."""
    parts = [texts[k : k + _STRINGS] for k in range(0, len(texts), _STRINGS)] or [[]]
    for k, part in enumerate(parts):
        name = attribute if len(parts) == 1 else f"{attribute}{k}"
        group.attrs[name] = np.array(part, dtype=object if part else "S1")


def _read(layer, store: Store, name: str, names: list[str]) -> list[tuple[object, np.ndarray]]:
    variables = [*layer.trainable_weights, *layer.non_trainable_weights]
    if len(variables) != len(names):
        raise ValueError(
            f"Weight count mismatch for layer {layer.name!r}: it expects {len(variables)} weight(s), the saved layer "
            f"{name!r} has {len(names)}."
        )
    return [(v, store.read(place, tuple(v.shape))) for v, place in zip(variables, names, strict=True)]
