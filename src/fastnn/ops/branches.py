"""Branches: cond and switch.

On arrays they call the branch. While a graph is traced they become one node, whose branches are graphs of their own
(`graph/body.py`), compiled once; only the one that is taken runs, and the gradient goes through it alone.
"""

from __future__ import annotations

import numpy as np

from fastnn import tree
from fastnn.graph import trace
from fastnn.graph.body import Body
from fastnn.graph.dtypes import is_float
from fastnn.graph.grad import gradients
from fastnn.graph.symbolic import KerasTensor, symbolic_call
from fastnn.graph.value import Operators, Value
from fastnn.ops.bodies import as_arrays, check_same, has_symbolic, leaves, outer_values, packed, run_body, zeros_of
from fastnn.ops.logic import where
from fastnn.ops.record import Op, as_value

# Inputs: the index, then all that any branch reads; `picks` says which of those each branch takes, in its order.


def _switch_shape(*_specs, bodies, picks):
    return tuple(bodies[0].outputs)


def _switch_reference(index, *arrays, bodies, picks):
    k = min(max(int(index), 0), len(bodies) - 1)
    return tuple(np.array(y) for y in run_body(bodies[k], [arrays[p] for p in picks[k]]))


def _switch_grad(dys, ys, index, *inputs, bodies, picks):
    dys, ys = (dys, ys) if isinstance(ys, tuple) else ((dys,), (ys,))
    given = [k for k, dy in enumerate(dys) if dy is not None and is_float(ys[k].dtype)]
    floats = [k for k, x in enumerate(inputs) if is_float(x.dtype)]
    flowing = [dys[k] for k in given]

    def backward(body, pick):
        def run(*values):
            values, seeds = values[: len(inputs)], list(values[len(inputs) :])
            results = body.inline([values[p] for p in pick])
            found = gradients(trace.current(), [results[k] for k in given], [values[k] for k in floats], seeds)
            return [zeros_of(inputs[k].spec) if g is None else g for k, g in zip(floats, found, strict=True)]

        return Body(run, [v.spec for v in (*inputs, *flowing)], as_value).close()

    arguments = (*inputs, *flowing)
    backwards = tuple(backward(body, pick) for body, pick in zip(bodies, picks, strict=True))
    every = tuple(range(len(arguments)))
    results = _switch_op(index, *arguments, bodies=backwards, picks=(every,) * len(bodies))
    by = dict(zip(floats, results if isinstance(results, tuple) else (results,), strict=True))
    return (None, *(by.get(k) for k in range(len(inputs))))


_switch_op = Op("switch", shape=_switch_shape, reference=_switch_reference, grad=_switch_grad)


def _switch_traced(index, branches, operands):
    flat = [as_value(x) for x in leaves(operands)]
    specs = [v.spec for v in flat]
    bodies = [Body(lambda *v, branch=branch: branch(*packed(operands, v)), specs, as_value) for branch in branches]
    updated = list(dict.fromkeys(variable for body in bodies for variable in body.updated))
    for body in bodies:
        check_same("the branches' results", [x.spec for x in bodies[0].leaves], [x.spec for x in body.leaves])
        body.close(updated)
    captured = list(dict.fromkeys(x for body in bodies for x in body.captured))
    place = {x: len(flat) + k for k, x in enumerate(captured)}
    picks = tuple((*range(len(flat)), *(place[x] for x in body.captured)) for body in bodies)
    structure = bodies[0].structure
    if not bodies[0].outputs:
        return structure
    results = _switch_op(as_value(index), *flat, *outer_values(captured), bodies=tuple(bodies), picks=picks)
    results = list(results if isinstance(results, tuple) else (results,))
    n_leaves = len(bodies[0].leaves)
    for variable, value in zip(updated, results[n_leaves:], strict=True):
        trace.current().assign(variable, value)
    return packed(structure, results[:n_leaves])


def switch(index, branches, *operands):
    """The result of the branch that `index` names, called with `operands`.

    Args:
        index: an integer scalar; one that is out of range is clamped.
        branches: a list of functions that return the same shapes and dtypes.
        operands: arrays or structures of them.

    Raises:
        TypeError: when traced branches return different shapes or dtypes.

    Example:
        >>> fastnn.ops.switch(1, [lambda x: x + 1, lambda x: x * 10], np.float32(3))
        array(30., dtype=float32)
    """
    if has_symbolic((index, operands)):
        return symbolic_call(switch, (index, branches, *operands), {})
    if isinstance(index, Value):
        return _switch_traced(index, branches, operands)
    return as_arrays(branches[min(max(int(np.asarray(index)), 0), len(branches) - 1)](*operands))


def cond(pred, true_fn, false_fn):
    """The result of `true_fn()` where `pred` holds, else of `false_fn()`.

    While a graph is traced only the branch that is taken runs, and gradients flow through it. With a KerasTensor as
    `pred`, both branches are part of the model and one result is chosen.

    Args:
        pred: a boolean scalar.
        true_fn, false_fn: functions without arguments that return the same structure, shapes and dtypes.

    Raises:
        TypeError: when traced branches return different shapes or dtypes.

    Example:
        >>> fastnn.ops.cond(np.bool_(False), lambda: 1, lambda: 2)
        array(2, dtype=int32)
    """
    if isinstance(pred, KerasTensor):
        return tree.map_structure(lambda a, b: None if a is None else where(pred, a, b), true_fn(), false_fn())
    if isinstance(pred, Value):
        return _switch_traced(Operators.functions["cast"](pred, "int32"), [false_fn, true_fn], ())
    return as_arrays(true_fn() if np.asarray(pred) else false_fn())
