"""Xception: residual blocks of separable convolutions."""

from fastnn import layers
from fastnn.applications.base import KERAS_FILES, Family, Files, application
from fastnn.applications.imagenet_utils import decode_predictions
from fastnn.applications.input_modes import minus_one_to_one as preprocess_input
from fastnn.applications.mobilenet import channel_axis

__all__ = ["Xception", "decode_predictions", "preprocess_input"]

PAPER = "Chollet, Xception: Deep Learning with Depthwise Separable Convolutions, CVPR 2017 (arXiv:1610.02357)"


def batch_norm(x, name=None):
    return layers.BatchNormalization(axis=channel_axis(), name=name)(x)


def relu(x, name):
    return layers.Activation("relu", name=f"{name}_act")(x)


def separable(x, filters, name):
    x = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False, name=name)(x)
    return batch_norm(x, f"{name}_bn")


def halving_block(x, filters, name, starts_with_relu=True):
    """Two separable convolutions and a pooling, and the sum with a 1x1 convolution of the input."""
    shortcut = layers.Conv2D(filters[1], 1, strides=2, padding="same", use_bias=False)(x)
    shortcut = batch_norm(shortcut)
    x = relu(x, f"{name}_sepconv1") if starts_with_relu else x
    x = separable(x, filters[0], f"{name}_sepconv1")
    x = separable(relu(x, f"{name}_sepconv2"), filters[1], f"{name}_sepconv2")
    x = layers.MaxPooling2D(3, strides=2, padding="same", name=f"{name}_pool")(x)
    return layers.Add()([x, shortcut])


def middle_block(x, name):
    """Three separable convolutions, and the sum with the input."""
    shortcut = x
    for k in (1, 2, 3):
        x = separable(relu(x, f"{name}_sepconv{k}"), 728, f"{name}_sepconv{k}")
    return layers.Add()([x, shortcut])


def features(x):
    """Two convolutions, three halving blocks, eight middle ones, a halving one and two separable convolutions."""
    for name, filters, stride in (("block1_conv1", 32, 2), ("block1_conv2", 64, 1)):
        x = layers.Conv2D(filters, 3, strides=stride, use_bias=False, name=name)(x)
        x = relu(batch_norm(x, f"{name}_bn"), name)
    x = halving_block(x, (128, 128), "block2", starts_with_relu=False)
    x = halving_block(x, (256, 256), "block3")
    x = halving_block(x, (728, 728), "block4")
    for k in range(5, 13):
        x = middle_block(x, f"block{k}")
    x = halving_block(x, (728, 1024), "block13")
    for name, filters in (("block14_sepconv1", 1536), ("block14_sepconv2", 2048)):
        x = relu(separable(x, filters, name), name)
    return x


_STEM = "xception_weights_tf_dim_ordering_tf_kernels"
Xception = application(
    "Xception", PAPER, features, Family(default_size=299, min_size=71, pool_names=(None, None)),
    Files(
        f"{KERAS_FILES}xception/", (f"{_STEM}.h5", f"{_STEM}_notop.h5"),
        ("0a58e3b7378bc2990ea3b43d5981f1f6", "b0042744bf5b25fce3cb969f33bebb97"),
    ),
    "xception",
)  # fmt: skip
