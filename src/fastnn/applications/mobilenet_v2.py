"""MobileNetV2: blocks that widen, convolve each channel by itself, and narrow again."""

from functools import partial

from fastnn import layers
from fastnn.applications.base import KERAS_FILES, Family, Files, build
from fastnn.applications.imagenet_utils import decode_predictions
from fastnn.applications.input_modes import minus_one_to_one as preprocess_input
from fastnn.applications.mobilenet import channel_axis, check_alpha, nearest_size, rows_of

__all__ = ["MobileNetV2", "decode_predictions", "preprocess_input"]

SIZES = (96, 128, 160, 192, 224)  # of the images that there are weights for
ALPHAS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)
# filters, stride of the first block, how many times wider inside, blocks (the paper's table 2)
STAGES = ((16, 1, 1, 1), (24, 2, 6, 2), (32, 2, 6, 3), (64, 2, 6, 4), (96, 1, 6, 3), (160, 2, 6, 3), (320, 1, 6, 1))


def divisible(value, divisor=8) -> int:
    """`value` rounded to a multiple of `divisor`, but to no less than nine tenths of it."""
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded


def halving_pads(x, kernel_size):
    """Padding that makes a "valid" convolution with stride 2 what "same" is elsewhere: the odd zero comes last."""
    first = 2 if channel_axis() == 1 else 1
    half = kernel_size // 2
    sizes = x.shape[first : first + 2]
    odd = [1 if sizes[0] is None else 1 - n % 2 for n in sizes]
    return tuple((half - o, half) for o in odd)


def _batch_norm(x, name):
    return layers.BatchNormalization(axis=channel_axis(), epsilon=1e-3, momentum=0.999, name=name)(x)


def block(x, filters, stride, expansion, name):
    """1x1, depthwise 3x3, 1x1, and the sum with the input when it has the same shape."""
    channels, shortcut = x.shape[channel_axis()], x
    if expansion > 1:
        x = layers.Conv2D(expansion * channels, 1, padding="same", use_bias=False, name=f"{name}_expand")(x)
        x = layers.ReLU(6.0, name=f"{name}_expand_relu")(_batch_norm(x, f"{name}_expand_BN"))
    if stride == 2:
        x = layers.ZeroPadding2D(halving_pads(x, 3), name=f"{name}_pad")(x)
    x = layers.DepthwiseConv2D(
        3, strides=stride, use_bias=False, padding="same" if stride == 1 else "valid", name=f"{name}_depthwise"
    )(x)
    x = layers.ReLU(6.0, name=f"{name}_depthwise_relu")(_batch_norm(x, f"{name}_depthwise_BN"))
    x = layers.Conv2D(filters, 1, padding="same", use_bias=False, name=f"{name}_project")(x)
    x = _batch_norm(x, f"{name}_project_BN")
    return layers.Add(name=f"{name}_add")([shortcut, x]) if channels == filters and stride == 1 else x


def features(x, alpha):
    """A convolution, 17 blocks and a 1x1 convolution."""
    x = layers.Conv2D(divisible(32 * alpha), 3, strides=2, padding="same", use_bias=False, name="Conv1")(x)
    x = layers.ReLU(6.0, name="Conv1_relu")(_batch_norm(x, "bn_Conv1"))
    k = 0
    for filters, first_stride, expansion, depth in STAGES:
        for stride in (first_stride, *(1,) * (depth - 1)):
            x = block(x, divisible(int(filters * alpha)), stride, expansion, f"block_{k}" if k else "expanded_conv")
            k += 1
    last = divisible(1280 * alpha) if alpha > 1 else 1280
    x = layers.Conv2D(last, 1, use_bias=False, name="Conv_1")(x)
    return layers.ReLU(6.0, name="out_relu")(_batch_norm(x, "Conv_1_bn"))


def top(x, classes, activation):
    """The mean of each feature map, then one layer."""
    x = layers.GlobalAveragePooling2D()(x)
    return layers.Dense(classes, activation=activation, name="predictions")(x)


def MobileNetV2(
    input_shape=None, alpha=1.0, include_top=True, weights="imagenet", input_tensor=None, pooling=None, classes=1000,
    classifier_activation="softmax", name=None,
):  # fmt: skip
    """MobileNetV2, a small classifier of images.

    Args:
        input_shape: (height, width, channels) of images, channels first when the data format says so; None for
            (224, 224, 3), or without the classifier for any size.
        alpha: the width: all numbers of filters are multiplied by it (and rounded to multiples of 8).
        include_top: whether the classifier stands on the features.
        weights: "imagenet" (downloaded once), the path of a file of weights, or None for random ones.
        input_tensor: KerasTensor to build on; None makes an `Input`.
        pooling: of the features when there is no classifier: None, "avg" or "max".
        classes: how many, when there is a classifier.
        classifier_activation: of the classifier; None for logits.
        name: the model's; None for "mobilenetv2_" with `alpha` and the height of images.

    Returns:
        A `Model`.

    Raises:
        ValueError: for arguments that do not fit each other or the weights.

    Example:
        >>> fastnn.applications.MobileNetV2((32, 32, 3), alpha=0.35, weights=None, include_top=False).output_shape
        (None, 1, 1, 1280)

    Paper: Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, CVPR 2018 (arXiv:1801.04381).
    """
    check_alpha(weights, alpha, ALPHAS)
    size = nearest_size(input_shape, SIZES)
    stem = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{float(alpha)}_{size}"
    return build(
        partial(features, alpha=alpha), Family(default_size=size, top=top, pool_names=(None, None)),
        Files(f"{KERAS_FILES}mobilenet_v2/", (f"{stem}.h5", f"{stem}_no_top.h5")),
        name=name or f"mobilenetv2_{alpha:.2f}_{rows_of(input_shape, include_top, size)}", include_top=include_top,
        weights=weights, input_tensor=input_tensor, input_shape=input_shape, pooling=pooling, classes=classes,
        classifier_activation=classifier_activation,
    )  # fmt: skip
