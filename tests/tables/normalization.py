"""Normalizations."""

import numpy as np

from tests.tables import BadCase, LayerCase, MaskCase, OpCase, rows

IMAGES = rows(2, 6, 5, 4)
SEQUENCES = rows(2, 7, 3)
ROWS = rows(3, 4)
SEEN = np.arange(7) < [[4], [7]]
VECTOR, POSITIVE = rows(4), rows(4, low=0.5)

LAYERS = [
    LayerCase("BatchNormalization", {}, ROWS),
    LayerCase("BatchNormalization", {"axis": 1, "scale": False, "momentum": 0.9}, IMAGES),
    LayerCase("BatchNormalization", {"center": False, "gamma_regularizer": "l2"}, IMAGES),
    LayerCase("BatchNormalization", {"renorm": True, "renorm_clipping": {"rmax": 2.0, "dmax": 1.0}}, IMAGES),
    LayerCase("BatchNormalization", {"moving_variance_initializer": "ones"}, SEQUENCES, call={"mask": SEEN}),
    LayerCase("BatchNormalization", {}, IMAGES, {"training": True}, rtol=1e-4),
    LayerCase("GroupNormalization", {"groups": 2}, IMAGES),
    LayerCase("GroupNormalization", {"groups": 1, "epsilon": 0.1, "scale": False}, SEQUENCES),
    LayerCase("GroupNormalization", {"groups": -1, "center": False, "gamma_regularizer": "l2"}, IMAGES),
    LayerCase("GroupNormalization", {"groups": 3, "axis": 1, "gamma_constraint": "non_neg"}, IMAGES),
    LayerCase("GroupNormalization", {"groups": 2}, ROWS),
    LayerCase("LayerNormalization", {}, ROWS),
    LayerCase("LayerNormalization", {"axis": [1, 2], "epsilon": 1e-5}, IMAGES),
    LayerCase("LayerNormalization", {"scale": False}, SEQUENCES),
    LayerCase("RMSNormalization", {}, ROWS),
    LayerCase("RMSNormalization", {"axis": [2, 3], "epsilon": 0.1}, IMAGES),
    LayerCase("SpectralNormalization", lambda k: {"layer": k.layers.Dense(3, name="d"), "power_iterations": 2}, ROWS),
    LayerCase("SpectralNormalization", lambda k: {"layer": k.layers.Conv2D(3, 2, name="c")}, IMAGES),
    # Floats, as Keras's returns the dtype of its inputs: an embedding of ints is cut off to zeros there.
    LayerCase(
        "SpectralNormalization",
        lambda k: {"layer": k.layers.Embedding(9, 3, name="e")},
        (np.arange(8.0).reshape(4, 2) + 0.5).astype("float32"),
    ),
    LayerCase("UnitNormalization", {}, ROWS),
    LayerCase("UnitNormalization", {"axis": [1, 2]}, IMAGES),
    LayerCase("UnitNormalization", {"axis": 1}, SEQUENCES),
]

STEPS = rows(2, 7, seed=1) > 0

MASKS = [
    MaskCase("BatchNormalization", {}, SEQUENCES, STEPS, training=True),
    MaskCase("BatchNormalization", {"renorm": True}, SEQUENCES, STEPS, training=True),
    MaskCase("BatchNormalization", {"scale": False}, SEQUENCES, STEPS),
    MaskCase("BatchNormalization", {}, SEQUENCES, STEPS & False, training=True),
    MaskCase("LayerNormalization", {}, SEQUENCES, STEPS),
    MaskCase("GroupNormalization", {"groups": 3}, SEQUENCES, STEPS),
    MaskCase("UnitNormalization", {}, SEQUENCES, STEPS),
]

OPS = [
    OpCase("batch_normalization", (IMAGES, VECTOR, POSITIVE, -1), {"epsilon": 0.01}, gradient=True),
    OpCase("batch_normalization", (ROWS, rows(3), rows(3, low=0.5), 0, rows(3), rows(3)), gradient=True),
    OpCase("layer_normalization", (IMAGES,), {"axis": (1, 2), "epsilon": 0.01}, gradient=True),
    OpCase("layer_normalization", (IMAGES, VECTOR, rows(4, seed=8)), gradient=True),
    OpCase("moments", (rows(3, 4), (0,)), gradient=True),
    OpCase("normalize", (IMAGES,), {"axis": 1}, gradient=True),
    OpCase("normalize", (IMAGES,), {"axis": (1, 2), "order": 1}, gradient=True),
    OpCase("normalize", (ROWS,), {"order": 3}, gradient=True),
    OpCase("rms_normalization", (IMAGES, VECTOR), gradient=True),
    OpCase("rms_normalization", (IMAGES,), {"axis": [1], "epsilon": 0.1}, gradient=True),
]

BAD = [
    BadCase("GroupNormalization groups", lambda k: k.layers.GroupNormalization(groups=0), "groups=0"),
    BadCase(
        "GroupNormalization more groups",
        lambda k: k.layers.GroupNormalization()(ROWS),
        "(32) cannot be more than the number of channels (4)",
    ),
    BadCase(
        "GroupNormalization no divisor",
        lambda k: k.layers.GroupNormalization(groups=3)(ROWS),
        "(3) must be a divisor of the number of channels (4)",
    ),
    BadCase(
        "GroupNormalization unknown channels",
        lambda k: k.layers.GroupNormalization(groups=2)(k.Input((4, None))),
        "(None, 4, None)",
    ),
    BadCase(
        "SpectralNormalization iterations",
        lambda k: k.layers.SpectralNormalization(k.layers.Dense(2), power_iterations=0),
        "power_iterations=0",
    ),
    BadCase("SpectralNormalization kernel", lambda k: k.layers.SpectralNormalization(k.layers.ReLU())(ROWS), "ReLU"),
    BadCase("SpectralNormalization layer", lambda k: k.layers.SpectralNormalization("dense"), "dense"),
    BadCase("UnitNormalization axis", lambda k: k.layers.UnitNormalization(axis="a"), "axis=a"),
    BadCase("LayerNormalization axis", lambda k: k.layers.LayerNormalization(axis="a"), "'axis'"),
    BadCase(
        "BatchNormalization synchronized", lambda k: k.layers.BatchNormalization(synchronized=True), "synchronized"
    ),
    BadCase(
        "BatchNormalization clipping keys",
        lambda k: k.layers.BatchNormalization(renorm=True, renorm_clipping={"r": 1.0}),
        "['rmax', 'rmin', 'dmax']",
    ),
    BadCase(
        "BatchNormalization clipping order",
        lambda k: k.layers.BatchNormalization(renorm=True, renorm_clipping={"rmax": 0.5, "rmin": 0.9}),
        "rmax=0.5, rmin=0.9",
    ),
    BadCase(
        "BatchNormalization clipping sign",
        lambda k: k.layers.BatchNormalization(renorm=True, renorm_clipping={"dmax": -1.0}),
        "dmax=-1.0",
    ),
    BadCase(
        "BatchNormalization mask", lambda k: k.layers.BatchNormalization()(ROWS, training=True, mask=SEEN), "mask.shape"
    ),
]
