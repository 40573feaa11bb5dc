"""VGG with 16 layers; its blocks are VGG19's too."""

from functools import partial

from fastnn import layers
from fastnn.applications.base import KERAS_FILES, Family, Files, application
from fastnn.applications.imagenet_utils import decode_predictions
from fastnn.applications.input_modes import caffe as preprocess_input

__all__ = ["VGG16", "decode_predictions", "preprocess_input"]

PAPER = "Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition (arXiv:1409.1556)"


def features(x, depths):
    """Blocks of `depths` 3x3 convolutions; each ends in half the height and width."""
    for block, (depth, filters) in enumerate(zip(depths, (64, 128, 256, 512, 512), strict=True), start=1):
        for k in range(1, depth + 1):
            x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"block{block}_conv{k}")(x)
        x = layers.MaxPooling2D(2, 2, name=f"block{block}_pool")(x)
    return x


def top(x, classes, activation):
    """Two wide layers, and the classifier."""
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(4096, activation="relu", name="fc1")(x)
    x = layers.Dense(4096, activation="relu", name="fc2")(x)
    return layers.Dense(classes, activation=activation, name="predictions")(x)


FAMILY = Family(top=top, pool_names=(None, None))


def files(name, hashes):
    """Where the weights of `name` are."""
    stem = f"{name}_weights_tf_dim_ordering_tf_kernels"
    return Files(f"{KERAS_FILES}{name}/", (f"{stem}.h5", f"{stem}_notop.h5"), hashes)


VGG16 = application(
    "VGG16", PAPER, partial(features, depths=(2, 2, 3, 3, 3)), FAMILY,
    files("vgg16", ("64373286793e3c8b2b4e3219cbf3544b", "6d6bbae143d832006294945121d1f1fc")), "vgg16",
)  # fmt: skip
