"""Body: a function traced into a graph of its own, to be run by a control-flow op once for each step or branch.

A body is closed: what its function read from around it (values of the graph outside, variables) becomes further inputs
of the body and of the op's node, so that the engine sees every dependency and gradients flow through it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from fastnn import tree
from fastnn.graph import trace
from fastnn.graph.value import CONSTANT, INPUT, VARIABLE, Graph, Node, Spec, Value


class Body:
    """The graph of `function`, whose arguments have the given specs.

    Args:
        function: called once, with one value for each of `specs`; returns a structure of values.
        specs: of its arguments, flat.
        as_value: makes a value of the traced graph out of each leaf that `function` returns (None stays None).

    Attributes:
        graph: inputs are the arguments, then what was captured; outputs are the leaves of `structure`, then the new
            values of `updated` once `close` has run.
        structure: what `function` returned.
        captured: outer values and variables that the body reads, in the order of its further inputs.
    """

    def __init__(self, function: Callable[..., Any], specs: list[Spec], as_value: Callable[[Any], Value]):
        self.graph = Graph()
        outer = trace.current()
        if outer is not None:
            self.graph.labels = outer.labels[-1:]
        self.n_arguments = len(specs)
        arguments = [self.graph.input(spec.shape, spec.dtype) for spec in specs]
        with trace.tracing(self.graph):
            result = function(*arguments)
            self.structure = tree.map_structure(lambda leaf: None if leaf is None else as_value(leaf), result)
        self.leaves: list[Value] = [leaf for leaf in tree.flatten(self.structure) if leaf is not None]
        self.captured: list[Any] = []
        self.executables: dict[Any, Any] = {}  # by instruction set, and how it is run

    @property
    def updated(self) -> list:
        """The variables that the function assigned."""
        return list(self.graph.updates)

    def hoist(self) -> Body:
        """Moves what does not depend on the arguments into the graph around the body, where a loop computes it once.
        A node whose output is larger than its inputs stays, unless it is a product: programs broadcast as they read."""
        outer, own = trace.current(), {y for node in self.graph.nodes for y in node.outputs}
        changed = set(self.graph.updates)
        fixed: dict[Value, Value] = {}  # by values of the body, those of the graph around it
        kept = []
        for node in self.graph.nodes:
            node.inputs = tuple(fixed.get(x, x) for x in node.inputs)
            sources = [x.node for x in node.inputs if x in own]
            if (
                node.op in (INPUT, CONSTANT, VARIABLE)
                or any(s.op not in (CONSTANT, VARIABLE) or s.params.get("variable") in changed for s in sources)
                or (all(s.op is CONSTANT for s in sources) and len(sources) == len(node.inputs))
                or not (node.op.epilogue or sum(y.size for y in node.outputs) <= max(x.size for x in node.inputs))
            ):  # fmt: skip
                kept.append(node)
                continue
            inputs = tuple(_outside(outer, x) if x in own else x for x in node.inputs)
            moved = outer.add(node.op, inputs, node.params, tuple(y.spec for y in node.outputs))
            fixed.update(zip(node.outputs, moved.outputs, strict=True))
        self.graph.nodes = kept
        self.leaves = [fixed.get(leaf, leaf) for leaf in self.leaves]
        self.graph.updates = {variable: fixed.get(value, value) for variable, value in self.graph.updates.items()}
        return self

    def close(self, updated=(), carried=()) -> Body:
        """Ends the trace.

        Args:
            updated: variables whose new values are outputs too, behind the leaves.
            carried: variables whose old values are arguments: `n_arguments` grows by them.
        """
        graph = self.graph
        ends = [graph.read(variable) for variable in updated]
        own = {y for node in graph.nodes if node.op is not VARIABLE for y in node.outputs}
        sources = {value: variable for variable, value in graph.variables.items()}
        becomes: dict[Value, Value] = {}

        def further(key: Any, spec: Spec) -> Value:
            node = Node(INPUT, (), {"name": ""}, (spec,))
            graph.nodes.insert(len(graph.inputs), node)
            graph.inputs.append(node.outputs[0])
            if key is not None:
                self.captured.append(key)
            return node.outputs[0]

        for variable in carried:
            value = further(None, Spec(tuple(variable.shape), variable.storage_dtype))
            if variable in graph.variables:
                becomes[graph.variables[variable]] = value
        self.n_arguments += len(carried)

        def inside(x: Value) -> Value:
            if x not in own and x not in becomes:
                becomes[x] = further(sources.get(x, x), x.spec)
            return becomes.get(x, x)

        graph.nodes = [node for node in graph.nodes if node.op is not VARIABLE]
        # The inputs stand first, so that further ones can be put behind them.
        graph.nodes.sort(key=lambda node: node.op is not INPUT)
        for node in list(graph.nodes):
            node.inputs = tuple(inside(x) for x in node.inputs)
        graph.outputs = [inside(x) for x in [*self.leaves, *ends]]
        graph.variables, graph.updates, graph.parts = {}, {}, {}
        return self

    def read(self) -> set[Value]:
        """The values that what the body gives is made of."""
        read = {*self.leaves, *self.graph.updates.values()}
        for node in reversed(self.graph.nodes):
            if not read.isdisjoint(node.outputs):
                read.update(node.inputs)
        return read

    def drop(self, arguments) -> None:
        """Takes away `arguments` that nothing reads, and all nodes that nothing reads."""
        read = self.read()
        nodes = self.graph.nodes
        self.graph.nodes = [n for n in nodes if n.op in (INPUT, VARIABLE) or not read.isdisjoint(n.outputs)]
        self.graph.nodes = [n for n in self.graph.nodes if arguments.isdisjoint(n.outputs)]
        self.graph.inputs = [x for x in self.graph.inputs if x not in arguments]
        self.n_arguments -= len(arguments)

    def also_giving(self, values) -> Body:
        """The same closed body with further outputs, `values` of its graph."""
        body = copy.copy(self)
        body.executables = {}
        body.graph = Graph()
        body.graph.nodes, body.graph.inputs = self.graph.nodes, self.graph.inputs
        body.graph.outputs = [*self.graph.outputs, *values]
        return body

    @property
    def outputs(self) -> list[Spec]:
        return [y.spec for y in self.graph.outputs]

    def inline(self, inputs) -> list[Value]:
        """Adds the body's nodes to the graph that is being traced; returns its outputs for `inputs`."""
        target = trace.current()
        values = dict(zip(self.graph.inputs, inputs, strict=True))
        for node in self.graph.nodes:
            if node.op is CONSTANT:
                values[node.outputs[0]] = target.constant(node.params["array"])
            elif node.op is not INPUT:
                arguments = tuple(values[x] for x in node.inputs)
                new = target.add(node.op, arguments, node.params, tuple(y.spec for y in node.outputs))
                values.update(zip(node.outputs, new.outputs, strict=True))
        return [values[y] for y in self.graph.outputs]


def _outside(outer: Graph, x: Value) -> Value:
    """A constant or variable of a body as a value of the graph around it."""
    params = x.node.params
    return outer.constant(params["array"]) if x.node.op is CONSTANT else outer.read(params["variable"])
