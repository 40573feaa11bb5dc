"""Body: a function traced into a graph of its own, to be run by a control-flow op once for each step or branch.

A body is closed: what its function read from around it (values of the graph outside, variables) becomes further inputs
of the body and of the op's node, so that the engine sees every dependency and gradients flow through it.
"""

from __future__ import annotations

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
