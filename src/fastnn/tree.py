"""Nested structures of lists, tuples, named tuples and dicts, whose leaves are anything else (None too).

Dict entries are visited in the order of their sorted keys, as in Keras.
"""

from collections.abc import Mapping

__all__ = ["assert_same_structure", "flatten", "is_nested", "map_structure", "pack_sequence_as"]


def is_nested(structure) -> bool:
    """Whether `structure` is a list, tuple or mapping.

    Example:
        >>> is_nested([1]), is_nested(1)
        (True, False)
    """
    return isinstance(structure, (list, tuple, Mapping))


def _keys(mapping):
    try:
        return sorted(mapping)
    except TypeError:  # keys of different types
        return list(mapping)


def flatten(structure) -> list:
    """The leaves of `structure`, left to right.

    Example:
        >>> flatten({"b": 1, "a": [2, 3]})
        [2, 3, 1]
    """
    if isinstance(structure, Mapping):
        return [leaf for key in _keys(structure) for leaf in flatten(structure[key])]
    if isinstance(structure, (list, tuple)):
        return [leaf for item in structure for leaf in flatten(item)]
    return [structure]


def pack_sequence_as(structure, flat_sequence, sequence_fn=None):
    """A copy of `structure` whose leaves are those of `flat_sequence`, in the order of `flatten`.

    Raises:
        ValueError: when the numbers of leaves differ.
    """
    flat_sequence = list(flat_sequence)
    count = len(flatten(structure))
    if count != len(flat_sequence):
        raise ValueError(f"The structure has {count} leaves and `flat_sequence` has {len(flat_sequence)}.")
    leaves = iter(flat_sequence)
    return _rebuild(structure, lambda _: next(leaves))


def map_structure(func, *structures):
    """`func` applied to the leaves of `structures` that stand in the same place, in their common structure.

    Raises:
        ValueError: when the structures differ.

    Example:
        >>> map_structure(lambda a, b: a + b, {"a": 1}, {"a": 2})
        {'a': 3}
    """
    for other in structures[1:]:
        assert_same_structure(structures[0], other)
    others = [iter(flatten(other)) for other in structures[1:]]
    return _rebuild(structures[0], lambda leaf: func(leaf, *(next(other) for other in others)))


def assert_same_structure(a, b, check_types=None):
    """Raises ValueError unless `a` and `b` nest alike."""
    if is_nested(a) != is_nested(b):
        raise ValueError(f"The structures differ: {a!r} and {b!r}.")
    if isinstance(a, Mapping):
        if not isinstance(b, Mapping) or _keys(a) != _keys(b):
            raise ValueError(f"The structures differ: {a!r} and {b!r}.")
        for key in a:
            assert_same_structure(a[key], b[key])
    elif is_nested(a):
        if isinstance(b, Mapping) or len(a) != len(b):
            raise ValueError(f"The structures differ: {a!r} and {b!r}.")
        for one, other in zip(a, b, strict=True):
            assert_same_structure(one, other)


def _rebuild(structure, leaf_fn):
    if isinstance(structure, Mapping):
        rebuilt = {key: _rebuild(structure[key], leaf_fn) for key in _keys(structure)}
        # Visited in sorted order, returned in the order of the original.
        return type(structure)((key, rebuilt[key]) for key in structure)
    if isinstance(structure, tuple) and hasattr(structure, "_fields"):
        return type(structure)(*(_rebuild(item, leaf_fn) for item in structure))
    if isinstance(structure, (list, tuple)):
        return type(structure)(_rebuild(item, leaf_fn) for item in structure)
    return leaf_fn(structure)
