"""Pooling layers."""

from tests.tables import LayerCase, rows

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
