"""EfficientNet: MobileNetV2's blocks with weighted channels, scaled in width, depth and image size together."""

import math
from functools import partial

from fastnn import layers
from fastnn.applications.base import Family, Files, build, channel_axis, documented
from fastnn.applications.imagenet_utils import decode_predictions
from fastnn.applications.input_modes import unchanged as preprocess_input
from fastnn.applications.mobilenet_v2 import divisible, halving_pads

__all__ = [
    "EfficientNetB0", "EfficientNetB1", "EfficientNetB2", "EfficientNetB3", "EfficientNetB4", "EfficientNetB5",
    "EfficientNetB6", "EfficientNetB7", "decode_predictions", "preprocess_input",
]  # fmt: skip

PAPER = (
    "Tan and Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, ICML 2019 (arXiv:1905.11946)"
)
# kernel size, blocks, filters, how many times wider inside, stride of the first block (the paper's table 1)
STAGES = (
    (3, 1, 16, 1, 1), (3, 2, 24, 6, 2), (5, 2, 40, 6, 2), (3, 3, 80, 6, 2), (5, 3, 112, 6, 1), (5, 4, 192, 6, 2),
    (3, 1, 320, 6, 1),
)  # fmt: skip
DROP_RATE = 0.2  # of the last block; it grows from 0 block by block
CONV = {
    "class_name": "VarianceScaling",
    "config": {"scale": 2.0, "mode": "fan_out", "distribution": "truncated_normal"},
}
DENSE = {"class_name": "VarianceScaling", "config": {"scale": 1 / 3, "mode": "fan_out", "distribution": "uniform"}}
DEVIATIONS = (0.229, 0.224, 0.225)  # of ImageNet's channels


def conv(x, filters, kernel_size, name, **arguments):
    return layers.Conv2D(
        filters, kernel_size, **{"padding": "same", "use_bias": False, "kernel_initializer": CONV, **arguments},
        name=name,
    )(x)  # fmt: skip


def normalized(x, name, momentum=0.99):
    return layers.BatchNormalization(axis=channel_axis(), momentum=momentum, name=name)(x)


def swish(x, name):
    return layers.Activation("swish", name=name)(x)


def weighted_channels(x, filters, name):
    """Each channel times a number in [0, 1] that two layers find from the means of all."""
    channels = x.shape[channel_axis()]
    shape = (1, 1, channels) if channel_axis() == 3 else (channels, 1, 1)
    weight = layers.GlobalAveragePooling2D(name=f"{name}se_squeeze")(x)
    weight = layers.Reshape(shape, name=f"{name}se_reshape")(weight)
    weight = conv(weight, filters, 1, f"{name}se_reduce", activation="swish", use_bias=True)
    weight = conv(weight, channels, 1, f"{name}se_expand", activation="sigmoid", use_bias=True)
    return layers.Multiply(name=f"{name}se_excite")([x, weight])


def sum_with_input(x, shortcut, drop_rate, name):
    """The sum, in which training leaves `x` out for some images."""
    if drop_rate > 0:
        x = layers.Dropout(drop_rate, noise_shape=(None, 1, 1, 1), name=f"{name}drop")(x)
    return layers.Add(name=f"{name}add")([x, shortcut])


def block(x, kernel_size, filters, expansion, stride, drop_rate, name):
    """1x1, depthwise, weights of channels, 1x1, and the sum with the input when it has the same shape."""
    channels, shortcut = x.shape[channel_axis()], x
    if expansion != 1:
        x = normalized(conv(x, expansion * channels, 1, f"{name}expand_conv"), f"{name}expand_bn")
        x = swish(x, f"{name}expand_activation")
    if stride == 2:
        x = layers.ZeroPadding2D(halving_pads(x, kernel_size), name=f"{name}dwconv_pad")(x)
    x = layers.DepthwiseConv2D(
        kernel_size, strides=stride, padding="same" if stride == 1 else "valid", use_bias=False,
        depthwise_initializer=CONV, name=f"{name}dwconv",
    )(x)  # fmt: skip
    x = swish(normalized(x, f"{name}bn"), f"{name}activation")
    x = weighted_channels(x, max(1, channels // 4), name)
    x = normalized(conv(x, filters, 1, f"{name}project_conv"), f"{name}project_bn")
    return sum_with_input(x, shortcut, drop_rate, name) if stride == 1 and channels == filters else x


def features(x, width, depth, is_pretrained):
    """A convolution, seven stages of blocks and a 1x1 convolution."""
    x = layers.Rescaling(1.0 / 255.0)(x)
    x = layers.Normalization(axis=channel_axis())(x)
    if is_pretrained:
        # The published weights were trained with the variance where the deviation stands.
        x = layers.Rescaling([1.0 / math.sqrt(deviation) for deviation in DEVIATIONS])(x)
    x = layers.ZeroPadding2D(halving_pads(x, 3), name="stem_conv_pad")(x)
    x = conv(x, divisible(32 * width), 3, "stem_conv", strides=2, padding="valid")
    x = swish(normalized(x, "stem_bn"), "stem_activation")
    depths = [math.ceil(depth * blocks) for _, blocks, *_ in STAGES]
    k = 0
    for stage, (kernel_size, _, filters, expansion, first_stride) in enumerate(STAGES):
        for j in range(depths[stage]):
            stride = 1 if j else first_stride
            drop_rate = DROP_RATE * k / sum(depths)
            name = f"block{stage + 1}{chr(ord('a') + j)}_"
            x = block(x, kernel_size, divisible(filters * width), expansion, stride, drop_rate, name)
            k += 1
    x = normalized(conv(x, divisible(1280 * width), 1, "top_conv"), "top_bn")
    return swish(x, "top_activation")


def top(x, classes, activation, dropout_rate):
    """The mean of each feature map, then one layer."""
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    x = layers.Dropout(dropout_rate, name="top_dropout")(x)
    return layers.Dense(classes, activation=activation, kernel_initializer=DENSE, name="predictions")(x)


def _efficientnet(variant, width, depth, size, dropout_rate, hashes):
    default_name = f"efficientnet{variant}"
    family = Family(default_size=size, top=partial(top, dropout_rate=dropout_rate))
    names = (f"{default_name}.h5", f"{default_name}_notop.h5")
    files = Files("https://storage.googleapis.com/keras-applications/", names, hashes)

    def model(
        include_top=True, weights="imagenet", input_tensor=None, input_shape=None, pooling=None, classes=1000,
        classifier_activation="softmax", name=default_name,
    ):  # fmt: skip
        body = partial(features, width=width, depth=depth, is_pretrained=weights == "imagenet")
        return build(
            body, family, files, name=name, include_top=include_top, weights=weights, input_tensor=input_tensor,
            input_shape=input_shape, pooling=pooling, classes=classes, classifier_activation=classifier_activation,
        )  # fmt: skip

    return documented(model, f"EfficientNet{variant.upper()}", PAPER)


# times wider, times deeper, image size, dropout before the classifier
EfficientNetB0 = _efficientnet(
    "b0", 1.0, 1.0, 224, 0.2, ("902e53a9f72be733fc0bcb005b3ebbac", "50bc09e76180e00e4465e1a485ddc09d")
)
EfficientNetB1 = _efficientnet(
    "b1", 1.0, 1.1, 240, 0.2, ("1d254153d4ab51201f1646940f018540", "74c4e6b3e1f6a1eea24c589628592432")
)
EfficientNetB2 = _efficientnet(
    "b2", 1.1, 1.2, 260, 0.3, ("b15cce36ff4dcbd00b6dd88e7857a6ad", "111f8e2ac8aa800a7a99e3239f7bfb39")
)
EfficientNetB3 = _efficientnet(
    "b3", 1.2, 1.4, 300, 0.3, ("ffd1fdc53d0ce67064dc6a9c7960ede0", "af6d107764bb5b1abb91932881670226")
)
EfficientNetB4 = _efficientnet(
    "b4", 1.4, 1.8, 380, 0.4, ("18c95ad55216b8f92d7e70b3a046e2fc", "ebc24e6d6c33eaebbd558eafbeedf1ba")
)
EfficientNetB5 = _efficientnet(
    "b5", 1.6, 2.2, 456, 0.4, ("ace28f2a6363774853a83a0b21b9421a", "38879255a25d3c92d5e44e04ae6cec6f")
)
EfficientNetB6 = _efficientnet(
    "b6", 1.8, 2.6, 528, 0.5, ("165f6e37dce68623721b423839de8be5", "9ecce42647a20130c1f39a5d4cb75743")
)
EfficientNetB7 = _efficientnet(
    "b7", 2.0, 3.1, 600, 0.5, ("8c03f828fec3ef71311cd463b6759d99", "cbcfe4450ddf6f3ad90b1b398090fe4a")
)
