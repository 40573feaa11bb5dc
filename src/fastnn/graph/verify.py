"""What must be true of a graph after every pass."""

from fastnn.graph.value import Graph, format_nodes


def verify(graph: Graph, after: str, before: Graph | None = None) -> Graph:
    """`graph`, or RuntimeError naming the pass `after` and the node that it broke; a pass that gives back `before` has
    changed nothing.

    Every input is written before it is read, every value belongs to one node, and the op's shape rule agrees.
    """
    if graph is before:
        return graph
    known = set()
    for k, node in enumerate(graph.nodes):
        problem = None
        if not known.issuperset(node.inputs):
            problem = f"reads {[x for x in node.inputs if x not in known]}, which no earlier node writes"
        elif node.op.kind != "leaf":
            specs = node.op.specs(tuple([x.spec for x in node.inputs]), node.params)
            if specs != tuple([y.spec for y in node.outputs]):
                problem = f"has outputs {[str(y.spec) for y in node.outputs]}; its rule says {[str(s) for s in specs]}"
        if problem is not None:
            around = "\n".join(format_nodes(graph.nodes[max(0, k - 3) : k + 2]))
            raise RuntimeError(f"after {after}: node {k}, {node.op.name}, {problem}; around it:\n{around}")
        known.update(node.outputs)
    if lost := [value for value in [*graph.inputs, *graph.results()] if value not in known]:
        raise RuntimeError(f"after {after}: {lost} are inputs, outputs or updates that no node writes")
    return graph
