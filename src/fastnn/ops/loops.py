"""Loops: scan, while_loop, fori_loop, map and their like.

On arrays they are Python loops. While a graph is traced they become one node, whose body is a graph of its own
(`graph/body.py`), compiled once and run by the reference. All steps of a scan are one run of a plan (`plan/scan.py`)
where its body has kernels; else, as in a `while_loop`, a step costs one run of the body's plan. What does not change
from step to step is computed before a scan. A scan differentiates (`scan_grad.py`).
"""

from __future__ import annotations

import numpy as np

from fastnn import tree
from fastnn.graph import trace
from fastnn.graph.body import Body
from fastnn.graph.dtypes import weak_kind
from fastnn.graph.symbolic import symbolic_call
from fastnn.graph.value import Operators, Spec, Value
from fastnn.ops.bodies import (
    as_arrays,
    check_same,
    has_symbolic,
    leaves,
    outer_values,
    packed,
    run_body,
    scan_of,
)
from fastnn.ops.joining import stack
from fastnn.ops.record import Op, as_array, as_value
from fastnn.ops.scan_grad import scan_grad

# -- scan --------------------------------------------------------------------------------------------------------------
# Inputs: the carry, the scanned arrays (steps first), then what the body captured. Outputs: the last carry, what each
# step gave (steps first), and with `saves` the carry that each step began with and the last `n_kept` outputs of the
# body, which a gradient asked for.


def _scan_shape(*specs, body, n_carry, n_xs, length, reverse, saves, n_kept):
    each = [Spec((length, *s.shape), s.dtype) for s in body.outputs[n_carry:]]
    saved = [Spec((length, *s.shape), s.dtype) for s in specs[:n_carry]] if saves else []
    n_ys = len(each) - n_kept
    return (*body.outputs[:n_carry], *each[:n_ys], *saved, *each[n_ys:])


def _scan_reference(*arrays, body, n_carry, n_xs, length, reverse, saves, n_kept):
    carry, xs, rest = list(arrays[:n_carry]), arrays[n_carry : n_carry + n_xs], arrays[n_carry + n_xs :]
    ys = [np.empty((length, *s.shape), s.dtype) for s in body.outputs[n_carry:]]
    saved = [np.empty((length, *c.shape), c.dtype) for c in carry] if saves else []
    for step in reversed(range(length)) if reverse else range(length):
        for kept, c in zip(saved, carry, strict=False):
            kept[step] = c
        results = run_body(body, [*carry, *(x[step, ...] for x in xs), *rest])
        carry = results[:n_carry]
        for y, result in zip(ys, results[n_carry:], strict=True):
            y[step] = result
    n_ys = len(ys) - n_kept
    return (*carry, *ys[:n_ys], *saved, *ys[n_ys:])


def _scan_into(outputs, inputs, body, n_carry, n_xs, length, reverse, saves, n_kept):
    scan = scan_of(body, n_carry, n_xs, saves)
    if scan is not None:
        n_out = len(outputs) - n_kept
        n_given = n_out - (n_carry if saves else 0)
        outputs = [*outputs[:n_given], *outputs[n_out:], *outputs[n_given:n_out]]  # the plan gives saved carries last
        scan.run_steps(outputs, inputs, length, reverse)
    return scan is not None


_scan_op = Op("scan", shape=_scan_shape, reference=_scan_reference, grad=scan_grad, into=_scan_into)


def scan(f, init, xs=None, length=None, reverse=False, unroll=1):
    """Runs `f` along the first axis of `xs` and carries a state from step to step.

    Args:
        f: `(carry, x) -> (carry, y)`; `x` is one row of `xs`, the carry keeps its shapes and dtypes.
        init: the first carry: an array or a structure of them.
        xs: an array or a structure of arrays with equal first axes; None to count steps only.
        length: the number of steps; needed when `xs` is None.
        reverse: whether it goes from the last row to the first.
        unroll: an int or bool, accepted for its JAX meaning; the result does not depend on it.

    Returns:
        The last carry, and what each step gave, stacked along a new first axis.

    Raises:
        TypeError: when `f` is not callable, or changes the shape or dtype of the carry.
        ValueError: when the lengths differ or are not given.

    Example:
        >>> fastnn.ops.scan(lambda total, x: (total + x, total), np.int32(0), np.arange(4, dtype="int32"))
        (array(6, dtype=int32), array([0, 0, 1, 3], dtype=int32))
    """
    if not callable(f):
        raise TypeError(f"`f` should be a callable. Received: f={f}")
    if not isinstance(unroll, bool) and (not isinstance(unroll, int) or unroll < 1):
        raise ValueError(f"`unroll` must be an positive integer or boolean. Received: unroll={unroll}")
    if has_symbolic((init, xs)):
        return symbolic_call(scan, (f, init, xs), {"length": length, "reverse": reverse})
    if xs is None and length is None:
        raise ValueError("Got no `xs` to scan over and `length` not provided.")
    flat_xs = leaves(xs)
    lengths = {len(as_value(x) if isinstance(x, Value) else as_array(x)) for x in flat_xs}
    lengths |= set() if length is None else {int(length)}
    if len(lengths) != 1:
        raise ValueError(f"`xs` and `length` must agree on the number of steps. Received: {sorted(lengths)}")
    (length,) = lengths
    if trace.current() is None:
        return _scan_now(f, init, xs, length, reverse)
    scanned, n_leaves = [as_value(x) for x in flat_xs], len(leaves(init))

    def trace_body(specs):
        def body_of(*values):
            carry_out, y = f(packed(init, values[:n_leaves]), packed(xs, values[n_leaves:]))
            return carry_out, y

        return Body(body_of, specs + [Spec(v.shape[1:], v.dtype) for v in scanned], as_value)

    carry, body = _carried("the carry of `scan`", leaves(init), trace_body)
    updated = body.hoist().updated
    carry_out, y = body.structure
    _carry_variables(body, n_leaves, updated)
    results = _scan_op(
        *carry, *outer_values(updated), *scanned, *outer_values(body.captured),
        body=body, n_carry=n_leaves + len(updated), n_xs=len(scanned), length=length, reverse=reverse, saves=False,
        n_kept=0,
    )  # fmt: skip
    results = list(results if isinstance(results, tuple) else (results,))
    for variable, value in zip(updated, results[n_leaves : n_leaves + len(updated)], strict=True):
        trace.current().assign(variable, value)
    return packed(carry_out, results[:n_leaves]), packed(y, results[n_leaves + len(updated) :])


def _carry_variables(body: Body, n_leaves: int, updated: list) -> None:
    """Closes `body` with `updated` variables among the carry: inputs behind the first `n_leaves`, and outputs too."""
    body.close(updated, carried=updated)
    if updated:
        graph, count = body.graph, len(updated)
        n_given = body.n_arguments - count
        moved = graph.inputs[n_given : n_given + count]
        kept = graph.inputs[:n_given] + graph.inputs[n_given + count :]
        graph.inputs = kept[:n_leaves] + moved + kept[n_leaves:]
        ends = graph.outputs[-count:]
        graph.outputs = graph.outputs[:n_leaves] + ends + graph.outputs[n_leaves:-count]


def _scan_now(f, init, xs, length, reverse):
    carry, ys = init, [None] * length
    for step in reversed(range(length)) if reverse else range(length):
        carry, ys[step] = as_arrays(f(carry, _row(xs, step)))
    if not ys:
        return as_arrays(carry), None
    return carry, tree.map_structure(lambda *rows: None if rows[0] is None else stack(rows), *ys)


def _row(xs, step):
    return tree.map_structure(lambda x: None if x is None else Operators.functions["getitem"](x, step), xs)


# -- while_loop --------------------------------------------------------------------------------------------------------


def _while_shape(*_specs, test, body, n_carry, n_test, limit):
    return tuple(body.outputs)


def _while_reference(*arrays, test, body, n_carry, n_test, limit):
    carry, of_test, of_body = list(arrays[:n_carry]), arrays[n_carry : n_carry + n_test], arrays[n_carry + n_test :]
    steps = 0
    while (limit is None or steps < limit) and bool(run_body(test, [*carry, *of_test])[0]):
        carry = run_body(body, [*carry, *of_body])
        steps += 1
    return tuple(np.array(c) for c in carry)


def _while_grad(_dy, _y, *_inputs, **_params):
    raise ValueError(
        "A traced `while_loop` has no gradient, as the number of its steps is not known. Use `scan`, or `fori_loop` "
        "with Python ints as its bounds."
    )


_while_op = Op("while_loop", shape=_while_shape, reference=_while_reference, grad=_while_grad)


def while_loop(cond, body, loop_vars, maximum_iterations=None):
    """Runs `body` on the loop's variables while `cond` of them is true.

    Args:
        cond: `(*loop_vars) -> bool scalar`.
        body: `(*loop_vars) -> loop_vars`, of the same shapes and dtypes.
        loop_vars: a tuple or list of arrays or structures of them, or a single array.
        maximum_iterations: an int, after which the loop ends in any case.

    Raises:
        TypeError: when `body` changes a shape or dtype of a traced loop.

    Example:
        >>> fastnn.ops.while_loop(lambda i: i < 10, lambda i: i + 4, np.int32(0))
        array(12, dtype=int32)
    """
    if has_symbolic(loop_vars):
        return symbolic_call(while_loop, (cond, body, loop_vars), {"maximum_iterations": maximum_iterations})
    is_single = not isinstance(loop_vars, (tuple, list))
    variables = (loop_vars,) if is_single else tuple(loop_vars)

    def step(values):
        result = body(*values)
        return tuple(result) if isinstance(result, (tuple, list)) else (result,)

    if trace.current() is None:
        count = 0
        while (maximum_iterations is None or count < maximum_iterations) and bool(np.asarray(cond(*variables))):
            variables, count = step(variables), count + 1
        variables = as_arrays(variables)
    else:
        variables = _while_traced(cond, step, variables, maximum_iterations)
    return variables[0] if is_single else type(loop_vars)(variables)


def _while_traced(cond, step, variables, limit):
    carry, body = _carried(
        "the variables of `while_loop`",
        leaves(variables),
        lambda specs: Body(lambda *values: step(packed(variables, values)), specs, as_value),
    )
    test = Body(lambda *values: cond(*packed(variables, values)), [v.spec for v in carry], as_value)
    updated = body.updated
    test.close(carried=updated)
    _carry_variables(body, len(carry), updated)
    results = _while_op(
        *carry, *outer_values(updated), *outer_values(test.captured), *outer_values(body.captured),
        test=test, body=body, n_carry=len(carry) + len(updated), n_test=len(test.captured), limit=limit,
    )  # fmt: skip
    results = list(results if isinstance(results, tuple) else (results,))
    for variable, value in zip(updated, results[len(carry) :], strict=True):
        trace.current().assign(variable, value)
    return packed(variables, results[: len(carry)])


def fori_loop(lower, upper, body_fun, init_val):
    """Runs `body_fun(i, value)` for `i` from `lower` to `upper - 1` and returns the last value.

    With Python ints as bounds it is a `scan`, and differentiates; traced bounds make it a `while_loop`.

    Example:
        >>> fastnn.ops.fori_loop(0, 5, lambda i, total: total + i, np.int32(0))
        array(10, dtype=int32)
    """
    if has_symbolic((lower, upper, init_val)):
        return symbolic_call(fori_loop, (lower, upper, body_fun, init_val), {})
    if isinstance(lower, Value) or isinstance(upper, Value):
        functions = Operators.functions
        start, stop = functions["cast"](lower, "int32"), functions["cast"](upper, "int32")
        return while_loop(lambda i, _: i < stop, lambda i, value: (i + 1, body_fun(i, value)), (start, init_val))[1]
    index = np.arange(int(lower), int(upper), dtype="int32")
    return scan(lambda value, i: (body_fun(i, value), None), init_val, index)[0]


def map(f, xs):
    """`f` of each row of `xs`, stacked along a new first axis.

    Args:
        f: from a row (a structure of rows) to an array or a structure of arrays.
        xs: an array or a structure of arrays with equal first axes.

    Example:
        >>> fastnn.ops.map(lambda x: x * x, np.arange(4))
        array([0, 1, 4, 9])
    """
    return scan(lambda _, x: ((), f(x)), (), xs)[1]


def vectorized_map(function, elements):
    """`map`; in Keras it may compute all rows at once, here it goes row by row.

    Example:
        >>> fastnn.ops.vectorized_map(lambda x: x + 1, np.arange(3))
        array([1, 2, 3])
    """
    return map(function, elements)


def _carried(what: str, leaves: list, trace_body) -> tuple[list[Value], Body]:
    """The values of a loop's carry and the body that `trace_body(specs)` makes, once both have the same specs.

    A Python scalar takes the dtype that the first step gives it, as it does in other ops.
    """
    carry = [as_value(leaf) for leaf in leaves]
    body = trace_body([v.spec for v in carry])
    after = body.leaves[: len(carry)]
    if len(after) == len(carry):
        settled = [
            as_value(np.asarray(leaf, y.dtype)) if weak_kind(leaf) and v.dtype != y.dtype else v
            for leaf, v, y in zip(leaves, carry, after, strict=True)
        ]
        if any(new is not old for new, old in zip(settled, carry, strict=True)):
            carry, body = settled, trace_body([v.spec for v in settled])
    check_same(what, [v.spec for v in carry], [leaf.spec for leaf in body.leaves[: len(carry)]])
    return carry, body
