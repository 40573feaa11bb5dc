"""What is passed to a model, matched with its inputs: structure, rank, shape and dtype."""

import numpy as np

from fastnn import ops, tree
from fastnn.graph.masks import carry_mask
from fastnn.layers.call_signature import is_array
from fastnn.layers.input_spec import InputSpec, check_shape
from fastnn.layers.text import is_text
from fastnn.ops.record import dtype_of


def match_inputs(inputs, structure, layers, model_name: str, check_sizes: bool = True) -> list:
    """The values of `inputs` in the order of `tree.flatten(structure)`, as the model's inputs should be.

    Args:
        inputs: what the caller passed: an array, a list, or a dict by name.
        structure: the model's inputs, as KerasTensors.
        layers: their InputLayers, in the same order: names, shapes, dtypes.
        model_name: for messages.
        check_sizes: whether sizes must fit, or only the number of axes.

    Raises:
        ValueError: for another number of inputs, missing names, or shapes that do not fit.
    """
    values = _in_order(inputs, structure, layers, model_name)
    fitted = []
    for k, (x, layer) in enumerate(zip(values, layers, strict=True)):
        if x is None and layer.optional:
            fitted.append(None)
            continue
        if not is_array(x):
            raise ValueError(
                f"Inputs to a model should be arrays. Input {k} of {model_name!r} is {x!r} ({type(x).__name__})."
            )
        given, x = x, _with_rank(x, layer.batch_shape)
        if check_sizes or len(x.shape) != len(layer.batch_shape):
            check_shape(InputSpec(shape=layer.batch_shape, name=layer.name), x, k, model_name)
        x = x if layer.dtype in (dtype_of(x), "string") else ops.cast(x, layer.dtype)
        fitted.append(carry_mask(given, x))
    return fitted


def _in_order(inputs, structure, layers, model_name: str) -> list:
    names = [layer.name for layer in layers]
    if isinstance(inputs, dict):
        keys = sorted(structure) if isinstance(structure, dict) else names
        missing = [key for key in keys if key not in inputs]
        if missing:
            raise ValueError(
                f'Missing data for input "{missing[0]}" of model {model_name!r}. You passed a data dictionary with '
                f"keys {sorted(inputs)}. Expected the following keys: {keys}"
            )
        return tree.flatten([inputs[key] for key in keys])
    values = tree.flatten(inputs)
    if len(values) != len(layers):
        raise ValueError(
            f'Layer "{model_name}" expects {len(layers)} input(s) ({names}), but it received {len(values)} input '
            f"tensors with shapes {[tuple(getattr(x, 'shape', ())) for x in values]}."
        )
    return values


def _with_rank(x, wanted: tuple):
    """`x` with a last axis of 1 added or taken away where that makes it fit, as in Keras."""
    ndim = len(x.shape)
    arrays = np if is_text(x) else ops
    if ndim == len(wanted) + 1 and x.shape[-1] == 1:
        return arrays.squeeze(x, axis=-1)
    if ndim == len(wanted) - 1 and wanted[-1] == 1:
        return arrays.expand_dims(x, axis=-1)
    return x
