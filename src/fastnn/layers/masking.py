"""How masks go through one layer call: into the arguments of `call` that ask for them, and onto the outputs."""

from __future__ import annotations

import warnings

from fastnn import tree
from fastnn.graph.masks import attach_masks, get_keras_mask, has_mask, masks_of, set_keras_mask
from fastnn.layers import call_context
from fastnn.layers.call_signature import Bound, CallSignature, array_arguments


def fill(signature: CallSignature, bound: Bound, kwargs: dict) -> dict:
    """The mask arguments that the call did not get, from the masks of its arrays.

    With one argument of arrays it is `mask`; with several, `<name>_mask` for each. Each is a structure like its
    arrays, None where one has no mask.

    Args:
        signature, bound, kwargs: of the call; `bound` is not changed.
    """
    asked = {name for name in signature.mask_names if name not in bound.arguments or kwargs.get(name, 0) is None}
    if not asked:
        return {}
    arrays = array_arguments(bound)
    arrays = {name: value for name, value in arrays.items() if name != "mask" and not name.endswith("_mask")}
    wanted = {f"{name}_mask": value for name, value in arrays.items()}
    if len(arrays) == 1:
        wanted = {"mask": next(iter(arrays.values()))}
    return {name: masks_of(value) for name, value in wanted.items() if name in asked}


def leave(layer, bound: Bound, outputs) -> None:
    """Puts the masks on `outputs` that `layer.compute_mask` makes of those of the first argument; warns when they end
    in a layer that does not say what becomes of them.

    An output that has a mask already, set in `call`, keeps it.
    """
    inputs = next(iter(bound.arguments.values()), None)
    previous = bound.arguments.get("mask")
    if previous is None:
        previous = masks_of(inputs)
    if not layer.supports_masking:
        if previous is not None and has_mask(previous) and not call_context.is_probing():
            warnings.warn(
                f"Layer '{layer.name}' (of type {type(layer).__name__}) was passed an input with a mask attached to "
                "it. However, this layer does not support masking and will therefore destroy the mask information. "
                "Downstream layers will not see the mask.",
                stacklevel=4,
            )
        return
    flat = tree.flatten(outputs)
    if all(get_keras_mask(y) is not None for y in flat):
        return
    masks = layer.compute_mask(inputs, previous)
    if masks is None:
        return
    for y, mask in zip(flat, tree.flatten(masks), strict=False):
        if mask is not None and get_keras_mask(y) is None:
            set_keras_mask(y, mask)


def enter(inputs, mask):
    """`inputs` of a model, each with its part of an explicit `mask`."""
    if mask is not None:
        attach_masks(inputs, mask)
    return inputs
