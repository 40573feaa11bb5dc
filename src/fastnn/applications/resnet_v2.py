"""Residual networks whose blocks normalize and activate before they convolve."""

from functools import partial

from fastnn import layers
from fastnn.applications.base import Family, application
from fastnn.applications.imagenet_utils import decode_predictions
from fastnn.applications.input_modes import minus_one_to_one as preprocess_input
from fastnn.applications.resnet import batch_norm, files, relu

__all__ = ["ResNet50V2", "ResNet101V2", "ResNet152V2", "decode_predictions", "preprocess_input"]

PAPER = "He et al., Identity Mappings in Deep Residual Networks, ECCV 2016 (arXiv:1603.05027)"


def block(x, filters, stride, has_projection, name):
    """1x1, 3x3, 1x1, and the sum with the input (its pixels `stride` apart) or with a 1x1 convolution of it."""
    before = relu(batch_norm(x, f"{name}_preact_bn"), f"{name}_preact_relu")
    if has_projection:
        shortcut = layers.Conv2D(4 * filters, 1, strides=stride, name=f"{name}_0_conv")(before)
    else:
        shortcut = layers.MaxPooling2D(1, strides=stride)(x) if stride > 1 else x
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_1_conv")(before)
    x = relu(batch_norm(x, f"{name}_1_bn"), f"{name}_1_relu")
    x = layers.ZeroPadding2D(1, name=f"{name}_2_pad")(x)
    x = layers.Conv2D(filters, 3, strides=stride, use_bias=False, name=f"{name}_2_conv")(x)
    x = relu(batch_norm(x, f"{name}_2_bn"), f"{name}_2_relu")
    x = layers.Conv2D(4 * filters, 1, name=f"{name}_3_conv")(x)
    return layers.Add(name=f"{name}_out")([shortcut, x])


def features(x, depths):
    """A 7x7 convolution and a pooling, then four stages of `depths` blocks; all but the last end in half the size."""
    x = layers.ZeroPadding2D(3, name="conv1_pad")(x)
    x = layers.Conv2D(64, 7, strides=2, name="conv1_conv")(x)
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x)
    for stage, depth in enumerate(depths):
        for k in range(depth):
            stride = 2 if stage < len(depths) - 1 and k == depth - 1 else 1
            x = block(x, 64 << stage, stride, not k, f"conv{stage + 2}_block{k + 1}")
    return relu(batch_norm(x, "post_bn"), "post_relu")


def _resnet(title, depths, hashes):
    name = title.lower()
    return application(title, PAPER, partial(features, depths=depths), Family(), files(name, hashes), name)


ResNet50V2 = _resnet(
    "ResNet50V2", (3, 4, 6, 3), ("3ef43a0b657b3be2300d5770ece849e0", "fac2f116257151a9d068a22e544a4917")
)
ResNet101V2 = _resnet(
    "ResNet101V2", (3, 4, 23, 3), ("6343647c601c52e1368623803854d971", "c0ed64b8031c3730f411d2eb4eea35b5")
)
ResNet152V2 = _resnet(
    "ResNet152V2", (3, 8, 36, 3), ("a49b44d1979771252814e80f8ec446f9", "ed17cf2e0169df9d443503ef94b23b33")
)
