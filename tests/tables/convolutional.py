"""Convolutions."""

from tests.tables import LayerCase, rows

IMAGES = rows(2, 6, 5, 4)
SEQUENCES = rows(2, 7, 3)

LAYERS = [
    LayerCase("Conv1D", {"filters": 4, "kernel_size": 3}, SEQUENCES),
    LayerCase("Conv1D", {"filters": 4, "kernel_size": 3, "padding": "causal", "dilation_rate": 2}, SEQUENCES),
    LayerCase(
        "Conv1D", {"filters": 4, "kernel_size": 2, "strides": 2, "padding": "same", "use_bias": False}, SEQUENCES
    ),
    LayerCase("Conv2D", {"filters": 3, "kernel_size": 3}, IMAGES),
    LayerCase(
        "Conv2D",
        {"filters": 3, "kernel_size": (2, 3), "strides": (2, 1), "padding": "same", "activation": "relu"},
        IMAGES,
    ),
    LayerCase(
        "Conv2D", {"filters": 4, "kernel_size": 2, "dilation_rate": 2, "groups": 2, "kernel_regularizer": "l1"}, IMAGES
    ),
    LayerCase("Conv2D", {"filters": 3, "kernel_size": 3, "data_format": "channels_first"}, IMAGES),
    LayerCase("DepthwiseConv1D", {"kernel_size": 3, "depth_multiplier": 2}, SEQUENCES),
    LayerCase("DepthwiseConv2D", {"kernel_size": 3, "depth_multiplier": 2}, IMAGES),
    LayerCase("DepthwiseConv2D", {"kernel_size": 2, "strides": 2, "padding": "same", "activation": "relu"}, IMAGES),
    LayerCase("DepthwiseConv2D", {"kernel_size": 3, "data_format": "channels_first"}, IMAGES),
]
