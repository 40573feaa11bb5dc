"""Nested structures of lists, tuples, named tuples, deques and dicts, whose leaves are anything else (None too).

Dict entries are visited in the order of their sorted keys, those of an OrderedDict in its own, as in Keras.
"""

from collections import OrderedDict, defaultdict, deque
from collections.abc import Mapping

import numpy as np

__all__ = [
    "MAP_TO_NONE", "assert_same_paths", "assert_same_structure", "flatten", "flatten_with_path", "is_nested",
    "lists_to_tuples", "map_shape_structure", "map_structure", "map_structure_up_to", "pack_sequence_as", "traverse",
]  # fmt: skip

_SEQUENCES = (list, tuple, deque)
# What most leaves are: to ask more takes longer.
_LEAVES = {np.ndarray, bool, int, float, str, type(None)}


def leaf(cls: type) -> type:
    """Notes that objects of the class `cls` itself are leaves."""
    _LEAVES.add(cls)
    return cls


class MAP_TO_NONE:
    """What a function returns to `traverse` to put None in a place: None itself leaves it as it is.

    Example:
        >>> traverse(lambda x: MAP_TO_NONE if x == 1 else None, [1, 2])
        [None, 2]
    """


def is_nested(structure) -> bool:
    """Whether `structure` is a list, tuple, deque or mapping.

    Example:
        >>> is_nested([1]), is_nested(1)
        (True, False)
    """
    return type(structure) not in _LEAVES and (isinstance(structure, _SEQUENCES) or _is_mapping(structure))


def flatten(structure) -> list:
    """The leaves of `structure`, left to right.

    Example:
        >>> flatten({"b": 1, "a": [2, 3]})
        [2, 3, 1]
    """
    if type(structure) in _LEAVES:
        return [structure]
    if isinstance(structure, _SEQUENCES):
        return [leaf for item in structure for leaf in flatten(item)]
    if _is_mapping(structure):
        return [leaf for key in _keys(structure) for leaf in flatten(structure[key])]
    return [structure]


def flatten_with_path(structure) -> list:
    """The leaves of `structure`, each as `(path, leaf)`; a path is the tuple of indices and keys that leads there.

    Example:
        >>> flatten_with_path([{"foo": 42}])
        [((0, 'foo'), 42)]
    """
    if not is_nested(structure):
        return [((), structure)]
    return [((step, *path), leaf) for step, item in _items(structure) for path, leaf in flatten_with_path(item)]


def pack_sequence_as(structure, flat_sequence):
    """A copy of `structure` whose leaves are those of `flat_sequence`, in the order of `flatten`.

    Raises:
        TypeError: when `flat_sequence` is none.
        ValueError: when the numbers of leaves differ.

    Example:
        >>> pack_sequence_as({"a": 0, "b": (0, 0)}, [1, 2, 3])
        {'a': 1, 'b': (2, 3)}
    """
    flat_sequence = list(flat_sequence)
    count = len(flatten(structure))
    if count != len(flat_sequence):
        raise ValueError(f"The structure has {count} leaves and `flat_sequence` has {len(flat_sequence)}.")
    leaves = iter(flat_sequence)
    return _rebuild(structure, lambda _: next(leaves))


def map_structure(func, *structures, none_is_leaf=True):
    """`func` applied to the leaves of `structures` that stand in the same place, in their common structure.

    Args:
        func: takes a leaf of each.
        structures: alike, as `assert_same_structure` says.
        none_is_leaf: whether `func` gets None too; otherwise None stays.

    Raises:
        TypeError: when `func` is no function.
        ValueError: when the structures differ, or there is none.

    Example:
        >>> map_structure(lambda a, b: a + b, {"a": 1}, {"a": 2})
        {'a': 3}
    """
    if len(structures) == 1 and type(structures[0]) in _LEAVES and callable(func):
        return func(structures[0]) if none_is_leaf or structures[0] is not None else None
    _check_function(func, structures)
    if len(structures) == 1 and none_is_leaf:
        return _rebuild(structures[0], func)
    for other in structures[1:]:
        assert_same_structure(structures[0], other)
    others = [iter(flatten(other)) for other in structures[1:]]

    def mapped(leaf):
        leaves = (leaf, *(next(other) for other in others))
        if none_is_leaf or leaf is not None:
            return func(*leaves)
        if any(other is not None for other in leaves):
            raise ValueError(f"Where one structure has None the others should; they have {leaves}.")
        return None

    return _rebuild(structures[0], mapped)


def map_structure_up_to(shallow_structure, func, *structures):
    """`func` applied to what stands in `structures` where `shallow_structure` has a leaf, nested further or not.

    Args:
        shallow_structure: says how deep to go.
        func: takes a part of each of `structures`.
        structures: like `shallow_structure`, or deeper.

    Raises:
        TypeError: when `func` is no function.
        ValueError: when a structure differs from the shallow one, or there is none.

    Example:
        >>> map_structure_up_to([None, None], len, [[1, 1], [2]])
        [2, 1]
    """
    _check_function(func, structures)
    parts = [iter(_parts(shallow_structure, structure)) for structure in structures]
    return _rebuild(shallow_structure, lambda _: func(*(next(part) for part in parts)))


def map_shape_structure(func, structure):
    """`func` applied to the shapes of `structure`: tuples of ints and Nones, which are leaves here.

    Example:
        >>> map_shape_structure(len, {"a": (2, 3), "b": [(None,)]})
        {'a': 2, 'b': [1]}
    """
    _check_function(func, (structure,))

    if structure is None or (type(structure) is tuple and all(s is None or isinstance(s, int) for s in structure)):
        return func(structure)
    if not is_nested(structure):
        return structure
    return _with_items(structure, [map_shape_structure(func, item) for _, item in _items(structure)])


def traverse(func, structure, top_down=True):
    """`structure` with those parts replaced for which `func` returns something else than None.

    Args:
        func: takes a part: the whole, an item, ..., a leaf. What it returns takes the part's place, None for
            `MAP_TO_NONE`; None leaves it, and goes into it.
        structure: any.
        top_down: whether the whole comes before its items; what is replaced is then not gone into.

    Raises:
        TypeError: when `func` is no function.

    Example:
        >>> traverse(lambda x: "T" if isinstance(x, tuple) else None, [(1, 2), [3]])
        ['T', [3]]
    """
    _check_function(func, (structure,))

    def replaced(part, otherwise):
        result = func(part)
        if result is None:
            return otherwise()
        return None if result is MAP_TO_NONE else result

    def into(part):
        return _with_items(part, [traverse(func, item, top_down) for _, item in _items(part)])

    if not is_nested(structure):
        return replaced(structure, lambda: structure)
    if top_down:
        return replaced(structure, lambda: into(structure))
    rebuilt = into(structure)
    return replaced(rebuilt, lambda: rebuilt)


def lists_to_tuples(structure):
    """`structure` with tuples in place of its lists.

    Example:
        >>> lists_to_tuples([1, {"a": [2]}])
        (1, {'a': (2,)})
    """
    return traverse(lambda x: tuple(x) if isinstance(x, list) else None, structure, top_down=False)


def assert_same_structure(a, b, check_types=None):
    """Raises ValueError unless `a` and `b` nest alike: dicts of the same keys, others of one type and length.

    Args:
        a, b: structures.
        check_types: has no effect, as in Keras.
    """
    kinds = _kind(a), _kind(b)
    if kinds[0] is not kinds[1]:
        raise ValueError(f"The structures differ: {a!r} and {b!r}.")
    if kinds[0] is None:
        return
    if len(a) != len(b) or (kinds[0] is dict and set(a) != set(b)):
        raise ValueError(f"The structures differ: {a!r} and {b!r}.")
    for (_, one), (step, other) in zip(_items(a), _items(b), strict=True):
        assert_same_structure(one, b[step] if kinds[0] is dict else other)


def assert_same_paths(a, b):
    """Raises ValueError unless the leaves of `a` and `b` have the same paths, whatever types lead there.

    Example:
        >>> assert_same_paths([0, (1,)], (2, [3]))
    """
    paths = [{path for path, _ in flatten_with_path(structure)} for structure in (a, b)]
    if paths[0] != paths[1]:
        missing = "".join(
            f"\nPaths in `{here}` missing in `{there}`:\n{lacks}"
            for here, there, lacks in (("a", "b", paths[0] - paths[1]), ("b", "a", paths[1] - paths[0]))
            if lacks
        )
        raise ValueError(f"`a` and `b` don't have the same paths.{missing}")


def _check_function(func, structures) -> None:
    if not callable(func):
        raise TypeError(f"`func` must be callable. Received: func={func}")
    if not structures:
        raise ValueError("Must provide at least one structure")


def _kind(x):
    """What kind of structure `x` is; None for a leaf."""
    if isinstance(x, list):
        return list
    if isinstance(x, tuple):
        return type(x) if hasattr(x, "_fields") else tuple
    if isinstance(x, deque):
        return deque
    return dict if _is_mapping(x) else None


def _is_mapping(x) -> bool:
    # Whether a type is a Mapping is looked up among all of its subclasses, once for each type, and kept.
    return hasattr(x, "keys") and isinstance(x, Mapping)


def _keys(mapping) -> list:
    if isinstance(mapping, OrderedDict):
        return list(mapping)
    try:
        return sorted(mapping)
    except TypeError:  # keys of different types
        return list(mapping)


def _items(structure) -> list[tuple]:
    """`(index or key, item)` of a structure, in the order of `flatten`."""
    if _is_mapping(structure):
        return [(key, structure[key]) for key in _keys(structure)]
    return list(enumerate(structure))


def _parts(shallow, structure) -> list:
    if not is_nested(shallow):
        return [structure]
    if _kind(shallow) is not _kind(structure) or len(shallow) != len(structure):
        raise ValueError(f"The structure {structure!r} is not like the shallow structure {shallow!r}.")
    items = dict(_items(structure))
    if any(step not in items for step, _ in _items(shallow)):
        raise ValueError(f"The structure {structure!r} is not like the shallow structure {shallow!r}.")
    return [part for step, item in _items(shallow) for part in _parts(item, items[step])]


def _rebuild(structure, leaf_fn):
    if not is_nested(structure):
        return leaf_fn(structure)
    if type(structure) is tuple:
        return tuple([_rebuild(item, leaf_fn) for item in structure])
    return _with_items(structure, [_rebuild(item, leaf_fn) for _, item in _items(structure)])


def _with_items(structure, items: list):
    """A structure of the type and keys of `structure` with other items, in the order of `flatten`."""
    if _is_mapping(structure):
        rebuilt = dict(zip(_keys(structure), items, strict=True))
        pairs = [(key, rebuilt[key]) for key in structure]  # visited in sorted order, returned in the original's
        if isinstance(structure, defaultdict):
            return defaultdict(structure.default_factory, pairs)
        return type(structure)(pairs)
    if isinstance(structure, deque):
        return deque(items, structure.maxlen)
    return type(structure)(*items) if hasattr(structure, "_fields") else type(structure)(items)
