"""Files of layers inside `.keras` files."""

import zipfile

import numpy as np

import fastnn
from fastnn import layers


def test_vocabularies_travel(tmp_path):
    text = layers.TextVectorization(output_mode="tf_idf")
    text.adapt(["a b\u2028b", "b c"])
    place, code = layers.StringLookup(), layers.IntegerLookup()
    place.adapt([["x", "y"]])
    code.adapt([[4, 5, 4]])
    bins = layers.Discretization(num_bins=3)
    bins.adapt(np.arange(100.0))
    scale = layers.Normalization()
    scale.adapt(np.arange(6.0).reshape(3, 2))
    inputs = [
        fastnn.Input((1,), dtype="string"), fastnn.Input((2,), dtype="string"), fastnn.Input((2,), dtype="int64"),
        fastnn.Input((2,)),
    ]  # fmt: skip
    encoded = [text(inputs[0]), place(inputs[1]), code(inputs[2]), scale(inputs[3]), bins(inputs[3])]
    model = fastnn.Model(inputs, layers.Dense(2)(layers.Concatenate()(encoded)))
    path = tmp_path / "model.keras"
    model.save(path)
    assert {name for name in zipfile.ZipFile(path).namelist() if name.startswith("assets/")} == {
        "assets/layers/integer_lookup/vocabulary.txt",
        "assets/layers/string_lookup/vocabulary.txt",
        "assets/layers/text_vectorization/_lookup_layer/vocabulary.txt",
        "assets/layers/text_vectorization/vocabulary.txt",
    }
    x = [np.array(["a c", "b"]), np.array([["x", "q"]] * 2), np.array([[4, 9], [5, 5]]), np.array([[1.0, 2], [30, 90]])]
    again = fastnn.saving.load_model(path)
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    for mine, original in zip(again.layers, model.layers, strict=True):
        if hasattr(original, "get_vocabulary"):
            assert mine.get_vocabulary() == original.get_vocabulary()


def test_names_that_leave_their_folder_are_not_read(tmp_path):
    layer = layers.StringLookup()
    layer.adapt([["x", "y"]])
    path, worse = tmp_path / "model.keras", tmp_path / "worse.keras"
    fastnn.Sequential([fastnn.Input((1,), dtype="string"), layer, layers.Embedding(3, 2)]).save(path)
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(worse, "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name))
        target.writestr("assets/layers/string_lookup/../../../escaped.txt", "x")
    assert fastnn.saving.load_model(worse).layers[-2].get_vocabulary() == ["[UNK]", "y", "x"]
    assert not list(tmp_path.rglob("escaped.txt"))
