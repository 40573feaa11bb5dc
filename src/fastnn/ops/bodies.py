"""What the control-flow ops share: running a traced body, and structures whose leaves may be None."""

from __future__ import annotations

import numpy as np

from fastnn import _kernels, tree
from fastnn.graph.body import Body
from fastnn.graph.symbolic import KerasTensor
from fastnn.graph.value import Graph, Spec, Value
from fastnn.ops.record import as_array, as_value
from fastnn.plan.executable import Executable
from fastnn.plan.scan import Scan


def run_body(body: Body, arrays) -> list[np.ndarray]:
    isa = _kernels.isa()
    if isa not in body.executables:
        graph = Graph()
        graph.nodes, graph.inputs, graph.outputs = list(body.graph.nodes), body.graph.inputs, body.graph.outputs
        body.executables[isa] = Executable(graph, "body")
    return body.executables[isa].run(arrays)


def scan_of(body: Body, n_carry: int, n_xs: int, saves: bool) -> Scan | None:
    """The plan of all steps of a scan; None where a part of the body has no kernel."""
    key = (_kernels.isa(), saves)
    if key not in body.executables:
        has_kernels = all(x.dtype in _kernels.DTYPE_CODE for x in (*body.graph.inputs, *body.graph.outputs))
        scan = Scan(body, n_carry, n_xs, saves) if has_kernels else None
        body.executables[key] = scan if scan is not None and scan.is_native else None
    return body.executables[key]


def outer_values(captured) -> list[Value]:
    """What a body captured, as values of the graph around it."""
    return [as_value(x) for x in captured]


def has_symbolic(structure) -> bool:
    return any(isinstance(leaf, KerasTensor) for leaf in tree.flatten(structure))


def leaves(structure) -> list:
    return [leaf for leaf in tree.flatten(structure) if leaf is not None]


def packed(structure, leaves):
    """`structure` with the next of `leaves` in place of each leaf that is not None."""
    leaves = iter(leaves)
    return tree.map_structure(lambda leaf: None if leaf is None else next(leaves), structure)


def check_same(what: str, wanted: list[Spec], got: list[Spec]) -> None:
    if wanted != got:
        raise TypeError(f"{what}: came in as {[str(s) for s in wanted]}, went out as {[str(s) for s in got]}.")


def zeros_of(spec: Spec) -> Value:
    return as_value(np.zeros(spec.shape, spec.dtype))


def as_arrays(structure):
    """`structure` with its scalars as 0-d arrays: NumPy's operators turn those into scalars of the same dtype."""

    def convert(leaf):
        if isinstance(leaf, np.generic):
            return np.asarray(leaf)
        return as_array(leaf) if isinstance(leaf, (bool, int, float)) else leaf

    return tree.map_structure(convert, structure)
