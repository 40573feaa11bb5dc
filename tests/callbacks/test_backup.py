"""BackupAndRestore: a process that is killed, and run again until it ends, has the weights of one that ran through."""

import json
import os
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest

import fastnn

SCRIPT = textwrap.dedent(
    """
    import os, signal, sys
    import numpy as np
    import fastnn

    folder, kind, save_freq, kill_at, result = sys.argv[1:]
    kind, where = kind.split(",")[0], kind.split(",")[1]
    fastnn.utils.set_random_seed(3)
    x = np.random.normal(size=(40, 6)).astype("float32")
    y = np.random.randint(0, 3, 40)
    model = fastnn.Sequential([
        fastnn.layers.Dense(8, activation="relu"), fastnn.layers.BatchNormalization(), fastnn.layers.Dropout(0.3),
        fastnn.layers.Dense(3, activation="softmax"),
    ])
    if kind == "generator":
        model.build((None, 6))
    model.compile("adam", "sparse_categorical_crossentropy")

    def generator():
        rng = np.random.default_rng(0)
        while True:
            rows = rng.integers(0, 40, 8)
            yield x[rows], y[rows]

    class Batches(fastnn.utils.PyDataset):
        def __len__(self):
            return 5

        def __getitem__(self, k):
            return x[k * 8 : k * 8 + 8], y[k * 8 : k * 8 + 8]

    class Death(fastnn.callbacks.Callback):
        seen = 0

        def on_train_batch_end(self, batch, logs=None):
            self.seen += 1
            if where == "batch" and self.seen == int(kill_at):
                os.kill(os.getpid(), signal.SIGKILL)

    replace, calls = os.replace, []

    def dying_replace(*paths):
        calls.append(paths)
        if where == "save" and len(calls) == int(kill_at):
            os.kill(os.getpid(), signal.SIGKILL)
        replace(*paths)

    os.replace = dying_replace
    backup = fastnn.callbacks.BackupAndRestore(folder, save_freq if save_freq == "epoch" else int(save_freq))
    data = {"arrays": (x, y), "dataset": (Batches(),), "generator": (generator(),)}[kind]
    steps = {"arrays": None, "dataset": None, "generator": 5}[kind]
    batch_size = 8 if kind == "arrays" else None
    model.fit(*data, batch_size=batch_size, epochs=4, steps_per_epoch=steps, verbose=0, callbacks=[backup, Death()])
    np.savez(result, *model.get_weights(), *[v.numpy() for v in model.optimizer.variables])
    """
)


def run(tmp_path, folder, kind, save_freq, kill_at):
    result = tmp_path / f"{folder}.npz"
    arguments = [str(tmp_path / folder), kind, str(save_freq), str(kill_at), str(result)]
    done = subprocess.run([sys.executable, "-c", SCRIPT, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode in (0, -9), done.stderr
    return result if done.returncode == 0 else None


@pytest.mark.parametrize(
    ("kind", "save_freq", "kill_at"),
    [
        ("arrays,batch", "epoch", 12),
        ("arrays,batch", 2, 9),
        ("dataset,batch", 3, 9),
        ("generator,batch", 2, 7),
        ("arrays,save", "epoch", 4),  # before the metadata name the second epoch's weights
        ("arrays,save", 2, 5),  # before the weights have their place
    ],
)
def test_killed_and_run_again(tmp_path, kind, save_freq, kill_at):
    whole = run(tmp_path, "whole", kind, save_freq, 10**6)
    assert run(tmp_path, "parts", kind, save_freq, kill_at) is None
    assert (tmp_path / "parts" / "training_metadata.json").exists()
    parts = run(tmp_path, "parts", kind, save_freq, 10**6)
    with np.load(whole) as a, np.load(parts) as b:
        assert a.files == b.files
        for name in a.files:
            np.testing.assert_array_equal(a[name], b[name])
    assert not (tmp_path / "parts").exists()


def small_model():
    model = fastnn.Sequential([fastnn.Input((4,)), fastnn.layers.Dense(1)])
    model.compile("adam", "mse")
    return model


X, Y = np.ones((8, 4), "float32"), np.ones(8, "float32")


def test_double_checkpoint_outlives_a_broken_file(tmp_path):
    backup = fastnn.callbacks.BackupAndRestore(tmp_path / "b", double_checkpoint=True, delete_checkpoint=False)
    model = small_model()
    model.fit(X, Y, epochs=3, verbose=0, callbacks=[backup])
    assert sorted(os.listdir(tmp_path / "b")) == [
        "epoch00002_batch0000000.weights.h5", "epoch00003_batch0000000.weights.h5", "training_metadata.json",
        "training_metadata.json.backup",
    ]  # fmt: skip
    newest = tmp_path / "b" / json.loads((tmp_path / "b" / "training_metadata.json").read_text())["weights"]
    newest.write_bytes(b"broken")
    assert small_model().fit(X, Y, epochs=4, verbose=0, callbacks=[backup]).epoch == [2, 3]


def test_a_broken_backup_is_an_error(tmp_path):
    backup = fastnn.callbacks.BackupAndRestore(tmp_path / "b", delete_checkpoint=False)
    small_model().fit(X, Y, epochs=1, verbose=0, callbacks=[backup])
    (tmp_path / "b" / "epoch00001_batch0000000.weights.h5").write_bytes(b"broken")
    with pytest.raises(OSError, match="not a readable HDF5 file"):
        small_model().fit(X, Y, epochs=2, verbose=0, callbacks=[backup])


def test_nothing_is_left_and_nothing_is_needed(tmp_path):
    history = small_model().fit(
        X, Y, epochs=2, verbose=0, callbacks=[fastnn.callbacks.BackupAndRestore(tmp_path / "b")]
    )
    assert history.epoch == [0, 1] and not (tmp_path / "b").exists()


@pytest.mark.parametrize("arguments", [{"backup_dir": ""}, {"backup_dir": "b", "save_freq": "batch"}], ids=str)
def test_bad_arguments(arguments):
    for k in (fastnn, keras):
        with pytest.raises(ValueError, match=r"backup_dir|save_freq"):
            k.callbacks.BackupAndRestore(**arguments)
