"""Normalizations."""

from tests.tables import LayerCase, MaskCase, OpCase, rows

IMAGES = rows(2, 6, 5, 4)
SEQUENCES = rows(2, 7, 3)
ROWS = rows(3, 4)

LAYERS = [
    LayerCase("BatchNormalization", {}, ROWS),
    LayerCase("BatchNormalization", {"axis": 1, "scale": False, "momentum": 0.9}, IMAGES),
    LayerCase("BatchNormalization", {"center": False, "gamma_regularizer": "l2"}, IMAGES),
    LayerCase("LayerNormalization", {}, ROWS),
    LayerCase("LayerNormalization", {"axis": [1, 2], "epsilon": 1e-5}, IMAGES),
    LayerCase("LayerNormalization", {"scale": False}, SEQUENCES),
]

STEPS = rows(2, 7, seed=1) > 0

MASKS = [
    MaskCase("BatchNormalization", {}, SEQUENCES, STEPS, training=True),
    MaskCase("BatchNormalization", {"scale": False}, SEQUENCES, STEPS),
    MaskCase("BatchNormalization", {}, SEQUENCES, STEPS & False, training=True),
    MaskCase("LayerNormalization", {}, SEQUENCES, STEPS),
]

OPS = [
    OpCase("moments", (rows(3, 4), (0,)), gradient=True),
]
