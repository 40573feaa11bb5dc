"""Merging layers."""

from tests.tables import LayerCase, rows

IMAGES = rows(2, 6, 5, 4)
PAIR = [rows(3, 4), rows(3, 4, seed=8)]

LAYERS = [
    LayerCase("Add", {}, PAIR),
    LayerCase("Add", {}, [*PAIR, rows(3, 1)]),
    LayerCase("Multiply", {}, [rows(2, 4), IMAGES]),
    LayerCase("Subtract", {}, PAIR),
    LayerCase("Average", {}, [*PAIR, rows(3, 4)]),
    LayerCase("Maximum", {}, PAIR),
    LayerCase("Minimum", {}, PAIR),
    LayerCase("Concatenate", {}, [rows(3, 4), rows(3, 2)]),
    LayerCase("Concatenate", {"axis": 1}, [rows(3, 4, 2), rows(3, 1, 2)]),
    LayerCase("Dot", {"axes": 1}, PAIR),
    LayerCase("Dot", {"axes": (1, 2), "normalize": True}, [rows(2, 3, 4), rows(2, 5, 3)]),
    LayerCase("Dot", {"axes": -1}, [rows(2, 3, 4), rows(2, 4)]),
]
