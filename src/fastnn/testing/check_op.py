"""check_op: one call that holds an op's kernel and gradient against the slow and obvious."""

import numpy as np

from fastnn import _kernels
from fastnn._kernels import _engine
from fastnn.graph.dtypes import is_float
from fastnn.graph.grad import gradients
from fastnn.graph.interpret import interpret
from fastnn.graph.trace import tracing
from fastnn.graph.value import Graph
from fastnn.ops.record import as_array
from fastnn.plan.executable import Executable


def check_op(function, inputs, *, rtol=None, atol=None, gradient=True, isas=None, seed=0, **params):
    """Checks `function(*inputs, **params)`: plans on every instruction set against the references, and the gradient.

    Args:
        function: a record or a public op.
        inputs: arrays.
        rtol, atol: of plan against reference; by default 2e-5 and 2e-5 for float32, 1e-11 for float64.
        gradient: whether to compare the gradient with central differences in float64.
        isas: instruction sets to run; all of this machine by default.
        seed: of the direction in which the gradient is checked.

    Raises:
        AssertionError: naming the instruction set, the output and the largest deviation.
    """
    arrays = [as_array(x) for x in inputs]
    graph = _graph(lambda *xs: function(*xs, **params), arrays)
    expected = interpret(graph, arrays)
    for isa in isas or _engine.isas():
        with _kernels.using(isa):
            results = Executable(_graph(lambda *xs: function(*xs, **params), arrays), "check").run(arrays)
        for k, (result, wanted) in enumerate(zip(results, expected, strict=True)):
            assert result.dtype == wanted.dtype and result.shape == wanted.shape, (isa, k, result.dtype, result.shape)
            tolerance = 1e-11 if wanted.dtype == np.float64 else 2e-5
            np.testing.assert_allclose(
                result, wanted, rtol=tolerance if rtol is None else rtol, atol=tolerance if atol is None else atol,
                err_msg=f"output {k} of the plan on {isa} differs from the reference",
            )  # fmt: skip
    if gradient:
        check_gradient(lambda *xs: function(*xs, **params), arrays, seed=seed)


def check_gradient(function, inputs, *, step=1e-6, rtol=1e-6, seed=0):
    """Compares the gradient with central differences, in float64, along one random direction of all float inputs.

    The function's float outputs are contracted with fixed random weights, so that every element counts.
    """
    rng = np.random.default_rng(seed)
    arrays = [as_array(x) for x in inputs]
    arrays = [a.astype(np.float64) if is_float(a.dtype.name) else a for a in arrays]
    active = [k for k, a in enumerate(arrays) if is_float(a.dtype.name)]
    graph = _graph(function, arrays)
    weights = [rng.standard_normal(y.shape) if is_float(y.dtype) else None for y in graph.outputs]
    directions = [rng.standard_normal(a.shape) if k in active else None for k, a in enumerate(arrays)]

    def contracted(signed_step: float) -> float:
        moved = [a if d is None else a + signed_step * d for a, d in zip(arrays, directions, strict=True)]
        results = interpret(graph, moved)
        return sum(float(np.sum(y * w)) for y, w in zip(results, weights, strict=True) if w is not None)

    numeric = (contracted(step) - contracted(-step)) / (2 * step)
    with tracing(graph):
        ends = [(y, graph.constant(w)) for y, w in zip(graph.outputs, weights, strict=True) if w is not None]
        sources = [graph.inputs[k] for k in active]
        found = gradients(graph, [y for y, _ in ends], sources, [w for _, w in ends])
    present = [(k, g) for k, g in zip(active, found, strict=True) if g is not None]
    assert present, "no input has a gradient"
    for k, g in present:
        assert g.shape == arrays[k].shape, f"the gradient of input {k} has shape {g.shape}, the input {arrays[k].shape}"
    graph.outputs = [g for _, g in present]
    analytic_by = {}
    for name, run in (("reference", interpret), ("plan", lambda g, a: Executable(g, "gradient").run(a))):
        results = run(graph, arrays)
        analytic_by[name] = sum(float(np.sum(g * directions[k])) for (k, _), g in zip(present, results, strict=True))
    scale = max(
        1.0,
        abs(numeric),
        sum(float(np.sum(np.abs(g * directions[k]))) for (k, _), g in zip(present, results, strict=True)),
    )
    for name, analytic in analytic_by.items():
        assert abs(analytic - numeric) <= rtol * scale, (
            f"the gradient by {name} along the direction is {analytic!r}, central differences say {numeric!r} "
            f"(off by {abs(analytic - numeric) / scale:.1e} of the scale; seed {seed})"
        )


def _graph(function, arrays) -> Graph:
    graph = Graph()
    values = [graph.input(a.shape, a.dtype.name) for a in arrays]
    with tracing(graph):
        outputs = function(*values)
    graph.outputs = list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]
    return graph
