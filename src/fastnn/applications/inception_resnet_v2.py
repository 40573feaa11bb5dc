"""InceptionResNetV2: Inception's branches, whose joint result is scaled and added to the input."""

from fastnn import layers
from fastnn.applications.base import KERAS_FILES, Family, Files, application, channel_axis
from fastnn.applications.imagenet_utils import decode_predictions
from fastnn.applications.inception_v3 import chain, conv, halving, joined, pooled, stem
from fastnn.applications.input_modes import minus_one_to_one as preprocess_input

__all__ = ["InceptionResNetV2", "decode_predictions", "preprocess_input"]

PAPER = (
    "Szegedy et al., Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning, AAAI 2017 "
    "(arXiv:1602.07261)"
)


class CustomScaleLayer(layers.Layer):
    """`inputs[0] + scale * inputs[1]`. Its name stands in files of these models.

    Args:
        scale: a number.
    """

    def __init__(self, scale, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, inputs):
        x, residual = inputs
        return x + residual * self.scale

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


def residual_block(x, branches, scale, name, is_activated=True):
    """The sum of `x` and `scale` times a 1x1 convolution of all branches."""
    channels = x.shape[channel_axis()]
    y = layers.Conv2D(channels, 1, padding="same", name=f"{name}_conv")(joined(branches, f"{name}_mixed"))
    x = CustomScaleLayer(scale)([x, y])
    return layers.Activation("relu", name=f"{name}_ac")(x) if is_activated else x


def block35(x, k):
    branches = [conv(x, 32, 1), chain(x, (32, 1), (32, 3)), chain(x, (32, 1), (48, 3), (64, 3))]
    return residual_block(x, branches, 0.17, f"block35_{k}")


def block17(x, k):
    branches = [conv(x, 192, 1), chain(x, (128, 1), (160, (1, 7)), (192, (7, 1)))]
    return residual_block(x, branches, 0.1, f"block17_{k}")


def block8(x, k):
    branches = [conv(x, 192, 1), chain(x, (192, 1), (224, (1, 3)), (256, (3, 1)))]
    is_last = k == 10
    return residual_block(x, branches, 1.0 if is_last else 0.2, f"block8_{k}", is_activated=not is_last)


def features(x):
    """The stem and a block of branches, then 10, 20 and 10 residual blocks with halving ones between."""
    x = stem(x)
    branches = conv(x, 96, 1), chain(x, (48, 1), (64, 5)), chain(x, (64, 1), (96, 3), (96, 3))
    x = joined([*branches, pooled(x, 64)], "mixed_5b")
    for k in range(1, 11):
        x = block35(x, k)
    branches = conv(x, 384, 3, 2, "valid"), chain(x, (256, 1), (256, 3), (384, 3, 2, "valid"))
    x = joined([*branches, halving(x)], "mixed_6a")
    for k in range(1, 21):
        x = block17(x, k)
    branches = (
        chain(x, (256, 1), (384, 3, 2, "valid")),
        chain(x, (256, 1), (288, 3, 2, "valid")),
        chain(x, (256, 1), (288, 3), (320, 3, 2, "valid")),
    )
    x = joined([*branches, halving(x)], "mixed_7a")
    for k in range(1, 11):
        x = block8(x, k)
    x = layers.Conv2D(1536, 1, padding="same", use_bias=False, name="conv_7b")(x)
    x = layers.BatchNormalization(axis=channel_axis(), scale=False, name="conv_7b_bn")(x)
    return layers.Activation("relu", name="conv_7b_ac")(x)


_STEM = "inception_resnet_v2_weights_tf_dim_ordering_tf_kernels"
InceptionResNetV2 = application(
    "InceptionResNetV2", PAPER, features, Family(default_size=299, min_size=75, pool_names=(None, None)),
    Files(
        f"{KERAS_FILES}inception_resnet_v2/", (f"{_STEM}.h5", f"{_STEM}_notop.h5"),
        ("e693bd0210a403b3192acc6073ad2e96", "d19885ff4a710c122648d3b5c3b684e4"),
    ),
    "inception_resnet_v2",
)  # fmt: skip
