"""Network: the recorded calls between inputs and outputs, in an order in which they can be run.

Owns the walk from outputs to inputs and running the calls again on other values; what a model is is `model`'s.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from fastnn import tree
from fastnn.graph.symbolic import Call, KerasTensor
from fastnn.layers.call_signature import is_array
from fastnn.layers.core.input_layer import InputLayer
from fastnn.layers.layer import Layer
from fastnn.layers.operation import Operation


class Step:
    """One recorded call of the network.

    Attributes:
        operation: a layer, or an op's record.
        name: the layer's, or the op's, numbered.
        call: the arguments and outputs, as KerasTensors.
        index: which call of this operation in the network it is.
    """

    __slots__ = ("call", "index", "name", "operation", "outputs")

    def __init__(self, operation: Any, name: str, call: Call | None, index: int, outputs: list[KerasTensor]):
        self.operation = operation
        self.name = name
        self.call = call
        self.index = index
        self.outputs = outputs

    def run(self, values: dict[int, Any], operation=None) -> None:
        """Runs the call on `values`, by id of the KerasTensor that each stands for, and adds the results there.

        Another `operation` can be called in place of the step's own.
        """

        def value_of(x):
            return values[id(x)] if isinstance(x, KerasTensor) else x

        args, kwargs = tree.map_structure(value_of, (self.call.args, self.call.kwargs))
        results = [y for y in tree.flatten((operation or self.operation)(*args, **kwargs)) if is_array(y)]
        if len(results) != len(self.outputs):
            raise ValueError(
                f"{self.name!r} returned {len(results)} arrays; it returned {len(self.outputs)} when called."
            )
        values.update((id(y), result) for y, result in zip(self.outputs, results, strict=True))


class Network:
    """The calls that lead from `inputs` to `outputs`.

    Args:
        inputs, outputs: structures of KerasTensors.

    Attributes:
        steps: in the order in which they run, inputs left out.
        operations: the steps' operations and the input layers, `(name, operation, its steps)`, in Keras's order: the
            longest way to an output first, then as they were met on the way back from the outputs.
        input_layers: one a tensor of `inputs`, made where the tensor is in the middle of another network.

    Raises:
        ValueError: when an output does not depend on the inputs alone.
    """

    def __init__(self, inputs, outputs):
        self.inputs_structure, self.outputs_structure = inputs, outputs
        self.inputs: list[KerasTensor] = tree.flatten(inputs)
        self.outputs: list[KerasTensor] = tree.flatten(outputs)
        for what, tensors in (("inputs", self.inputs), ("outputs", self.outputs)):
            for x in tensors:
                if not isinstance(x, KerasTensor):
                    raise ValueError(
                        f"All `{what}` values must be KerasTensors. Received: {what}={x} of type {type(x)}"
                    )
        if len({id(x) for x in self.inputs}) != len(self.inputs):
            raise ValueError("`inputs` argument cannot contain repeated values.")
        self.input_layers = [_input_layer_of(x) for x in self.inputs]
        calls, met = _walk({id(x) for x in self.inputs}, self.outputs)
        depths = self._depths(calls)
        self.steps = self._make_steps(calls)
        self.operations = self._sorted_operations(depths, met)

    @property
    def layers(self) -> list[Layer]:
        """The layers among `operations`."""
        return [operation for _, operation, _ in self.operations if isinstance(operation, Layer)]

    @functools.cached_property
    def host_part(self):
        """What of it reads strings and therefore runs in NumPy, a `HostPart`; None when nothing does."""
        if all(x.dtype != "string" for x in [*self.inputs, *(y for step in self.steps for y in step.outputs)]):
            return None
        from fastnn.models.host import HostPart  # not in a first import

        return HostPart(self)

    def called(self) -> list:
        """The operations; the input layers that were made for tensors without one are left out."""
        known = {id(x.call.operation) for x in self.inputs if x.call is not None}
        made = {id(layer) for layer in self.input_layers} - known
        return [operation for _, operation, _ in self.operations if id(operation) not in made]

    def run(self, values: list):
        """The outputs, in their structure, for `values` of the inputs, in the order of `inputs`."""
        known = {id(x): value for x, value in zip(self.inputs, values, strict=True)}
        for step in self.steps:
            step.run(known)
        return tree.map_structure(lambda y: known[id(y)], self.outputs_structure)

    def source_of(self) -> dict[int, tuple[str, int, int]]:
        """For each KerasTensor, by id: the operation's name, which of its calls, which of that call's outputs."""
        sources = {id(x): (layer.name, 0, 0) for x, layer in zip(self.inputs, self.input_layers, strict=True)}
        for step in self.steps:
            for k, y in enumerate(step.outputs):
                sources.setdefault(id(y), (step.name, step.index, k))
        return sources

    def _depths(self, calls: list[Call]) -> dict[int, int]:
        """The longest way from each operation to an output, by its key."""
        depth_of_call: dict[int, int] = {}
        depths: dict[int, int] = {}
        stops = {id(x): layer for x, layer in zip(self.inputs, self.input_layers, strict=True)}
        for call in reversed(calls):
            key = _key(call)
            depth = max(depth_of_call.get(id(call), 0), depths.get(key, 0))
            depths[key] = depth_of_call[id(call)] = depth
            for x in call.inputs:
                if id(x) in stops:
                    layer = id(stops[id(x)])
                    depths[layer] = max(depths.get(layer, 0), depth + 1)
                else:
                    depth_of_call[id(x.call)] = max(depth_of_call.get(id(x.call), 0), depth + 1)
        for layer in self.input_layers:
            depths.setdefault(id(layer), 0)
        return depths

    def _make_steps(self, calls: list[Call]) -> list[Step]:
        indices: dict[int, int] = {}
        steps = []
        for call in sorted(calls, key=_order_of_creation(calls)):
            key = _key(call)
            steps.append(
                Step(call.operation, call.name or call.operation.name, call, indices.get(key, 0), call.outputs)
            )
            indices[key] = indices.get(key, 0) + 1
        order = {id(call): k for k, call in enumerate(calls)}
        return sorted(steps, key=lambda step: order[id(step.call)])

    def _sorted_operations(self, depths: dict[int, int], met: dict[int, int]) -> list[tuple[str, Any, list[Step]]]:
        found: dict[int, tuple[str, Any, list[Step]]] = {
            id(layer): (layer.name, layer, []) for layer in self.input_layers
        }
        for step in self.steps:
            found.setdefault(_key(step.call), (step.name, step.operation, []))[2].append(step)
        for layer, x in zip(self.input_layers, self.inputs, strict=True):
            met[id(layer)] = met.get(id(x), -1)
        names = [name for name, _, _ in found.values()]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(
                f'The name "{repeated[0]}" is used {names.count(repeated[0])} times in the model. All operation names '
                "should be unique."
            )
        return [found[key] for key in sorted(found, key=lambda key: (-depths[key], met[key]))]


def _key(call: Call) -> int:
    """What identifies the operation of `call`: the layer, or, for an op, the call itself."""
    return id(call.operation) if isinstance(call.operation, Operation) else id(call)


def _input_layer_of(x: KerasTensor) -> InputLayer:
    if x.call is not None and isinstance(x.call.operation, InputLayer):
        return x.call.operation
    # A tensor from the middle of a network: it stays the key of its value, and gets a layer to be listed.
    return InputLayer(batch_shape=x.shape, dtype=x.dtype)


def _walk(stops: set[int], outputs: list[KerasTensor]) -> tuple[list[Call], dict[int, int]]:
    """The calls between the tensors `stops` and `outputs`, each after those it needs; and, for each operation (and
    each stop, by id of the tensor), how many others were met before it on the way back.

    An explicit stack, so that depth is not limited by Python's.
    """
    calls: list[Call] = []
    met: dict[int, int] = {}
    done: set[int] = set()
    running: set[int] = set()
    stack: list[tuple[Call, Iterator[KerasTensor]]] = []

    def visit(x: KerasTensor) -> None:
        if id(x) in stops:
            met.setdefault(id(x), len(met))
            return
        call = x.call
        if call is None or not (call.args or call.kwargs):
            raise ValueError(
                f"Output with path `` is not connected to `inputs`: it depends on {x}, which is not among the inputs."
            )
        if id(call) in done or id(call) in running:
            return
        met.setdefault(_key(call), len(met))
        running.add(id(call))
        stack.append((call, iter(call.inputs)))

    for y in outputs:
        visit(y)
        while stack:
            call, remaining = stack[-1]
            x = next(remaining, None)
            if x is None:
                stack.pop()
                running.discard(id(call))
                done.add(id(call))
                calls.append(call)
            else:
                visit(x)
    return calls, met


def _order_of_creation(calls: list[Call]):
    """A sort key: calls of one layer in the order in which they were made, others as they are."""
    position = {}
    for call in calls:
        layer = call.operation
        made = [c for c, _ in layer._inbound] if isinstance(layer, Operation) else []
        position[id(call)] = next((k for k, c in enumerate(made) if c is call), 0)
    return lambda call: position[id(call)]


def get_source_inputs(tensor):
    """The KerasTensors from which `tensor` was made.

    Args:
        tensor: a KerasTensor.

    Returns:
        A list; anything that was not made by a call is returned as it is.

    Example:
        >>> x = fastnn.Input((3,), name="x")
        >>> [t.name for t in fastnn.utils.get_source_inputs(fastnn.layers.Dense(2)(x) + 1)]
        ['x']
    """
    if getattr(tensor, "call", None) is None:
        return tensor
    sources: dict[int, KerasTensor] = {}
    seen: set[int] = set()
    stack = [tensor]
    while stack:
        x = stack.pop()
        if x.call is None or not x.call.inputs:
            sources.setdefault(id(x), x)
        elif id(x.call) not in seen:
            seen.add(id(x.call))
            stack.extend(reversed(x.call.inputs))
    return list(sources.values())
