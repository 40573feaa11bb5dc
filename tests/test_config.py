"""Settings: validation, `keras.json`, and the default thread count."""

import json
import os
import subprocess
import sys

import pytest

from fastnn import config


def run(code, **env):
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **env}, check=False
    )
    return result.stdout.strip() or result.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("setter", "getter", "good", "bad"),
    [
        (config.set_floatx, config.floatx, "float64", "int32"),
        (config.set_epsilon, config.epsilon, 1e-3, -1.0),
        (config.set_image_data_format, config.image_data_format, "channels_first", "nhwc"),
        (config.set_threads, config.threads, 3, 0),
    ],
)
def test_setting_changes_and_rejects(setter, getter, good, bad, monkeypatch):
    monkeypatch.setattr(config, "choices", {})
    setter(good)
    assert getter() == good
    with pytest.raises(ValueError, match=str(bad)):
        setter(bad)
    assert getter() == good


def test_keras_json_gives_the_defaults(tmp_path):
    settings = {"floatx": "float64", "epsilon": 1e-4, "image_data_format": "channels_first", "backend": "tensorflow"}
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    code = "from fastnn.config import *; print(floatx(), epsilon(), image_data_format(), backend())"
    assert run(code, KERAS_HOME=str(tmp_path)) == "float64 0.0001 channels_first fastnn"


def test_no_keras_json_means_the_defaults_and_writes_nothing(tmp_path):
    code = "from fastnn.config import *; print(floatx(), epsilon(), image_data_format())"
    assert run(code, KERAS_HOME=str(tmp_path)) == "float32 1e-07 channels_last"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["{", '{"floatx": "float128"}', "[1]"])
def test_bad_keras_json_is_named(text, tmp_path):
    (tmp_path / "keras.json").write_text(text)
    message = run("import fastnn; fastnn.config.floatx()", KERAS_HOME=str(tmp_path))
    assert message.startswith("ValueError") and str(tmp_path / "keras.json") in message


def test_omp_num_threads_bounds_the_default():
    assert run("import fastnn; print(fastnn.config.threads())", OMP_NUM_THREADS="1,4") == "1"


@pytest.mark.parametrize(
    ("membership", "files", "expected"),
    [
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000", "a/cpu.max": "150000 100000"}, 2),
        ("0::/a/b\n", {"a/b/cpu.max": "50000 100000", "a/cpu.max": "150000 100000"}, 1),
        ("0::/\n", {"cpu.max": "max 100000"}, None),
        ("4:memory:/x\n", {"x/cpu.max": "100000 100000"}, None),
        ("1:cpu,x:/c\n", {"cpu,x/c/cpu.cfs_quota_us": "250000", "cpu,x/c/cpu.cfs_period_us": "100000"}, 3),
        ("1:cpu:/c\n", {"cpu/c/cpu.cfs_quota_us": "-1", "cpu/c/cpu.cfs_period_us": "100000"}, None),
    ],
)  # fmt: skip
def test_cgroup_quota(membership, files, expected, tmp_path):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    (tmp_path / "membership").write_text(membership)
    assert config._cgroup_cpus(str(tmp_path), str(tmp_path / "membership")) == expected


def test_report_names_what_is_in_use():
    from fastnn import _build_report, _kernels

    report = _build_report.report()
    for fact in (_build_report.version(), _kernels.isa(), str(config.threads())):
        assert fact in report


def test_forced_isa():
    from fastnn._kernels import _engine

    for isa in _engine.isas():
        assert run("import fastnn._kernels as k; print(k.isa())", FASTNN_ISA=isa) == isa
    assert "FASTNN_ISA='pdp11'" in run("import fastnn; fastnn.show_config()", FASTNN_ISA="pdp11")


def test_winograd_is_on_unless_the_environment_says_0():
    code = "import fastnn; print(fastnn.config.winograd())"
    assert [run(code, FASTNN_WINOGRAD=value) for value in ("0", "1")] == ["False", "True"]


def test_interactive_logging_flag(monkeypatch):
    monkeypatch.setattr(config, "choices", {})
    config.disable_interactive_logging()
    assert not config.is_interactive_logging_enabled()
    config.enable_interactive_logging()
    assert config.is_interactive_logging_enabled()
