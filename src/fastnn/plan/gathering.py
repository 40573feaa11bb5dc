"""What can be done to a batch while its rows are gathered: casts, and scaling by constants."""

from __future__ import annotations

from fastnn.graph import simplify
from fastnn.graph.value import INPUT, Graph, Node, Spec, Value
from fastnn.plan.program import is_scalar_constant

_DESTINATIONS = ("float32", "float64", "int32", "int64")  # of the kernel `gather_rows`


def absorb_into_gather(graph: Graph) -> list[tuple[float, float]]:
    """Removes from `graph` what the gather of its inputs does: a cast, then `* scale`, then `+ offset`, where nothing
    else reads the numbers before it. Returns (scale, offset) of each input."""
    readers = simplify.consumers(graph)
    results = set(graph.results())
    factors = []
    for k in range(len(graph.inputs)):
        scale, offset = 1.0, 0.0
        while True:
            x = graph.inputs[k]
            uses = readers.get(x, [])
            if len(uses) != 1 or x in results:
                break
            node = uses[0]
            y, constant = node.outputs[0], _scalar_beside(node, x)
            is_plain = scale == 1 and offset == 0
            if node.op.name == "cast" and is_plain and y.dtype in _DESTINATIONS:
                pass
            elif constant is None or y.spec != x.spec or y.dtype not in ("float32", "float64"):
                break
            elif node.op.name == "multiply" and is_plain:
                scale = constant
            elif node.op.name == "add" and offset == 0:
                offset = constant
            elif node.op.name == "subtract" and offset == 0 and node.inputs[0] is x:
                offset = -constant
            else:
                break
            _replace(graph, k, node, readers)
            results = set(graph.results())
        factors.append((scale, offset))
    return factors


def _scalar_beside(node: Node, x: Value) -> float | None:
    """The number with which a node of two inputs combines `x`."""
    others = [v for v in node.inputs if v is not x]
    if len(node.inputs) != 2 or len(others) != 1 or not is_scalar_constant(others[0]):
        return None
    return float(others[0].node.params["array"].reshape(()))


def _replace(graph: Graph, k: int, node: Node, readers: dict[Value, list[Node]]) -> None:
    """Makes the output of `node`, the only reader of input `k`, the input itself."""
    old, y = graph.inputs[k], node.outputs[0]
    new_node = Node(INPUT, (), old.node.params, (Spec(y.shape, y.dtype),))
    new = new_node.outputs[0]
    graph.nodes[graph.nodes.index(old.node)] = new_node
    graph.nodes.remove(node)
    for reader in readers.get(y, []):
        reader.inputs = tuple(new if v is y else v for v in reader.inputs)
    readers[new] = readers.get(y, [])
    graph.inputs[k] = new
    graph.outputs = [new if v is y else v for v in graph.outputs]
    graph.updates = {variable: new if v is y else v for variable, v in graph.updates.items()}
