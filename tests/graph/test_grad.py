"""Reverse mode on the graph: values against closed forms, second derivatives, and what has no gradient."""

import numpy as np
import pytest

import fastnn
from fastnn import layers, ops
from fastnn.graph.grad import gradients
from fastnn.graph.interpret import interpret
from fastnn.graph.simplify import prune
from fastnn.graph.trace import tracing
from fastnn.graph.value import Graph
from tests.tables import rows


def traced_gradient(function, x):
    graph = Graph()
    value = graph.input(x.shape, x.dtype.name)
    with tracing(graph):
        graph.outputs = gradients(graph, [function(value)], [value])
    return interpret(graph, [x])[0]


def test_gradient_of_a_polynomial():
    x = np.array([1.0, -2.0, 3.0])
    np.testing.assert_allclose(traced_gradient(lambda v: ops.sum(v**3 - 2 * v), x), 3 * x**2 - 2, rtol=1e-15)


def test_broadcast_operands_are_summed_back():
    x = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(traced_gradient(lambda v: ops.sum(v * np.ones((4, 2, 3))), x), np.full((2, 3), 4.0))
    row = np.arange(3.0).reshape(1, 3)
    np.testing.assert_array_equal(traced_gradient(lambda v: ops.sum(v * np.ones((2, 3))), row), np.full((1, 3), 2.0))


def test_a_value_used_twice_collects_both_gradients():
    x = np.array([2.0])
    np.testing.assert_allclose(traced_gradient(lambda v: ops.sum(v * ops.exp(v)), x), (1 + x) * np.exp(x), rtol=1e-15)


def test_second_derivative():
    x = np.array([0.3, -0.7])
    hessian = traced_gradient(lambda v: ops.sum(_inner(v)), x)
    np.testing.assert_allclose(hessian, -np.sin(x), rtol=1e-14)


def _inner(v):
    with fastnn.GradientTape() as tape:
        y = ops.sum(ops.sin(v))
    return tape.gradient(y, v)


@pytest.mark.parametrize(
    "layer, shape",
    [(layers.Dense(3), (4, 5)), (layers.Dense(3), (2, 4, 5)), (layers.Conv2D(3, 2, strides=2), (2, 5, 7, 2)),
     (layers.Conv3D(3, 2), (2, 3, 4, 5, 2))],
    ids=["Dense", "Dense of sequences", "Conv2D", "Conv3D"],
)  # fmt: skip
def test_the_gradient_of_a_bias_alone_needs_none_of_its_kernel(layer, shape):
    x = rows(*shape)
    layer(x)
    kernel, bias = layer._weight, layer.bias

    def found(sources):
        graph = Graph()
        with tracing(graph):
            loss = ops.sum(layer(x) ** 2)
            graph.outputs = gradients(graph, [loss], [graph.variables[v] for v in sources])
        return [node.op.name for node in prune(graph).nodes], interpret(graph, [])

    names, (by_bias,) = found([bias])
    both, (_, expected) = found([kernel, bias])
    np.testing.assert_allclose(by_bias, expected, rtol=1e-5)
    assert [name for name in both if "grad_kernel" in name] and not [name for name in names if "grad_kernel" in name]


def test_stop_gradient_and_integers_give_none():
    graph = Graph()
    x = graph.input((3,), "float32")
    k = graph.input((3,), "int32")
    with tracing(graph):
        y = ops.sum(ops.stop_gradient(x) * ops.cast(k, "float32"))
        assert gradients(graph, [y], [x, k]) == [None, None]


def test_a_deep_chain_needs_no_recursion():
    def deep(v):
        for _ in range(3000):
            v = v + 1.0
        return ops.sum(v)

    np.testing.assert_array_equal(traced_gradient(deep, np.zeros(2)), np.ones(2))


@pytest.mark.parametrize("persistent", [False, True])
def test_eager_tape(persistent):
    w = fastnn.Variable([3.0, 4.0])
    with fastnn.GradientTape(persistent=persistent) as tape:
        y = ops.sum(w * w * 2)
    np.testing.assert_array_equal(tape.gradient(y, w), [12.0, 16.0])
    if persistent:
        np.testing.assert_array_equal(tape.gradient(y, w), [12.0, 16.0])
    else:
        with pytest.raises(RuntimeError, match="persistent"):
            tape.gradient(y, w)


def test_nested_eager_tapes_give_second_derivatives():
    w = fastnn.Variable([3.0, 4.0])
    with fastnn.GradientTape() as outer:
        with fastnn.GradientTape() as inner:
            y = ops.sum(w**3)
        g = inner.gradient(y, w)
        z = ops.sum(g * g)
    np.testing.assert_allclose(outer.gradient(z, w), 36 * np.array([3.0, 4.0]) ** 3, rtol=1e-6)


def test_eager_control_flow_and_numpy_operators_are_recorded():
    x = np.float32([1.0, 2.0])
    with fastnn.GradientTape() as tape:
        tape.watch(x)
        y = ops.square(x)
        if y.sum() > 1:  # concrete: the tape sees the branch that was taken
            y = y * 3
        loss = np.exp(y).sum()
    np.testing.assert_allclose(tape.gradient(loss, x), 6 * x * np.exp(3 * x**2), rtol=1e-5)


def test_unconnected_sources():
    w, v = fastnn.Variable([1.0]), fastnn.Variable([2.0])
    with fastnn.GradientTape(persistent=True) as tape:
        y = ops.sum(w * 2)
    assert tape.gradient(y, [v]) == [None]
    np.testing.assert_array_equal(tape.gradient(y, [v], unconnected_gradients="zero")[0], [0.0])


def test_custom_gradient_replaces_the_rule():
    @fastnn.custom_gradient
    def doubled(x):
        return x * 2, lambda dy: dy * 10

    np.testing.assert_array_equal(traced_gradient(lambda v: ops.sum(doubled(v)), np.ones(2)), [10.0, 10.0])
    w = fastnn.Variable([1.0, 1.0])
    with fastnn.GradientTape() as tape:
        y = ops.sum(doubled(w))
    np.testing.assert_array_equal(tape.gradient(y, w), [10.0, 10.0])


def test_value_and_grad_of_arguments_and_variables():
    value, grad = fastnn.value_and_grad(lambda x: ops.sum(x * x))(np.float32([1, 2]))
    assert value == 5
    np.testing.assert_array_equal(grad, [2.0, 4.0])
    w = fastnn.Variable([3.0])
    (value, aux), (grad,) = fastnn.value_and_grad(lambda: (ops.sum(w * w), "aux"), [w], has_aux=True)()
    assert (value, aux, grad) == (9.0, "aux", 6.0)
