"""Merging layers."""

import numpy as np

from tests.tables import BadCase, LayerCase, MaskCase, rows

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

STEPS = [rows(2, 3) > 0, rows(2, 3, seed=8) > 0]
SEQUENCES = [rows(2, 3, 4), rows(2, 3, 4, seed=8)]

MASKS = [
    *(MaskCase(name, {}, SEQUENCES, STEPS) for name in ("Add", "Average", "Maximum", "Minimum", "Multiply")),
    *(MaskCase(name, {}, SEQUENCES, [None, STEPS[1]]) for name in ("Maximum", "Minimum", "Multiply")),
    *(MaskCase(name, {}, SEQUENCES, [STEPS[0], None]) for name in ("Maximum", "Minimum", "Multiply")),
    MaskCase("Subtract", {}, SEQUENCES, STEPS),
    MaskCase("Add", {}, SEQUENCES, [STEPS[0], None]),
    MaskCase("Add", {}, [*SEQUENCES, rows(2, 1, 4)], [*STEPS, np.array([[False], [True]])]),
    MaskCase("Concatenate", {}, SEQUENCES, STEPS),
    MaskCase("Concatenate", {}, SEQUENCES, [None, STEPS[0]]),
    MaskCase("Concatenate", {"axis": 1}, [rows(2, 3, 4), rows(2, 1, 4)], [STEPS[0], None]),
    MaskCase("Concatenate", {"axis": 1}, SEQUENCES, STEPS),
    MaskCase("Concatenate", {"axis": 2}, [rows(2, 3, 4), rows(2, 3, 1)], STEPS),
    MaskCase("Concatenate", {}, SEQUENCES, [None, None]),
    MaskCase("Dot", {"axes": 1}, SEQUENCES, STEPS),
]

BAD = [
    BadCase("Add mask", lambda k: k.layers.Add().compute_mask(SEQUENCES, STEPS[0]), "mask"),
    BadCase("Add masks", lambda k: k.layers.Add().compute_mask(SEQUENCES, STEPS[:1]), "mask"),
    BadCase("Concatenate masks", lambda k: k.layers.Concatenate().compute_mask(SEQUENCES, STEPS[:1]), "mask"),
]
