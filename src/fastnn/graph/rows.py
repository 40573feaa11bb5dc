"""Whether the rows of a batch are computed apart: then they may run in parts of any size, with the same results.

A value is `apart` when it consists of as many equal blocks as the batch has rows, in their order, and each is computed
from its own row alone. Any reshape keeps that. An op whose record has no rule (`row_rules.py`) counts as mixing rows.
"""

import math

import numpy as np

from fastnn.graph.row_rules import has_equal_blocks, is_equal_rows
from fastnn.graph.value import CONSTANT, Graph, Node, Value


def are_apart(graph: Graph, rows: int) -> bool:
    """Whether each output of `graph`, for batches of `rows` rows, has its rows apart, and no variable changes."""
    if graph.updates or not all(x.shape[:1] == (rows,) for x in graph.inputs):
        return False
    apart = {*graph.inputs}
    for node in graph.nodes:
        if any(x in apart for x in node.inputs):
            if not _keeps_apart(node, rows, apart):
                return False
            apart.update(node.outputs)
    return all(y in apart and y.shape[:1] == (rows,) for y in graph.outputs)


def differ_in_rows_alone(graph: Graph, other: Graph) -> bool:
    """Whether two traces of a function, for batches of two sizes, do the same to each row: no number, and no size of
    anything but the batch, comes from how many rows there are."""
    rows = graph.inputs[0].shape[0], other.inputs[0].shape[0]
    return len(graph.nodes) == len(other.nodes) and all(
        a.op is b.op
        and _plain_params(a) == _plain_params(b)
        and (a.op is not CONSTANT or _same(*a.outputs, *b.outputs))
        and all(y.size in (x.size, x.size * rows[1] / rows[0]) for x, y in zip(a.outputs, b.outputs, strict=True))
        for a, b in zip(graph.nodes, other.nodes, strict=True)
    )


def share_of_no_row(graph: Graph, other: Graph) -> float:
    """Of the bytes that `graph` writes, the share that no row has: it has the same size in the trace for batches of
    another size, from which this one differs in rows alone, and parts of a batch would compute it one after another."""
    nodes = [(a, b) for a, b in zip(graph.nodes, other.nodes, strict=True) if a.op.kind not in ("leaf", "view")]
    pairs = [(x, y) for a, b in nodes for x, y in zip(a.outputs, b.outputs, strict=True)]
    total = sum(x.spec.nbytes for x, _ in pairs)
    return sum(x.spec.nbytes for x, y in pairs if x.size == y.size) / max(1, total)


def _plain_params(node: Node) -> list:
    """What the parameters of an op say, but for the shape of its output."""
    if node.op.kind == "leaf":
        return []
    return [None if value == node.outputs[0].shape else value for value in node.params.values()]


def _same(x: Value, y: Value) -> bool:
    """Whether two constants are equal, or rows that are equal, of two sizes of the batch."""
    a, b = x.node.params["array"], y.node.params["array"]
    if a.shape != b.shape and a.size and b.size and a.shape[1:] == b.shape[1:]:
        if not (has_equal_blocks(a, len(a)) and has_equal_blocks(b, len(b))):
            return False
        a, b = a[:1], b[:1]
    return np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")


def _keeps_apart(node: Node, rows: int, apart: set[Value]) -> bool:
    if node.op.kind == "view":
        return True
    axes = [_axis_of_rows(x, rows) if x in apart else None for x in node.inputs]
    if -1 in axes:
        return False
    if node.op.kind == "elementwise":
        y = node.outputs[0]
        axis = next(a for a in axes if a is not None)
        return all(_goes_with(x, a, y, axis, rows) for x, a in zip(node.inputs, axes, strict=True))
    if node.op.kind == "reduce":
        axis = node.params.get("axis")
        return isinstance(axis, tuple) and axes[0] not in axis
    rule = getattr(node.op, "rows", None)
    return rule is not None and rule(node, axes, rows)


def _axis_of_rows(x: Value, rows: int) -> int:
    """The first axis of several elements, along which the blocks of rows lie; -1 where they do not end within it."""
    axis = next((k for k, n in enumerate(x.shape) if n != 1), -1)
    return axis if x.shape and x.shape[axis] % rows == 0 else -1


def _goes_with(x: Value, axis: int | None, y: Value, of_rows: int, rows: int) -> bool:
    """Whether an input of an elementwise node gives each row of `y`, whose rows lie along an axis, its own or what all
    have."""
    if axis is not None:
        return x.ndim == y.ndim and axis == of_rows and x.shape[axis] == y.shape[axis]
    shape = (1,) * (y.ndim - x.ndim) + x.shape
    return math.prod(shape[: of_rows + 1]) == 1 or (x.ndim == y.ndim and is_equal_rows(x, rows))
