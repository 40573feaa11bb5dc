"""Reductions that the op which makes their elements takes itself, where nobody else reads these.

`sum(take(table, ids) * weights)` of an embedding becomes one node, whose rows are never in memory.
"""

from fastnn.graph.simplify import consumers, prune, sort
from fastnn.graph.trace import tracing
from fastnn.graph.value import Graph, Value


def absorb_reductions(graph: Graph) -> Graph:
    """`graph`, or one in whose place of a reduction is what a record's rule (`Op.reduced`) gives for it."""
    if not any(node.op.reduced for node in graph.nodes):
        return graph
    readers, results = consumers(graph), set(graph.results())
    becomes: dict[Value, Value] = {}

    def lone(x: Value) -> bool:
        return len(readers.get(x, ())) == 1 and x not in results

    for node in list(graph.nodes):
        if node.op.kind != "reduce" or not lone(node.inputs[0]):
            continue
        x = node.inputs[0].node
        between = x if x.op.kind == "elementwise" else None
        for source in [x] if between is None else [v.node for v in x.inputs if lone(v)]:
            with tracing(graph):
                y = source.op.reduced(source, node, between) if source.op.reduced else None
            if y is not None:
                becomes[node.outputs[0]] = y
                break
    if not becomes:
        return graph
    for node in graph.nodes:
        node.inputs = tuple(becomes.get(x, x) for x in node.inputs)
    graph.outputs = [becomes.get(y, y) for y in graph.outputs]
    graph.updates = {variable: becomes.get(y, y) for variable, y in graph.updates.items()}
    return prune(sort(graph))
