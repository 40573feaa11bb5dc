"""Residual networks: each block adds to its input what three convolutions make of it."""

from functools import partial

from fastnn import layers
from fastnn.applications.base import KERAS_FILES, Family, Files, application, channel_axis
from fastnn.applications.imagenet_utils import decode_predictions
from fastnn.applications.input_modes import caffe as preprocess_input

__all__ = ["ResNet50", "ResNet101", "ResNet152", "decode_predictions", "preprocess_input"]

PAPER = "He et al., Deep Residual Learning for Image Recognition, CVPR 2016 (arXiv:1512.03385)"
EPSILON = 1.001e-5


def batch_norm(x, name):
    return layers.BatchNormalization(axis=channel_axis(), epsilon=EPSILON, name=name)(x)


def relu(x, name):
    return layers.Activation("relu", name=name)(x)


def block(x, filters, stride, has_projection, name):
    """1x1, 3x3, 1x1, and the sum with the input or (`has_projection`) with a 1x1 convolution of it."""
    shortcut = x
    if has_projection:
        shortcut = layers.Conv2D(4 * filters, 1, strides=stride, name=f"{name}_0_conv")(x)
        shortcut = batch_norm(shortcut, f"{name}_0_bn")
    x = layers.Conv2D(filters, 1, strides=stride, name=f"{name}_1_conv")(x)
    x = relu(batch_norm(x, f"{name}_1_bn"), f"{name}_1_relu")
    x = layers.Conv2D(filters, 3, padding="same", name=f"{name}_2_conv")(x)
    x = relu(batch_norm(x, f"{name}_2_bn"), f"{name}_2_relu")
    x = layers.Conv2D(4 * filters, 1, name=f"{name}_3_conv")(x)
    x = batch_norm(x, f"{name}_3_bn")
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return relu(x, f"{name}_out")


def features(x, depths):
    """A 7x7 convolution and a pooling, then four stages of `depths` blocks."""
    x = layers.ZeroPadding2D(3, name="conv1_pad")(x)
    x = layers.Conv2D(64, 7, strides=2, name="conv1_conv")(x)
    x = relu(batch_norm(x, "conv1_bn"), "conv1_relu")
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x)
    for stage, depth in enumerate(depths):
        for k in range(depth):
            stride = 2 if stage and not k else 1
            x = block(x, 64 << stage, stride, not k, f"conv{stage + 2}_block{k + 1}")
    return x


def files(name, hashes):
    """Where the weights of `name` are."""
    stem = f"{name}_weights_tf_dim_ordering_tf_kernels"
    return Files(f"{KERAS_FILES}resnet/", (f"{stem}.h5", f"{stem}_notop.h5"), hashes)


def _resnet(title, depths, hashes):
    name = title.lower()
    return application(title, PAPER, partial(features, depths=depths), Family(), files(name, hashes), name)


ResNet50 = _resnet("ResNet50", (3, 4, 6, 3), ("2cb95161c43110f7111970584f804107", "4d473c1dd8becc155b73f8504c6f6626"))
ResNet101 = _resnet(
    "ResNet101", (3, 4, 23, 3), ("f1aeb4b969a6efcfb50fad2f0c20cfc5", "88cf7a10940856eca736dc7b7e228a21")
)
ResNet152 = _resnet(
    "ResNet152", (3, 8, 36, 3), ("100835be76be38e30d865e96f2aaae62", "ee4c566cf9a93f14d82f913c2dc6dd0c")
)
