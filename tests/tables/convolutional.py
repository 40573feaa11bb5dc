"""Convolutions."""

from tests.tables import LayerCase, OpCase, rows

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


def op(name, *args, **kwargs):
    return OpCase(name, args, kwargs, gradient=True)


VOLUMES = rows(2, 4, 5, 3, 4)
FIRST = {"data_format": "channels_first"}

OPS = [
    op("conv", SEQUENCES, rows(3, 3, 5), strides=2, padding="same"),
    op("conv", IMAGES, rows(2, 3, 2, 4), dilation_rate=(2, 1)),
    op("conv", rows(2, 5, 6, 4), rows(2, 3, 5, 4), strides=(1, 2), padding="same", **FIRST),
    op("conv", VOLUMES, rows(2, 3, 2, 4, 3), strides=(2, 1, 1), padding="same"),
    op("conv", VOLUMES, rows(2, 1, 2, 2, 4), dilation_rate=2),
    op("depthwise_conv", SEQUENCES, rows(2, 3, 2), padding="same"),
    op("depthwise_conv", IMAGES, rows(3, 2, 4, 1), strides=2),
    op("separable_conv", IMAGES, rows(3, 2, 4, 2), rows(1, 1, 8, 3), padding="same"),
    op("conv_transpose", SEQUENCES, rows(3, 2, 3), strides=2, padding="same"),
    op("conv_transpose", IMAGES, rows(3, 2, 3, 4), strides=(2, 1), output_padding=1),
    op("conv_transpose", IMAGES, rows(2, 3, 3, 4), dilation_rate=2, padding="same"),
    op("conv_transpose", VOLUMES, rows(2, 3, 1, 2, 4), strides=2, padding="same"),
    op("fold", rows(2, 12, 12), (5, 4), (2, 2)),
    op("fold", rows(2, 18, 9), (5, 6), (2, 3), padding=1, stride=2),
    op("unfold", rows(2, 3, 5, 6), (2, 3), padding=1, stride=2),
    op("unfold", rows(2, 3, 5, 6), 2, dilation=2),
    op("image.extract_patches", IMAGES, 2),
    op("image.extract_patches", IMAGES[0], (3, 2), strides=2, padding="same"),
    op("image.extract_patches", IMAGES, 2, strides=1, dilation_rate=2),
    op("image.extract_patches", IMAGES, (2, 3), **FIRST),
    op("image.extract_patches_3d", VOLUMES, 2),
    op("image.extract_patches_3d", VOLUMES, (1, 3, 2), strides=1, padding="same"),
]
