"""Rewritten graphs: rules apply to what rules add, and a second pass finds nothing."""

import numpy as np
import pytest

from fastnn import ops, random
from fastnn.graph.grad import gradients
from fastnn.graph.interpret import interpret
from fastnn.graph.simplify import simplify
from fastnn.graph.trace import tracing
from fastnn.graph.value import Graph
from fastnn.ops.random import random_bernoulli_op
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


POOLED = {
    "2x2": ((2, 7, 7, 3), {"pool_size": 2}),
    "overlapping": ((2, 7, 7, 3), {"pool_size": 3, "strides": 2, "padding": "same"}),
    "one axis": ((2, 9, 3), {"pool_size": 2}),
    "three axes": ((2, 4, 5, 6, 3), {"pool_size": 2}),
}


@pytest.mark.parametrize("case", POOLED)
def test_the_mask_of_relu_is_taken_of_maxima(case):
    """The same gradients, by fewer elements: zeros of both signs, equal elements and NaN included."""
    shape, params = POOLED[case]
    graph = Graph()
    inputs = [graph.input(s, "float32") for s in (shape, ops.max_pool(np.zeros(shape, "float32"), **params).shape)]
    with tracing(graph):
        y = ops.max_pool(ops.relu(inputs[0]), **params) * inputs[1]
        graph.outputs = gradients(graph, [y], [inputs[0]])
    simpler = simplify(graph)
    (mask,) = (node for node in simpler.nodes if node.op.name == "relu_grad")
    assert mask.outputs[0].size < np.prod(shape)
    rng = np.random.default_rng(0)
    x = rng.integers(-2, 3, shape).astype("float32") * rng.choice(
        np.float32([1, -0.0, np.nan]), shape, p=[0.8, 0.1, 0.1]
    )
    numbers = [x, rng.uniform(1, 2, inputs[1].shape).astype("float32")]
    np.testing.assert_array_equal(interpret(simpler, numbers)[0], interpret(graph, numbers)[0])


def test_the_mask_of_relu_is_taken_of_what_a_dropout_leaves():
    """The same gradients, without a dropout's mask."""
    graph, x = Graph(), np.random.default_rng(0).standard_normal((16, 40)).astype("float32")
    x[x < -1] = np.nan
    inputs = [graph.input(x.shape, "float32"), graph.input(x.shape, "float32"), graph.input((2,), "uint32")]
    with tracing(graph):
        y = random.dropout(ops.relu(inputs[0]), 0.3, seed=inputs[2])
        graph.outputs = [y, *gradients(graph, [y * inputs[1]], [inputs[0]])]
    simpler = simplify(graph)
    (passes,) = (node for node in simpler.nodes if node.op.name == "relu_grad")
    assert passes.inputs[1] is simpler.outputs[0]
    (keep,) = (node for node in simpler.nodes if node.op is random_bernoulli_op)
    assert [node.op.name for node in simpler.nodes if keep in [x.node for x in node.inputs]] == ["where"]
    numbers = [x, np.random.default_rng(1).uniform(1, 2, x.shape).astype("float32"), np.array([1, 2], "uint32")]
    for found, expected in zip(interpret(simpler, numbers), interpret(graph, numbers), strict=True):
        np.testing.assert_array_equal(found, expected)


SPLITS = {
    "in order": (lambda x: [x[:, :2], x[:, 2:5], x[:, 5:]], ["concatenate"]),
    "in another order": (lambda x: [x[:, 5:], x[:, :2], x[:, 2:5]], ["concatenate"]),
    "one by one": (lambda x: ops.unstack(x, axis=0), ["reshape", "concatenate"]),
    "an axis in front": (lambda x: [x[2:], x[:2]], ["concatenate"]),
    "with a gap": (lambda x: [x[:, :2], x[:, 3:]], ["place", "add"]),
    "overlapping": (lambda x: [x[:, :4], x[:, 3:]], ["place", "add"]),
    "the same half twice": (lambda x: [x[:, :3], x[:, :3]], ["add", "place"]),
    "of two axes": (lambda x: [x[:, :3], x[:2], x[2:, 3:]], ["place", "add"]),
    "by steps": (lambda x: [x[:, ::2], x[:, 1::2]], ["place", "add"]),
    "behind another": (lambda x: [x[:, :3], x[:, 3:], x], ["place", "add"]),
}


@pytest.mark.parametrize("case", SPLITS)
def test_the_gradient_of_what_was_split_is_joined(case):
    split, expected = SPLITS[case]
    graph = Graph()
    x = graph.input((4, 6), "float32")
    with tracing(graph):
        parts = split(x)
        flows = [graph.input(part.shape, "float32") for part in parts]
        graph.outputs = gradients(graph, parts, [x], flows)
    simpler = simplify(graph)
    assert set(names(simpler)) == set(expected)
    numbers = [np.random.default_rng(k).normal(size=v.shape).astype("float32") for k, v in enumerate(graph.inputs)]
    np.testing.assert_array_equal(interpret(simpler, numbers)[0], interpret(graph, numbers)[0])


def test_a_gradient_beside_that_of_pooling_keeps_its_own_mask():
    graph = Graph()
    x = graph.input((1, 4, 4, 1), "float32")
    with tracing(graph):
        y = ops.relu(x)
        total = ops.sum(ops.max_pool(y, 2)) + ops.sum(ops.square(y))
        graph.outputs = gradients(graph, [total], [x])
    numbers = [np.arange(-8, 8, dtype="float32").reshape(1, 4, 4, 1)]
    np.testing.assert_array_equal(interpret(simplify(graph), numbers)[0], interpret(graph, numbers)[0])


SPECIAL = [0.0, -0.0, 1.0, -3.0, 1e-45, 3e-39, 1e-30, 3.4e38, 1 / 3, np.inf, -np.inf, np.nan]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("zeros", [True, False])
def test_constants_folded_as_numbers_have_the_bits_of_the_reference(dtype, zeros):
    x = np.array(SPECIAL + list(np.random.default_rng(0).normal(size=40)), dtype)
    by = x if zeros else np.where(x == 0, np.ones_like(x), x)
    graph = Graph()
    with tracing(graph):
        graph.outputs = [ops.negative(graph.constant(x)), ops.divide(graph.constant(x[:, None]), graph.constant(by))]
    results = [y.node.params["array"] for y in simplify(graph).outputs]
    with np.errstate(all="ignore"):
        for y, expected in zip(results, [-x, x[:, None] / by], strict=True):
            assert y.dtype == dtype and y.shape == expected.shape
            assert np.array_equal(np.isnan(y), np.isnan(expected))
            assert np.where(np.isnan(y), 0, y).tobytes() == np.where(np.isnan(y), 0, expected).tobytes()


def test_constants_of_other_dtypes_are_folded_by_the_reference():
    graph = Graph()
    with tracing(graph):
        graph.outputs = [ops.negative(graph.constant(np.array([3, -4], "int8"))), 7 / graph.constant(np.float16([0.3]))]
    negated, divided = (y.node.params["array"] for y in simplify(graph).outputs)
    assert negated.tobytes() == np.array([-3, 4], "int8").tobytes()
    assert divided.tobytes() == np.float16([np.float32(7) / np.float32(np.float16(0.3))]).tobytes()


SHORTER = {
    "a mean that becomes a sum again": (lambda x: ops.mean(x) * 15, [(5, 3)], ["sum"]),
    "of a number that is no constant": (lambda x, n: x / n * n, [(5, 3), ()], ["divide", "multiply"]),
    "of another number": (lambda x: x / 15 * 16, [(5, 3)], ["divide", "multiply"]),
    "of a number that may overflow": (lambda x: x / 0.5 * 0.5, [(5, 3)], ["divide", "multiply"]),
    "of an infinite number": (lambda x: x / np.inf * np.inf, [(5, 3)], ["divide", "multiply"]),
    "whole of a reshape": (lambda x: ops.sum(ops.reshape(x, (3, 5))), [(5, 3)], ["sum"]),
    "whole of a reshape, axes kept": (
        lambda x: ops.max(ops.reshape(x, (3, 5)), keepdims=True), [(5, 3)], ["max", "reshape"],
    ),
    "an axis of a reshape": (lambda x: ops.sum(ops.reshape(x, (3, 5)), axis=0), [(5, 3)], ["reshape", "sum"]),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("case", SHORTER)
def test_shorter_ways(case):
    function, shapes, expected = SHORTER[case]
    graph = graph_of(function, *shapes)
    simple = simplify(graph)
    assert names(simple) == expected
    arrays = [np.random.default_rng(0).uniform(0.5, 2, shape).astype("float32") for shape in shapes]
    for one, other in zip(interpret(simple, arrays), interpret(graph, arrays), strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=1e-6)
