"""Convolutions."""

from tests.tables import BadCase, LayerCase, OpCase, rows

IMAGES = rows(2, 6, 5, 4)
SEQUENCES = rows(2, 7, 3)
VOLUMES = rows(2, 4, 5, 3, 4)
FIRST = {"data_format": "channels_first"}

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
    LayerCase("Conv1D", {"filters": 2, "kernel_size": 3, "padding": "causal", "dilation_rate": 2, **FIRST}, SEQUENCES),
    LayerCase("Conv1D", {"filters": 4, "kernel_size": 3, "lora_rank": 2, "kernel_regularizer": "l2"}, SEQUENCES),
    LayerCase("Conv2D", {"filters": 4, "kernel_size": 2, "groups": 2, "lora_rank": 2, "lora_alpha": 5}, IMAGES),
    LayerCase("Conv3D", {"filters": 3, "kernel_size": 2}, VOLUMES),
    LayerCase(
        "Conv3D",
        {
            "filters": 4,
            "kernel_size": (3, 2, 1),
            "strides": (1, 2, 2),
            "padding": "same",
            "groups": 2,
            "use_bias": False,
        },
        VOLUMES,
    ),
    LayerCase("Conv3D", {"filters": 2, "kernel_size": 2, "dilation_rate": (1, 2, 1), "activation": "relu"}, VOLUMES),
    LayerCase("Conv3D", {"filters": 2, "kernel_size": 2, **FIRST}, VOLUMES),
    LayerCase("DepthwiseConv1D", {"kernel_size": 2, "strides": 2, "dilation_rate": 2, **FIRST}, SEQUENCES),
    LayerCase("DepthwiseConv2D", {"kernel_size": 2, "dilation_rate": 2, "padding": "same", "use_bias": False}, IMAGES),
    LayerCase("SeparableConv1D", {"filters": 4, "kernel_size": 3}, SEQUENCES),
    LayerCase("SeparableConv1D", {"filters": 4, "kernel_size": 2, "strides": 2, "padding": "same", **FIRST}, SEQUENCES),
    LayerCase("SeparableConv2D", {"filters": 3, "kernel_size": 3, "depth_multiplier": 2, "activation": "relu"}, IMAGES),
    LayerCase(
        "SeparableConv2D",
        {
            "filters": 3,
            "kernel_size": (2, 3),
            "dilation_rate": 2,
            "padding": "same",
            "use_bias": False,
            "depthwise_regularizer": "l2",
            "pointwise_constraint": "unit_norm",
        },
        IMAGES,
    ),
    LayerCase("Conv1DTranspose", {"filters": 4, "kernel_size": 3}, SEQUENCES),
    LayerCase("Conv1DTranspose", {"filters": 4, "kernel_size": 2, "strides": 3, "padding": "same"}, SEQUENCES),
    LayerCase("Conv1DTranspose", {"filters": 2, "kernel_size": 3, "strides": 2, "output_padding": 1}, SEQUENCES),
    LayerCase("Conv2DTranspose", {"filters": 3, "kernel_size": (3, 2), "strides": 2, "padding": "same"}, IMAGES),
    LayerCase("Conv2DTranspose", {"filters": 3, "kernel_size": 3, "dilation_rate": 2, "use_bias": False}, IMAGES),
    LayerCase("Conv2DTranspose", {"filters": 2, "kernel_size": 3, "activation": "tanh", **FIRST}, IMAGES),
    LayerCase("Conv3DTranspose", {"filters": 2, "kernel_size": 2, "strides": (1, 2, 1)}, VOLUMES),
    LayerCase("Conv3DTranspose", {"filters": 2, "kernel_size": 3, "strides": 2, "padding": "same"}, VOLUMES),
    LayerCase(
        "Conv3DTranspose",
        {"filters": 2, "kernel_size": 2, "strides": 2, "output_padding": (1, 0, 1), **FIRST},
        VOLUMES,
    ),
]


def op(name, *args, **kwargs):
    return OpCase(name, args, kwargs, gradient=True)


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
    op("conv", VOLUMES, rows(2, 3, 2, 4, 9), strides=2, padding="same"),
    op("conv_transpose", rows(1, 2, 3, 2, 9), rows(3, 2, 2, 2, 9), strides=2, padding="same"),
    op("fold", rows(2, 12, 12), (5, 4), (2, 2)),
    op("fold", rows(2, 18, 9), (5, 6), (2, 3), padding=1, stride=2),
    op("unfold", rows(2, 3, 5, 6), (2, 3), padding=1, stride=2),
    op("unfold", rows(2, 3, 5, 6), 2, dilation=2),
    op("image.extract_patches", IMAGES, 2),
    op("image.extract_patches", IMAGES[0], (3, 2), strides=2, padding="same"),
    op("image.extract_patches", IMAGES, 2, strides=1, dilation_rate=2),
    op("image.extract_patches", IMAGES, (2, 3), **FIRST),
    op("image.extract_patches", VOLUMES, (2, 1, 2)),
    op("image.extract_patches_3d", VOLUMES, 2),
    op("image.extract_patches_3d", VOLUMES, (1, 3, 2), strides=1, padding="same"),
]


def bad(name, layer, mentions, **arguments):
    return BadCase(f"{layer}: {name}", lambda k: getattr(k.layers, layer)(**arguments), mentions)


BAD = [
    bad("no filters", "Conv3D", "filters", filters=0, kernel_size=2),
    bad("groups", "Conv3D", "groups", filters=3, kernel_size=2, groups=2),
    bad("no groups", "Conv2D", "groups", filters=3, kernel_size=2, groups=0),
    bad("kernel size", "Conv3D", "kernel_size", filters=2, kernel_size=(2, 2)),
    bad("no strides", "Conv3D", "strides", filters=2, kernel_size=2, strides=0),
    bad("strides and dilation", "Conv3D", "dilation_rate", filters=2, kernel_size=2, strides=2, dilation_rate=2),
    bad("causal", "Conv2D", "padding", filters=2, kernel_size=2, padding="causal"),
    bad("output padding", "Conv2DTranspose", "output_padding", filters=2, kernel_size=2, output_padding=1),
    bad("negative output padding", "Conv2DTranspose", "output_padding", filters=2, kernel_size=2, output_padding=-1),
    bad("causal", "Conv1DTranspose", "padding", filters=2, kernel_size=2, padding="causal"),
    bad("strides and dilation", "Conv1DTranspose", "strides", filters=2, kernel_size=2, strides=2, dilation_rate=2),
    bad("no filters", "SeparableConv1D", "filters", filters=-1, kernel_size=2),
    bad("multiplier", "SeparableConv2D", "depth_multiplier", filters=2, kernel_size=2, depth_multiplier=0),
    bad("multiplier", "DepthwiseConv1D", "depth_multiplier", kernel_size=2, depth_multiplier=0),
    BadCase("Conv2D: LoRA before build", lambda k: k.layers.Conv2D(3, 2).enable_lora(2), "built"),
    BadCase("conv: channels", lambda k: k.ops.conv(IMAGES, rows(2, 2, 3, 2)), "3"),
    BadCase("conv_transpose: channels", lambda k: k.ops.conv_transpose(IMAGES, rows(2, 2, 4, 3)), "3"),
    BadCase("unfold: rank", lambda k: k.ops.unfold(SEQUENCES, 2), "(2, 7, 3)"),
    BadCase("fold: blocks", lambda k: k.ops.fold(rows(2, 12, 9), (5, 4), 2), "12"),
    BadCase("extract_patches: size", lambda k: k.ops.image.extract_patches(IMAGES, (1,)), "size"),
    BadCase("extract_patches: no size", lambda k: k.ops.image.extract_patches(IMAGES, 2.0), "size"),
    BadCase("extract_patches: too large", lambda k: k.ops.image.extract_patches(IMAGES, 9), "9"),
    BadCase("extract_patches_3d: size", lambda k: k.ops.image.extract_patches_3d(VOLUMES, (1, 2)), "size"),
]
