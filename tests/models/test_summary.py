"""The text of summary()."""

import keras
import numpy as np
import pytest

import fastnn


def text_of(model, **kwargs):
    texts = []
    model.summary(print_fn=texts.append, **kwargs)
    assert len(texts) == 1
    return texts[0]


def chain(library):
    layers = library.layers
    return library.Sequential(
        [layers.Input((8, 8, 1)), layers.Conv2D(4, 3), layers.MaxPooling2D(), layers.Flatten(), layers.Dense(10)],
        name="chain",
    )


def branching(library):
    layers = library.layers
    a, b = layers.Input((4,), name="a"), layers.Input((4,), name="b")
    shared = layers.Dense(2, name="shared")
    total = layers.Add(name="total")([shared(a), shared(b)])
    return library.Model([a, b], [total, layers.Concatenate(name="both")([total, a])], name="branching")


def cells(text):
    """The words of each row, without the lines around them and however they are wrapped."""
    rows, current = [], None
    for line in text.splitlines():
        if line[:1] in "├└┡┏":
            rows += [current] if current else []
            current = None
        elif line[:1] in "│┃":
            parts = [part.strip() for part in line.strip("│┃").replace("┃", "│").split("│")]
            current = parts if current is None else [f"{a} {b}".strip() for a, b in zip(current, parts, strict=True)]
    return rows


def totals(text):
    return [line.strip() for line in text.splitlines() if " params: " in line]


@pytest.mark.parametrize("make", [chain, branching])
def test_same_rows_as_keras(make):
    fastnn.backend.clear_session(free_memory=False)
    keras.backend.clear_session(free_memory=False)
    ours, theirs = text_of(make(fastnn)), text_of(make(keras))
    assert cells(ours) == cells(theirs)
    assert totals(ours) == totals(theirs)
    assert ours.splitlines()[0] == theirs.splitlines()[0]


def test_lines_are_of_one_width():
    for width in (60, 100):
        lines = text_of(chain(fastnn), line_length=width).splitlines()
        table = [line for line in lines if line[0] in "┏┡├└│┃"]
        assert {len(line) for line in table} == {len(table[0])}
        assert abs(len(table[0]) - width) <= 1


def test_counts_and_bytes():
    model = fastnn.Sequential([fastnn.Input((100,)), fastnn.layers.Dense(1000)])
    assert "Total params: 101,000 (394.53 KB)" in text_of(model)
    model.trainable = False
    assert "Non-trainable params: 101,000" in text_of(model) and "\n Trainable params: 0 (0.00 B)" in text_of(model)


def test_optimizer_is_counted_once_it_has_state():
    model = fastnn.Sequential([fastnn.Input((4,)), fastnn.layers.Dense(3)])
    model.compile("adam", "mse")
    assert "Optimizer" not in text_of(model) and "Total params: 15 (" in text_of(model)
    model.fit(np.zeros((2, 4)), np.zeros((2, 3)), verbose=0)
    assert "Optimizer params: 32 (" in text_of(model) and "Total params: 47 (" in text_of(model)


def test_unbuilt_and_subclassed():
    assert "0 (unbuilt)" in text_of(fastnn.Sequential([fastnn.layers.Dense(3)]))

    class Model(fastnn.Model):
        def __init__(self):
            super().__init__()
            self.layer = fastnn.layers.Dense(3, name="only")

        def call(self, x):
            return self.layer(x)

    model = Model()
    model(np.zeros((2, 4), "float32"))
    assert cells(text_of(model))[1] == ["only (Dense)", "(2, 3)", "15"]


def test_nested_trainable_and_range():
    x = fastnn.Input((8, 8, 1), name="x")
    inner = chain(fastnn)
    inner.trainable = False
    model = fastnn.Model(x, fastnn.layers.Dense(2, name="head")(inner(x)))
    rows = cells(text_of(model, expand_nested=True, show_trainable=True, line_length=120))
    assert rows[0][-1] == "Trainable"
    assert [row[0].split()[-1] for row in rows[1:]] == [
        "(InputLayer)", "(Sequential)", "(Conv2D)", "(MaxPooling2D)", "(Flatten)", "(Dense)", "(Dense)",
    ]  # fmt: skip
    assert [row[-1] for row in rows[1:]] == ["-", "N", "N", "-", "-", "N", "Y"]
    assert [row[0] for row in cells(text_of(model, layer_range=["head", "head"]))[1:]] == ["head (Dense)"]
    with pytest.raises(ValueError, match="nope"):
        model.summary(layer_range=["nope", "head"])


def test_terminals_without_box_characters(monkeypatch):
    class Ascii:
        encoding = "ascii"

    monkeypatch.setattr("sys.stdout", Ascii())
    text_of(chain(fastnn)).encode("ascii")
