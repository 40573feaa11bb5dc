"""Random chains of the operations that elementwise programs merge into one, against the interpreter."""

import numpy as np
import pytest

from fastnn import ops
from fastnn.graph.interpret import interpret
from fastnn.graph.trace import tracing
from fastnn.graph.value import Graph
from fastnn.plan.executable import Executable

OPERATIONS = [
    lambda a, b, c: a + b,
    lambda a, b, c: a - b,
    lambda a, b, c: a * b,
    lambda a, b, c: (b - a) * c + a,
    lambda a, b, c: a / (ops.sqrt(ops.abs(b)) + 1.5),
    lambda a, b, c: a / (ops.sqrt(ops.abs(b) + 3.0) + ops.abs(a * c)),
    lambda a, b, c: a / (ops.abs(b) * ops.abs(c) + ops.sqrt(ops.abs(b) + 1.0)),
    lambda a, b, c: a / (ops.abs(b) * ops.abs(c) + 1.0),
]


def chain(seed: int) -> Graph:
    rng, graph = np.random.default_rng(seed), Graph()
    values = [graph.input((3, 17), "float32"), graph.input((3, 17), "float32")]
    with tracing(graph):
        for _ in range(rng.integers(3, 12)):
            recent = values[-4:]
            a, b, c = (recent[i] for i in rng.integers(0, len(recent), 3))
            values.append(OPERATIONS[rng.integers(len(OPERATIONS))](a, b, c))
    graph.outputs = values[-rng.integers(1, 3) :]
    return graph


@pytest.mark.parametrize("seed", range(120))
def test_merged_chains_agree_with_the_interpreter(seed):
    inputs = [np.random.default_rng(seed + k).uniform(0.5, 1.5, (3, 17)).astype("float32") for k in (0, 1000)]
    expected = interpret(chain(seed), list(inputs))
    for result, wanted in zip(Executable(chain(seed), "chain").run(list(inputs)), expected, strict=True):
        bound = 2e-6 * max(1.0, np.abs(wanted).max())  # differences cancel digits
        np.testing.assert_allclose(result, wanted, rtol=2e-6, atol=bound)
