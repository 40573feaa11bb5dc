"""Models that older versions of Keras saved (`make_old_files.py` says how) predict what they did, and train."""

from pathlib import Path

import numpy as np
import pytest

import fastnn

FILES = Path(__file__).parent / "files"
MODELS = sorted(path for path in FILES.iterdir() if path.suffix in (".h5", ".keras"))


def test_every_version_is_here():
    assert {path.name.split("-")[0] for path in MODELS} == {"2.15", "3.0.5", "3.5.0"}
    assert all(path.stat().st_size < 60_000 for path in MODELS)


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.name)
def test_predictions(path, tmp_path):
    with np.load(path.with_suffix(".npz")) as arrays:
        inputs = [arrays[name] for name in sorted(arrays.files) if name.startswith("x")]
        expected = [arrays[name] for name in sorted(arrays.files) if name.startswith("y")]
    model = fastnn.saving.load_model(path)
    x = inputs if len(inputs) > 1 else inputs[0]
    for result, wanted in zip(fastnn.tree.flatten(model.predict(x, verbose=0)), expected, strict=True):
        np.testing.assert_allclose(result, wanted, rtol=1e-5, atol=1e-5)
    model.save(tmp_path / "again.keras")
    again = fastnn.saving.load_model(tmp_path / "again.keras")
    for result, wanted in zip(fastnn.tree.flatten(again.predict(x, verbose=0)), expected, strict=True):
        np.testing.assert_allclose(result, wanted, rtol=1e-5, atol=1e-5)
    if model.compiled:
        assert np.isfinite(model.fit(x, expected if len(expected) > 1 else expected[0], verbose=0).history["loss"][0])
