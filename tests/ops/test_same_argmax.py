"""Two argmax that are compared become one op, with the same answers, NaN and ties included."""

import numpy as np
import pytest

from fastnn import ops
from fastnn.graph.simplify import simplify
from fastnn.graph.trace import tracing
from fastnn.graph.value import Graph
from fastnn.testing import check_op


def arrays(dtype):
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 4, (2, 300, 5)).astype(dtype)
    if dtype != "int32":
        a[7, 2] = b[7, 2] = b[8, 1] = np.nan
    return a, b


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_comparison_of_argmax(dtype):
    check_op(lambda a, b: ops.equal(ops.argmax(a, axis=-1), ops.argmax(b, axis=-1)), arrays(dtype), gradient=False)


@pytest.mark.parametrize(("axis", "expected"), [(-1, ["same_argmax"]), (0, ["argmax", "argmax", "equal"])])
def test_only_the_last_axis_is_fused(axis, expected):
    graph = Graph()
    a, b = graph.input((4, 3), "float32"), graph.input((4, 3), "float32")
    with tracing(graph):
        graph.outputs = [ops.equal(ops.argmax(a, axis=axis), ops.argmax(b, axis=axis))]
    assert [node.op.name for node in simplify(graph).nodes if node.op.name != "input"] == expected
