"""Loops and branches, whose bodies are graphs inside nodes."""

import numpy as np

from fastnn.export.builder import Builder
from fastnn.export.emit import emit, inside
from fastnn.export.table import emits
from fastnn.export.traced import Array


@emits("scan")
def _scan(b, step, *inputs):
    p, body = step.params, step.params["body"]
    if p["saves"]:
        raise b.cannot("keeps its carries for a gradient")
    n_carry, n_xs = p["n_carry"], p["n_xs"]
    arguments, scanned = body.inputs[: n_carry + n_xs], list(inputs[n_carry : n_carry + n_xs])
    inner = inside(b, body, arguments, list(inputs[n_carry + n_xs :]))
    if not n_xs:  # ONNX counts the steps by what is scanned
        scanned = [b.add("Expand", b.constant(0, np.int64), b.size(p["length"]))]
        inner.inputs.append((inner.unique("argument"), Array((), "int64")))
    n_ys, back = len(body.outputs) - n_carry, int(p["reverse"])
    made = b.add(
        "Scan", *inputs[:n_carry], *scanned, outputs=len(body.outputs), body=inner, num_scan_inputs=len(scanned),
        scan_input_directions=[back] * len(scanned), scan_output_directions=[back] * n_ys if n_ys else None,
    )  # fmt: skip
    return made


@emits("while_loop")
def _while_loop(b, step, *inputs):
    p, test, body = step.params, step.params["test"], step.params["body"]
    n_carry, n_test = p["n_carry"], p["n_test"]
    carry, of_test, of_body = inputs[:n_carry], inputs[n_carry : n_carry + n_test], inputs[n_carry + n_test :]
    (begins,) = emit(b, test, [*carry, *of_test])
    inner = Builder(b)
    names = [inner.unique("argument") for _ in range(n_carry + 2)]
    bools = Array((), "bool")
    inner.inputs = list(zip(names, [Array((), "int64"), bools, *body.outputs], strict=True))
    results = emit(inner, body, [*names[2:], *of_body])
    (goes_on,) = emit(inner, test, [*results, *of_test])
    outputs = zip([goes_on, *results], [bools, *body.outputs], strict=True)
    inner.outputs = [(inner.add("Identity", name), y) for name, y in outputs]
    limit = None if p["limit"] is None else b.constant(p["limit"], np.int64)
    return b.add("Loop", limit, begins, *carry, outputs=n_carry, body=inner)


@emits("switch")
def _switch(b, step, index, *inputs):
    bodies, picks = step.params["bodies"], step.params["picks"]

    def branch(outer, k):
        return inside(outer, bodies[k], [], [inputs[p] for p in picks[k]])

    def choose(outer, k):
        """The graph that takes branch k, or one of those behind it."""
        if k == len(bodies) - 1:
            return branch(outer, k)
        inner = Builder(outer)
        made = node(inner, k)
        made = made if isinstance(made, tuple) else (made,)
        inner.outputs = list(zip(made, bodies[0].outputs, strict=True))
        return inner

    def node(outer, k):
        is_taken = outer.add("LessOrEqual", index, outer.constant(k, step.x.dtype))
        return outer.add(
            "If", is_taken, outputs=len(bodies[0].outputs), then_branch=branch(outer, k),
            else_branch=choose(outer, k + 1),
        )  # fmt: skip

    return node(b, 0) if len(bodies) > 1 else tuple(emit(b, bodies[0], [inputs[p] for p in picks[0]]))
