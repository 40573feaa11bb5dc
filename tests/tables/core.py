"""Core layers."""

import numpy as np

from tests.tables import BadCase, LayerCase, rows

IMAGES = rows(2, 6, 5, 4)
SEQUENCES = rows(2, 7, 3)
ROWS = rows(3, 4)
INDICES = np.array([[0, 3, 1], [2, 2, 0]])

# Indices given as floats are cut off to integers: differences see the jumps, the rule is zero.
LAYERS = [
    LayerCase("Dense", {"units": 3}, ROWS),
    LayerCase("Dense", {"units": 3, "activation": "tanh", "use_bias": False, "kernel_regularizer": "l2"}, SEQUENCES),
    LayerCase(
        "Dense", {"units": 2, "activity_regularizer": "l1", "kernel_constraint": "max_norm", "name": "d"}, IMAGES
    ),
    LayerCase("Embedding", {"input_dim": 5, "output_dim": 3}, INDICES),
    LayerCase(
        "Embedding",
        {"input_dim": 5, "output_dim": 3, "embeddings_regularizer": "l2"},
        INDICES.astype("float32"),
        gradient=False,
    ),
    LayerCase("Identity", {}, ROWS),
]

BAD = [
    BadCase("Dense units", lambda k: k.layers.Dense(0), "units"),
]
