"""Structures: the same results as Keras's, and the same types of errors."""

from collections import OrderedDict, defaultdict, deque, namedtuple

import keras
import numpy as np
import pytest

import fastnn

Point = namedtuple("Point", "x y")
Other = namedtuple("Other", "x y")
NESTED = [{"b": 1, "a": (2, None)}, Point(3, [4]), deque([5])]
SHAPES = {"a": (1, None), "b": [(2, 3), ()], "c": None}


def both(x):
    return x + 1 if isinstance(x, int) else None


CASES = {
    "flatten": lambda t: t.flatten(NESTED),
    "flatten a leaf": lambda t: t.flatten(None),
    "flatten an OrderedDict": lambda t: t.flatten(OrderedDict([("b", 1), ("a", 2)])),
    "flatten other keys": lambda t: t.flatten({100: "world", 6: "hello"}),
    "with path": lambda t: t.flatten_with_path(NESTED),
    "with path, a leaf": lambda t: t.flatten_with_path(3),
    "with path, nothing": lambda t: t.flatten_with_path([[], {}]),
    "is nested": lambda t: [t.is_nested(x) for x in (deque(), Point(1, 2), {}, (), "a", np.ones(2), {1}, range(3), 1)],
    "pack": lambda t: t.pack_sequence_as(NESTED, range(6)),
    "pack too few": lambda t: t.pack_sequence_as([1, 2], [1]),
    "pack too many": lambda t: t.pack_sequence_as(1, [1, 2]),
    "pack no sequence": lambda t: t.pack_sequence_as([1], 3),
    "map": lambda t: t.map_structure(lambda x: (x, 0), NESTED),
    "map two": lambda t: t.map_structure(lambda x, y: (x, y), {"a": [1]}, OrderedDict(a=[2])),
    "map a defaultdict": lambda t: t.map_structure(lambda x: -x, defaultdict(int, {"b": 1, "a": 2})),
    "map list with tuple": lambda t: t.map_structure(lambda x, y: x, [1], (1,)),
    "map, None stays": lambda t: t.map_structure(lambda x: 0, [1, None], none_is_leaf=False),
    "map two, None stays": lambda t: t.map_structure(lambda x, y: 0, [1, None], [2, None], none_is_leaf=False),
    "map two, one None": lambda t: t.map_structure(lambda x, y: 0, [1, None], [2, 3], none_is_leaf=False),
    "map without a function": lambda t: t.map_structure(3, [1]),
    "map without a structure": lambda t: t.map_structure(len),
    "same": lambda t: t.assert_same_structure(NESTED, t.map_structure(str, NESTED)),
    "same dicts": lambda t: t.assert_same_structure({"a": 1}, OrderedDict(a=2)),
    "not the same": lambda t: t.assert_same_structure([1], (1,)),
    "not the same length": lambda t: t.assert_same_structure([1], [1, 2]),
    "not the same keys": lambda t: t.assert_same_structure({"a": 1}, {"b": 1}),
    "not the same named tuples": lambda t: t.assert_same_structure(Point(1, 2), Other(1, 2)),
    "a leaf is no structure": lambda t: t.assert_same_structure(None, [1]),
    "same paths": lambda t: t.assert_same_paths([0, (1,)], (2, Point(3, 4)[:1])),
    "not the same paths": lambda t: t.assert_same_paths([0, 1], [0]),
    "lists to tuples": lambda t: t.lists_to_tuples(NESTED),
    "shapes": lambda t: t.map_shape_structure(lambda shape: ("shape", shape), SHAPES),
    "up to": lambda t: t.map_structure_up_to({"a": 0, "b": (0, 0)}, str, {"a": [1], "b": (2, {"c": 3})}),
    "up to, two": lambda t: t.map_structure_up_to(Point(0, 0), lambda x, y: (x, y), Point([1], 2), Point(3, (4,))),
    "up to, shallower": lambda t: t.map_structure_up_to([0, [0]], str, [1, 2]),
    "up to, other length": lambda t: t.map_structure_up_to([0, 0], str, [1]),
    "up to, other type": lambda t: t.map_structure_up_to([0, 0], str, (1, 2)),
    "traverse, leaves": lambda t: t.traverse(both, NESTED),
    "traverse, upwards": lambda t: t.traverse(both, NESTED, top_down=False),
    "traverse, a part": lambda t: t.traverse(lambda x: "T" if isinstance(x, tuple) else None, NESTED),
    "traverse to None": lambda t: t.traverse(lambda x: t.MAP_TO_NONE if x == 1 else None, [1, [1, 2]]),
    "traverse without a function": lambda t: t.traverse(3, [1]),
}


def outcome(case, t):
    try:
        return case(t)
    except (TypeError, ValueError) as error:
        return type(error)


@pytest.mark.parametrize("name", CASES)
def test_against_keras(name):
    ours, theirs = (outcome(CASES[name], k.tree) for k in (fastnn, keras))
    assert ours == theirs
    assert type(ours) is type(theirs)


@pytest.mark.parametrize("top_down", [True, False])
def test_traverse_visits_in_order(top_down):
    seen = {}
    for k in (fastnn, keras):
        visited = seen[k] = []
        k.tree.traverse(visited.append, [(1, 2), [3], {"a": 4}], top_down=top_down)
    assert seen[fastnn] == seen[keras]


def test_up_to_takes_none_for_a_leaf():
    """As Keras documents it; its released version raises."""
    assert fastnn.tree.map_structure_up_to([None, [None, None]], str, [[1, 1], [2, 2]]) == ["[1, 1]", ["2", "2"]]
