"""Cases of the layers that Keras makes of TensorFlow's ops, and what Keras 3.15 on TensorFlow 2.21 answers.

`python -m tests.layers.string_cases` writes the answers to `string_cases.json`; it needs both packages. The tests read
that file and need neither.
"""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

ANSWERS = Path(__file__).with_name("string_cases.json")


@dataclass(frozen=True)
class Case:
    """A layer, what it is adapted to (batches, when there are several), and what it is called on."""

    layer: str
    arguments: dict
    inputs: object
    adapt: object = None
    batches: tuple = field(default=())

    def __str__(self):
        learned = self.adapt if self.adapt is not None else self.batches
        return f"{self.layer}-{self.arguments}-{str(self.inputs)[:40]}" + (
            f"-{str(learned)[:60]}" if len(learned) else ""
        )


LETTERS = [["a", "c", "d"], ["d", "z", "b"]]
TEXTS = ["The quick, brown fox!", "jumps over\tthe  lazy dog", "", "¿Qué? ÉTÉ the (the) THE", "don't  _do_ \x1f it-now"]
DOCUMENTS = ["foo bar", "bar baz", "baz bada boom", "bar bar foo", "Boom, BOOM; boom."]
LONG = [["x" * n] for n in (0, 1, 3, 4, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 127, 128, 129, 200)]
VOCABULARY = ["a", "b", "c", "d"]
NUMBERS = [[12, 1138, 42], [42, 1000, -36]]
VECTORS = ("one_hot", "multi_hot", "count")
WAVE = [[round(10 * np.sin(k * k), 3), float(k % 7)] for k in range(120)]
SOME = np.array(WAVE[:9])
PARTS = (np.array(WAVE[:7]), np.array(WAVE[7:90]), np.array(WAVE[90:]))

CASES = [
    Case("StringLookup", {"vocabulary": VOCABULARY}, LETTERS),
    Case("StringLookup", {"vocabulary": ["[UNK]", *VOCABULARY]}, LETTERS),
    Case("StringLookup", {"vocabulary": VOCABULARY}, ["a", "q"]),
    Case("StringLookup", {"vocabulary": VOCABULARY, "num_oov_indices": 0}, [["a", "d"]]),
    Case("StringLookup", {"vocabulary": VOCABULARY, "num_oov_indices": 3}, [*LETTERS, ["n", "m", "ü"]]),
    Case("StringLookup", {"vocabulary": VOCABULARY, "num_oov_indices": 5, "salt": 7}, [["n", "m", "k", "ü"]]),
    Case("StringLookup", {"vocabulary": VOCABULARY, "num_oov_indices": 5, "salt": (7, 9)}, [["n", "m", "k", "ü"]]),
    Case("StringLookup", {"vocabulary": VOCABULARY, "mask_token": ""}, [["a", "", "z"]]),
    Case("StringLookup", {"vocabulary": ["", "[UNK]", *VOCABULARY], "mask_token": ""}, [["a", "", "z"]]),
    Case("StringLookup", {"vocabulary": VOCABULARY, "mask_token": "", "output_mode": "count"}, [["a", "", "z", "a"]]),
    Case("StringLookup", {"vocabulary": VOCABULARY, "invert": True}, [[1, 3, 4], [4, 0, 9]]),
    Case("StringLookup", {"vocabulary": VOCABULARY, "invert": True, "mask_token": "-"}, [[1, 3, 4], [5, 0, -1]]),
    *[Case("StringLookup", {"vocabulary": VOCABULARY, "output_mode": mode}, LETTERS) for mode in VECTORS],
    *[Case("StringLookup", {"vocabulary": VOCABULARY, "output_mode": mode}, [["a"], ["z"]]) for mode in VECTORS],
    *[Case("StringLookup", {"vocabulary": VOCABULARY, "output_mode": mode}, ["a", "z"]) for mode in VECTORS],
    Case(
        "StringLookup",
        {"vocabulary": VOCABULARY, "output_mode": "multi_hot", "pad_to_max_tokens": True, "max_tokens": 8},
        LETTERS,
    ),
    Case(
        "StringLookup",
        {"vocabulary": VOCABULARY, "output_mode": "tf_idf", "idf_weights": [0.25, 0.75, 0.6, 0.4]},
        [["a", "c", "d", "d"], ["d", "z", "b", "z"]],
    ),
    Case(
        "StringLookup",
        {"vocabulary": ["[UNK]", *VOCABULARY], "output_mode": "tf_idf", "idf_weights": [0.9, 0.25, 0.75, 0.6, 0.4]},
        [["a", "c", "d", "d"], ["d", "z", "b", "z"]],
    ),
    Case(
        "StringLookup",
        {
            "vocabulary": VOCABULARY,
            "output_mode": "tf_idf",
            "idf_weights": [0.25, 0.75, 0.6, 0.4],
            "pad_to_max_tokens": True,
            "max_tokens": 7,
            "mask_token": "m",
            "num_oov_indices": 2,
        },
        [["a", "c", "m", "d"], ["d", "z", "b", "y"]],
    ),
    Case("StringLookup", {}, LETTERS, adapt=LETTERS),
    Case("StringLookup", {"max_tokens": 3}, LETTERS, adapt=[["a", "c", "d"], ["d", "c", "b"]]),
    Case("StringLookup", {"mask_token": "a"}, LETTERS, adapt=LETTERS),
    Case("StringLookup", {"output_mode": "tf_idf"}, LETTERS, adapt=LETTERS),
    Case("StringLookup", {"output_mode": "tf_idf"}, LETTERS, adapt=["a", "b", "a", "c"]),
    Case("StringLookup", {"output_mode": "tf_idf"}, LETTERS, batches=(["a", "b"], [["a", "c"], ["d", "a"]])),
    Case("IntegerLookup", {"vocabulary": [12, 36, 1138, 42]}, NUMBERS),
    Case("IntegerLookup", {"vocabulary": [-1, 12, 36, 1138, 42]}, NUMBERS),
    Case("IntegerLookup", {"vocabulary": [12, 36, 1138, 42], "invert": True}, [[1, 3, 4], [4, 0, 2]]),
    Case("IntegerLookup", {"vocabulary": [12, 36], "num_oov_indices": 3}, NUMBERS),
    Case("IntegerLookup", {"vocabulary": [12, 36], "num_oov_indices": 3, "oov_method": "farmhash"}, NUMBERS),
    Case("IntegerLookup", {"vocabulary": [12], "num_oov_indices": 4, "oov_method": "farmhash", "salt": 3}, NUMBERS),
    Case("IntegerLookup", {"vocabulary": [12, 36], "mask_token": 0}, [[0, 12, 5]]),
    Case("IntegerLookup", {"vocabulary": [12, 36], "output_mode": "multi_hot"}, NUMBERS),
    Case("IntegerLookup", {"max_tokens": 4}, NUMBERS, adapt=[[12, 1138, 42], [42, 1000, 36]]),
    Case("IntegerLookup", {"output_mode": "count"}, NUMBERS, adapt=[5, 5, 12, -1, 42]),
    Case("Hashing", {"num_bins": 3}, [["A"], ["B"], ["C"], ["D"], ["E"]]),
    Case("Hashing", {"num_bins": 1000}, LONG),
    Case("Hashing", {"num_bins": 1000, "salt": [133, 137]}, LONG),
    Case("Hashing", {"num_bins": 3, "salt": 133}, [["A"], ["B"], ["C"], ["D"], ["E"]]),
    Case("Hashing", {"num_bins": 3, "mask_value": ""}, [["A"], ["B"], [""], ["C"], ["D"]]),
    Case("Hashing", {"num_bins": 9, "mask_value": 5}, [[5, -1], [12345678901, 0]]),
    Case("Hashing", {"num_bins": 9}, [[1.5, -1.5], [2.0, 0.0]]),
    *[Case("Hashing", {"num_bins": 4, "output_mode": mode}, LETTERS) for mode in VECTORS],
    *[Case("Hashing", {"num_bins": 4, "output_mode": mode}, [["a"], ["b"]]) for mode in VECTORS],
    Case("HashedCrossing", {"num_bins": 5}, (["A", "B", "A", "B", "A"], [101, 101, 101, 102, 102])),
    Case("HashedCrossing", {"num_bins": 1000}, ([["A"], ["long" * 9]], [[-1], [5]], [["x"], ["ü"]])),
    Case("HashedCrossing", {"num_bins": 5, "output_mode": "one_hot"}, (["A", "B", "A"], [101, 101, 102])),
    Case("HashedCrossing", {"num_bins": 5, "output_mode": "one_hot"}, ([["A"], ["B"]], [[101], [102]])),
    Case("TextVectorization", {"output_sequence_length": 4}, ["foo qux bar", "qux baz"], adapt=DOCUMENTS),
    Case("TextVectorization", {"output_sequence_length": 2}, [["foo qux bar"], ["qux"]], adapt=DOCUMENTS),
    Case("TextVectorization", {}, TEXTS, adapt=TEXTS),
    Case("TextVectorization", {"max_tokens": 5}, TEXTS, batches=(TEXTS[:2], TEXTS[2:])),
    Case("TextVectorization", {"standardize": "lower"}, TEXTS, adapt=TEXTS),
    Case("TextVectorization", {"standardize": "strip_punctuation"}, TEXTS, adapt=TEXTS),
    Case("TextVectorization", {"standardize": None}, TEXTS, adapt=TEXTS),
    Case("TextVectorization", {"split": "character"}, TEXTS, adapt=TEXTS),
    Case("TextVectorization", {"split": None}, [["foo", "bar"], ["Bar!", "x"]], adapt=[["foo", "bar"]]),
    Case("TextVectorization", {"split": None, "output_sequence_length": 3}, [["foo", "bar"]], adapt=[["foo", "bar"]]),
    Case("TextVectorization", {"ngrams": 2}, DOCUMENTS, adapt=DOCUMENTS),
    Case("TextVectorization", {"ngrams": (1, 3)}, DOCUMENTS, adapt=DOCUMENTS),
    *[Case("TextVectorization", {"output_mode": mode}, TEXTS, adapt=DOCUMENTS) for mode in ("multi_hot", "count")],
    Case("TextVectorization", {"output_mode": "tf_idf"}, DOCUMENTS, adapt=DOCUMENTS),
    Case(
        "TextVectorization",
        {"output_mode": "tf_idf", "pad_to_max_tokens": True, "max_tokens": 9, "ngrams": 2},
        DOCUMENTS,
        adapt=DOCUMENTS,
    ),
    Case("TextVectorization", {"vocabulary": ["earth", "wind", "and", "fire"]}, ["wind and water", "Earth"]),
    Case("TextVectorization", {"vocabulary": ["earth", "wind"], "output_mode": "multi_hot"}, "wind and water"),
    Case("Discretization", {"num_bins": 4}, SOME, adapt=np.array(WAVE)),
    Case("Discretization", {"num_bins": 4}, SOME, adapt=np.array(WAVE[:3])),
    Case("Discretization", {"num_bins": 4}, SOME, batches=PARTS),
    Case("Discretization", {"num_bins": 10, "epsilon": 0.1}, SOME, batches=PARTS),
    Case("Discretization", {"num_bins": 3, "output_mode": "one_hot"}, SOME, batches=PARTS),
    Case("Discretization", {"num_bins": 1, "epsilon": 0.001}, SOME, batches=PARTS),
]


def answer(layers, case: Case) -> dict:
    """What the layer of the module `layers` makes of a case, as plain data."""
    layer = getattr(layers, case.layer)(**case.arguments)
    if case.adapt is not None:
        layer.adapt(case.adapt)
    elif case.batches:
        layer.adapt(iter(case.batches))
    outputs = np.asarray(layer(case.inputs))
    config = layer.get_config()
    del config["name"]
    return {
        "outputs": [y.decode() for y in outputs.ravel()] if outputs.dtype == object else outputs.ravel().tolist(),
        "shape": list(outputs.shape),
        "dtype": outputs.dtype.name,
        "config": json.loads(json.dumps(config)),
        "vocabulary": [str(token) for token in getattr(layer, "get_vocabulary", list)()],
    }


def main() -> None:
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras
    import tensorflow as tf

    class Layers:
        """Keras's layers, called on TensorFlow's tensors: on lists they would turn numbers into strings."""

        def __getattr__(self, name):
            cls = getattr(keras.layers, name)

            class Converting(cls):
                def __call__(self, inputs):
                    several = isinstance(inputs, tuple)
                    return super().__call__([tf.constant(x) for x in inputs] if several else tf.constant(inputs))

            return Converting

    answers = {str(case): answer(Layers(), case) for case in CASES}
    assert len(answers) == len(CASES), "two cases have one name"
    ANSWERS.write_text(json.dumps(answers, separators=(",", ":")).replace("},", "},\n") + "\n")


if __name__ == "__main__":
    main()
