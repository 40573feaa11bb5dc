"""FeatureSpace, against the layers that it is made of and the values of Keras 3.15 on TensorFlow."""

import numpy as np
import pytest

import fastnn
from fastnn import layers
from fastnn.utils import FeatureSpace

DATA = {
    "plain": [0.0, 0.1, 0.2, 0.3],
    "normal": [0.0, 1.0, 2.0, 3.0],
    "scaled": [0.0, 1.0, 2.0, 3.0],
    "binned": [0.0, 1.0, 2.0, 3.0],
    "town": ["a", "b", "a", "c"],
    "number": [1, 2, 2, 3],
    "code": [1, 2, 3, 4],
    "word": ["x", "y", "z", "x"],
}
FEATURES = {
    "plain": lambda: "float",
    "normal": lambda: "float_normalized",
    "scaled": lambda: FeatureSpace.float_rescaled(0.5, 1.0),
    "binned": lambda: FeatureSpace.float_discretized(3),
    "town": lambda: "string_categorical",
    "number": lambda: FeatureSpace.integer_categorical(max_tokens=5),
    "code": lambda: "integer_hashed",
    "word": lambda: FeatureSpace.string_hashed(4),
}


def space(names=FEATURES, data=DATA, **arguments):
    made = FeatureSpace({name: FEATURES[name]() for name in names}, **arguments)
    made.adapt({name: data[name] for name in names})
    return made


def own_one_hot():
    return FeatureSpace.feature("int32", layers.Identity(), "one_hot")


def hot(index, count):
    return np.eye(count, dtype="float32")[index]


def test_all_kinds():
    result = space(crosses=[("town", "number")], crossing_dim=8)(DATA)
    town, number = layers.StringLookup(), layers.IntegerLookup()
    town.adapt(DATA["town"])
    number.adapt(DATA["number"])
    crossed = layers.HashedCrossing(8)([town(DATA["town"]), number(DATA["number"])])
    expected = np.concatenate(
        [
            hot([0, 1, 2, 2], 3),  # binned
            hot(layers.Hashing(32)(DATA["code"]), 32),
            (np.array(DATA["normal"])[:, None] - 1.5) / np.sqrt(1.25),
            hot(number(DATA["number"]), 4),
            np.array(DATA["plain"])[:, None],
            np.array(DATA["scaled"])[:, None] * 0.5 + 1,
            hot(town(DATA["town"]), 4),
            hot(layers.Hashing(4)(DATA["word"]), 4),
            hot(crossed, 8),
        ],
        axis=1,
    )
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, rtol=1e-6)


def test_integers_in_a_dict():
    """The values of Keras 3.15 on TensorFlow 2.21."""
    kinds = {
        "town": FeatureSpace.string_categorical(output_mode="int"),
        "number": FeatureSpace.integer_categorical(output_mode="int"),
    }
    made = FeatureSpace(
        kinds, crosses=[FeatureSpace.cross(("town", "number"), 8, output_mode="int")], output_mode="dict"
    )
    made.adapt({name: DATA[name] for name in kinds})
    result = made({name: DATA[name] for name in kinds})
    assert {name: value.ravel().tolist() for name, value in result.items()} == {
        "number": [3, 1, 1, 2],
        "town": [1, 3, 1, 2],
        "town_X_number": [3, 4, 1, 3],
    }
    assert {name: value.tolist() for name, value in made({"town": "a", "number": 1}).items()} == {
        "number": [3],
        "town": [1],
        "town_X_number": [3],
    }


def test_one_row():
    made = space()
    row = {name: column[1] for name, column in DATA.items()}
    np.testing.assert_array_equal(made(row), made(DATA)[1])


def test_what_adapt_takes():
    names = ("town", "normal", "binned")
    columns = {name: np.array(DATA[name] * 20) for name in names}
    expected = space(names, columns)(columns)
    batches = [{name: column[k : k + 32] for name, column in columns.items()} for k in range(0, 80, 32)]
    rows = [{name: column[k] for name, column in columns.items()} for k in range(80)]
    for data in (batches, iter(batches), rows):
        made = FeatureSpace({name: FEATURES[name]() for name in names})
        made.adapt(data)
        np.testing.assert_allclose(made(columns), expected, rtol=1e-6)


def test_a_layer_of_the_user():
    made = FeatureSpace(
        {
            "text": FeatureSpace.feature(
                preprocessor=layers.TextVectorization(output_mode="tf_idf"), dtype="string", output_mode="float"
            ),
            "plain": "float",
        }
    )
    data = {"text": ["1st string", "2nd string", "3rd"], "plain": [1.0, 2.0, 3.0]}
    made.adapt(data)
    layer = layers.TextVectorization(output_mode="tf_idf")
    layer.adapt(data["text"])
    np.testing.assert_allclose(made(data), np.c_[data["plain"], layer(data["text"])], rtol=1e-6)


def test_layers_that_were_told_all_need_no_data():
    made = FeatureSpace(
        {
            "a": FeatureSpace.float_discretized(None, bin_boundaries=[0.0, 1.0]),
            "b": FeatureSpace.feature("string", layers.StringLookup(vocabulary=["x"]), "one_hot"),
        }
    )
    assert made({"a": [0.5], "b": ["x"]}).tolist() == [[0, 1, 0, 0, 1]]


@pytest.mark.parametrize("names", [tuple(FEATURES), ("plain", "normal", "binned")])
def test_as_the_beginning_of_a_model(names):
    made = space(names, crosses=[("town", "number")] if "town" in names else None)
    model = fastnn.Model(made.get_inputs(), layers.Dense(1)(made.get_encoded_features()))
    data = {name: np.array(DATA[name]) for name in names}
    expected = model.layers[-1](made(data))
    np.testing.assert_allclose(model.predict(data, verbose=0), expected, rtol=1e-5, atol=1e-6)
    model.compile("adam", "mse")
    model.fit(data, np.ones(4), verbose=0)


def test_save_and_load(tmp_path):
    made = space(crosses=[("town", "number")], crossing_dim=8)
    made.save(tmp_path / "space.keras")
    again = fastnn.models.load_model(tmp_path / "space.keras")
    np.testing.assert_array_equal(again(DATA), made(DATA))
    assert again.get_config() == made.get_config()


def test_the_layers_are_there():
    made = space(crosses=[("town", "number")])
    assert made.preprocessors["town"].get_vocabulary() == ["[UNK]", "a", "c", "b"]
    assert isinstance(made.crossers["town_X_number"], layers.HashedCrossing)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: FeatureSpace({}), "features"),
        (lambda: FeatureSpace({"a": "double"}), "Invalid feature type"),
        (lambda: FeatureSpace({"a": "float"}, output_mode="list"), "output_mode"),
        (lambda: FeatureSpace({"a": "float"}, crosses=[("a", "b")]), "unknown features"),
        (lambda: FeatureSpace({"a": "float"}, crosses=[("a", "a")], crossing_dim=None), "crossing_dim"),
        (lambda: FeatureSpace.feature("float32", layers.Identity(), "two_hot"), "output_mode"),
        (lambda: FeatureSpace({"a": "float_normalized"})({"a": [1.0]}), "adapt"),
        (lambda: FeatureSpace({"a": "float_normalized"}).adapt(3), "adapt"),
        (lambda: FeatureSpace({"a": "float"})([1.0]), "dict"),
        (lambda: FeatureSpace({"a": "float", "b": "float"})({"a": [1.0]}), r"\['b'\]"),
        (lambda: FeatureSpace({"a": FeatureSpace.integer_hashed(3, output_mode="int")})({"a": [1]}), "concatenate"),
        (
            lambda: FeatureSpace({"a": FeatureSpace.feature("int32", layers.Identity(), "one_hot")})({"a": [1]}),
            "one_hot",
        ),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
