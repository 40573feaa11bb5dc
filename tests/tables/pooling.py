"""Pooling layers."""

import numpy as np

from tests.tables import BadCase, LayerCase, MaskCase, OpCase, rows

IMAGES = rows(2, 6, 5, 4)
SEQUENCES = rows(2, 7, 3)
VOLUMES = rows(2, 4, 5, 3, 4)

LAYERS = [
    LayerCase("MaxPooling1D", {}, SEQUENCES),
    LayerCase(
        "MaxPooling1D", {"pool_size": 3, "strides": 2, "padding": "same", "data_format": "channels_first"}, SEQUENCES
    ),
    LayerCase("MaxPooling2D", {}, IMAGES),
    LayerCase("MaxPooling2D", {"pool_size": (3, 2), "strides": (2, 1), "padding": "same"}, IMAGES),
    LayerCase("MaxPooling2D", {"data_format": "channels_first"}, IMAGES),
    LayerCase("AveragePooling1D", {"pool_size": 2}, SEQUENCES),
    LayerCase("AveragePooling2D", {"pool_size": 2}, IMAGES),
    LayerCase("AveragePooling2D", {"pool_size": 3, "strides": 2, "padding": "same"}, IMAGES),
    LayerCase("AveragePooling2D", {"pool_size": 2, "data_format": "channels_first"}, IMAGES),
    LayerCase("GlobalMaxPooling1D", {}, SEQUENCES),
    LayerCase("GlobalMaxPooling2D", {"keepdims": True}, IMAGES),
    LayerCase("GlobalAveragePooling1D", {"data_format": "channels_first"}, SEQUENCES),
    LayerCase("GlobalAveragePooling2D", {}, IMAGES),
    LayerCase("GlobalAveragePooling2D", {"data_format": "channels_first", "keepdims": True}, IMAGES),
    LayerCase("MaxPooling3D", {}, VOLUMES),
    LayerCase("MaxPooling3D", {"pool_size": (3, 2, 2), "strides": (2, 1, 3), "padding": "same"}, VOLUMES),
    LayerCase("AveragePooling3D", {"pool_size": 2, "data_format": "channels_first"}, VOLUMES),
    LayerCase("AveragePooling3D", {"pool_size": 3, "strides": 2, "padding": "same"}, VOLUMES),
    LayerCase("GlobalMaxPooling3D", {}, VOLUMES),
    LayerCase("GlobalMaxPooling3D", {"data_format": "channels_first", "keepdims": True}, VOLUMES),
    LayerCase("GlobalAveragePooling3D", {"keepdims": True}, VOLUMES),
    LayerCase("AdaptiveMaxPooling1D", {"output_size": 3}, SEQUENCES),
    LayerCase("AdaptiveMaxPooling2D", {"output_size": (4, 2)}, IMAGES),
    LayerCase("AdaptiveMaxPooling3D", {"output_size": 2, "data_format": "channels_first"}, VOLUMES),
    LayerCase("AdaptiveAveragePooling1D", {"output_size": (9,), "data_format": "channels_first"}, SEQUENCES),
    LayerCase("AdaptiveAveragePooling2D", {"output_size": 3}, IMAGES),
    LayerCase("AdaptiveAveragePooling3D", {"output_size": (3, 2, 1)}, VOLUMES),
]


def op(name, *args, **kwargs):
    return OpCase(name, args, kwargs, gradient=True)


OPS = [
    *(op(name, SEQUENCES, (2,), (2,)) for name in ("max_pool", "average_pool")),
    *(op(name, IMAGES, (3, 2), (2, 1), "same") for name in ("max_pool", "average_pool")),
    *(op(name, VOLUMES, (2, 2, 2), (2, 1, 1), "same") for name in ("max_pool", "average_pool")),
    *(op(name, SEQUENCES, 3) for name in ("adaptive_max_pool", "adaptive_average_pool")),
    *(op(name, IMAGES, (3, 7)) for name in ("adaptive_max_pool", "adaptive_average_pool")),
    *(op(name, VOLUMES, (3, 2, 1)) for name in ("adaptive_max_pool", "adaptive_average_pool")),
    *(op(name, VOLUMES, 2, "channels_first") for name in ("adaptive_max_pool", "adaptive_average_pool")),
]

STEPS = rows(2, 7, seed=1) > 0

MASKS = [
    MaskCase("GlobalAveragePooling1D", {}, SEQUENCES, STEPS),
    MaskCase("GlobalAveragePooling1D", {"keepdims": True}, SEQUENCES, STEPS),
    MaskCase("GlobalAveragePooling1D", {"data_format": "channels_first"}, rows(2, 3, 7), STEPS),
    MaskCase("GlobalAveragePooling1D", {}, SEQUENCES, STEPS & False),
    MaskCase("GlobalMaxPooling1D", {}, SEQUENCES, STEPS),
    MaskCase("MaxPooling1D", {}, SEQUENCES, STEPS),
]


def bad(name, layer, mentions, **arguments):
    return BadCase(f"{layer}: {name}", lambda k: getattr(k.layers, layer)(**arguments), mentions)


BAD = [
    bad("pool size", "MaxPooling3D", "pool_size", pool_size=(2, 2)),
    bad("no pool size", "AveragePooling3D", "pool_size", pool_size=0),
    bad("data format", "GlobalMaxPooling3D", "data_format", data_format="last"),
    bad("two sizes", "AdaptiveAveragePooling1D", "output_size", output_size=(2, 3)),
    bad("one size", "AdaptiveMaxPooling2D", "output_size", output_size=(2,)),
    bad("no size", "AdaptiveMaxPooling3D", "output_size", output_size=None),
    BadCase("adaptive_max_pool: rank", lambda k: k.ops.adaptive_max_pool(np.ones((4, 4)), 2), "(4, 4)"),
    BadCase("adaptive_average_pool: sizes", lambda k: k.ops.adaptive_average_pool(IMAGES, (2,)), "output_size"),
]
