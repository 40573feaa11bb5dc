"""Cheaper graphs that compute the same: dead code, constants, common subexpressions, and the ops' own rules."""

from __future__ import annotations

import operator

import numpy as np

from fastnn.graph.trace import tracing
from fastnn.graph.value import CONSTANT, INPUT, VARIABLE, Graph, Node, Spec, Value

# Folded constants are kept in the plan, so larger ones are computed in each run instead.
FOLD_LIMIT = 4096  # elements
ROUNDS = 8


def simplify(graph: Graph) -> Graph:
    """A graph equivalent to `graph`, rewritten until nothing changes."""
    graph = prune(graph)
    for _ in range(ROUNDS):
        new = _Simplified()
        graph = prune(_rewrite(graph, new))
        if not new.is_unfinished:
            break
    return graph


def prune(graph: Graph) -> Graph:
    """The same graph without the nodes that no output and no update needs; inputs and updated variables stay."""
    needed = {*graph.results(), *(graph.variables[v] for v in graph.updates if v in graph.variables)}
    kept = []
    for node in reversed(graph.nodes):
        if node.op is INPUT or not needed.isdisjoint(node.outputs):
            kept.append(node)
            needed.update(node.inputs)
    pruned = _like(graph)
    pruned.nodes = kept[::-1]
    pruned.variables = {variable: value for variable, value in graph.variables.items() if value in needed}
    return pruned


def consumers(graph: Graph) -> dict[Value, list[Node]]:
    """Which nodes read each value, once for each time they do."""
    readers: dict[Value, list[Node]] = {}
    for node in graph.nodes:
        for x in node.inputs:
            readers.setdefault(x, []).append(node)
    return readers


def sort(graph: Graph) -> Graph:
    """The same graph with its nodes in an order in which inputs come first, as near to the old one as may be."""
    producers = {y: node for node in graph.nodes for y in node.outputs}
    done: set[Node] = set()
    order: list[Node] = []
    for root in graph.nodes:
        stack = [(root, False)]
        while stack:
            node, is_ready = stack.pop()
            if node in done:
                continue
            if is_ready:
                done.add(node)
                order.append(node)
                continue
            stack.append((node, True))
            stack.extend((producers[x], False) for x in reversed(node.inputs) if producers[x] not in done)
    graph.nodes = order
    return graph


def _like(graph: Graph) -> Graph:
    new = Graph()
    new.inputs, new.outputs = list(graph.inputs), list(graph.outputs)
    new.variables, new.updates = dict(graph.variables), dict(graph.updates)
    return new


class _Simplified(Graph):
    """A graph whose nodes are simplified as they are added, those that a rule adds too; an op applied twice to the same
    values is one node.

    Attributes:
        label: of nodes added now.
        replaced: values in whose place others are read, by rules that rewrite more than their own node.
        is_unfinished: whether another pass may find more.
    """

    def __init__(self):
        super().__init__()
        self.label = ""
        self.replaced: dict[Value, Value] = {}
        self.is_unfinished = False
        self.seen: dict[object, tuple[Node, tuple[Value, ...]]] = {}

    def add(self, op, inputs: tuple[Value, ...], params, specs: tuple[Spec, ...]) -> Node:
        node, outputs = self.simplified(op, inputs, params, specs)
        better = outputs[0].node
        if outputs is better.outputs or _are_same(outputs, better.outputs):
            return better
        self.is_unfinished = True
        return node

    def simplified(self, op, inputs, params, specs) -> tuple[Node, tuple[Value, ...]]:
        """The node of `op`, and the values to read in the place of its outputs."""
        key = _key(op, inputs, params)
        try:
            known = self.seen.get(key)
        except TypeError:  # a parameter that cannot be hashed: never the same as another
            known = key = None
        if known is None:
            node = Node(op, inputs, params, specs, self.label)
            self.nodes.append(node)
            known = node, self.simpler(node)
            if key is not None:
                self.seen[key] = known
        return known

    def simpler(self, node: Node) -> tuple[Value, ...]:
        better = _folded(self, node)
        if better is None and node.op.simplify is not None:
            better = node.op.simplify(node)
        if isinstance(better, dict):
            # The rule rewrites other values too; who read them before may now come too early: sorted by `_rewrite`.
            self.replaced.update({old: value for old, value in better.items() if old is not value})
            self.is_unfinished = True
            better = None
        if better is None:
            return node.outputs
        outputs = better if isinstance(better, tuple) else (better,)
        for old, value in zip(node.outputs, outputs, strict=True):
            if value.spec != old.spec:
                raise RuntimeError(f"simplifying {node} gave {value.spec} in place of {old.spec}")
        return outputs

    def resolve(self, value: Value) -> Value:
        while value in self.replaced:
            value = self.replaced[value]
        return value


def _are_same(values: tuple[Value, ...], others: tuple[Value, ...]) -> bool:
    return len(values) == len(others) and all(map(operator.is_, values, others))


def _key(op, inputs, params):
    if op is INPUT:
        return None
    if op is CONSTANT:
        array = params["array"]
        return (array.shape, array.dtype, array.tobytes()) if array.size <= FOLD_LIMIT else ("array", id(array))
    return op, inputs, tuple(sorted(params.items())) if params else ()


def _rewrite(graph: Graph, new: _Simplified) -> Graph:
    """One pass over the nodes in order: each is rebuilt in `new` on the rewritten inputs, and simplified there."""
    becomes: dict[Value, Value] = {}
    resolve = new.resolve
    with tracing(new):
        for node in graph.nodes:
            new.label = node.label
            inputs = tuple([becomes[x] for x in node.inputs])
            if new.replaced:
                inputs = tuple(map(resolve, inputs))
            _, outputs = new.simplified(node.op, inputs, node.params, [y.spec for y in node.outputs])
            for old, value in zip(node.outputs, outputs, strict=True):
                becomes[old] = value
    if new.replaced:
        for node in new.nodes:
            # The node whose rule asked for the replacement keeps reading what it read.
            node.inputs = tuple(resolve(x) if resolve(x).node is not node else x for x in node.inputs)
    new.inputs = [becomes[x] for x in graph.inputs]
    new.outputs = [resolve(becomes[y]) for y in graph.outputs]
    new.variables = {variable: becomes[x] for variable, x in graph.variables.items()}
    new.updates = {variable: resolve(becomes[x]) for variable, x in graph.updates.items()}
    for node in new.nodes:  # rules may read variables that nothing read before
        if node.op is VARIABLE:
            new.variables.setdefault(node.params["variable"], node.outputs[0])
    result = _like(new)
    result.nodes = new.nodes
    return sort(result) if new.replaced else result


def _folded(graph: Graph, node: Node):
    """The outputs as constants, when all inputs are constants and the result is small."""
    for x in node.inputs:
        if x.node.op is not CONSTANT:
            return None
    if not node.inputs or max([y.size for y in node.outputs]) > FOLD_LIMIT:
        return None
    arrays = [x.node.params["array"] for x in node.inputs]
    with np.errstate(all="ignore"):
        results = _by_numbers(node, arrays) or node.op.evaluate(arrays, node.params)
    return tuple(graph.constant(array) for array in results)


def _by_numbers(node: Node, arrays):
    """What the op evaluates to, by Python's arithmetic; None where that may not be the same."""
    y, number = node.outputs[0], node.op.number
    if number is None or y.dtype not in ("float32", "float64") or any(a.dtype != y.dtype for a in arrays):
        return None
    try:
        same = [a if a.shape == y.shape else np.broadcast_to(a, y.shape) for a in arrays]
        numbers = list(map(number, *[a.ravel().tolist() for a in same]))
    except ZeroDivisionError:
        return None
    return (np.array(numbers, y.dtype).reshape(y.shape),)
