"""Pooling layers."""

from tests.tables import LayerCase, MaskCase, OpCase, rows

IMAGES = rows(2, 6, 5, 4)
SEQUENCES = rows(2, 7, 3)

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
]

VOLUMES = rows(2, 4, 5, 3, 4)


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
