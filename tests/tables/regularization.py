"""Regularization and noise."""

from tests.tables import LayerCase, MaskCase, rows

IMAGES = rows(2, 6, 5, 4)
SEQUENCES = rows(2, 7, 3)
ROWS = rows(3, 4)

LAYERS = [
    LayerCase("Dropout", {"rate": 0.5}, ROWS),
    LayerCase("AlphaDropout", {"rate": 0.5, "noise_shape": (None, 1)}, ROWS),
    LayerCase("GaussianNoise", {"stddev": 0.5, "seed": 3}, ROWS),
    LayerCase("GaussianDropout", {"rate": 0.5}, ROWS),
    LayerCase("SpatialDropout1D", {"rate": 0.5}, SEQUENCES),
    LayerCase("SpatialDropout2D", {"rate": 0.5}, IMAGES),
    LayerCase("SpatialDropout3D", {"rate": 0.5, "data_format": "channels_first"}, rows(2, 4, 5, 3, 4)),
    LayerCase("ActivityRegularization", {"l1": 0.1, "l2": 0.2}, ROWS),
]

STEPS = rows(2, 7, seed=1) > 0

MASKS = [
    *(MaskCase(name, {"rate": 0.5}, SEQUENCES, STEPS) for name in ("Dropout", "GaussianDropout", "SpatialDropout1D")),
    MaskCase("GaussianNoise", {"stddev": 0.5}, SEQUENCES, STEPS),
    MaskCase("ActivityRegularization", {"l1": 0.1}, SEQUENCES, STEPS),
]
