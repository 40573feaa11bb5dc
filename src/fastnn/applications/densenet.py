"""Densely connected networks: each block adds its feature maps to all that came before it."""

from functools import partial

from fastnn import layers
from fastnn.applications.base import KERAS_FILES, Family, Files, application, channel_axis
from fastnn.applications.imagenet_utils import decode_predictions
from fastnn.applications.input_modes import standardized as preprocess_input
from fastnn.applications.resnet import batch_norm, relu

__all__ = ["DenseNet121", "DenseNet169", "DenseNet201", "decode_predictions", "preprocess_input"]

PAPER = "Huang et al., Densely Connected Convolutional Networks, CVPR 2017 (arXiv:1608.06993)"
GROWTH = 32  # feature maps that a block adds


def block(x, name):
    """1x1, 3x3, and the feature maps beside those of the input."""
    new = relu(batch_norm(x, f"{name}_0_bn"), f"{name}_0_relu")
    new = layers.Conv2D(4 * GROWTH, 1, use_bias=False, name=f"{name}_1_conv")(new)
    new = relu(batch_norm(new, f"{name}_1_bn"), f"{name}_1_relu")
    new = layers.Conv2D(GROWTH, 3, padding="same", use_bias=False, name=f"{name}_2_conv")(new)
    return layers.Concatenate(axis=channel_axis(), name=f"{name}_concat")([x, new])


def transition(x, name):
    """Half the feature maps, and half the height and width."""
    x = relu(batch_norm(x, f"{name}_bn"), f"{name}_relu")
    x = layers.Conv2D(x.shape[channel_axis()] // 2, 1, use_bias=False, name=f"{name}_conv")(x)
    return layers.AveragePooling2D(2, strides=2, name=f"{name}_pool")(x)


def features(x, depths):
    """A 7x7 convolution and a pooling, then four stages of `depths` blocks with transitions between them."""
    x = layers.ZeroPadding2D(3)(x)
    x = layers.Conv2D(64, 7, strides=2, use_bias=False, name="conv1_conv")(x)
    x = relu(batch_norm(x, "conv1_bn"), "conv1_relu")
    x = layers.ZeroPadding2D(1)(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool1")(x)
    for stage, depth in enumerate(depths, start=2):
        x = x if stage == 2 else transition(x, f"pool{stage - 1}")
        for k in range(depth):
            x = block(x, f"conv{stage}_block{k + 1}")
    return relu(batch_norm(x, "bn"), "relu")


def _densenet(title, depths, hashes):
    name = title.lower()
    stem = f"{name}_weights_tf_dim_ordering_tf_kernels"
    files = Files(f"{KERAS_FILES}densenet/", (f"{stem}.h5", f"{stem}_notop.h5"), hashes)
    return application(title, PAPER, partial(features, depths=depths), Family(), files, name)


DenseNet121 = _densenet(
    "DenseNet121", (6, 12, 24, 16), ("9d60b8095a5708f2dcce2bca79d332c7", "30ee3e1110167f948a6b9946edeeb738")
)
DenseNet169 = _densenet(
    "DenseNet169", (6, 12, 32, 32), ("d699b8f76981ab1b30698df4c175e90b", "b8c4d4c20dd625c148057b9ff1c1176b")
)
DenseNet201 = _densenet(
    "DenseNet201", (6, 12, 48, 32), ("1ceb130c1ea1b78c3bf6114dbdfd8807", "c13680b51ded0fb44dff2d8f86ac8bb1")
)
