"""The slow, obvious way to run a graph: node by node, by the ops' references. It judges the plans."""

import numpy as np

from fastnn.graph.value import Graph, Value


def interpret(graph: Graph, inputs: list[np.ndarray]) -> list[np.ndarray]:
    """The outputs of `graph` for `inputs`; variables are updated at the end."""
    numbers: dict[Value, np.ndarray] = dict(zip(graph.inputs, inputs, strict=True))
    for node in graph.nodes:
        if node.op.name == "variable":
            numbers[node.outputs[0]] = node.params["variable"].array.copy()
        elif node.op.name == "constant":
            numbers[node.outputs[0]] = node.params["array"]
        elif node.op.name != "input":
            results = node.op.evaluate([numbers[x] for x in node.inputs], node.params)
            numbers.update(zip(node.outputs, results, strict=True))
    for variable, value in graph.updates.items():
        variable.array[...] = numbers[value]
    return [numbers[value] for value in graph.outputs]
