"""Models that begin with layers of strings."""

import numpy as np
import pytest

import fastnn
from fastnn import layers
from fastnn.preprocessing.dataset import Dataset

TEXTS = np.array(["good film", "bad film", "a good good one", "bad", "what a bad story", "good"])
LABELS = np.array([1, 0, 1, 0, 0, 1])


def vectorizer(**arguments):
    layer = layers.TextVectorization(**arguments)
    layer.adapt(TEXTS)
    return layer


def classifier(start):
    return fastnn.Sequential(
        [
            *start, layers.Embedding(12, 4), layers.GlobalAveragePooling1D(), layers.Dense(1, activation="sigmoid"),
        ]
    )  # fmt: skip


def by_hand(model, texts):
    """The layers one after another, on arrays."""
    x = texts
    for layer in model.layers:
        x = layer(x)
    return x


STARTS = {
    "no input": lambda **a: [vectorizer(**a)],
    "input (1,)": lambda **a: [fastnn.Input((1,), dtype="string"), vectorizer(**a)],
    "input ()": lambda **a: [fastnn.Input((), dtype="string"), vectorizer(**a)],
}


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
@pytest.mark.parametrize("texts", [TEXTS, TEXTS.astype(object), TEXTS.astype("S"), TEXTS[:, None]], ids=str)
def test_predict(start, texts):
    model = classifier(start(output_sequence_length=4))
    result = model.predict(texts, verbose=0, batch_size=4)
    np.testing.assert_allclose(result, by_hand(model, TEXTS), rtol=1e-6)
    np.testing.assert_allclose(model(texts), result, rtol=1e-6)
    np.testing.assert_allclose(model.predict_on_batch(texts), result, rtol=1e-6)


def test_a_list_of_texts_is_called():
    model = classifier(STARTS["no input"]())
    np.testing.assert_allclose(model(TEXTS.tolist()), by_hand(model, TEXTS), rtol=1e-6)


def test_batches_are_as_long_as_their_longest_text():
    """As in Keras: padding depends on the batch, and the mean over words sees it."""
    model = classifier(STARTS["input (1,)"]())
    result = model.predict(TEXTS, batch_size=2, verbose=0)
    expected = np.concatenate([by_hand(model, TEXTS[k : k + 2]) for k in (0, 2, 4)])
    np.testing.assert_allclose(result, expected, rtol=1e-6)


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
@pytest.mark.parametrize("run_eagerly", [False, True])
def test_training_learns_and_equals_training_on_indices(start, run_eagerly):
    model = classifier(start(output_sequence_length=4))
    model.predict(TEXTS, verbose=0)
    numeric = fastnn.Sequential([fastnn.Input((4,), dtype="int64"), *model.layers[1:]])
    before = model.get_weights()
    losses = []
    for each, x in ((model, TEXTS), (numeric, model.layers[0](TEXTS))):
        each.set_weights(before)
        each.compile(fastnn.optimizers.Adam(0.1), "binary_crossentropy", metrics=["accuracy"], run_eagerly=run_eagerly)
        losses.append(each.fit(x, LABELS, epochs=8, batch_size=4, shuffle=False, verbose=0).history["loss"])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)
    assert losses[0][-1] < losses[0][0] / 2
    assert model.evaluate(TEXTS, LABELS, verbose=0)[1] == 1.0
    batches = [(TEXTS[:3], LABELS[:3]), (TEXTS[3:], LABELS[3:])]
    assert model.evaluate(iter(batches), steps=2, verbose=0)[1] == 1.0
    model.fit(iter(batches), steps_per_epoch=2, verbose=0)


def test_functional_with_strings_and_numbers():
    text, number = fastnn.Input((1,), dtype="string", name="text"), fastnn.Input((3,), name="number")
    place, code = fastnn.Input((1,), dtype="string", name="place"), fastnn.Input((1,), dtype="int64", name="code")
    lookup = layers.StringLookup(vocabulary=["x", "y"], output_mode="one_hot")
    words = vectorizer(output_mode="multi_hot")(text)
    crossed = layers.HashedCrossing(8, output_mode="one_hot")([place, layers.IntegerLookup(vocabulary=[5, 7])(code)])
    parts = [words, layers.Dense(2)(number), lookup(place), crossed]
    model = fastnn.Model(
        {"text": text, "number": number, "place": place, "code": code}, layers.Dense(1)(layers.Concatenate()(parts))
    )
    inputs = {
        "text": TEXTS,
        "number": np.random.default_rng(0).normal(size=(6, 3)).astype("float32"),
        "place": np.array(list("xyzxyz"), object),
        "code": np.array([5, 6, 7, 5, 6, 7]),
    }
    dense = [layer for layer in model.layers if isinstance(layer, layers.Dense)]
    first, last = sorted(dense, key=lambda layer: -layer.units)
    pair = [inputs["place"][:, None], layers.IntegerLookup(vocabulary=[5, 7])(inputs["code"][:, None])]
    expected = last(
        np.concatenate(
            [
                vectorizer(output_mode="multi_hot")(TEXTS),
                first(inputs["number"]),
                lookup(inputs["place"][:, None]),
                layers.HashedCrossing(8, output_mode="one_hot")(pair),
            ],
            axis=1,
        ).astype("float32")
    )
    np.testing.assert_allclose(model.predict(inputs, verbose=0), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model(inputs), expected, rtol=1e-5, atol=1e-6)
    model.compile("sgd", "mse")
    model.fit(inputs, LABELS.astype("float32"), verbose=0)


def test_a_trained_model_behind_a_vectorizer():
    inner = fastnn.Sequential([fastnn.Input((4,)), layers.Dense(2)])
    outer = fastnn.Sequential([fastnn.Input((1,), dtype="string"), vectorizer(output_sequence_length=4), inner])
    np.testing.assert_allclose(outer.predict(TEXTS, verbose=0), inner(outer.layers[0](TEXTS)), rtol=1e-6)


def test_a_model_of_strings_inside_another():
    inner = fastnn.Sequential([fastnn.Input((1,), dtype="string"), vectorizer(output_mode="count"), layers.Dense(2)])
    outer = fastnn.Sequential([fastnn.Input((1,), dtype="string"), inner, layers.Dense(1)])
    np.testing.assert_allclose(outer.predict(TEXTS, verbose=0), by_hand(outer, TEXTS[:, None]), rtol=1e-6)
    outer.compile("sgd", "mse")
    with pytest.raises(ValueError, match="weights to train"):
        outer.fit(TEXTS, LABELS, verbose=0)


def test_strings_in_and_out():
    back = layers.StringLookup(vocabulary=["a", "b"], invert=True)
    model = fastnn.Sequential([fastnn.Input((2,), dtype="string"), layers.StringLookup(vocabulary=["a", "b"]), back])
    assert model.predict(np.array([["a", "q"], ["b", "a"]]), verbose=0).tolist() == [[b"a", b"[UNK]"], [b"b", b"a"]]


def test_a_subclass_that_reads_strings():
    class Texts(fastnn.Model):
        def __init__(self):
            super().__init__()
            self.words, self.dense = vectorizer(output_mode="multi_hot"), layers.Dense(1)

        def call(self, inputs):
            return self.dense(self.words(inputs))

    model = Texts()
    result = model(TEXTS)
    np.testing.assert_allclose(result, model.dense(model.words(TEXTS)), rtol=1e-6)
    np.testing.assert_allclose(model.predict(TEXTS, verbose=0), result, rtol=1e-6)
    model.compile(fastnn.optimizers.SGD(0.1), "mse")
    losses = model.fit(TEXTS, LABELS.astype("float32"), epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_numbers_of_integer_lookup_are_part_of_the_plan():
    model = fastnn.Sequential(
        [fastnn.Input((2,), dtype="int64"), layers.IntegerLookup(vocabulary=[7, 9]), layers.Embedding(3, 2)]
    )
    x = np.array([[7, 9], [8, 7]])
    table = model.layers[1].get_weights()[0]
    np.testing.assert_allclose(model.predict(x, verbose=0), table[[[1, 2], [0, 1]]])
    model.layers[0].set_vocabulary([9, 7])
    np.testing.assert_allclose(model.predict(x, verbose=0), table[[[2, 1], [0, 2]]])


def test_strings_for_a_model_of_numbers():
    model = fastnn.Sequential([fastnn.Input((1,)), layers.Dense(1)])
    with pytest.raises(ValueError, match="Invalid dtype"):
        model.predict(TEXTS, verbose=0)


def test_explain_shows_the_compiled_rest():
    model = classifier(STARTS["input (1,)"](output_sequence_length=4))
    model.compile("adam", "binary_crossentropy")
    for mode in ("predict", "train"):
        assert any(step.kernel.startswith("gemm") for step in model.explain(batch_size=2, mode=mode).steps)
    unknown = classifier(STARTS["input (1,)"]())
    with pytest.raises(ValueError, match="unknown size"):
        unknown.explain(batch_size=2, mode="predict")


def test_layers_of_strings_in_the_threads_of_a_data_set():
    layer = vectorizer(output_mode="count")
    batches = Dataset(lambda: iter([(TEXTS[k : k + 2], LABELS[k : k + 2]) for k in (0, 2, 4)]), 3)
    encoded = list(batches.map(lambda x, y: (layer(x), y), num_parallel_calls=3))
    np.testing.assert_array_equal(np.concatenate([x for x, _ in encoded]), layer(TEXTS))
