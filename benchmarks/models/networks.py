"""The networks and data of the comparison, written once against Keras's API; `k` is `fastnn` or `keras`.

Adam, float32, accuracy as a metric, random data, shuffled: the rows `tiny`, `mlp` and `cnn` of the design's table.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Row:
    """One row: data of shape (rows, *shape), `classes` outputs (1: a sigmoid), and the batch size."""

    rows: int
    shape: tuple[int, ...]
    classes: int
    batch_size: int


ROWS = {
    "tiny": Row(4096, (4,), 1, 32),
    "mlp": Row(60_000, (784,), 10, 128),
    "cnn": Row(12_800, (28, 28, 1), 10, 128),
}


def data(name: str) -> tuple[np.ndarray, np.ndarray]:
    """`x` float32 uniform in [0, 1), and labels: int64 classes, or float32 0 and 1 where there is one output."""
    row = ROWS[name]
    rng = np.random.default_rng(0)
    x = rng.random((row.rows, *row.shape), dtype=np.float32)
    y = rng.integers(0, max(row.classes, 2), row.rows)
    return x, y.astype("float32") if row.classes == 1 else y


def hidden_layers(name: str, layers) -> list:
    """The layers between input and output."""
    if name == "tiny":
        return [layers.Dense(16, activation="relu")]
    if name == "mlp":
        return [layers.Dense(128, activation="relu"), layers.Dense(64, activation="relu")]
    return [
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dropout(0.5),
    ]


def build(name: str, k):
    """The compiled network."""
    row = ROWS[name]
    is_binary = row.classes == 1
    output = k.layers.Dense(row.classes, activation="sigmoid" if is_binary else "softmax")
    model = k.Sequential([k.Input(row.shape), *hidden_layers(name, k.layers), output])
    model.compile(
        optimizer="adam",
        loss="binary_crossentropy" if is_binary else "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model
