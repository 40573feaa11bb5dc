"""Preprocessing layers."""

import numpy as np

from tests.tables import LayerCase, rows

ROWS = rows(3, 4)
CATEGORIES = np.array([[0, 1], [0, 0], [1, 2], [3, 1]])

BOUNDARIES = {"bin_boundaries": [-0.5, 0.0, 1.0]}
IMAGES = rows(2, 4, 3, 2)

LAYERS = [
    LayerCase("Discretization", BOUNDARIES, ROWS, gradient=False),
    LayerCase("Discretization", {**BOUNDARIES, "output_mode": "one_hot"}, ROWS, gradient=False),
    LayerCase("Discretization", {**BOUNDARIES, "output_mode": "one_hot"}, ROWS[:, :1], gradient=False),
    LayerCase("Discretization", {**BOUNDARIES, "output_mode": "multi_hot"}, ROWS, gradient=False),
    LayerCase("Discretization", {**BOUNDARIES, "output_mode": "count"}, IMAGES, gradient=False),
    LayerCase("Normalization", {"mean": 0.5, "variance": 4.0}, IMAGES),
    LayerCase("Normalization", {"mean": [0.5, 1.0], "variance": [4.0, 2.0], "invert": True}, IMAGES),
    LayerCase("Normalization", {"axis": (1, 3), "mean": [0.5, 1.0], "variance": [4.0, 2.0]}, IMAGES),
    LayerCase("CategoryEncoding", {"num_tokens": 4}, CATEGORIES, gradient=False),
    LayerCase("CategoryEncoding", {"num_tokens": 4, "output_mode": "one_hot"}, CATEGORIES, gradient=False),
    LayerCase("CategoryEncoding", {"num_tokens": 4, "output_mode": "one_hot"}, CATEGORIES[:, :1], gradient=False),
    LayerCase("CategoryEncoding", {"num_tokens": 5, "output_mode": "count"}, CATEGORIES, gradient=False),
    LayerCase(
        "CategoryEncoding",
        {"num_tokens": 4, "output_mode": "count"},
        CATEGORIES,
        call={"count_weights": rows(4, 2)},
        gradient=False,
    ),
    LayerCase("Rescaling", {"scale": 0.5, "offset": -1.0}, ROWS),
    LayerCase("Rescaling", {"scale": [1.0, 2.0, 3.0, 4.0]}, ROWS),
    LayerCase("Rescaling", {"scale": 1 / 255}, np.arange(12, dtype="uint8").reshape(3, 4)),
]
