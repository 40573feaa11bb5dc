"""Weights in `.h5` files of Keras 2, which Keras still publishes and its `model.save("x.h5")` still writes.

The attribute `layer_names` lists the layers in the model's order, and the attribute `weight_names` of a layer's group
its arrays, trainable ones first. Layers and weights are matched by their order; names are not looked at.
"""

import warnings

import numpy as np

from fastnn.saving.stores import Store, hard_linked

SUFFIXES = (".h5", ".hdf5")
_WHOLE_MODEL = "model_weights"  # the group of the weights in a file of a whole model


def load(model, file, file_bytes: int, skip_mismatch: bool) -> None:
    """Reads the weights of `model` from the open h5py `file`.

    Raises:
        ValueError: when layers or weights do not fit. The model is as it was.
    """
    place = "" if "layer_names" in file.attrs else _WHOLE_MODEL
    group = hard_linked(file, place) if place else file
    if group is None or "layer_names" not in group.attrs:
        raise ValueError("The file holds no weights in the layout of Keras 2: it has no attribute 'layer_names'.")
    saved = [(name, _names(hard_linked(group, name), "weight_names")) for name in _names(group, "layer_names")]
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
    for variable, array in found:
        variable.assign(array)


def _names(group, attribute: str) -> list[str]:
    """The attribute's names; long lists are kept in parts, `attribute` with a number behind."""
    if group is None:
        raise ValueError("The file lists a layer that it has no group of.")
    parts = [group.attrs[attribute]] if attribute in group.attrs else []
    while f"{attribute}{len(parts)}" in group.attrs:
        parts.append(group.attrs[f"{attribute}{len(parts)}"])
    return [name.decode() if isinstance(name, bytes) else str(name) for part in parts for name in part]


def _read(layer, store: Store, name: str, names: list[str]) -> list[tuple[object, np.ndarray]]:
    variables = [*layer.trainable_weights, *layer.non_trainable_weights]
    if len(variables) != len(names):
        raise ValueError(
            f"Weight count mismatch for layer {layer.name!r}: it expects {len(variables)} weight(s), the saved layer "
            f"{name!r} has {len(names)}."
        )
    return [(v, store.read(place, tuple(v.shape))) for v, place in zip(variables, names, strict=True)]
