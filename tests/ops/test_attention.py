"""dot_product_attention: gradients of gradients, what the plan is made of, and what it says to wrong arguments."""

import keras
import numpy as np
import pytest

from fastnn import KerasTensor, ops, random
from fastnn.graph.grad import gradients
from fastnn.graph.trace import tracing
from fastnn.graph.value import Graph
from fastnn.ops.attention import attend, attention_grad_op, attention_op
from fastnn.plan.executable import Executable
from fastnn.random import SeedGenerator
from fastnn.testing import check_op
from tests.tables import close, rows

Q, K, V = rows(2, 3, 4, 3), rows(2, 5, 2, 3), rows(2, 5, 2, 6)
BIAS = rows(1, 4, 1, 5)
MASK = (rows(2, 1, 3, 5) < 0.5) | (np.arange(5) == 0)  # every query sees the first key


@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize(
    "extras", [{}, {"bias": BIAS}, {"mask": MASK}, {"bias": BIAS[0, :, 0, :1, None], "mask": MASK}]
)
def test_function(extras, is_causal):
    def attention(q, k, v, *rest):
        return ops.dot_product_attention(q, k, v, **dict(zip(extras, rest, strict=True)), is_causal=is_causal)

    check_op(attention, [Q, K, V, *extras.values()])


@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("extras", [[], [BIAS, MASK]], ids=["plain", "bias and mask"])
def test_records(extras, dropout):
    """All outputs, and the gradient of the gradient."""
    params = {
        "scale": 0.3, "is_causal": True, "has_bias": bool(extras), "has_mask": bool(extras), "dropout": dropout
    }  # fmt: skip
    extras = [*extras, np.array([5, 1], np.uint32)] if dropout else extras
    check_op(attention_op, [Q, K, V, *extras], **params)
    y, top, inverse = attention_op(Q, K, V, *extras, **params)
    check_op(attention_grad_op, [rows(*y.shape), Q, K, V, y, top, inverse, *extras], **params)


@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_no_matrix_of_scores(dropout):
    """Forward and backward are one kernel call each, and the plan's memory grows with the length, not its square."""

    def live_bytes(length):
        graph = Graph()
        inputs = [graph.input((1, length, 2, 4), "float32") for _ in range(3)]
        with tracing(graph):
            y = attend(*inputs, is_causal=True, dropout=dropout, seed_generator=SeedGenerator(1))
            graph.outputs = gradients(graph, [y], inputs, [ops.ones_like(y)])
        executable = Executable(graph, "test")
        kernels = [step.kernel for step in executable.steps]
        assert [kernel for kernel in kernels if "fused" not in kernel] == ["attention_f32", "attention_grad_f32"]
        return executable.live_bytes

    assert live_bytes(200) < 2.1 * live_bytes(100)


@pytest.mark.parametrize("sizes", [(2, 3, 20, 100), (3, 2, 2, 300), (1, 1, 70, 64), (2, 2, 7, 5), (1, 1, 3, 900)])
@pytest.mark.parametrize("rate", [0.1, 0.5, 1.0])
def test_dropout_is_that_of_a_matrix_of_weights(sizes, rate):
    """Values that are the rows of an identity give the weights themselves."""
    b, h, t, s = sizes
    q, k = np.zeros((b, t, h, 16), "float32"), np.zeros((b, s, h, 16), "float32")
    values = np.broadcast_to(np.eye(s, dtype="float32")[None, :, None], (b, s, h, s)).copy()
    found = attend(q, k, values, dropout=rate, seed_generator=SeedGenerator(3))
    wanted = random.dropout(np.full(sizes, 1 / s, "float32"), rate, seed=SeedGenerator(3))
    close(found.transpose(0, 2, 1, 3), wanted, 1e-6)
    np.testing.assert_array_equal(found.transpose(0, 2, 1, 3) == 0, wanted == 0)


def test_grouped_queries_against_keras():
    """Keras's NumPy backend knows no key head that serves several: it gets them repeated."""
    repeated = [np.repeat(x, 2, axis=2) for x in (K, V)]
    for kwargs in ({}, {"mask": MASK}, {"bias": BIAS, "is_causal": True}):
        wanted = keras.ops.dot_product_attention(Q, *repeated, **kwargs)
        close(ops.dot_product_attention(Q, K, V, **kwargs), wanted, 1e-6)


def test_empty():
    assert ops.dot_product_attention(Q[:0], K[:0], V[:0]).shape == (0, 3, 4, 6)
    assert (ops.dot_product_attention(Q, K[:, :0], V[:, :0]) == 0).all()


def test_symbolic():
    q, k = KerasTensor((None, 3, 4, 3)), KerasTensor((None, None, 2, 3))
    assert ops.dot_product_attention(q, k, k).shape == (None, 3, 4, 3)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((Q[0], K, V), r"4D inputs.*\(3, 4, 3\)"),
        ((Q[:, :, :3], K, V), "3 heads.*multiple.*2"),
        ((Q, K[..., :2], V), r"do not fit.*\(2, 5, 2, 2\)"),
        ((Q, K, V[:, :4]), r"do not fit.*\(2, 4, 2, 6\)"),
        ((Q, K, V, rows(3, 4)), r"bias of shape \(1, 1, 3, 4\).*\(2, 4, 3, 5\)"),
        ((Q, K, V, None, MASK[:, :, :2]), r"mask of shape \(2, 1, 2, 5\).*\(2, 4, 3, 5\)"),
    ],
)
def test_errors(arguments, words):
    with pytest.raises(ValueError, match=words):
        ops.dot_product_attention(*arguments)
