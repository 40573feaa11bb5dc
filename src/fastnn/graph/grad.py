"""Reverse-mode differentiation: one walk over the nodes, each op's rule written in ops.

Gradients are nodes of the same graph, so they can be differentiated again.
"""

import numpy as np

from fastnn.graph.dtypes import is_inexact
from fastnn.graph.value import Graph, Node, Operators, Value


def gradients(
    graph: Graph, outputs: list[Value], sources: list[Value], output_gradients=None, nodes: list[Node] | None = None
) -> list[Value | None]:
    """The gradient of the sum of `outputs` by each of `sources`, in their shapes; None where nothing depends on it.

    Args:
        graph: the graph being traced; the gradient's nodes are added to it.
        outputs: values to differentiate.
        sources: values to differentiate by; they may be in the middle of the graph.
        output_gradients: the gradient that flows into each output, in its dtype and shape then; ones by default.
        nodes: those of the graph that are differentiated, in order; what others computed is constant. All by default.

    Raises:
        ValueError: when the path from a source passes an op that has no gradient rule but float outputs.
    """
    functions = Operators.functions
    flowing: dict[Value, Value] = {}
    for k, y in enumerate(outputs):
        dy = output_gradients[k] if output_gradients is not None else None
        if dy is None:
            dy = graph.constant(np.ones(y.shape, y.dtype))
        if dy.dtype != y.dtype:
            dy = functions["cast"](dy, y.dtype)
        if dy.shape != y.shape:
            dy = functions["broadcast_to"](dy, y.shape)
        flowing[y] = functions["add"](flowing[y], dy) if y in flowing else dy
    path, depends = _path(graph.nodes if nodes is None else nodes, outputs, sources)
    for node in reversed(path):
        dys = tuple(flowing.get(y) for y in node.outputs)
        if all(dy is None for dy in dys):
            continue
        for x, dx in zip(node.inputs, _input_gradients(node, dys, depends), strict=True):
            if dx is not None and is_inexact(x.dtype):
                flowing[x] = functions["add"](flowing[x], dx) if x in flowing else dx
    return [flowing.get(x) for x in sources]


def _path(nodes: list[Node], outputs, sources) -> tuple[list[Node], set[Value]]:
    """Those of `nodes` between `sources` and `outputs`, in order; and all values that depend on `sources`."""
    depends = set(sources)
    forward = []
    for node in nodes:
        if node.op.grad is not None and any(x in depends for x in node.inputs):
            forward.append(node)
            depends.update(y for y in node.outputs if y not in depends and is_inexact(y.dtype))
    needed = set(outputs)
    path = []
    for node in reversed(forward):
        if any(y in needed for y in node.outputs):
            path.append(node)
            needed.update(node.inputs)
    return path[::-1], depends


def _input_gradients(node: Node, dys, depends: set[Value]) -> tuple[Value | None, ...]:
    """The gradient of each input; None of one that does not depend on a source, too."""
    single = len(node.outputs) == 1
    dy, y = (dys[0], node.outputs[0]) if single else (dys, node.outputs)
    dxs = node.op.grad(dy, y, *node.inputs, **node.params)
    if not isinstance(dxs, (tuple, list)):
        dxs = (dxs,)
    if len(dxs) != len(node.inputs):
        raise RuntimeError(f"the gradient of {node.op.name!r} gave {len(dxs)} values for {len(node.inputs)} inputs")
    dxs = [(dx() if callable(dx) else dx) if x in depends else None for x, dx in zip(node.inputs, dxs, strict=True)]
    if node.op.kind == "elementwise":
        dxs = tuple(None if dx is None else _unbroadcast(dx, x) for x, dx in zip(node.inputs, dxs, strict=True))
    return tuple(dxs)


def _unbroadcast(dx: Value, x: Value) -> Value:
    """Sums `dx` over the axes along which `x` was broadcast."""
    if dx.shape == x.shape:
        return dx
    functions = Operators.functions
    lead = dx.ndim - x.ndim
    axes = tuple(range(lead)) + tuple(
        k + lead for k, size in enumerate(x.shape) if size == 1 and dx.shape[k + lead] != 1
    )
    return functions["reshape"](functions["sum"](dx, axis=axes), x.shape)
