"""Files of weights beside `.weights.h5`: several files with an index, and safetensors."""

import json
import sys

import keras
import numpy as np
import pytest
from safetensors.numpy import load_file

import fastnn
from tests.tables.models import MODELS, scatter

SMALL = 500 / 1024**3  # GiB


def pair(source, target, name="residual"):
    for library in (source, target):
        library.utils.clear_session(free_memory=False)
    model, other = MODELS[name](source), MODELS[name](target)
    scatter(model)
    return model, other


def assert_same_weights(a, b):
    for x, y in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize(("source", "target"), [(keras, fastnn), (fastnn, keras), (fastnn, fastnn)])
def test_shards_travel(source, target, tmp_path):
    model, other = pair(source, target)
    model.save_weights(tmp_path / "x.weights.json", max_shard_size=SMALL)
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files[:2] == ["x.weights.json", "x_00000.weights.h5"] and len(files) > 2
    other.load_weights(tmp_path / "x.weights.json")
    assert_same_weights(model, other)


def test_the_same_shards_as_keras(tmp_path):
    model, other = pair(keras, fastnn)
    indices = {}
    for name, written in {"keras": model, "fastnn": other}.items():
        (tmp_path / name).mkdir()
        written.save_weights(tmp_path / name / "x.weights.json", max_shard_size=SMALL)
        index = json.loads((tmp_path / name / "x.weights.json").read_text())
        places = index["weight_map"].items()  # Keras writes the first array of a shard without a list
        indices[name] = index["metadata"], {place: list(np.atleast_1d(names)) for place, names in places}
    assert indices["fastnn"] == indices["keras"]


def test_an_array_larger_than_a_shard(tmp_path):
    model, _ = pair(fastnn, fastnn)
    model.save_weights(tmp_path / "x.weights.json", max_shard_size=1)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ValueError, match="max_shard_size"):
        model.save_weights(tmp_path / "x.weights.json", max_shard_size=1 / 1024**3)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("name", ["../x.weights.h5", "/etc/passwd", 3, "x.txt"])
def test_an_index_that_leads_elsewhere(name, tmp_path):
    model, _ = pair(fastnn, fastnn)
    (tmp_path / "x.weights.json").write_text(json.dumps({"weight_map": {"/layers/conv2d/vars": [name]}}))
    with pytest.raises(ValueError, match="none beside it"):
        model.load_weights(tmp_path / "x.weights.json")


def test_an_index_without_a_map(tmp_path):
    model, _ = pair(fastnn, fastnn)
    (tmp_path / "x.weights.json").write_text("[]")
    with pytest.raises(ValueError, match="weight_map"):
        model.load_weights(tmp_path / "x.weights.json")


def test_safetensors(tmp_path):
    model, other = pair(fastnn, fastnn)
    fastnn.utils.clear_session(free_memory=False)
    other = MODELS["residual"](fastnn)
    model.save_weights(tmp_path / "x.safetensors")
    assert set(load_file(tmp_path / "x.safetensors")) == {v.path for v in model.weights}
    other.load_weights(tmp_path / "x.safetensors")
    assert_same_weights(model, other)


def test_safetensors_that_do_not_fit(tmp_path):
    def dense(units):
        return fastnn.Sequential([fastnn.Input((4,)), fastnn.layers.Dense(units, name="d")], name="m")

    dense(3).save_weights(tmp_path / "x.safetensors")
    model = dense(2)
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"\(4, 3\).*\(4, 2\)"):
        model.load_weights(tmp_path / "x.safetensors")
    with pytest.warns(UserWarning, match=r"\(4, 3\)"):
        model.load_weights(tmp_path / "x.safetensors", skip_mismatch=True)
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_without_safetensors(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    model, _ = pair(fastnn, fastnn)
    with pytest.raises(ImportError, match=r"fastnn-cpu\[safetensors\]"):
        model.save_weights(tmp_path / "x.safetensors")
    assert not list(tmp_path.iterdir())
