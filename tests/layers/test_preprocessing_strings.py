"""The layers of strings and tables, against what Keras on TensorFlow answers (see `string_cases`)."""

import json

import numpy as np
import pytest

import fastnn
from tests.layers.against_keras import check_signature
from tests.layers.string_cases import ANSWERS, CASES, answer

EXPECTED = json.loads(ANSWERS.read_text())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_answers_are_keras_s(case):
    expected, result = EXPECTED[str(case)], answer(fastnn.layers, case)
    for part in ("shape", "dtype", "config", "vocabulary"):
        assert result[part] == expected[part], part
    if expected["dtype"].startswith("float"):
        np.testing.assert_allclose(result["outputs"], expected["outputs"], rtol=1e-6)
    else:
        assert result["outputs"] == expected["outputs"]


@pytest.mark.parametrize("name", sorted({case.layer for case in CASES}))
def test_signatures(name):
    check_signature(name)


def write_vocabulary(path, tokens, end="\n"):
    path.write_bytes("".join(token + end for token in tokens).encode())
    return str(path)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_vocabularies_from_files(tmp_path, end):
    path = write_vocabulary(tmp_path / "words.txt", ["ä", "b"], end)
    layer = fastnn.layers.StringLookup(vocabulary=path)
    assert layer.get_vocabulary() == ["[UNK]", "ä", "b"]
    assert layer.get_config()["vocabulary"] is None, "it is saved as a file beside the config"
    assert fastnn.layers.TextVectorization(vocabulary=path)(["b ä x"]).tolist() == [[3, 2, 1]]
    numbers = write_vocabulary(tmp_path / "numbers.txt", ["7", "-3"], end)
    assert fastnn.layers.IntegerLookup(vocabulary=numbers)([-3, 7, 0]).tolist() == [2, 1, 0]


def test_functions_standardize_and_split():
    def last_letter_off(texts):
        return np.strings.slice(texts, 0, -1)

    layer = fastnn.layers.TextVectorization(
        standardize=last_letter_off, split=lambda texts: [text.split("-") for text in texts], vocabulary=["a", "b", "c"]
    )
    assert layer(["a-b!", "c?"]).tolist() == [[2, 3], [4, 0]]


@fastnn.saving.register_keras_serializable()
def dashes(texts):
    return [text.split("-") for text in texts]


def test_a_layer_with_a_function_comes_back_from_its_config():
    layer = fastnn.layers.TextVectorization(standardize=None, split=dashes, ngrams=(1, 2), vocabulary=["a", "b", "a b"])
    again = fastnn.saving.deserialize_keras_object(json.loads(json.dumps(fastnn.saving.serialize_keras_object(layer))))
    assert again(["a-b"]).tolist() == layer(["a-b"]).tolist() == [[2, 3, 4]]


def test_inputs_by_keyword():
    lookup = fastnn.layers.StringLookup(vocabulary=["a", "b"])
    assert lookup(inputs=["b", "x"]).tolist() == lookup(["b", "x"]).tolist() == [2, 0]
    crossing = fastnn.layers.HashedCrossing(num_bins=5)
    assert crossing(inputs=(["A", "B"], [101, 102])).tolist() == crossing((["A", "B"], [101, 102])).tolist()


def test_kinds_of_arrays():
    layer = fastnn.layers.StringLookup(vocabulary=["a", "é"])
    for texts in (["é", "x"], np.array(["é", "x"]), np.array(["é", "x"], object), np.array([b"\xc3\xa9", b"x"])):
        assert layer(texts).tolist() == [2, 0]
    assert layer(np.empty((0, 3), object)).shape == (0, 3)
    assert fastnn.layers.TextVectorization(vocabulary=["a"])(np.empty(0, object)).shape == (0, 0)


@pytest.mark.parametrize("dtype", ["<U3", ">U3", "S3", object])
def test_strings_of_any_kind_have_the_same_numbers(dtype):
    """ASCII's go the way of fixed lengths, others that of objects."""
    texts = np.array([["ab", "b", ""], ["xyz", "ab", "q"]], dtype)
    expected = fastnn.layers.Hashing(7)([["ab", "b", ""], ["xyz", "ab", "q"]])
    assert fastnn.layers.Hashing(7)(texts).tolist() == expected.tolist()
    assert fastnn.layers.Hashing(7)(texts.T).tolist() == expected.T.tolist()
    mixed = np.concatenate([texts.astype(object), np.array([["é", "ab", "ü"]], object)])
    assert fastnn.layers.Hashing(7)(mixed.astype(str))[:2].tolist() == expected.tolist()
    lookup = fastnn.layers.StringLookup(vocabulary=["ab", "q"], mask_token="")
    assert lookup(texts).tolist() == [[2, 1, 0], [1, 2, 3]]


def test_lists_are_what_arrays_of_objects_are():
    layer = fastnn.layers.StringLookup(vocabulary=np.array(["a", "é", "a\0", "3"], object), mask_token="")
    strings = ["a", "é", "", "a\0", "x", b"\xc3\xa9", "3"]
    assert layer(strings).tolist() == layer(np.array(strings, object)).tolist() == [2, 3, 0, 4, 1, 3, 5]
    assert layer(["a", 3]).tolist() == [2, 5], "numbers are read as they are written"
    assert layer([["a"], ["é"]]).tolist() == [[2], [3]]
    assert [layer(word).tolist() for word in ("é", "x", "")] == [3, 1, 0]
    with pytest.raises(ValueError, match="inhomogeneous"):
        layer(["a", ["é"]])


@pytest.mark.parametrize("dtype", [str, "S", object])
def test_masks_and_unknown_strings_side_by_side(dtype):
    strings = np.array([["m", "a", "q"], ["r", "m", "b"]], dtype)
    layer = fastnn.layers.StringLookup(vocabulary=["a", "b"], mask_token="m", num_oov_indices=9)
    indices = layer(strings).tolist()
    assert [indices[0][0], indices[0][1], indices[1][1], indices[1][2]] == [0, 10, 0, 11]
    plain = fastnn.layers.Hashing(9)(["q", "r"])
    assert [indices[0][2], indices[1][0]] == (plain + 1).tolist()
    strict = fastnn.layers.StringLookup(vocabulary=["a", "b"], mask_token="m", num_oov_indices=0)
    with pytest.raises(ValueError, match=r"OOV values \['q', 'r'\]"):
        strict(strings)


def test_encodings():
    layer = fastnn.layers.TextVectorization(encoding="latin-1", split="character", ngrams=2, vocabulary=["é", "é b"])
    assert layer(["éB", "b"]).tolist() == [[2, 1, 3], [1, 0, 0]]
    wide = fastnn.layers.StringLookup(vocabulary=["é", "b"], encoding="utf-16-le")
    assert wide(np.array(["b", "é", "x"])).tolist() == [2, 1, 0]
    with pytest.raises(UnicodeEncodeError):
        layer(np.array(["漢"]))


def test_documents_are_counted_where_weights_need_them():
    texts = np.array([["a", "a"], ["a", "b"], ["c", "c"]])
    layer = fastnn.layers.StringLookup(output_mode="tf_idf")
    layer.adapt(texts)
    assert layer.get_vocabulary() == ["[UNK]", "a", "c", "b"]
    np.testing.assert_allclose(layer.idf_weights[1:], np.log(1 + 3 / (1 + np.array([2, 1, 1]))), rtol=1e-6)
    plain = fastnn.layers.StringLookup()
    plain.adapt(texts[:2])
    assert plain.get_vocabulary() == ["[UNK]", "a", "b"]
    numbers = fastnn.layers.IntegerLookup()
    for batch in ([5, 5, 7], [7, 7, 9]):
        numbers.update_state(np.array(batch))
    numbers.finalize_state()
    assert numbers.get_vocabulary() == [-1, 7, 5, 9]


class Texts(fastnn.utils.PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        return np.array([["a b", "b c"], ["c c", "c b"]][index])


@pytest.mark.parametrize("data", [Texts, lambda: (batch for batch in Texts()), lambda: [*Texts()[0], *Texts()[1]]])
def test_what_adapt_takes(data):
    layer = fastnn.layers.TextVectorization()
    layer.adapt(data())
    assert layer.get_vocabulary() == ["", "[UNK]", "c", "b", "a"]


def test_adapt_stops_after_steps():
    layer = fastnn.layers.TextVectorization()
    layer.adapt((batch for batch in Texts()), steps=1)
    assert layer.get_vocabulary(include_special_tokens=False) == ["b", "c", "a"]


def test_padded_vectors_take_larger_vocabularies():
    layer = fastnn.layers.StringLookup(max_tokens=9, output_mode="count", pad_to_max_tokens=True, vocabulary=["a"])
    assert layer(["a"]).shape == (9,)
    layer.set_vocabulary(["a", "b"])
    assert layer(["b"]).tolist() == [0, 0, 1, *[0] * 6]


BAD = {
    "max_tokens": lambda: fastnn.layers.StringLookup(max_tokens=1),
    "pad_to_max_tokens": lambda: fastnn.layers.StringLookup(pad_to_max_tokens=True),
    "num_oov_indices": lambda: fastnn.layers.StringLookup(num_oov_indices=-1),
    "invert": lambda: fastnn.layers.StringLookup(invert=True, output_mode="count"),
    "idf_weights": lambda: fastnn.layers.StringLookup(vocabulary=["a"], output_mode="tf_idf"),
    "same length": lambda: fastnn.layers.StringLookup(vocabulary=["a"], output_mode="tf_idf", idf_weights=[1.0, 2.0]),
    "repeated": lambda: fastnn.layers.StringLookup(vocabulary=["a", "b", "a"]),
    "mask token": lambda: fastnn.layers.StringLookup(vocabulary=["a", "m"], mask_token="m"),
    "OOV token": lambda: fastnn.layers.StringLookup(vocabulary=["a", "[UNK]"], invert=True),
    "larger than": lambda: fastnn.layers.StringLookup(vocabulary=["a", "b"], max_tokens=2),
    "empty": lambda: fastnn.layers.StringLookup(vocabulary=[]),
    "does not exist": lambda: fastnn.layers.StringLookup(vocabulary="nowhere.txt"),
    "static": lambda: fastnn.layers.StringLookup(vocabulary=["a"]).adapt(["b"]),
    "all inputs should be": lambda: fastnn.layers.StringLookup(vocabulary=["a"], num_oov_indices=0)(["b"]),
    "sparse": lambda: fastnn.layers.StringLookup(sparse=True, output_mode="count"),
    "output_mode": lambda: fastnn.layers.StringLookup(output_mode="two_hot"),
    "salt": lambda: fastnn.layers.IntegerLookup(salt=3),
    "vocabulary_dtype": lambda: fastnn.layers.IntegerLookup(vocabulary_dtype="int32"),
    "oov_method": lambda: fastnn.layers.IntegerLookup(oov_method="md5"),
    "num_bins": lambda: fastnn.layers.Hashing(0),
    "tuple of 2 integers": lambda: fastnn.layers.Hashing(3, salt="x"),
    "integer type": lambda: fastnn.layers.Hashing(3, dtype="float32"),
    "at least two": lambda: fastnn.layers.HashedCrossing(3)([np.array([1])]),
    "equal shape": lambda: fastnn.layers.HashedCrossing(3)([np.array([1]), np.array([1, 2])]),
    "integer or string": lambda: fastnn.layers.HashedCrossing(3)([np.array([1]), np.array([1.0])]),
    "standardize": lambda: fastnn.layers.TextVectorization(standardize="upper"),
    "split": lambda: fastnn.layers.TextVectorization(split="words"),
    "ngrams": lambda: fastnn.layers.TextVectorization(ngrams=[1]),
    "output_sequence_length": lambda: fastnn.layers.TextVectorization(output_mode="count", output_sequence_length=3),
    "ragged": lambda: fastnn.layers.TextVectorization(ragged=True),
    "input rank": lambda: fastnn.layers.TextVectorization(vocabulary=["a"])([["a", "b"]]),
}


@pytest.mark.parametrize("message", BAD)
def test_bad_arguments(message):
    with pytest.raises(ValueError, match=message):
        BAD[message]()


def test_no_vocabulary_and_another_size():
    with pytest.raises(RuntimeError, match="adapt"):
        fastnn.layers.TextVectorization()(["a"])
    layer = fastnn.layers.StringLookup(output_mode="count", vocabulary=["a"])
    with pytest.raises(RuntimeError, match="cannot be changed"):
        layer.set_vocabulary(["a", "b"])


@pytest.mark.parametrize("far", [10**12, 40])
def test_integers_are_found_near_each_other_and_far_apart(far):
    vocabulary = [7, -3, far, 12]
    layer = fastnn.layers.IntegerLookup(vocabulary=vocabulary)
    limits = np.iinfo(np.int64)
    values = np.array([[limits.min, -4, -3, 0], [7, 12, 13, far - 1], [far, far + 1, limits.max, 8]])
    wanted = [[vocabulary.index(v) + 1 if v in vocabulary else 0 for v in row] for row in values.tolist()]
    np.testing.assert_array_equal(layer(values), wanted)
