"""Rewritten graphs: rules apply to what rules add, and a second pass finds nothing."""

import numpy as np
import pytest

from fastnn import ops
from fastnn.graph.simplify import simplify
from fastnn.graph.trace import tracing
from fastnn.graph.value import Graph
from fastnn.testing import check_op


def graph_of(function, *shapes) -> Graph:
    graph = Graph()
    inputs = [graph.input(shape, "float32") for shape in shapes]
    with tracing(graph):
        graph.outputs = [function(*inputs)]
    return graph


def names(graph: Graph) -> list[str]:
    return [node.op.name for node in graph.nodes if node.op.kind != "leaf"]


BROADCASTS = {
    "beside a whole": (lambda x, s: x * ops.broadcast_to(s, (5, 3)), [(5, 3), (5, 1)], ["multiply"]),
    "of fewer axes": (lambda x, s: ops.broadcast_to(s, (5, 3)) - x, [(5, 3), (3,)], ["subtract"]),
    "alone": (lambda s: ops.exp(ops.broadcast_to(s, (5, 3))), [(5, 1)], ["exp", "broadcast_to"]),
    "two that make a whole": (
        lambda a, b: ops.broadcast_to(a, (5, 3)) + ops.broadcast_to(b, (5, 3)), [(5, 1), (1, 3)], ["add"],
    ),
    "two alike": (
        lambda a, b: ops.broadcast_to(a, (5, 3)) + ops.broadcast_to(b, (5, 3)),
        [(5, 1), (5, 1)],
        ["add", "broadcast_to"],
    ),
    "in a chain": (
        lambda x, s: x * (ops.exp(ops.broadcast_to(s, (5, 3))) / 3), [(5, 3), (1, 3)], ["exp", "divide", "multiply"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BROADCASTS)
def test_arithmetic_goes_before_broadcasts(case):
    function, shapes, expected = BROADCASTS[case]
    assert names(simplify(graph_of(function, *shapes))) == expected
    rng = np.random.default_rng(0)
    check_op(function, [rng.uniform(0.5, 2, shape).astype("float32") for shape in shapes])


def loss(x, w, y):
    return ops.mean(ops.square(y - ops.softmax(ops.relu(x @ w) * 1 + 0)))


@pytest.mark.parametrize(
    "function", [loss, lambda x, w, y: ops.var(ops.concatenate([x @ w, y]), axis=0), lambda x, w, y: ops.std(y) * x]
)
def test_a_second_pass_finds_nothing(function):
    once = simplify(graph_of(function, (4, 6), (6, 3), (4, 3)))
    assert str(simplify(once)) == str(once)


def test_rules_apply_to_what_rules_add():
    """`mean` becomes `sum` and `divide`; of an array of ones that is reshaped, both are then known."""
    graph = graph_of(lambda x: x + ops.mean(ops.reshape(ops.ones((2, 3)), (6, 1)), axis=1), (6,))
    assert names(simplify(graph)) == ["add"]
