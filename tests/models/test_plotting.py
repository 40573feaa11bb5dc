"""The graphs of models, as text, against Keras's."""

import builtins
import re
import shutil

import keras
import numpy as np
import pytest

import fastnn

pydot = pytest.importorskip("pydot")
ALL = {
    "show_shapes": True, "show_dtype": True, "show_layer_names": True, "expand_nested": True,
    "show_layer_activations": True, "show_trainable": True, "rankdir": "LR", "dpi": 96, "splines": "curved",
}  # fmt: skip


def nested(k):
    x = k.Input((3,), name="inside")
    inner = k.Model(x, k.layers.Dense(2, name="b")(x), name="inner")
    inputs = k.Input((4,), name="in")
    h = k.layers.Dense(3, activation="relu", name="a", trainable=False)(inputs)
    return k.Model(inputs, k.layers.Concatenate(name="cat")([inner(h), h]), name="outer")


def nested_with_several(k):
    p, q = k.Input((3,), name="p"), k.Input((3,), name="q")
    inner = k.Model([p, q], [k.layers.Add(name="sum")([p, q]), k.layers.Dense(1, name="c")(q)], name="inner")
    inputs = k.Input((4,), name="in")
    y, z = inner([k.layers.Dense(3, name="a")(inputs), k.layers.Dense(3, name="b")(inputs)])
    return k.Model(inputs, [k.layers.Dense(1, name="d")(y), k.layers.Dense(1, name="e")(z), y], name="m")


def chain(k):
    part = k.Sequential([k.Input((4,)), k.layers.Dense(2, name="a", activation="tanh")], name="part")
    last = k.layers.Dense(1, activation=k.layers.ReLU(name="own"), name="last")
    return k.Sequential([k.Input((4,)), part, k.layers.Dropout(0.5, name="drop"), last], name="chain")


def functional_in_chain(k):
    x = k.Input((1,), name="x")
    inner = k.Model(x, k.layers.Dense(2, name="b")(x), name="inner")
    return k.Sequential([k.Input((2,)), k.layers.Dense(1, name="a"), inner], name="chain")


def operations(k):
    x, y = k.Input((2,), name="x"), k.Input((2,), name="y", dtype="int32")
    return k.Model([x, y], x * 2 + k.ops.cast(y, "float32"), name="sum")


def several_outputs(k):
    x = k.Input((3, 1), name="x")
    y, *states = k.layers.LSTM(2, return_state=True, name="lstm")(x)
    return k.Model(x, [k.layers.LeakyReLU(name="leaky")(y), *states], name="m")


def shared(k):
    x, layer = k.Input((2,), name="x"), k.layers.Dense(2, name="shared")
    return k.Model(x, k.layers.Add(name="sum")([layer(layer(x)), x]), name="m")


def subclassed(k):
    class Own(k.Model):
        def __init__(self):
            super().__init__(name="own")
            self.dense = k.layers.Dense(1)

        def call(self, inputs):
            return self.dense(inputs)

    model = Own()
    model(np.ones((1, 2), "float32"))
    return model


MODELS = (nested, nested_with_several, chain, functional_in_chain, operations, several_outputs, shared, subclassed)


def text(k, make, options):
    """Nodes are called by numbers, here in the order in which they come; names of ops count from the beginning."""
    k.utils.clear_session(free_memory=False)
    numbers = {}
    dot = k.utils.model_to_dot(make(k), **options).to_string()
    return re.sub(r"\b\d{6,}\b", lambda match: numbers.setdefault(match[0], f"n{len(numbers)}"), dot)


@pytest.mark.parametrize("make", MODELS)
@pytest.mark.parametrize(
    "options", [{}, {"expand_nested": True}, ALL, {"show_shapes": True, "show_layer_names": False}, {"subgraph": True}]
)
def test_graph(make, options):
    assert text(fastnn, make, options) == text(keras, make, options)


@pytest.mark.parametrize("options", [{"other": 1}, {"layer_range": ["a", "b"]}], ids=str)
def test_bad_arguments(options):
    for k in (fastnn, keras):
        with pytest.raises(ValueError):
            k.utils.model_to_dot(chain(k), **options)


def test_a_model_that_is_not_built():
    for k in (fastnn, keras):
        for function in (k.utils.model_to_dot, k.utils.plot_model):
            with pytest.raises(ValueError, match="not yet been built"):
                function(k.Sequential([k.layers.Dense(1)]))


def test_without_graphviz(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert fastnn.utils.plot_model(chain(fastnn), tmp_path / "model.png") is None
    assert "graphviz" in capsys.readouterr().out and not list(tmp_path.iterdir())


def test_without_pydot(monkeypatch, capsys, tmp_path):
    given = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "pydot":
            raise ImportError(name)
        return given(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match="plot-model"):
        fastnn.utils.model_to_dot(chain(fastnn))
    assert fastnn.utils.plot_model(chain(fastnn), tmp_path / "model.png") is None
    assert "plot-model" in capsys.readouterr().out and not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "format"), [("model.svg", "svg"), ("model", "png"), ("model.pdf", "pdf")])
def test_files(monkeypatch, tmp_path, name, format):
    """A program called `dot` stands in for Graphviz: it writes its arguments and what it was given."""
    program = tmp_path / "bin" / "dot"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "$@"\nfor last; do :; done\ncat "$last"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    fastnn.utils.plot_model(chain(fastnn), tmp_path / name, show_layer_names=True)
    written = (tmp_path / name).read_text()
    assert f"-T{format}" in written and "<b>last</b> (Dense)" in written
