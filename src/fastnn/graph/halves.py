"""float16 and bfloat16 in a plan: kernels are for float32, so an op on halves runs in float32 and is rounded.

Each operation rounds, as one in half precision would: what a kernel makes for another is rounded in float32, without
a cast to a half and back. What has no kernel, moves data only, or holds graphs of its own keeps its halves, by casts.
"""

from __future__ import annotations

from collections.abc import Callable

from fastnn.graph.dtypes import is_half
from fastnn.graph.simplify import prune, sort
from fastnn.graph.trace import tracing
from fastnn.graph.value import Graph, Node, Operators, Value


def widen(graph: Graph, has_kernel: Callable[[Node], bool]) -> Graph:
    """`graph`, or one with float32 in the place of halves around the ops of which `has_kernel(node)` is true."""
    if not any(map(is_half, {y.spec.dtype for node in graph.nodes for y in node.outputs})):
        return graph
    cast = Operators.functions["cast"]
    becomes: dict[Value, Value] = {}
    wide: dict[Value, Value] = {}

    def widened(x: Value) -> Value:
        if not is_half(x.dtype):
            return x
        if x not in wide:
            source = x.node.inputs[0] if x.node.op.name == "cast" else x
            is_rounding = source.dtype == "float32"
            wide[x] = Operators.functions[f"round_to_{x.dtype}"](source) if is_rounding else cast(x, "float32")
        return wide[x]

    for node in list(graph.nodes):
        node.inputs = tuple(becomes.get(x, x) for x in node.inputs)
        if not any(is_half(x.dtype) for x in node.inputs) or not has_kernel(node):
            continue
        if node.op.name == "cast":
            if node.outputs[0].dtype == "float32":
                with tracing(graph):
                    becomes[node.outputs[0]] = widened(node.inputs[0])
            continue
        with tracing(graph):
            outputs = node.op.trace(graph, tuple(widened(x) for x in node.inputs), node.params)
            outputs = outputs if isinstance(outputs, tuple) else (outputs,)
            for old, new in zip(node.outputs, outputs, strict=True):
                becomes[old] = new if new.spec == old.spec else cast(new, old.dtype)
        for new in outputs:
            new.node.label = node.label
    graph.outputs = [becomes.get(y, y) for y in graph.outputs]
    graph.updates = {variable: becomes.get(y, y) for variable, y in graph.updates.items()}
    return prune(sort(graph))
