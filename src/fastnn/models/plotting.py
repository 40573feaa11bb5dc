"""Pictures of models: a graph in the language of Graphviz, drawn where Graphviz is installed."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from html import escape
from types import ModuleType

from fastnn.graph.symbolic import KerasTensor
from fastnn.layers.core.input_layer import InputLayer
from fastnn.layers.layer import Layer
from fastnn.layers.operation import Operation
from fastnn.models.summary import type_name


def model_to_dot(
    model, show_shapes=False, show_dtype=False, show_layer_names=True, rankdir="TB", expand_nested=False, dpi=200,
    subgraph=False, show_layer_activations=False, show_trainable=False, splines="ortho", **kwargs,
):  # fmt: skip
    """The graph of a model: a node for each layer, an edge from each to those that read it.

    Needs pydot (the extra `plot-model`).

    Args:
        model: a model that is built.
        show_shapes: whether nodes tell the shapes of inputs and outputs.
        show_dtype: whether they tell the dtypes of outputs.
        show_layer_names: whether they tell the names, and not the classes alone.
        rankdir: "TB" from top to bottom, "LR" from left to right.
        expand_nested: whether models inside are drawn as the layers in them.
        dpi: dots per inch.
        subgraph: whether the result is a cluster, to be put into another graph.
        show_layer_activations: whether nodes tell the activations of layers that have one.
        show_trainable: whether they tell which layers are trained.
        splines: how edges are drawn: "ortho", "curved", "polyline", "spline" or "line".
        kwargs: none are known.

    Returns:
        A `pydot.Dot`, or a `pydot.Cluster`.

    Raises:
        ValueError: for a model that is not built, and unknown arguments.
        ImportError: without pydot.
    """
    pydot = _pydot()
    if kwargs.pop("layer_range", None):
        raise ValueError("Argument `layer_range` is no longer supported.")
    if kwargs:
        raise ValueError(f"Unrecognized keyword arguments: {kwargs}")
    _check_built(model)
    drawing = _Drawing(
        pydot, show_shapes, show_dtype, show_layer_names, expand_nested, show_layer_activations, show_trainable
    )
    graph = drawing.cluster(model.name) if subgraph else pydot.Dot()
    if not subgraph:
        graph.set("rankdir", rankdir)
        graph.set("concentrate", True)
        graph.set("dpi", dpi)
        graph.set("splines", splines)
        graph.set_node_defaults(shape="record")
    drawing.add_model(graph, model)
    return graph


def plot_model(
    model, to_file="model.png", show_shapes=False, show_dtype=False, show_layer_names=False, rankdir="TB",
    expand_nested=False, dpi=200, show_layer_activations=False, show_trainable=False, splines="ortho", **kwargs,
):  # fmt: skip
    """Draws a model into a file. Needs pydot (the extra `plot-model`) and the program Graphviz.

    Args:
        model: a model that is built.
        to_file: its ending says in which format; png without one.
        show_shapes, show_dtype, show_layer_names, rankdir, expand_nested, dpi: as in `model_to_dot`.
        show_layer_activations, show_trainable, splines, kwargs: as in `model_to_dot`.

    Returns:
        An image for notebooks (of gif, jpeg and png files) where IPython is installed, else None. Without pydot or
        Graphviz a line says so, and nothing is drawn, as in Keras.

    Raises:
        ValueError: as `model_to_dot`.
    """
    _check_built(model)
    try:
        _pydot()
    except ImportError as error:
        print(error)
        return None
    if shutil.which("dot") is None:
        print("You must install graphviz (see https://graphviz.org/download/) for `plot_model` to work.")
        return None
    graph = model_to_dot(
        model, show_shapes=show_shapes, show_dtype=show_dtype, show_layer_names=show_layer_names, rankdir=rankdir,
        expand_nested=expand_nested, dpi=dpi, show_layer_activations=show_layer_activations,
        show_trainable=show_trainable, splines=splines, **kwargs,
    )  # fmt: skip
    to_file = os.fspath(to_file)
    extension = os.path.splitext(to_file)[1].removeprefix(".") or "png"
    graph.write(to_file, format=extension)
    if extension not in ("gif", "jpeg", "jpg", "png"):  # what a notebook can show
        return None
    try:
        from IPython import display
    except ImportError:
        return None
    return display.Image(filename=to_file, format=extension)


def _pydot() -> ModuleType:
    try:
        import pydot
    except ImportError:
        raise ImportError(
            "Pictures of models need pydot. It comes with the extra `plot-model`: pip install 'fastnn-cpu[plot-model]'."
        ) from None
    return pydot


def _check_built(model) -> None:
    if not model.built:
        raise ValueError(
            "This model has not yet been built. Build the model first by calling `build()` or by calling the model on "
            "a batch of data."
        )


@dataclass(frozen=True)
class _Drawing:
    """What is shown of a node, and how models are added to graphs."""

    pydot: ModuleType
    shapes: bool
    dtype: bool
    names: bool
    expand_nested: bool
    activations: bool
    trainable: bool

    def cluster(self, name: str):
        graph = self.pydot.Cluster(style="dashed", graph_name=name)
        graph.set("label", name)
        graph.set("labeljust", "l")
        return graph

    def add_model(self, graph, model) -> tuple[list[str], list[str]]:
        """Adds nodes and edges; returns the node that reads each input, and the one that makes each output."""
        network = model._network
        if network is None:
            graph.add_node(self.node(str(id(model)), model.name, model, None, None))
            return [str(id(model))], [str(id(model))]
        hides_inputs = hasattr(model, "_chain")  # the input of a Sequential is no layer of it
        inputs = {id(layer): x for layer, x in zip(network.input_layers, network.inputs, strict=True)}
        makers: dict[int, str] = {}  # the node of each KerasTensor, by id
        reads: list[tuple[KerasTensor, str]] = []  # what is read, and by which node
        for name, operation, steps in network.operations:
            if hides_inputs and isinstance(operation, InputLayer):
                continue
            made = [step.outputs for step in steps] or [[inputs[id(operation)]]]
            readers, ends = self.add_operation(graph, name, operation, steps, made[0])
            for outputs in made:
                makers |= {id(y): ends[k % len(ends)] for k, y in enumerate(outputs)}
            for step in steps:
                reads += [(x, readers[k % len(readers)]) for k, x in enumerate(step.call.inputs)]
        for source, target in dict.fromkeys((makers[id(x)], reader) for x, reader in reads if id(x) in makers):
            graph.add_edge(self.pydot.Edge(source, target, penwidth=2))
        entries = [makers.get(id(x)) or next(reader for y, reader in reads if y is x) for x in network.inputs]
        return entries, [makers[id(y)] for y in network.outputs]

    def add_operation(self, graph, name: str, operation, steps, outputs) -> tuple[list[str], list[str]]:
        """Adds a node, or the cluster of a nested model; returns what `add_model` does."""
        if self.expand_nested and getattr(operation, "_network", None) is not None:
            inside = self.cluster(operation.name)
            graph.add_subgraph(inside)
            return self.add_model(inside, operation)
        key = str(id(operation if isinstance(operation, Operation) else steps[0].call))
        graph.add_node(self.node(key, name, operation, steps[0].call.inputs if steps else None, outputs))
        return [key], [key]

    def node(self, key: str, name: str, operation, inputs, outputs):
        """A node whose label is a table."""
        columns = max(1, 2 * self.shapes + self.dtype + self.trainable)
        kind = type_name(operation)
        title = f"<b>{escape(name)}</b> ({kind})" if self.names else f"<b>{kind}</b>"
        rows = [
            f'<tr><td colspan="{columns}" bgcolor="black"><font point-size="16" color="white">{title}</font></td></tr>'
        ]
        activation = getattr(operation, "activation", None)
        if self.activations and activation is not None:
            text = getattr(activation, "__name__", None) or activation.name
            rows.append(f'<tr><td bgcolor="white" colspan="{columns}">{_text("Activation", text)}</td></tr>')
        cells = []
        if self.shapes and not isinstance(operation, InputLayer):
            cells.append(_cell("Input shape", _of(inputs, lambda x: tuple(x.shape))))
        if self.shapes:
            cells.append(_cell("Output shape", _of(outputs, lambda y: tuple(y.shape))))
        if self.dtype:
            cells.append(_cell("Output dtype", _of(outputs, lambda y: y.dtype)))
        if self.trainable and isinstance(operation, Layer) and operation.weights:
            color, text = ("forestgreen", "Trainable") if operation.trainable else ("firebrick", "Non-trainable")
            cells.append(f'<td bgcolor="{color}"><font point-size="14" color="white"><b>{text}</b></font></td>')
        rows += [f"<tr>{''.join(cells)}</tr>"] if cells else []
        table = f'<table border="0" cellborder="1" bgcolor="black" cellpadding="10">{"".join(rows)}</table>'
        node = self.pydot.Node(key, label=f"<{table}>")
        node.set("fontname", "Helvetica")
        node.set("border", "0")
        node.set("margin", "0")
        return node


def _of(tensors: list[KerasTensor] | None, read) -> str:
    """What `read` says of one tensor, or of each; "?" where they are not known."""
    if tensors is None:
        return "?"
    values = [read(x) for x in tensors]
    return str(values[0] if len(values) == 1 else values)


def _text(what: str, value: str) -> str:
    return f'<font point-size="14">{what}: <b>{escape(str(value), quote=False)}</b></font>'


def _cell(what: str, value: str) -> str:
    return f'<td bgcolor="white">{_text(what, value)}</td>'
