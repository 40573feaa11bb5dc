"""The table that `model.summary()` prints."""

from __future__ import annotations

import math
import re
import sys
from dataclasses import dataclass

import numpy as np

from fastnn import tree
from fastnn.graph.symbolic import name_of
from fastnn.layers.core.input_layer import InputLayer
from fastnn.layers.layer import Layer

# By whether there are connections and a column "trainable": where the columns end, as shares of the width, and the
# widest that the table gets by itself.
_LAYOUTS = {
    (False, False): ((0.45, 0.80, 1.0), 88),
    (False, True): ((0.40, 0.72, 0.90, 1.0), 100),
    (True, False): ((0.30, 0.56, 0.74, 1.0), 108),
    (True, True): ((0.27, 0.50, 0.66, 0.90, 1.0), 120),
}


@dataclass(eq=False, repr=False, slots=True)
class _Borders:
    """The characters of the table's lines (top, header's bottom, between rows, bottom) and between cells."""

    top: str = "┏━┳┓"
    header: str = "┡━╇┩"
    between: str = "├─┼┤"
    bottom: str = "└─┴┘"
    header_bar: str = "┃"
    bar: str = "│"


_PLAIN = _Borders("+-++", "+=++", "+-++", "+-++", "|", "|")


def summary_text(model, line_length=None, positions=None, expand_nested=False, show_trainable=False, layer_range=None):
    """The whole text, without a newline at its end."""
    connections = _connections(model)
    header = ["Layer (type)", "Output Shape", "Param #"]
    header += ["Connected to"] if connections is not None else []
    header += ["Trainable"] if show_trainable else []
    rows = _rows(model, connections, expand_nested, show_trainable, layer_range)
    default, widest = _LAYOUTS[connections is not None, bool(show_trainable)]
    import shutil  # slow to import, and needed here alone

    width = line_length or min(widest, shutil.get_terminal_size().columns - 4)
    table = _table(header, rows, _column_widths(positions or default, width, len(header)))
    return "\n".join([f'Model: "{model.name}"', *table, *_totals(model)])


def _connections(model) -> dict[str, list[str]] | None:
    """For each operation, the outputs it reads, as "name[call][output]"; None when the layers form a chain."""
    network = model._network
    if network is None or hasattr(model, "_chain"):
        return None
    sources = network.source_of()
    found: dict[str, list[str]] = {name: [] for name, _, _ in network.operations}
    readers: dict[int, int] = {}
    for step in network.steps:
        for x in step.call.inputs:
            name, call, index = sources[id(x)]
            found[step.name].append(f"{name}[{call}][{index}]")
            readers[id(x)] = readers.get(id(x), 0) + 1
    calls = [len(steps) for _, _, steps in network.operations]
    is_chain = max(calls, default=0) <= 1 and max(readers.values(), default=0) <= 1
    is_chain = is_chain and len(network.inputs) == 1 and all(len(names) <= 1 for names in found.values())
    return None if is_chain else found


def _rows(model, connections, expand_nested, show_trainable, layer_range, level: int = 0) -> list[list[str]]:
    rows = []
    for name, operation, shape in _in_range(_listed(model), layer_range):
        prefix = "   " * level + "└ " if level else ""
        row = [f"{prefix}{name} ({type_name(operation)})", shape, _weight_count(operation)]
        if connections is not None:
            row.append(", ".join(connections.get(name, ())) if level == 0 else "-")
            row[-1] = row[-1] or "-"
        if show_trainable:
            has_weights = isinstance(operation, Layer) and bool(operation.weights)
            row.append(("Y" if operation.trainable else "N") if has_weights else "-")
        rows.append(row)
        if expand_nested and hasattr(operation, "_network") and operation.layers:
            rows += _rows(operation, connections, True, show_trainable, None, level + 1)
    return rows


def _listed(model):
    """(name, operation, output shape) of each line."""
    network = model._network
    if network is None or hasattr(model, "_chain"):
        return [(layer.name, layer, _shape_of_layer(layer)) for layer in model.layers]
    return [
        (name, operation, _format_shapes([y.shape for y in steps[-1].outputs]) if steps else _shape_of_layer(operation))
        for name, operation, steps in network.operations
    ]


def type_name(operation) -> str:
    if isinstance(operation, Layer):
        return type(operation).__name__
    form = getattr(operation, "form", None)
    return form.class_name if form else "".join(part.capitalize() for part in name_of(operation).split("_"))


def _in_range(listed, layer_range):
    if layer_range is None:
        return listed
    if len(layer_range) != 2 or not all(isinstance(name, str) for name in layer_range):
        raise ValueError(f"layer_range should be two names. Received: {layer_range}")
    first, last = ([k for k, row in enumerate(listed) if re.match(name, row[0])] for name in layer_range)
    if not first or not last:
        raise ValueError(f"Passed layer_names do not match the layer names in the model. Received: {layer_range}")
    low, high = min(first[0], last[0]), max(first[-1], last[-1])
    return listed[low : high + 1]


def _shape_of_layer(layer: Layer) -> str:
    if isinstance(layer, InputLayer):
        return str(layer.batch_shape)
    if layer._inbound:
        outputs = layer._inbound[-1][1]
        return _format_shapes([y.shape for y in tree.flatten(outputs) if hasattr(y, "shape")])
    if getattr(layer, "_network", None) is not None:
        return _format_shapes([y.shape for y in layer.outputs])
    shape = layer._state.output_shape
    return "?" if shape is None else str(shape)


def _format_shapes(shapes) -> str:
    return str(tuple(shapes[0])) if len(shapes) == 1 else "[" + ", ".join(str(tuple(shape)) for shape in shapes) + "]"


def _weight_count(operation) -> str:
    if not isinstance(operation, Layer):
        return "0"
    count = sum(math.prod(variable.shape) for variable in operation.weights)
    has_nothing_to_build = type(operation).build is Layer.build and not operation._children().layers
    return f"{count:,}" if operation.built or count or has_nothing_to_build else "0 (unbuilt)"


def _totals(model) -> list[str]:
    trainable, rest = model.trainable_weights, model.non_trainable_weights
    optimizer = getattr(model, "optimizer", None)
    slots = optimizer.variables if optimizer is not None and optimizer.built else []
    lines = [
        ("Total params", [*trainable, *rest, *slots]),
        ("Trainable params", trainable),
        ("Non-trainable params", rest),
    ]
    if slots:
        lines.append(("Optimizer params", slots))
    return [f" {title}: {sum(math.prod(v.shape) for v in group):,} ({_bytes(group)})" for title, group in lines]


def _bytes(variables) -> str:
    size = float(sum(math.prod(v.shape) * np.dtype(v.dtype).itemsize for v in variables))
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024 or unit == "GB":
            return f"{size:.2f} {unit}"
        size /= 1024
    raise AssertionError("unreachable: the last unit takes everything")


def _column_widths(positions, width: int, columns: int) -> list[int]:
    ends = [int(end * width) if end <= 1 else int(end) for end in positions][:columns]
    widths = [end - start - 3 for start, end in zip([0, *ends], ends, strict=False)]
    # A cell has a space on either side, and a bar after it. The first bar is taken off the last column but one.
    if columns > 1:
        widths[-2] -= 1
    return [max(4, size) for size in widths]


def _table(header, rows, widths) -> list[str]:
    try:
        "┏".encode(sys.stdout.encoding or "utf-8")
        borders = _Borders()
    except (UnicodeEncodeError, LookupError):
        borders = _PLAIN
    lines = [_line(borders.top, widths), *_cells(header, widths, borders.header_bar), _line(borders.header, widths)]
    for k, row in enumerate(rows):
        lines += ([_line(borders.between, widths)] if k else []) + _cells(row, widths, borders.bar)
    return [*lines, _line(borders.bottom, widths)]


def _line(characters: str, widths) -> str:
    left, dash, middle, right = characters
    return left + middle.join(dash * (width + 2) for width in widths) + right


def _cells(texts, widths, bar: str) -> list[str]:
    """A row; texts that are too long go on in the next line."""
    wrapped = [_wrapped(text, width) for text, width in zip(texts, widths, strict=True)]
    lines = []
    for k in range(max(map(len, wrapped))):
        cells = [parts[k] if k < len(parts) else "" for parts in wrapped]
        aligned = [
            f"{cell:>{w}}" if j == 2 else f"{cell:<{w}}" for j, (cell, w) in enumerate(zip(cells, widths, strict=True))
        ]
        lines.append(f"{bar} " + f" {bar} ".join(aligned) + f" {bar}")
    return lines


def _wrapped(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width`, broken at spaces where that is possible."""
    lines = [""]
    for word in re.findall(r"\s*\S+", text):
        if lines[-1] and len(lines[-1]) + len(word) > width:
            lines.append("")
            word = word.lstrip()
        lines[-1] += word
        while len(lines[-1]) > width:
            lines.append(lines[-1][width:])
            lines[-2] = lines[-2][:width]
    return lines
