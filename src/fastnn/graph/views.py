"""Moves elementwise ops from behind a view to before it, so that they can join the kernel that made the values.

`multiply(reshape(pool(x)), mask)` becomes `reshape(multiply(pool(x), reshape(mask)))`: a view moves no bytes.
"""

import functools

from fastnn.graph.simplify import consumers, prune, sort
from fastnn.graph.trace import tracing
from fastnn.graph.value import Graph, Node, Operators, Value


def raise_over_views(graph: Graph) -> Graph:
    """`graph`, or one with each elementwise node that follows a view of an op with an epilogue put before the view."""
    readers = functools.cache(lambda: consumers(graph))  # few graphs have a view to ask it of
    results = set(graph.results())
    becomes: dict[Value, Value] = {}
    for node in list(graph.nodes):
        if becomes:
            node.inputs = tuple(becomes.get(x, x) for x in node.inputs)
        view = _raisable(node, readers, results)
        if view is None:
            continue
        source = view.node.inputs[0]
        reshape = Operators.functions["reshape"]
        with tracing(graph):
            inputs = tuple(
                source if x is view else x if x.size == 1 and view.size != 1 else reshape(x, source.shape)
                for x in node.inputs
            )
            raised = node.op.trace(graph, inputs, node.params)
            y = reshape(raised, node.outputs[0].shape)
        becomes[node.outputs[0]] = y
        readers()[y] = readers().get(node.outputs[0], [])
        readers()[raised] = [y.node]
    graph.outputs = [becomes.get(y, y) for y in graph.outputs]
    graph.updates = {variable: becomes.get(y, y) for variable, y in graph.updates.items()}
    return prune(sort(graph)) if becomes else graph


def _raisable(node: Node, readers, results) -> Value | None:
    """The view among the inputs of `node` over which it can be raised; None if there is none."""
    if node.op.kind != "elementwise" or len(node.outputs) != 1:
        return None
    y = node.outputs[0]
    for x in node.inputs:
        if (
            x.node.op.kind == "view"
            and x.node.inputs[0].node.op.kind != "leaf"
            and _has_epilogue(x.node.inputs[0].node)
            and x not in results
            and all(other.size == y.size or other.size == 1 for other in node.inputs)
            and x.size == y.size
            and len(readers().get(x, ())) == 1
        ):
            return x
    return None


def _has_epilogue(node: Node) -> bool:
    """Whether `node` ends a group that takes elementwise nodes: an anchor, or elementwise nodes behind one."""
    while node.op.kind == "elementwise":
        following = [x.node for x in node.inputs if x.node.op.kind not in ("leaf", "view")]
        if not following:
            return False
        node = following[0]
    return getattr(node.op, "epilogue", None) is not None
