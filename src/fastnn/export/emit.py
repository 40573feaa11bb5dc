"""From steps of a traced graph to ONNX nodes, by the table of emitters."""

from __future__ import annotations

from fastnn.export.builder import Builder
from fastnn.export.table import EMITTERS
from fastnn.export.traced import Array, Step, Traced


def emit(b: Builder, traced: Traced, inputs: list[str]) -> list[str]:
    """Makes the nodes of `traced` for inputs of the given names; returns the names of its outputs."""
    names: dict[Array, str] = {}

    def bind(array: Array, name: str) -> None:
        names[array] = name
        b.know(name, array.shape)

    for array, name in zip(traced.inputs, inputs, strict=True):
        bind(array, name)
    for step in traced.steps:
        if step.op.name == "input":
            continue
        with b.at(step.label, step.op.name):
            for x in step.inputs:
                if x not in names:
                    raise b.cannot("needs what is computed for gradients only")
            if any("complex" in array.dtype for array in (*step.inputs, *step.outputs)):
                raise b.cannot("computes with complex numbers")
            inputs_of_step = [names[x] for x in step.inputs]
            made = _emit_step(b, step, inputs_of_step)
        for array, name in zip(step.outputs, made if isinstance(made, tuple) else (made,), strict=True):
            if name is not None:
                bind(array, name)
                b.shared.sources.setdefault(name, (step, inputs_of_step))
    return [names[y] for y in traced.outputs]


def _emit_step(b: Builder, step: Step, inputs: list[str]):
    emitter = EMITTERS.get(step.op.name)
    if emitter is None or not (step.op.kind == "leaf" or getattr(step.op, "is_registered", True)):
        raise b.cannot("has no counterpart there")
    return emitter(b, step, *inputs)


def inside(b: Builder, body: Traced, arguments: list[Array], captured: list[str]) -> Builder:
    """The graph of a body, whose first inputs are `arguments`; the others are read from around it."""
    inner = Builder(b)
    names = [inner.unique("argument") for _ in arguments]
    inner.inputs = list(zip(names, arguments, strict=True))
    results = emit(inner, body, [*names, *captured])
    inner.outputs = [(inner.add("Identity", name), y) for name, y in zip(results, body.outputs, strict=True)]
    return inner
