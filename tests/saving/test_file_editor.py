"""KerasFileEditor, on files of both libraries; what it saves goes into the changed model."""

import zipfile

import keras
import numpy as np
import pytest

import fastnn
from fastnn.saving import KerasFileEditor


def build(k):
    return k.Sequential([k.Input((4,)), k.layers.Dense(3, name="a"), k.layers.BatchNormalization(), k.layers.Dense(2)])


@pytest.mark.parametrize("library", [fastnn, keras])
@pytest.mark.parametrize("name", ["m.keras", "m.weights.h5"])
def test_the_tree(library, name, tmp_path, capsys):
    model = build(library)
    (model.save if name == "m.keras" else model.save_weights)(tmp_path / name)
    editor, theirs = KerasFileEditor(tmp_path / name), keras.saving.KerasFileEditor(str(tmp_path / name))
    assert (editor.metadata is None) == (theirs.metadata is None)
    flat, expected = fastnn.tree.flatten(editor.weights_dict), keras.tree.flatten(theirs.weights_dict)
    for a, b in zip(flat, expected, strict=True):
        np.testing.assert_array_equal(a, b)
    editor.summary()
    assert "shape=(4, 3), dtype=float32" in capsys.readouterr().out
    assert editor.compare(build(fastnn)) == {"status": "success", "error_count": 0, "match_count": 8}


def test_changes(tmp_path):
    model = build(fastnn)
    model.save_weights(tmp_path / "m.weights.h5")
    editor = KerasFileEditor(tmp_path / "m.weights.h5")
    editor.delete_object("batch_normalization")
    editor.rename_object("layers/dense_1", "dense_2")
    editor.add_object("layers/dense_1", {"0": np.full((3, 5), 2.0)})
    editor.add_weights("layers/dense_1", {"1": np.ones(5), "2": np.ones(1)})
    editor.delete_weight("layers/dense_1", "2")
    editor.delete_object("layers/dense_2")
    editor.add_object("layers/dense_2", {"0": np.ones((5, 1)), "1": np.zeros(1)})
    editor.save(tmp_path / "new.weights.h5")
    for k in (fastnn, keras):
        changed = k.Sequential([k.Input((4,)), *(k.layers.Dense(units) for units in (3, 5, 1))])
        if k is fastnn:
            assert editor.compare(changed)["status"] == "success" and editor.compare(model)["error_count"] == 4
        changed.load_weights(tmp_path / "new.weights.h5")
        np.testing.assert_array_equal(changed.get_weights()[0], model.get_weights()[0])
        assert changed.get_weights()[2].min() == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda e: e.rename_object("nope", "x"),
        lambda e: e.rename_object("layers/dense", "layers/x"),
        lambda e: e.rename_object("dense", "batch_normalization"),
        lambda e: e.delete_object("layers/nope"),
        lambda e: e.add_object("a/b/c", {"0": np.ones(1)}),
        lambda e: e.add_object("layers/x", [np.ones(1)]),
        lambda e: e.add_object("layers/dense", {"0": np.ones(1)}),
        lambda e: e.delete_weight("layers/dense", "7"),
        lambda e: e.add_weights("layers/nope", {"0": np.ones(1)}),
        lambda e: e.save("x.h5"),
        lambda e: KerasFileEditor("x.txt"),
    ],
)
def test_what_is_refused(change, tmp_path):
    build(fastnn).save_weights(tmp_path / "m.weights.h5")
    editor = KerasFileEditor(tmp_path / "m.weights.h5")
    before = fastnn.tree.map_structure(np.copy, editor.weights_dict)
    with pytest.raises(ValueError):
        change(editor)
    assert fastnn.tree.map_structure(np.shape, editor.weights_dict) == fastnn.tree.map_structure(np.shape, before)


def test_a_name_that_two_have(tmp_path):
    inner = fastnn.Sequential([fastnn.Input((4,)), fastnn.layers.Dense(4)])
    fastnn.Sequential([fastnn.Input((4,)), inner, fastnn.layers.Dense(2)]).save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(ValueError, match="more than once"):
        KerasFileEditor(tmp_path / "m.weights.h5").delete_object("dense")


def test_a_file_that_unpacks_to_more_than_it_may(tmp_path):
    with zipfile.ZipFile(tmp_path / "m.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("metadata.json", "{}")
        archive.writestr("model.weights.h5", bytes(70_000_000))
    with pytest.raises(ValueError, match="claims"):
        KerasFileEditor(tmp_path / "m.keras")
