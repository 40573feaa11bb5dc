"""The graph of a model's inference, with the sizes in it that its inputs decide.

Traces see static shapes only. So a model is traced several times, with other numbers in place of the sizes that are not
known, and the traces are laid on each other: a number that is the same in all of them is that number, one that differs
is a `Size`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn import tree
from fastnn.graph.body import Body
from fastnn.graph.simplify import prune
from fastnn.graph.symbolic import KerasTensor
from fastnn.graph.trace import tracing
from fastnn.graph.value import Graph, Value
from fastnn.ops.record import as_value


@dataclass(frozen=True)
class Size:
    """A size that the inputs decide: what it was in each of the traces."""

    values: tuple[int, ...]


Dim = int | Size


def each(*sizes: Dim) -> list[tuple[int, ...]]:
    """What each of the sizes was in each of the traces."""
    count = max((len(size.values) for size in sizes if isinstance(size, Size)), default=1)
    return [size.values if isinstance(size, Size) else (size,) * count for size in sizes]


def over(function: Callable[..., int], *sizes: Dim) -> Dim:
    """`function(*sizes)`: a number where it is the same in all traces."""
    values = tuple(function(*numbers) for numbers in zip(*each(*sizes), strict=True))
    return values[0] if len(set(values)) == 1 else Size(values)


@dataclass(frozen=True, eq=False)
class Array:
    """What an array of the traces is in all of them."""

    shape: tuple[Dim, ...]
    dtype: str

    @property
    def ndim(self) -> int:
        return len(self.shape)


@dataclass(frozen=True, eq=False)
class Varying:
    """A constant that is another in each of the traces."""

    arrays: tuple[np.ndarray, ...]


@dataclass(frozen=True, eq=False)
class Step:
    """A node of the traces."""

    op: Any
    inputs: tuple[Array, ...]
    params: dict[str, Any]
    outputs: tuple[Array, ...]
    label: str

    @property
    def x(self) -> Array:
        return self.inputs[0]

    @property
    def y(self) -> Array:
        return self.outputs[0]


@dataclass(frozen=True, eq=False)
class Traced:
    """The traces laid on each other."""

    steps: list[Step]
    inputs: list[Array]
    outputs: list[Array]


class Unexportable(ValueError):
    """A computation that the file's format does not know."""


def cannot(step_label: str, op: str, why: str) -> Unexportable:
    """The error that names the layer."""
    where = f"layer {step_label.rsplit('/', 1)[-1]!r} (at {step_label!r})" if step_label else "the model"
    return Unexportable(f"export: {where} cannot be written as ONNX: its op {op!r} {why}.")


# Sizes in place of unknown ones. All remainders by 2, 3 and 4 are among them, as the padding of strided windows depends
# on those; several numbers of binary digits, as halving takes that many steps; and they are so far apart that they
# differ after many strides. A model may allow no large ones: then sizes like those of symbolic calls
# (`graph.symbolic.PROBES`).
BATCH = (3, 8, 21, 14)
WIDE, NARROW = (83, 196, 265, 390), (83, 84, 85, 86)


def unknown_sizes(
    specs: list[KerasTensor], others: tuple[int, ...], equal: dict[tuple[int, int], tuple[int, int]]
) -> tuple[tuple[Dim, ...], ...]:
    """The shapes of the inputs: one `Size` for all batches, and one for each other size that is not known.

    Args:
        others: what those are in the traces.
        equal: axes (input, axis) whose size is that of another.
    """
    sizes: dict[tuple[int, int], Size] = {}
    only_batch = all(size is not None for spec in specs for size in spec.shape[1:])

    def size_of(k: int, axis: int) -> Size:
        key = equal.get((k, axis), (k, axis)) if axis else (0, 0)
        if key not in sizes:
            turn, more = len(sizes) % len(others), 16 * (len(sizes) // len(others))
            values = tuple(size + more for size in others[turn:] + others[:turn]) if axis else BATCH
            sizes[key] = Size(values[:3] if only_batch else values)
        return sizes[key]

    return tuple(
        tuple(size_of(k, axis) if size is None else size for axis, size in enumerate(spec.shape))
        for k, spec in enumerate(specs)
    )


def _equalities(specs: list[KerasTensor]) -> list[dict[tuple[int, int], tuple[int, int]]]:
    """Which unknown sizes may have to be equal: none, those of two inputs on one axis or on all, all on each axis."""
    axes = range(1, max(len(spec.shape) for spec in specs))
    pairs = list(itertools.combinations(range(len(specs)), 2))
    on_one = [{(j, axis): (i, axis)} for i, j in pairs for axis in axes]
    on_all = [{(j, axis): (i, axis) for axis in axes} for i, j in pairs]
    return [{}, *on_one, *on_all, {(k, axis): (0, axis) for k in range(len(specs)) for axis in axes}]


def trace(function: Callable, structure: Any, rewrite: Callable[[Graph], Graph]) -> Traced:
    """The traces of `function(structure)`, whose leaves are KerasTensors, each rewritten by `rewrite`.

    Unknown sizes are taken as independent of each other first; where the function does not run, as equal.
    """
    specs = tree.flatten(structure)
    attempts = [unknown_sizes(specs, others, equal) for others in (WIDE, NARROW) for equal in _equalities(specs)]
    attempts = list(dict.fromkeys(attempts))
    for shapes in attempts[:-1]:
        try:
            return _trace_with(function, structure, shapes, rewrite)
        except Unexportable:
            raise
        except ValueError:
            continue
    return _trace_with(function, structure, attempts[-1], rewrite)


def _trace_with(function, structure, shapes, rewrite) -> Traced:
    count = max((len(size.values) for shape in shapes for size in shape if isinstance(size, Size)), default=1)
    graphs = []
    for k in range(count):
        graph, shape = Graph(), iter(shapes)

        def value_of(x, graph=graph, shape=shape, k=k):
            sizes = tuple(size.values[k] if isinstance(size, Size) else size for size in next(shape))
            return graph.input(sizes, x.dtype, x.name)

        with tracing(graph):
            outputs = function(tree.map_structure(value_of, structure))
            graph.outputs = [as_value(y) for y in tree.flatten(outputs)]
        if graph.updates:
            names = ", ".join(variable.path for variable in graph.updates)
            raise Unexportable(f"export: a call of the model changes variables, which ONNX does not know: {names}.")
        graphs.append(prune(rewrite(prune(graph))))
    return merge(graphs)


def merge(graphs: Sequence[Graph]) -> Traced:
    """The graphs of the same computation for several sizes as one."""
    arrays: dict[Value, Array] = {}
    steps = []
    for nodes in itertools.zip_longest(*(graph.nodes for graph in graphs)):
        first = next(node for node in nodes if node is not None)
        if any(node is None or node.op.name != first.op.name for node in nodes):
            raise cannot(first.label, first.op.name, "is not a step of it for other sizes of the inputs")
        inputs = tuple(_same(xs, arrays, first) for xs in _side_by_side([node.inputs for node in nodes], first))
        outputs = []
        for values in _side_by_side([node.outputs for node in nodes], first):
            shape = tuple(combine(sizes, first) for sizes in zip(*(v.shape for v in values), strict=True))
            outputs.append(Array(shape, values[0].dtype))
            arrays.update((value, outputs[-1]) for value in values)
        params = combine([node.params for node in nodes], first)
        steps.append(Step(first.op, inputs, params, tuple(outputs), first.label))
    return Traced(
        steps,
        [arrays[x] for x in graphs[0].inputs],
        [arrays[y] for y in graphs[0].outputs],
    )


def _same(values, arrays, node) -> Array:
    found = [arrays[value] for value in values]
    if any(array is not found[0] for array in found):
        raise cannot(node.label, node.op.name, "reads another array for other sizes of the inputs")
    return found[0]


def _side_by_side(rows: list, node):
    if any(len(row) != len(rows[0]) for row in rows):
        raise cannot(node.label, node.op.name, "has other inputs for other sizes of the inputs")
    return zip(*rows, strict=True)


def combine(values: Sequence, node) -> Any:
    """A parameter in all traces as one."""
    first = values[0]
    if isinstance(first, dict):
        return {key: combine([value[key] for value in values], node) for key in first}
    if isinstance(first, (tuple, list)):
        if any(len(value) != len(first) for value in values):
            raise cannot(node.label, node.op.name, "has another number of parameters for other sizes of the inputs")
        return tuple(combine(parts, node) for parts in zip(*values, strict=True))
    if isinstance(first, Body):
        return merge([prune(value.graph) for value in values])
    if isinstance(first, np.ndarray):
        is_same = all(value.shape == first.shape and value.tobytes() == first.tobytes() for value in values)
        return first if is_same else Varying(tuple(values))
    if all(value is first or value == first for value in values):
        return first
    if all(isinstance(value, (int, np.integer)) for value in values):
        return Size(tuple(int(value) for value in values))
    raise cannot(node.label, node.op.name, f"has the parameters {values} for other sizes of the inputs")
