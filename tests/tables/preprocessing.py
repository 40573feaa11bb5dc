"""Preprocessing layers."""

import numpy as np

from tests.tables import LayerCase, rows

ROWS = rows(3, 4)

LAYERS = [
    LayerCase("Rescaling", {"scale": 0.5, "offset": -1.0}, ROWS),
    LayerCase("Rescaling", {"scale": [1.0, 2.0, 3.0, 4.0]}, ROWS),
    LayerCase("Rescaling", {"scale": 1 / 255}, np.arange(12, dtype="uint8").reshape(3, 4)),
]
