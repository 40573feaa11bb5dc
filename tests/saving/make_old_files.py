"""Writes `tests/saving/files`: models that older versions of Keras saved, and what they predict.

    python tests/saving/make_old_files.py

Each version is installed by pip into a folder of its own, which is removed at the end; Keras 2 needs Python 3.11 and
brings TensorFlow. `PYTHON` names another interpreter.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

FILES = Path(__file__).parent / "files"
# version: (what pip installs, variables of the environment, the endings of the files)
VERSIONS = {
    "2.15": (["tensorflow-cpu==2.15.*", "numpy<2"], {}, (".h5",)),
    "3.0.5": (
        ["keras==3.0.5", "numpy<2", "jax[cpu]==0.4.23", "scipy<1.12", "packaging"],
        {"KERAS_BACKEND": "jax"},
        (".keras",),
    ),
    "3.5.0": (["keras==3.5.0", "numpy<2", "jax[cpu]<0.5", "scipy<1.15"], {"KERAS_BACKEND": "numpy"}, (".keras", ".h5")),
}
# Run in a process of each version: `keras`, `np`, `folder`, `version` and `endings` are there.
SCRIPT = """
import sys
import numpy as np
import keras

folder, version, *endings = sys.argv[1:]
L = keras.layers


def branches():
    a, b = keras.Input((6, 6, 2), name="a"), keras.Input((5,), dtype="int32", name="b")
    x = L.Conv2D(4, 3, padding="same", activation="relu")(a)
    x = L.BatchNormalization()(x)
    x = L.Dropout(0.3)(L.GlobalAveragePooling2D()(L.MaxPooling2D(2)(x)))
    y = L.LSTM(6)(L.Embedding(7, 4, mask_zero=True)(b))
    inner = keras.Sequential([keras.Input((10,)), L.Dense(5, activation="tanh"), L.LayerNormalization()])
    z = inner(L.Concatenate()([x, y]))
    model = keras.Model([a, b], [L.Dense(3, activation="softmax", name="kind")(z), L.Dense(1, name="size")(z)])
    model.compile("adam", loss={"kind": "categorical_crossentropy", "size": "mse"}, metrics={"size": ["mae"]})
    return model


def chain():
    model = keras.Sequential(
        [
            keras.Input((8, 3)),
            L.Conv1D(4, 3, padding="causal", kernel_regularizer="l2"),
            L.GRU(5, return_sequences=True),
            L.TimeDistributed(L.Dense(4, activation="relu")),
            L.Flatten(),
            L.Dense(2),
        ]
    )
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), loss="mse")
    return model


def attention():
    x = keras.Input((4, 6))
    y = L.LayerNormalization()(L.Add()([x, L.MultiHeadAttention(2, 3)(x, x)]))
    return keras.Model(x, L.Dense(2)(y))


for name, make in {"branches": branches, "chain": chain, "attention": attention}.items():
    keras.utils.set_random_seed(3)
    model = make()
    rng = np.random.default_rng(1)
    model.set_weights([w + rng.uniform(0.05, 0.2, w.shape).astype("float32") for w in model.get_weights()])
    inputs = []
    for x in model.inputs:
        drawn = rng.normal(size=(2, *x.shape[1:])) * 3
        dtype = "int32" if "int" in str(x.dtype) else "float32"
        inputs.append((np.abs(drawn) % 6 if dtype == "int32" else drawn).astype(dtype))
    outputs = model.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    stem = f"{folder}/{version}-{name}"
    arrays = {f"x{k}": x for k, x in enumerate(inputs)} | {f"y{k}": np.asarray(y) for k, y in enumerate(outputs)}
    np.savez_compressed(f"{stem}.npz", **arrays)
    for ending in endings:
        (model.save_weights if ending == ".weights.h5" else model.save)(f"{stem}{ending}")
"""


def make(version: str) -> None:
    packages, variables, endings = VERSIONS[version]
    python = os.environ.get("PYTHON", sys.executable)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--target", folder, *packages], check=True)
        environment = {**os.environ, **variables, "PYTHONPATH": folder, "CUDA_VISIBLE_DEVICES": ""}
        # -S: other packages of the interpreter would be mixed with those of the folder.
        command = [python, "-S", "-c", SCRIPT, str(FILES), version, *endings]
        subprocess.run(command, env=environment, check=True)


if __name__ == "__main__":
    FILES.mkdir(exist_ok=True)
    for wanted in sys.argv[1:] or VERSIONS:
        make(wanted)
