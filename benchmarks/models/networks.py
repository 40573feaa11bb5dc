"""The networks and data of the comparison, written once against Keras's API; `k` is `fastnn` or `keras`.

Adam, float32, accuracy as a metric, random data, shuffled.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Row:
    """One row: data of shape (rows, *shape), `classes` outputs (1: a sigmoid), the batch size, and the number of words
    where the data are indices."""

    rows: int
    shape: tuple[int, ...]
    classes: int
    batch_size: int
    words: int = 0


ROWS = {
    "tiny": Row(4096, (4,), 1, 32),
    "mlp": Row(60_000, (784,), 10, 128),
    "cnn": Row(12_800, (28, 28, 1), 10, 128),
    "resnet": Row(1_280, (32, 32, 3), 10, 128),
    "lstm": Row(3_200, (200,), 1, 32, words=20_000),
    "tfm": Row(1_600, (128,), 2, 32, words=5_000),
}


def data(name: str) -> tuple[np.ndarray, np.ndarray]:
    """`x` float32 uniform in [0, 1) or int32 indices of words, and labels: int64 classes, or float32 0 and 1 where
    there is one output."""
    row = ROWS[name]
    rng = np.random.default_rng(0)
    if row.words:
        x = rng.integers(0, row.words, (row.rows, *row.shape)).astype("int32")
    else:
        x = rng.random((row.rows, *row.shape), dtype=np.float32)
    y = rng.integers(0, max(row.classes, 2), row.rows)
    return x, y.astype("float32") if row.classes == 1 else y


def build(name: str, k):
    """The compiled network."""
    row = ROWS[name]
    is_binary = row.classes == 1
    inputs = k.Input(row.shape, dtype="int32" if row.words else "float32")
    hidden = HIDDEN[name](k.layers, inputs)
    outputs = k.layers.Dense(row.classes, activation="sigmoid" if is_binary else "softmax")(hidden)
    model = k.Model(inputs, outputs)
    model.compile(
        optimizer="adam",
        loss="binary_crossentropy" if is_binary else "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def build_torch(name: str):
    """The network in PyTorch; it gives logits."""
    from benchmarks.models import torch_networks

    return torch_networks.build(name)


def _tiny(layers, x):
    return layers.Dense(16, activation="relu")(x)


def _mlp(layers, x):
    return layers.Dense(64, activation="relu")(layers.Dense(128, activation="relu")(x))


def _cnn(layers, x):
    x = layers.MaxPooling2D(2)(layers.Conv2D(32, 3, activation="relu")(x))
    x = layers.MaxPooling2D(2)(layers.Conv2D(64, 3, activation="relu")(x))
    return layers.Dropout(0.5)(layers.Flatten()(x))


def _resnet(layers, x):
    """ResNet-20 (He et al., 2015, section 4.2)."""

    def convolution(x, channels, size, stride, activated):
        x = layers.Conv2D(channels, size, strides=stride, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        return layers.Activation("relu")(x) if activated else x

    x = convolution(x, 16, 3, 1, activated=True)
    for stage, channels in enumerate((16, 32, 64)):
        for block in range(3):
            stride = 2 if stage and not block else 1
            y = convolution(x, channels, 3, stride, activated=True)
            y = convolution(y, channels, 3, 1, activated=False)
            shortcut = convolution(x, channels, 1, 2, activated=False) if stride == 2 else x
            x = layers.Activation("relu")(layers.Add()([y, shortcut]))
    return layers.GlobalAveragePooling2D()(x)


def _lstm(layers, x):
    return layers.LSTM(64)(layers.Embedding(ROWS["lstm"].words, 128)(x))


def _tfm(layers, x):
    x = layers.Embedding(ROWS["tfm"].words, 64)(x)
    for _ in range(2):
        attended = layers.MultiHeadAttention(num_heads=4, key_dim=16)(x, x)
        x = layers.LayerNormalization()(layers.Add()([x, attended]))
        wide = layers.Dense(64)(layers.Dense(256, activation="relu")(x))
        x = layers.LayerNormalization()(layers.Add()([x, wide]))
    return layers.GlobalAveragePooling1D()(x)


# The layers between input and output of each row.
HIDDEN = {"tiny": _tiny, "mlp": _mlp, "cnn": _cnn, "resnet": _resnet, "lstm": _lstm, "tfm": _tfm}
