"""Preprocessing layers."""

import numpy as np

from tests.tables import LayerCase, rows

ROWS = rows(3, 4)
CATEGORIES = np.array([[0, 1], [0, 0], [1, 2], [3, 1]])

LAYERS = [
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
