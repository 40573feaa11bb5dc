"""The lists of variables that a layer shows, each variable once: own ones first, then those of its sublayers."""

import numpy as np


def unique(items) -> list:
    """`items`, each once (by identity), in order."""
    return list({id(item): item for item in items}.values())


def without(items, others) -> list:
    """`items` that are not in `others` (by identity)."""
    excluded = {id(other) for other in others}
    return [item for item in items if id(item) not in excluded]


def own(layer) -> list:
    """Own variables, those made trainable first: the order of Keras's lists and files, whatever is frozen later."""
    own = layer._children().variables
    return [v for v in own if v.made_trainable] + [v for v in own if not v.made_trainable]


def weights(layer) -> list:
    return unique(variable for inner in layer._flatten_layers() for variable in own(inner))


def variables(layer) -> list:
    found = []
    for inner in layer._flatten_layers():
        found += own(inner)
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


def assign_all(owner_name: str, variables, store) -> None:
    """Sets `variables` from the arrays "0", "1", ... of `store`, all of them or none."""
    count = len(list(store.keys()))
    if count != len(variables):
        raise ValueError(
            f"Layer {owner_name!r} expected {len(variables)} variables, but received {count} variables during loading. "
            f"Expected: {[v.name for v in variables]}"
        )
    arrays = []
    for k, variable in enumerate(variables):
        # A file's store checks the shape before it reads the numbers, and gives them away.
        is_file = hasattr(store, "read")
        array = store.read(str(k), variable.shape) if is_file else np.asarray(store[str(k)])
        if array.shape != variable.shape:
            raise ValueError(
                f"Variable {variable.path!r} has shape {variable.shape}; the array has shape {array.shape}."
            )
        arrays.append(array.astype(variable.dtype, copy=not is_file))
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
