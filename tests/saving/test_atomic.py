"""A writer that dies or finds the disk full leaves the old file whole, and no other."""

import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import fastnn

NAMES = ["model.keras", "model.h5", "model.weights.h5", "model.safetensors"]


def build(units=3):
    return fastnn.Sequential([fastnn.Input((4,)), fastnn.layers.Dense(units, name="d")], name="m")


def write(model, path):
    is_whole = path.suffix in (".keras", ".h5") and not path.name.endswith(".weights.h5")
    (model.save if is_whole else model.save_weights)(path)


@pytest.mark.parametrize("name", NAMES)
def test_a_killed_writer(name, tmp_path):
    """It is killed in the very moment before the new file would take the old one's place, which is the last one."""
    write(build(), tmp_path / name)
    before = (tmp_path / name).read_bytes()
    script = f"""
        import os, signal, sys
        from pathlib import Path
        sys.path.insert(0, {str(os.path.dirname(__file__))!r})
        import fastnn, test_atomic
        os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        test_atomic.write(test_atomic.build(50), Path({str(tmp_path / name)!r}))
    """
    result = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False)
    assert result.returncode == -signal.SIGKILL
    assert (tmp_path / name).read_bytes() == before


@pytest.mark.parametrize("name", NAMES)
def test_a_full_disk(name, tmp_path):
    """The largest size of a file stands for the end of the disk: the write fails in the middle."""
    write(build(), tmp_path / name)
    before = (tmp_path / name).read_bytes()
    script = f"""
        import resource, signal, sys
        from pathlib import Path
        sys.path.insert(0, {str(os.path.dirname(__file__))!r})
        import fastnn, test_atomic
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        test_atomic.write(test_atomic.build(50_000), Path({str(tmp_path / name)!r}))
    """
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1, result.stderr
    assert (tmp_path / name).read_bytes() == before
    assert os.listdir(tmp_path) == [name]


def test_training_goes_on_after_a_kill(tmp_path):
    """BackupAndRestore: a process that is killed in the middle and started again ends with the weights of one that
    was not."""
    script = """
        import os, signal, sys
        import numpy as np
        import fastnn

        class Kill(fastnn.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                if epoch == int(sys.argv[3]):
                    os.kill(os.getpid(), signal.SIGKILL)

        fastnn.utils.set_random_seed(5)
        layers = fastnn.layers
        model = fastnn.Sequential([fastnn.Input((4,)), layers.Dense(3, activation="tanh"), layers.Dense(1)])
        model.compile(fastnn.optimizers.Adam(0.05), "mse")
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(32, 4)), rng.normal(size=(32, 1))
        backup = fastnn.callbacks.BackupAndRestore(sys.argv[1])
        model.fit(x, y, epochs=6, shuffle=False, verbose=0, callbacks=[backup, Kill()])
        np.savez(sys.argv[2], *model.get_weights())
    """

    def run(folder, killed_at):
        command = [
            sys.executable,
            "-c",
            textwrap.dedent(script),
            str(tmp_path / folder),
            str(tmp_path / f"{folder}.npz"),
        ]
        return subprocess.run([*command, str(killed_at)], check=False).returncode

    assert run("whole", -1) == 0
    assert run("cut", 3) == -signal.SIGKILL
    assert run("cut", -1) == 0
    with np.load(tmp_path / "whole.npz") as whole, np.load(tmp_path / "cut.npz") as cut:
        for name in whole.files:
            np.testing.assert_array_equal(whole[name], cut[name])
