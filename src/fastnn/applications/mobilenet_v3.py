"""MobileNetV3: MobileNetV2's blocks, found by search, with weighted channels and hard activations."""

from functools import partial

from fastnn import layers
from fastnn.applications.base import KERAS_FILES, Family, Files, build
from fastnn.applications.imagenet_utils import decode_predictions
from fastnn.applications.input_modes import unchanged as preprocess_input
from fastnn.applications.mobilenet import channel_axis
from fastnn.applications.mobilenet_v2 import divisible, halving_pads

__all__ = ["decode_predictions", "preprocess_input"]

# times wider inside, filters, kernel size, stride, whether channels are weighted, whether swish (tables 1 and 2)
LARGE = (
    (1, 16, 3, 1, False, False), (4, 24, 3, 2, False, False), (3, 24, 3, 1, False, False),
    (3, 40, 5, 2, True, False), (3, 40, 5, 1, True, False), (3, 40, 5, 1, True, False),
    (6, 80, 3, 2, False, True), (2.5, 80, 3, 1, False, True), (2.3, 80, 3, 1, False, True),
    (2.3, 80, 3, 1, False, True), (6, 112, 3, 1, True, True), (6, 112, 3, 1, True, True),
    (6, 160, 5, 2, True, True), (6, 160, 5, 1, True, True), (6, 160, 5, 1, True, True),
)  # fmt: skip
SMALL = (
    (1, 16, 3, 2, True, False), (72 / 16, 24, 3, 2, False, False), (88 / 24, 24, 3, 1, False, False),
    (4, 40, 5, 2, True, True), (6, 40, 5, 1, True, True), (6, 40, 5, 1, True, True), (3, 48, 5, 1, True, True),
    (3, 48, 5, 1, True, True), (6, 96, 5, 2, True, True), (6, 96, 5, 1, True, True), (6, 96, 5, 1, True, True),
)  # fmt: skip
HASHES = {
    "large_224_0.75_float": ("765b44a33ad4005b3ac83185abf1d0eb", "40af19a13ebea4e2ee0c676887f69a2e"),
    "large_224_1.0_float": ("59e551e166be033d707958cf9e29a6a7", "07fb09a5933dd0c8eaafa16978110389"),
    "large_minimalistic_224_1.0_float": ("675e7b876c45c57e9e63e6d90a36599c", "ec5221f64a2f6d1ef965a614bdae7973"),
    "small_224_0.75_float": ("cb65d4e5be93758266aa0a7f2c6708b7", "ebdb5cc8e0b497cd13a7c275d475c819"),
    "small_224_1.0_float": ("8768d4c2e7dee89b9d02b2d03d65d862", "d3e8ec802a04aa4fc771ee12a9a9b836"),
    "small_minimalistic_224_1.0_float": ("99cd97fb2fcdad2bf028eb838de69e37", "cde8136e733e811080d9fcd8a252f7e4"),
}


def _activated(x, is_swish):
    return layers.Activation("hard_silu")(x) if is_swish else layers.ReLU()(x)


def _batch_norm(x, name):
    return layers.BatchNormalization(axis=channel_axis(), epsilon=1e-3, momentum=0.999, name=name)(x)


def weighted_channels(x, name):
    """Each channel times a number in [0, 1] that two layers find from the means of all."""
    channels = x.shape[channel_axis()]
    weight = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_avg_pool")(x)
    weight = layers.Conv2D(divisible(channels * 0.25), 1, padding="same", name=f"{name}_conv")(weight)
    weight = layers.ReLU(name=f"{name}_relu")(weight)
    weight = layers.Conv2D(channels, 1, padding="same", name=f"{name}_conv_1")(weight)
    weight = layers.ReLU(6.0)(weight + 3.0) * (1.0 / 6.0)
    return layers.Multiply(name=f"{name}_mul")([x, weight])


def block(x, expansion, filters, kernel_size, stride, is_weighted, is_swish, name):
    """1x1, depthwise, weights of channels, 1x1, and the sum with the input when it has the same shape."""
    channels, shortcut = x.shape[channel_axis()], x
    if expansion != 1:
        x = layers.Conv2D(divisible(channels * expansion), 1, padding="same", use_bias=False, name=f"{name}_expand")(x)
        x = _activated(_batch_norm(x, f"{name}_expand_bn"), is_swish)
    if stride == 2:
        x = layers.ZeroPadding2D(halving_pads(x, kernel_size), name=f"{name}_depthwise_pad")(x)
    x = layers.DepthwiseConv2D(
        kernel_size, strides=stride, padding="same" if stride == 1 else "valid", use_bias=False,
        name=f"{name}_depthwise",
    )(x)  # fmt: skip
    x = _activated(_batch_norm(x, f"{name}_depthwise_bn"), is_swish)
    if is_weighted:
        x = weighted_channels(x, f"{name}_squeeze_excite")
    x = layers.Conv2D(filters, 1, padding="same", use_bias=False, name=f"{name}_project")(x)
    x = _batch_norm(x, f"{name}_project_bn")
    return layers.Add(name=f"{name}_add")([shortcut, x]) if stride == 1 and channels == filters else x


def features(x, blocks, alpha, is_minimalistic, include_preprocessing):
    """A convolution, the blocks and a 1x1 convolution."""
    if include_preprocessing:
        x = layers.Rescaling(scale=1.0 / 127.5, offset=-1.0)(x)
    x = layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False, name="conv")(x)
    x = _activated(_batch_norm(x, "conv_bn"), not is_minimalistic)
    for k, (expansion, filters, kernel_size, stride, is_weighted, is_swish) in enumerate(blocks):
        if is_minimalistic:
            kernel_size, is_weighted, is_swish = 3, False, False
        name = f"expanded_conv_{k}" if k else "expanded_conv"
        x = block(x, expansion, divisible(filters * alpha), kernel_size, stride, is_weighted, is_swish, name)
    last = divisible(x.shape[channel_axis()] * 6)
    x = layers.Conv2D(last, 1, padding="same", use_bias=False, name="conv_1")(x)
    return _activated(_batch_norm(x, "conv_1_bn"), not is_minimalistic)


def top(x, classes, activation, filters, dropout_rate, is_minimalistic):
    """Two 1x1 convolutions of the means."""
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = _activated(layers.Conv2D(filters, 1, padding="same", name="conv_2")(x), not is_minimalistic)
    x = layers.Dropout(dropout_rate)(x) if dropout_rate > 0 else x
    x = layers.Conv2D(classes, 1, padding="same", name="logits")(x)
    return layers.Activation(activation, name="predictions")(layers.Flatten()(x))


def _mobilenet(
    kind, blocks, last_filters, alpha, minimalistic, dropout_rate, include_preprocessing, weights, **arguments
):
    model_name = f"{kind}{'_minimalistic' if minimalistic else ''}_224_{alpha}_float"
    if weights == "imagenet" and model_name not in HASHES:
        raise ValueError(
            "If imagenet weights are being loaded, alpha can be one of `0.75`, `1.0` for non minimalistic or `1.0` for "
            f"minimalistic only. Received: alpha={alpha}, minimalistic={minimalistic}"
        )
    filters = divisible(last_filters * alpha) if alpha > 1 else last_filters
    family = Family(
        top=partial(top, filters=filters, dropout_rate=dropout_rate, is_minimalistic=minimalistic), needs_size=False
    )
    stem = f"weights_mobilenet_v3_{model_name}"
    files = Files(f"{KERAS_FILES}mobilenet_v3/", (f"{stem}.h5", f"{stem}_no_top_v2.h5"), HASHES.get(model_name))
    body = partial(
        features, blocks=blocks, alpha=alpha, is_minimalistic=minimalistic, include_preprocessing=include_preprocessing
    )
    return build(body, family, files, weights=weights, **arguments)


def MobileNetV3Small(
    input_shape=None, alpha=1.0, minimalistic=False, include_top=True, weights="imagenet", input_tensor=None,
    classes=1000, pooling=None, dropout_rate=0.2, classifier_activation="softmax", include_preprocessing=True,
    name="MobileNetV3Small",
):  # fmt: skip
    """MobileNetV3Small, a small classifier of images with values 0 to 255.

    Args:
        input_shape: (height, width, channels) of images, channels first when the data format says so; None for any
            size.
        alpha: the width: all numbers of filters are multiplied by it (and rounded to multiples of 8).
        minimalistic: whether blocks do without 5x5 kernels, weighted channels and swish.
        include_top: whether the classifier stands on the features.
        weights: "imagenet" (downloaded once), the path of a file of weights, or None for random ones.
        input_tensor: KerasTensor to build on; None makes an `Input`.
        classes: how many, when there is a classifier.
        pooling: of the features when there is no classifier: None, "avg" or "max".
        dropout_rate: before the classifier.
        classifier_activation: of the classifier; None for logits.
        include_preprocessing: whether the model scales the images; without it they have values -1 to 1.
        name: the model's.

    Returns:
        A `Model`.

    Raises:
        ValueError: for arguments that do not fit each other or the weights.

    Example:
        >>> fastnn.applications.MobileNetV3Small((32, 32, 3), weights=None, include_top=False).output_shape
        (None, 1, 1, 576)

    Paper: Howard et al., Searching for MobileNetV3, ICCV 2019 (arXiv:1905.02244).
    """
    return _mobilenet(
        "small", SMALL, 1024, alpha, minimalistic, dropout_rate, include_preprocessing, weights, name=name,
        include_top=include_top, input_tensor=input_tensor, input_shape=input_shape, pooling=pooling, classes=classes,
        classifier_activation=classifier_activation,
    )  # fmt: skip


def MobileNetV3Large(
    input_shape=None, alpha=1.0, minimalistic=False, include_top=True, weights="imagenet", input_tensor=None,
    classes=1000, pooling=None, dropout_rate=0.2, classifier_activation="softmax", include_preprocessing=True,
    name="MobileNetV3Large",
):  # fmt: skip
    """MobileNetV3Large, a classifier of images with values 0 to 255.

    Args:
        input_shape, alpha, minimalistic, include_top, weights, input_tensor: as in `MobileNetV3Small`.
        classes, pooling, dropout_rate, classifier_activation, include_preprocessing: likewise.
        name: the model's.

    Returns:
        A `Model`.

    Raises:
        ValueError: for arguments that do not fit each other or the weights.

    Example:
        >>> fastnn.applications.MobileNetV3Large()  # doctest: +SKIP

    Paper: Howard et al., Searching for MobileNetV3, ICCV 2019 (arXiv:1905.02244).
    """
    return _mobilenet(
        "large", LARGE, 1280, alpha, minimalistic, dropout_rate, include_preprocessing, weights, name=name,
        include_top=include_top, input_tensor=input_tensor, input_shape=input_shape, pooling=pooling, classes=classes,
        classifier_activation=classifier_activation,
    )  # fmt: skip
