"""MobileNet: depthwise convolutions with 1x1 convolutions between them, in widths to choose."""

from functools import partial

from fastnn import config, layers
from fastnn.applications.base import KERAS_FILES, Family, Files, build
from fastnn.applications.imagenet_utils import decode_predictions
from fastnn.applications.input_modes import minus_one_to_one as preprocess_input

__all__ = ["MobileNet", "decode_predictions", "preprocess_input"]

SIZES = (128, 160, 192, 224)  # of the images that there are weights for
ALPHAS = (0.25, 0.5, 0.75, 1.0)
# filters of the 1x1 convolution, and stride of the depthwise one before it
BLOCKS = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1),
)  # fmt: skip


def channel_axis() -> int:
    """The axis of the channels, counted from the end when they are last."""
    return -1 if config.image_data_format() == "channels_last" else 1


def normalized_relu6(x, name):
    """Batch normalization, then the values cut to [0, 6]."""
    x = layers.BatchNormalization(axis=channel_axis(), name=f"{name}_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x)


def features(x, alpha, depth_multiplier):
    """A convolution, then 13 blocks."""
    x = layers.Conv2D(int(32 * alpha), 3, strides=2, padding="same", use_bias=False, name="conv1")(x)
    x = normalized_relu6(x, "conv1")
    for k, (filters, stride) in enumerate(BLOCKS, start=1):
        if stride > 1:
            x = layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"conv_pad_{k}")(x)
        x = layers.DepthwiseConv2D(
            3, strides=stride, padding="same" if stride == 1 else "valid", depth_multiplier=depth_multiplier,
            use_bias=False, name=f"conv_dw_{k}",
        )(x)  # fmt: skip
        x = normalized_relu6(x, f"conv_dw_{k}")
        x = layers.Conv2D(int(filters * alpha), 1, padding="same", use_bias=False, name=f"conv_pw_{k}")(x)
        x = normalized_relu6(x, f"conv_pw_{k}")
    return x


def top(x, classes, activation, dropout):
    """The classifier, as a 1x1 convolution of the means."""
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    x = layers.Conv2D(classes, 1, padding="same", name="conv_preds")(x)
    x = layers.Reshape((classes,), name="reshape_2")(x)
    return layers.Activation(activation, name="predictions")(x)


def nearest_size(input_shape, sizes) -> int:
    """The default size: that of the images when there are weights for it, else 224."""
    if input_shape is None:
        return 224
    height, width = input_shape[:2] if config.image_data_format() == "channels_last" else input_shape[1:3]
    return height if height == width and height in sizes else 224


def check_alpha(weights, alpha, alphas) -> None:
    """
    Raises:
        ValueError: when there are no weights for `alpha`.
    """
    if weights == "imagenet" and alpha not in alphas:
        raise ValueError(
            f"If imagenet weights are being loaded, alpha can be one of {alphas} only. Received: alpha={alpha}"
        )


def rows_of(input_shape, include_top, size):
    """The height in the model's name: None where it is not known."""
    if input_shape is None:
        return size if include_top else None
    return input_shape[0] if config.image_data_format() == "channels_last" else input_shape[1]


def MobileNet(
    input_shape=None, alpha=1.0, depth_multiplier=1, dropout=0.001, include_top=True, weights="imagenet",
    input_tensor=None, pooling=None, classes=1000, classifier_activation="softmax", name=None,
):  # fmt: skip
    """MobileNet, a small classifier of images.

    Args:
        input_shape: (height, width, channels) of images, channels first when the data format says so; None for
            (224, 224, 3), or without the classifier for any size.
        alpha: the width: all numbers of filters are multiplied by it.
        depth_multiplier: of the depthwise convolutions.
        dropout: rate before the classifier.
        include_top: whether the classifier stands on the features.
        weights: "imagenet" (downloaded once), the path of a file of weights, or None for random ones.
        input_tensor: KerasTensor to build on; None makes an `Input`.
        pooling: of the features when there is no classifier: None, "avg" or "max".
        classes: how many, when there is a classifier.
        classifier_activation: of the classifier; None for logits.
        name: the model's; None for "mobilenet_" with `alpha` and the height of images.

    Returns:
        A `Model`.

    Raises:
        ValueError: for arguments that do not fit each other or the weights.

    Example:
        >>> fastnn.applications.MobileNet((32, 32, 3), alpha=0.25, weights=None, include_top=False).output_shape
        (None, 1, 1, 256)

    Paper: Howard et al., MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications
    (arXiv:1704.04861).
    """
    check_alpha(weights, alpha, ALPHAS)
    if weights == "imagenet" and depth_multiplier != 1:
        raise ValueError(
            f"If imagenet weights are being loaded, depth multiplier must be 1. Received: {depth_multiplier=}"
        )
    size = nearest_size(input_shape, SIZES)
    family = Family(default_size=size, top=partial(top, dropout=dropout), pool_names=(None, None))
    stem = f"mobilenet_{alpha:.2f}".replace("1.00", "1_0").replace("0.75", "7_5").replace("0.50", "5_0")
    stem = f"{stem.replace('0.25', '2_5')}_{size}_tf"
    return build(
        partial(features, alpha=alpha, depth_multiplier=depth_multiplier), family,
        Files(f"{KERAS_FILES}mobilenet/", (f"{stem}.h5", f"{stem}_no_top.h5")),
        name=name or f"mobilenet_{alpha:.2f}_{rows_of(input_shape, include_top, size)}", include_top=include_top,
        weights=weights, input_tensor=input_tensor, input_shape=input_shape, pooling=pooling, classes=classes,
        classifier_activation=classifier_activation,
    )  # fmt: skip
