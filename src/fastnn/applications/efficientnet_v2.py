"""EfficientNetV2: EfficientNet whose early blocks are plain convolutions, which run faster."""

import math
from functools import partial

from fastnn import initializers, layers
from fastnn.applications.base import KERAS_FILES, Family, Files, build, channel_axis, documented
from fastnn.applications.efficientnet import CONV, DENSE, conv, normalized, sum_with_input, swish, weighted_channels
from fastnn.applications.imagenet_utils import decode_predictions
from fastnn.applications.input_modes import unchanged as preprocess_input

__all__ = [
    "EfficientNetV2B0", "EfficientNetV2B1", "EfficientNetV2B2", "EfficientNetV2B3", "EfficientNetV2L",
    "EfficientNetV2M", "EfficientNetV2S", "decode_predictions", "preprocess_input",
]  # fmt: skip

PAPER = "Tan and Le, EfficientNetV2: Smaller Models and Faster Training, ICML 2021 (arXiv:2104.00298)"
# blocks, filters, how many times wider inside, stride of the first block, whether the block is fused (table 4)
BASE = (
    (1, 16, 1, 1, True), (2, 32, 4, 2, True), (2, 48, 4, 2, True), (3, 96, 4, 2, False), (5, 112, 6, 1, False),
    (8, 192, 6, 2, False),
)  # fmt: skip
SMALL = (
    (2, 24, 1, 1, True), (4, 48, 4, 2, True), (4, 64, 4, 2, True), (6, 128, 4, 2, False), (9, 160, 6, 1, False),
    (15, 256, 6, 2, False),
)  # fmt: skip
MEDIUM = (
    (3, 24, 1, 1, True), (5, 48, 4, 2, True), (5, 80, 4, 2, True), (7, 160, 4, 2, False), (14, 176, 6, 1, False),
    (18, 304, 6, 2, False), (5, 512, 6, 1, False),
)  # fmt: skip
LARGE = (
    (4, 32, 1, 1, True), (7, 64, 4, 2, True), (7, 96, 4, 2, True), (10, 192, 4, 2, False), (19, 224, 6, 1, False),
    (25, 384, 6, 2, False), (7, 640, 6, 1, False),
)  # fmt: skip
DROP_RATE = 0.2  # towards the last block; it grows from 0 block by block
MEANS, DEVIATIONS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's channels

_batch_norm = partial(normalized, momentum=0.9)


def nearest_multiple(filters, divisor=8) -> int:
    """`filters` rounded to a multiple of `divisor` that is not 0."""
    return max(divisor, int(filters + divisor / 2) // divisor * divisor)


def fused_block(x, filters, expansion, stride, drop_rate, name):
    """3x3 and 1x1, or one 3x3 where the block is no wider inside, and the sum with the input of the same shape."""
    channels, shortcut = x.shape[channel_axis()], x
    if expansion == 1:
        x = _batch_norm(conv(x, filters, 3, f"{name}project_conv", strides=stride), f"{name}project_bn")
        x = swish(x, f"{name}project_activation")
    else:
        x = _batch_norm(conv(x, expansion * channels, 3, f"{name}expand_conv", strides=stride), f"{name}expand_bn")
        x = swish(x, f"{name}expand_activation")
        x = _batch_norm(conv(x, filters, 1, f"{name}project_conv"), f"{name}project_bn")
    return sum_with_input(x, shortcut, drop_rate, name) if stride == 1 and channels == filters else x


def block(x, filters, expansion, stride, drop_rate, name):
    """1x1, depthwise 3x3, weights of channels, 1x1, and the sum with the input when it has the same shape."""
    channels, shortcut = x.shape[channel_axis()], x
    x = _batch_norm(conv(x, expansion * channels, 1, f"{name}expand_conv"), f"{name}expand_bn")
    x = swish(x, f"{name}expand_activation")
    x = layers.DepthwiseConv2D(
        3, strides=stride, padding="same", use_bias=False, depthwise_initializer=CONV, name=f"{name}dwconv2"
    )(x)
    x = swish(_batch_norm(x, f"{name}bn"), f"{name}activation")
    x = weighted_channels(x, max(1, channels // 4), name)
    x = _batch_norm(conv(x, filters, 1, f"{name}project_conv"), f"{name}project_bn")
    return sum_with_input(x, shortcut, drop_rate, name) if stride == 1 and channels == filters else x


def features(x, stages, stem_filters, width, depth, scale):
    """What `scale` makes of the values, a convolution, the stages and a 1x1 convolution."""
    x = scale(x)
    x = conv(x, nearest_multiple(stem_filters * width), 3, "stem_conv", strides=2)
    x = swish(_batch_norm(x, "stem_bn"), "stem_activation")
    n_blocks = sum(blocks for blocks, *_ in stages)  # with depth 1: the last rates of deeper models are above DROP_RATE
    k = 0
    for stage, (blocks, filters, expansion, first_stride, is_fused) in enumerate(stages, start=1):
        make = fused_block if is_fused else block
        for j in range(math.ceil(depth * blocks)):
            name = f"block{stage}{chr(ord('a') + j)}_"
            stride = 1 if j else first_stride
            x = make(x, nearest_multiple(filters * width), expansion, stride, DROP_RATE * k / n_blocks, name)
            k += 1
    x = _batch_norm(conv(x, nearest_multiple(1280 * width), 1, "top_conv"), "top_bn")
    return swish(x, "top_activation")


def standardized(x):
    """Values 0 to 255 divided by 255, and colours less ImageNet's mean and divided by its deviation."""
    axis = channel_axis()
    x = layers.Rescaling(1.0 / 255.0)(x)
    if x.shape[axis] != len(MEANS):
        return x
    return layers.Normalization(axis=axis, mean=MEANS, variance=[d**2 for d in DEVIATIONS])(x)


def minus_one_to_one(x):
    """Values 0 to 255 brought to -1 to 1."""
    return layers.Rescaling(1.0 / 128.0, offset=-1)(x)


def unscaled(x):
    """Values as they are."""
    return x


def top(x, classes, activation):
    """The mean of each feature map, then one layer."""
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    x = layers.Dropout(0.2, name="top_dropout")(x)
    return layers.Dense(
        classes, activation=activation, kernel_initializer=DENSE, bias_initializer=initializers.Constant(0.0),
        name="predictions",
    )(x)  # fmt: skip


def _efficientnet_v2(variant, stages, stem_filters, size, hashes, width=1.0, depth=1.0):
    default_name = f"efficientnetv2-{variant}"
    family = Family(default_size=size, top=top)
    files = Files(f"{KERAS_FILES}efficientnet_v2/", (f"{default_name}.h5", f"{default_name}_notop.h5"), hashes)
    preprocessing = standardized if stages is BASE else minus_one_to_one

    def model(
        include_top=True, weights="imagenet", input_tensor=None, input_shape=None, pooling=None, classes=1000,
        classifier_activation="softmax", include_preprocessing=True, name=default_name,
    ):  # fmt: skip
        body = partial(
            features, stages=stages, stem_filters=stem_filters, width=width, depth=depth,
            scale=preprocessing if include_preprocessing else unscaled,
        )  # fmt: skip
        return build(
            body, family, files, name=name, include_top=include_top, weights=weights, input_tensor=input_tensor,
            input_shape=input_shape, pooling=pooling, classes=classes, classifier_activation=classifier_activation,
        )  # fmt: skip

    return documented(model, f"EfficientNetV2{variant.upper()}", PAPER, has_preprocessing=True)


EfficientNetV2B0 = _efficientnet_v2(
    "b0", BASE, 32, 224, ("21ecbf6da12460d5c40bb2f29ceb2188", "893217f2bb855e2983157299931e43ff")
)
EfficientNetV2B1 = _efficientnet_v2(
    "b1", BASE, 32, 240, ("069f0534ff22adf035c89e2d9547a9dc", "0e80663031ca32d657f9caa404b6ec37"), depth=1.1
)
EfficientNetV2B2 = _efficientnet_v2(
    "b2", BASE, 32, 260, ("424e49f28180edbde1e94797771950a7", "1dfe2e7a5d45b6632553a8961ea609eb"), width=1.1, depth=1.2
)
EfficientNetV2B3 = _efficientnet_v2(
    "b3", BASE, 32, 300, ("1f1fc43bd98a6e4fd8fdfd551e02c7a0", "f6abf7b5849ac99a89b50dd3fd532856"), width=1.2, depth=1.4
)
EfficientNetV2S = _efficientnet_v2(
    "s", SMALL, 24, 384, ("e1d88a8495beba45748fedd0cecbe016", "af0682fb74e8c54910f2d4393339c070")
)
EfficientNetV2M = _efficientnet_v2(
    "m", MEDIUM, 24, 480, ("a3bf6aa3276309f4fc6a34aa114c95cd", "1b8dc055df72dde80d614482840fe342")
)
EfficientNetV2L = _efficientnet_v2(
    "l", LARGE, 32, 480, ("27e6d408b53c7ebc868fefa357689935", "b0b66b5c863aef5b46e8608fe1711615")
)
