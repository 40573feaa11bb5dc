"""InceptionV3: blocks whose branches see windows of different sizes, large ones made of thin ones."""

from fastnn import layers
from fastnn.applications.base import KERAS_FILES, Family, Files, application, channel_axis
from fastnn.applications.imagenet_utils import decode_predictions
from fastnn.applications.input_modes import minus_one_to_one as preprocess_input

__all__ = ["InceptionV3", "decode_predictions", "preprocess_input"]

PAPER = "Szegedy et al., Rethinking the Inception Architecture for Computer Vision, CVPR 2016 (arXiv:1512.00567)"


def conv(x, filters, kernel_size, stride=1, padding="same"):
    """A convolution, batch normalization without a scale, and relu."""
    x = layers.Conv2D(filters, kernel_size, strides=stride, padding=padding, use_bias=False)(x)
    x = layers.BatchNormalization(axis=channel_axis(), scale=False)(x)
    return layers.Activation("relu")(x)


def chain(x, *steps):
    """The convolutions `steps`, each the arguments of `conv`, one after the other."""
    for step in steps:
        x = conv(x, *step)
    return x


def halving(x):
    """What each halving block has beside its convolutions."""
    return layers.MaxPooling2D(3, strides=2)(x)


def pooled(x, filters):
    """The mean of each 3x3 window, then a 1x1 convolution."""
    return conv(layers.AveragePooling2D(3, strides=1, padding="same")(x), filters, 1)


def joined(branches, name=None):
    return layers.Concatenate(axis=channel_axis(), name=name)(branches)


def stem(x):
    """Five convolutions and two poolings, which leave a ninth of the height and width."""
    x = chain(x, (32, 3, 2, "valid"), (32, 3, 1, "valid"), (64, 3))
    return halving(chain(halving(x), (80, 1, 1, "valid"), (192, 3, 1, "valid")))


def small_windows(x, pool_filters, name):
    """Windows of 1, 5 and 3 twice (the paper's figure 5)."""
    branches = conv(x, 64, 1), chain(x, (48, 1), (64, 5)), chain(x, (64, 1), (96, 3), (96, 3))
    return joined([*branches, pooled(x, pool_filters)], name)


def crossed_windows(x, filters, name):
    """Windows of 7x7, once and twice, as rows and columns (figure 6)."""
    row, column = (1, 7), (7, 1)
    direct = conv(x, 192, 1)
    once = chain(x, (filters, 1), (filters, row), (192, column))
    twice = chain(x, (filters, 1), (filters, column), (filters, row), (filters, column), (192, row))
    return joined([direct, once, twice, pooled(x, 192)], name)


def spread_windows(x, name, inner_name):
    """Rows and columns of 3 side by side (figure 7)."""

    def spread(x):
        return [conv(x, 384, (1, 3)), conv(x, 384, (3, 1))]

    direct = conv(x, 320, 1)
    once = joined(spread(conv(x, 384, 1)), inner_name)
    twice = joined(spread(chain(x, (448, 1), (384, 3))))
    return joined([direct, once, twice, pooled(x, 192)], name)


def features(x):
    """The stem, then 11 blocks, of which two halve the height and width."""
    x = stem(x)
    for k, pool_filters in enumerate((32, 64, 64)):
        x = small_windows(x, pool_filters, f"mixed{k}")
    branches = conv(x, 384, 3, 2, "valid"), chain(x, (64, 1), (96, 3), (96, 3, 2, "valid"))
    x = joined([*branches, halving(x)], "mixed3")
    for k, filters in enumerate((128, 160, 160, 192), start=4):
        x = crossed_windows(x, filters, f"mixed{k}")
    branches = (
        chain(x, (192, 1), (320, 3, 2, "valid")),
        chain(x, (192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3, 2, "valid")),
    )
    x = joined([*branches, halving(x)], "mixed8")
    for k in range(2):
        x = spread_windows(x, f"mixed{9 + k}", f"mixed9_{k}")
    return x


_STEM = "inception_v3_weights_tf_dim_ordering_tf_kernels"
InceptionV3 = application(
    "InceptionV3", PAPER, features, Family(default_size=299, min_size=75, pool_names=(None, None)),
    Files(
        f"{KERAS_FILES}inception_v3/", (f"{_STEM}.h5", f"{_STEM}_notop.h5"),
        ("9a0d58056eeedaa3f26cb7ebd46da564", "bcbd6486424b2319ff4ef7d526e38f63"),
    ),
    "inception_v3",
)  # fmt: skip
