"""The lists of variables that a layer shows, each variable once: own ones first, then those of its sublayers."""

import numpy as np


def unique(items) -> list:
    """`items`, each once (by identity), in order."""
    return list({id(item): item for item in items}.values())


def without(items, others) -> list:
    """`items` that are not in `others` (by identity)."""
    excluded = {id(other) for other in others}
    return [item for item in items if id(item) not in excluded]


def _own(layer) -> list:
    """Own variables, trainable ones first: the order of Keras's lists and files."""
    own = layer._children().variables
    return [v for v in own if v.trainable] + [v for v in own if not v.trainable]


def weights(layer) -> list:
    return unique(variable for inner in layer._flatten_layers() for variable in _own(inner))


def variables(layer) -> list:
    found = []
    for inner in layer._flatten_layers():
        found += _own(inner)
        found += [variable for generator in inner._children().seed_generators for variable in [generator.state]]
    return unique(found)


def trainable_variables(layer) -> list:
    """Those that are trainable, in layers that are and whose enclosing layers are."""
    found = []
    stack = [layer]
    seen = set()
    while stack:
        inner = stack.pop()
        if id(inner) in seen or not inner.trainable:
            continue
        seen.add(id(inner))
        children = inner._children()
        found += [variable for variable in children.variables if variable.trainable]
        stack.extend(reversed(children.layers))
    return unique(found)


def set_weights(layer, arrays) -> None:
    """Sets the weights of `layer`, all of them or none."""
    targets = layer.weights
    arrays = list(arrays)
    if len(arrays) != len(targets):
        raise ValueError(
            f"You called `set_weights(weights)` on layer {layer.name!r} with a weight list of length {len(arrays)}, "
            f"but the layer was expecting {len(targets)} weights."
        )
    converted = []
    for variable, array in zip(targets, arrays, strict=True):
        array = np.asarray(array)
        if array.shape != variable.shape:
            raise ValueError(
                f"Layer {layer.name} weight shape {variable.shape} is not compatible with provided weight shape "
                f"{array.shape} (weight {variable.path!r})."
            )
        converted.append(array.astype(variable.dtype))
    for variable, array in zip(targets, converted, strict=True):
        variable.assign(array)
