"""Core layers."""

import numpy as np

from tests.tables import BadCase, LayerCase, MaskCase, rows

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
    LayerCase("Masking", {}, SEQUENCES),
    LayerCase("Masking", {"mask_value": 1}, INDICES.astype("float32"), gradient=False),
]

STEPS = np.array([[1, 1, 0, 1, 0, 0, 0], [1, 0, 0, 0, 0, 1, 1]], bool)

MASKS = [
    MaskCase("Dense", {"units": 3}, SEQUENCES, STEPS),
    MaskCase("Dense", {"units": 3}, SEQUENCES, None),
    MaskCase("Embedding", {"input_dim": 5, "output_dim": 3, "mask_zero": True}, INDICES, None),
    MaskCase("Embedding", {"input_dim": 5, "output_dim": 3}, INDICES, INDICES > 1),
    MaskCase("Identity", {}, SEQUENCES, STEPS),
    MaskCase("Lambda", lambda k: {"function": lambda x: x * 2, "mask": lambda x, mask: mask}, SEQUENCES, STEPS),
    MaskCase("Lambda", lambda k: {"function": lambda x: x * 2}, SEQUENCES, STEPS),
    MaskCase(
        "Lambda",
        lambda k: {"function": lambda x, mask=None: x if mask is None else x * 3},
        SEQUENCES,
        STEPS,
    ),
    MaskCase("Masking", {}, SEQUENCES * STEPS[..., None], None),
    MaskCase("Masking", {}, SEQUENCES * STEPS[..., None], ~STEPS),
    MaskCase("Masking", {"mask_value": 2.0}, np.float32([[[2, 2], [2, 1]], [[0, 0], [2, 2]]]), None),
]

BAD = [
    BadCase("Dense units", lambda k: k.layers.Dense(0), "units"),
]
