"""What becomes of the masks of arrays that are merged into one."""

import functools

from fastnn import ops
from fastnn.graph.masks import get_keras_mask


def check_masks(inputs, masks) -> None:
    """Raises ValueError unless `masks` is a list with one entry for each of the list `inputs`."""
    for name, value in (("mask", masks), ("inputs", inputs)):
        if not isinstance(value, (tuple, list)):
            raise ValueError(f"`{name}` should be a list. Received: {name}={value}")
    if len(masks) != len(inputs):
        raise ValueError(
            f"The lists `inputs` and `mask` should have the same length. Received: inputs={inputs} of length "
            f"{len(inputs)}, and mask={masks} of length {len(masks)}"
        )


def any_of(inputs, masks):
    """A position counts when it does in any input; None where an input has no mask, because then all count."""
    if masks is None:
        return None
    check_masks(inputs, masks)
    if any(mask is None for mask in masks):
        return None
    return functools.reduce(ops.logical_or, masks)


def joined(inputs, masks, axis: int):
    """The masks of `inputs` that are concatenated along `axis`; all of an input without one counts."""
    if masks is None:
        return None
    check_masks(inputs, masks)
    if all(mask is None for mask in masks):
        return None
    full = [_in_full(x, mask) for x, mask in zip(inputs, masks, strict=True)]
    return ops.any(ops.concatenate(full, axis=axis), axis=-1)


def where_both_count(merge_two, inputs):
    """`inputs`, merged two by two: where only one of the two counts it is taken, where none does the first."""
    total, counts = inputs[0], _mask_for(inputs[0])
    for x in inputs[1:]:
        mask = _mask_for(x)
        merged = merge_two(total, x)
        if counts is not None:
            merged = ops.where(counts, merged, x)
        if mask is not None:
            merged = ops.where(mask, merged, total)
        total = merged
        counts = None if counts is None or mask is None else ops.logical_or(counts, mask)
    return total


def where_any_counts(merge_two, inputs, neutral):
    """`inputs`, merged with `neutral` in place of what does not count; zero where nothing does."""
    masks = [_mask_for(x) for x in inputs]
    counted = [x if m is None else ops.where(m, x, neutral) for x, m in zip(inputs, masks, strict=True)]
    total = functools.reduce(merge_two, counted)
    if any(mask is None for mask in masks):
        return total
    return total * ops.cast(functools.reduce(ops.logical_or, masks), total.dtype)


def _mask_for(x):
    """The mask of `x` in its rank, or None."""
    mask = get_keras_mask(x)
    return None if mask is None else _in_rank(x, mask)


def _in_rank(x, mask):
    for _ in range(len(x.shape) - len(mask.shape)):
        mask = ops.expand_dims(mask, -1)
    return mask


def _in_full(x, mask):
    """`mask`, in the shape of `x`."""
    ones = ops.ones_like(x, dtype="bool")
    return ones if mask is None else ops.logical_and(_in_rank(x, mask), ones)
