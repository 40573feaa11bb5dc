"""Random small graphs: the fused plan, the plan of every instruction set and the interpreter agree."""

import numpy as np
import pytest

import fastnn
from fastnn import _kernels, ops
from fastnn._kernels import _engine
from fastnn.graph.interpret import interpret
from fastnn.graph.trace import tracing
from fastnn.graph.value import Graph
from fastnn.plan.executable import Executable

UNARY = [ops.tanh, ops.sigmoid, ops.relu, ops.square, ops.negative, ops.exp, ops.abs]
BINARY = [ops.add, ops.multiply, ops.subtract, ops.maximum, ops.minimum]
COMPARING = [ops.greater, ops.less_equal, ops.equal, ops.not_equal]


def random_graph(seed: int):
    """About twenty ops over a few shapes that broadcast, reduce, multiply and reshape, with variables updated."""
    rng = np.random.default_rng(seed)
    rows, cols = int(rng.integers(1, 40)), int(rng.integers(1, 24))
    dtype = "float64" if rng.random() < 0.3 else "float32"
    shapes = [(rows, cols), (cols,), (rows, 1), (), (rows, cols)]
    inputs = [np.asarray(0.5 * rng.standard_normal(shape), dtype) for shape in shapes]
    variables = [fastnn.Variable(0.5 * rng.standard_normal(shape), dtype=dtype) for shape in ((cols, cols), (cols,))]
    graph = Graph()
    pool, truths = [graph.input(x.shape, dtype) for x in inputs], []
    with tracing(graph), fastnn.GradientTape() as tape:
        pool += [v.value for v in variables]
        for _ in range(int(rng.integers(8, 24))):
            kind = rng.integers(0, 9)
            x, y = (pool[int(k)] for k in rng.integers(0, len(pool), 2))
            if kind <= 1:
                pool.append(UNARY[int(rng.integers(len(UNARY)))](ops.clip(x, -2.0, 2.0)))
            elif kind <= 4 and _broadcasts(x.shape, y.shape):
                pool.append(BINARY[int(rng.integers(len(BINARY)))](x, y))
            elif kind == 5 and x.ndim:
                axis = None if rng.random() < 0.5 else int(rng.integers(x.ndim))
                pool.append(ops.mean(x, axis=axis, keepdims=bool(rng.random() < 0.5)))
            elif kind == 6 and x.shape == (rows, cols):
                pool.append(ops.matmul(x, variables[0]) * 0.2)
            elif kind == 7 and x.ndim == 2:
                pool.append(ops.reshape(ops.transpose(x), x.shape))
            elif kind == 8 and _broadcasts(x.shape, y.shape):  # as numbers and as truths, in two orders
                truths.append(COMPARING[int(rng.integers(len(COMPARING)))](x, y))
                pool.append(ops.cast(truths[-1], dtype))
        for variable in variables:
            matching = [v for v in pool if v.shape == variable.shape and v.ndim]
            variable.assign(ops.tanh(matching[int(rng.integers(len(matching)))] + variable))
        chosen = rng.choice(len(pool), 3, replace=False)
        loss = sum(ops.sum(ops.tanh(pool[int(k)])) for k in chosen)
        gradient = tape.gradient(loss, pool[0])
        flipped = [ops.flip(truth) for truth in truths]
    graph.outputs = [loss, *pool[-2:], pool[int(chosen[0])], *flipped] + ([gradient] if gradient is not None else [])
    return graph, inputs, variables


def _broadcasts(a, b) -> bool:
    try:
        np.broadcast_shapes(a, b)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("seed", range(60))
def test_plans_agree_with_the_interpreter(seed):
    graph, inputs, variables = random_graph(seed)
    start = [v.numpy().copy() for v in variables]
    with np.errstate(all="ignore"):
        expected = interpret(graph, inputs)
    updated = [v.numpy().copy() for v in variables]
    for isa in _engine.isas():
        for v, numbers in zip(variables, start, strict=True):
            v.assign(numbers)
        with _kernels.using(isa):
            results = Executable(random_graph_like(graph), "random").run(inputs)
        pairs = [*zip(results, expected, strict=True), *zip((v.numpy() for v in variables), updated, strict=True)]
        for result, wanted in pairs:
            tolerance = 1e-10 if wanted.dtype == np.float64 else 3e-4
            np.testing.assert_allclose(result, wanted, rtol=tolerance, atol=tolerance, err_msg=f"seed {seed}, {isa}")


def random_graph_like(graph: Graph) -> Graph:
    """A second handle on the same nodes: compiling may replace inputs and outputs of the graph it is given."""
    twin = Graph()
    twin.nodes, twin.inputs, twin.outputs = list(graph.nodes), list(graph.inputs), list(graph.outputs)
    twin.variables, twin.updates = dict(graph.variables), dict(graph.updates)
    return twin
