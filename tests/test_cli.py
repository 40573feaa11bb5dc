"""The console command: `info`, `demo` end to end on the shipped digits, and errors in one line."""

import re
import subprocess
import sys

import numpy as np
import pytest

import fastnn
from fastnn import _cli, _demo, config


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "fastnn._cli", *arguments], capture_output=True, text=True, check=False
    )


def test_info():
    result = command("info")
    assert result.returncode == 0
    assert re.search(r"^kernel table in use +\w+", result.stdout, re.MULTILINE)


def test_no_command_is_a_usage_error():
    result = command()
    assert result.returncode == 2 and "usage: fastnn" in result.stderr


@pytest.mark.parametrize(
    "arguments", [["--data", "imagenet"], ["--model", "rnn"], ["--epochs", "0"], ["--threads", "-1"], ["--epochs", "x"]]
)
def test_bad_option_names_itself(arguments):
    result = command("demo", *arguments)
    assert result.returncode == 2 and arguments[0] in result.stderr and "Traceback" not in result.stderr


def test_error_a_user_can_mend_is_one_line(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(config, "keras_home", lambda: str(tmp_path))
    monkeypatch.setattr(_demo.datasets.mnist, "KERAS_FILES", "http://127.0.0.1:1/")
    assert _cli.main(["demo", "--data", "mnist", "--output", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("fastnn: error:") and error.count("\n") == 1
    assert str(tmp_path / "datasets" / "mnist.npz") in error


def test_confusion_counts():
    expected = [[1, 1, 0], [0, 0, 0], [0, 0, 2]]
    assert _demo.confusion(np.array([0, 0, 2, 2]), np.array([0, 1, 2, 2]), 3).tolist() == expected


@pytest.mark.parametrize(("model", "epochs", "floor"), [("cnn", 20, 0.97), ("mlp", 20, 0.95)])
def test_demo_learns_the_digits(model, epochs, floor, tmp_path, capsys):
    assert _cli.main(["demo", "--model", model, "--epochs", str(epochs), "--output", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.strip().splitlines()
    match = re.fullmatch(r"test accuracy: (0\.\d{3})", lines[-1])
    assert match and float(match[1]) >= floor
    assert sum(re.match(r" +\d+ +\d\.\d{4} ", line) is not None for line in lines) == epochs
    assert (tmp_path / "model.keras").stat().st_size > 0
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_convert_and_summary(tmp_path, capsys):
    model = fastnn.Sequential([fastnn.Input((4,)), fastnn.layers.Dense(3, name="first")])
    path = tmp_path / "model.keras"
    model.save(path)
    for ending in ("onnx", "keras", "h5", "weights.h5", "safetensors"):
        output = tmp_path / f"out.{ending}"
        assert _cli.main(["convert", str(path), str(output)]) == 0 and output.stat().st_size
    again = fastnn.saving.load_model(tmp_path / "out.h5")
    again.load_weights(tmp_path / "out.weights.h5")
    assert (again.get_weights()[0] == model.get_weights()[0]).all()
    assert _cli.main(["summary", str(path)]) == 0
    assert "first" in capsys.readouterr().out


def test_convert_to_something_else(tmp_path, capsys):
    path = tmp_path / "model.keras"
    fastnn.Sequential([fastnn.Input((4,)), fastnn.layers.Dense(3)]).save(path)
    assert _cli.main(["convert", str(path), str(tmp_path / "out.txt")]) == 1
    assert ".safetensors" in capsys.readouterr().err
    assert _cli.main(["summary", str(tmp_path / "none.keras")]) == 1
