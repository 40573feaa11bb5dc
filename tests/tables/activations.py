"""Activations: layers, and as functions those that no layer of a table uses."""

from tests.tables import LayerCase, MaskCase, OpCase, rows

IMAGES = rows(2, 6, 5, 4)
SEQUENCES = rows(2, 7, 3)
ROWS = rows(3, 4)

LAYERS = [
    LayerCase("Activation", {"activation": "gelu"}, ROWS),
    LayerCase("Activation", {"activation": "mish"}, ROWS),
    LayerCase("Activation", {"activation": "softmax"}, ROWS),
    LayerCase("ReLU", {}, ROWS),
    LayerCase("ReLU", {"max_value": 1.0, "negative_slope": 0.1, "threshold": 0.2}, ROWS),
    LayerCase("LeakyReLU", {"negative_slope": 0.2}, ROWS),
    LayerCase("PReLU", {}, ROWS),
    LayerCase("PReLU", {"shared_axes": [1, 2], "alpha_initializer": "ones"}, IMAGES),
    LayerCase("ELU", {"alpha": 0.7}, ROWS),
    LayerCase("Softmax", {}, SEQUENCES),
    LayerCase("Softmax", {"axis": 1}, SEQUENCES),
]

MASKS = [
    MaskCase("Activation", {"activation": "tanh"}, SEQUENCES, rows(2, 7, seed=1) > 0),
    MaskCase("PReLU", {}, SEQUENCES, rows(2, 7, seed=1) > 0),
    MaskCase("Softmax", {}, SEQUENCES, rows(2, 7, 3, seed=1) > 0),
]

OPS = [
    OpCase("softplus", (ROWS,), gradient=True),
    OpCase("gelu", (ROWS,), gradient=True),
    OpCase("gelu", (ROWS,), {"approximate": False}, gradient=True),
    OpCase("log_softmax", (SEQUENCES,), {"axis": 1}, gradient=True),
]
