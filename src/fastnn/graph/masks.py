"""Masks: booleans beside an array that say which of its positions count. Layers pass them on; ops do not look at them.

A Value and a KerasTensor carry theirs. A NumPy array has no place for one, so a table by identity has it: an entry
lives as long as its array and does not keep it alive.
"""

import weakref

import numpy as np

from fastnn import tree

_table: dict[int, tuple[weakref.ref, object]] = {}


def get_keras_mask(x):
    """The mask of `x`, or None.

    Args:
        x: an array, a traced value or a KerasTensor.

    Example:
        >>> x = np.ones((1, 2), "float32"); fastnn.backend.get_keras_mask(x) is None
        True
    """
    if not isinstance(x, np.ndarray):
        return getattr(x, "_keras_mask", None)
    entry = _table.get(id(x))
    return None if entry is None or entry[0]() is not x else entry[1]


def set_keras_mask(x, mask):
    """Makes `mask` the mask of `x`.

    Args:
        x: an array, a traced value or a KerasTensor.
        mask: the same kind of thing, bool, of the leading sizes of `x`; None takes the mask away.

    Example:
        >>> x = np.ones((1, 2, 3), "float32")
        >>> fastnn.backend.set_keras_mask(x, np.array([[True, False]]))
        >>> fastnn.backend.get_keras_mask(x)
        array([[ True, False]])
    """
    if not isinstance(x, np.ndarray):
        x._keras_mask = mask
        return
    key = id(x)
    if mask is None:
        _table.pop(key, None)
        return
    if isinstance(mask, np.ndarray) and np.may_share_memory(x, mask):
        mask = mask.copy()  # a view of `x` would keep it alive

    def forget(reference):
        if _table.get(key, (None,))[0] is reference:
            _table.pop(key, None)

    _table[key] = (weakref.ref(x, forget), mask)


def carry_mask(source, target):
    """`target`, with the mask of `source` where that has one: for the same positions in another dtype or rank."""
    mask = get_keras_mask(source)
    if mask is not None and target is not source:
        set_keras_mask(target, mask)
    return target


def masks_of(structure):
    """The masks of the leaves of `structure`, in its structure, None for those without."""
    return tree.map_structure(get_keras_mask, structure)


def flat_masks_of_arrays(structure) -> tuple:
    """The masks of the leaves of `structure`, in order; () when no array has one, which costs nothing to find out
    while there are no masks anywhere."""
    if not _table:
        return ()
    masks = tuple(get_keras_mask(leaf) for leaf in tree.flatten(structure))
    return masks if has_mask(masks) else ()


def attach_masks(tensors, masks) -> None:
    """Gives each leaf of `tensors` the mask at its place in `masks`, in the order of their leaves, where there is one.

    There may be fewer masks than leaves.
    """
    for x, mask in zip(tree.flatten(tensors), tree.flatten(masks), strict=False):
        if mask is not None:
            set_keras_mask(x, mask)


def has_mask(masks) -> bool:
    """Whether the structure `masks` holds any mask."""
    return any(mask is not None for mask in tree.flatten(masks))
