"""Networks of `keras.applications` on images of 224 by 224, in float32 without weights of others: the level
`applications` (`applications_level.py`). A row has the name that torchvision gives the network."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Row:
    """One network: its name in `keras.applications`, and the sizes of its data."""

    application: str
    rows: int = 32
    shape: tuple[int, ...] = (224, 224, 3)
    classes: int = 10
    batch_size: int = 8


ROWS = {
    "resnet50": Row("ResNet50"),
    "mobilenet_v2": Row("MobileNetV2"),
    "mobilenet_v3_small": Row("MobileNetV3Small"),
    "efficientnet_b0": Row("EfficientNetB0"),
    "densenet121": Row("DenseNet121"),
    "vgg16": Row("VGG16", rows=16),
}


def data(name: str) -> tuple[np.ndarray, np.ndarray]:
    """`x` float32 uniform in [0, 1), labels int64."""
    row, rng = ROWS[name], np.random.default_rng(0)
    return rng.random((row.rows, *row.shape), np.float32), rng.integers(0, row.classes, row.rows)


def build(name: str, k):
    """The compiled network; `k` is `fastnn` or `keras`."""
    row = ROWS[name]
    model = getattr(k.applications, row.application)(weights=None, input_shape=row.shape, classes=row.classes)
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def build_torch(name: str):
    """torchvision's network; it gives logits."""
    import torchvision

    return getattr(torchvision.models, name)(num_classes=ROWS[name].classes)
