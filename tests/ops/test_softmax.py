"""Softmax and cross-entropies: against the released Keras, gradients by central differences, and their fusion."""

import keras
import numpy as np
import pytest

import fastnn
from fastnn import KerasTensor, ops
from fastnn.graph.grad import gradients
from fastnn.graph.simplify import simplify
from fastnn.graph.trace import tracing
from fastnn.graph.value import Graph
from fastnn.ops.softmax import (
    log_softmax_grad_op,
    pick_label_op,
    sigmoid_cross_entropy_op,
    softmax_cross_entropy_grad_op,
    softmax_cross_entropy_op,
    softmax_grad_op,
    sparse_softmax_cross_entropy_grad_op,
    sparse_softmax_cross_entropy_op,
)
from fastnn.plan.executable import Executable
from fastnn.testing import check_op

RNG = np.random.default_rng(0)
X = RNG.standard_normal((4, 3, 5)).astype(np.float32)
P = np.exp(X) / 3  # positive, and not normalised
LABELS = RNG.integers(0, 5, (4, 3))
TARGET = RNG.random((4, 3, 5)).astype(np.float32)


@pytest.mark.parametrize("axis", [-1, 0, 1, (0, 2), None])
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax(name, axis):
    wanted = getattr(keras.ops, name)(X, axis=axis)
    np.testing.assert_allclose(getattr(ops, name)(X, axis=axis), wanted, rtol=1e-5, atol=1e-7)
    check_op(getattr(ops, name), [X], axis=axis)


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_sparsemax(axis):
    """The nearest point to x on the simplex: x - y is one number where y > 0, and x no larger than it elsewhere.

    Not compared with keras 3.15, whose results do not sum to 1 (docs/differences.md).
    """
    y = np.moveaxis(ops.sparsemax(X, axis=axis), axis, -1).reshape(-1, X.shape[axis])
    x = np.moveaxis(X, axis, -1).reshape(y.shape)
    assert np.all(y >= 0)
    np.testing.assert_allclose(y.sum(axis=-1), 1, rtol=1e-6)
    for x_row, y_row in zip(x, y, strict=True):
        thresholds = (x_row - y_row)[y_row > 0]
        np.testing.assert_allclose(thresholds, thresholds[0], rtol=0, atol=1e-6)
        assert np.all(x_row[y_row == 0] <= thresholds[0] + 1e-6)
    check_op(ops.sparsemax, [X], axis=axis)


def test_softmax_of_integers_is_floatx():
    assert ops.softmax(np.array([1, 2])).dtype == np.float32


def test_loss_over_another_axis_than_the_softmax_is_of_the_probabilities():
    square, target = X[:, :, :3], TARGET[:, :, :3]
    p = ops.softmax(square, axis=1)
    ours = fastnn.jit(lambda x: ops.categorical_crossentropy(target, ops.softmax(x, axis=1)))(square)
    np.testing.assert_allclose(ours, ops.categorical_crossentropy(target, np.asarray(p)), rtol=1e-5)


@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.parametrize("axis", [-1, 1])
def test_categorical_crossentropy(axis, from_logits):
    output = X if from_logits else P
    wanted = keras.ops.categorical_crossentropy(TARGET, output, from_logits, axis)
    np.testing.assert_allclose(
        ops.categorical_crossentropy(TARGET, output, from_logits, axis), wanted, rtol=1e-5, atol=1e-6
    )
    check_op(lambda t, x: ops.categorical_crossentropy(t, x, from_logits, axis), [TARGET, output])


@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.parametrize("dtype", ["int32", "uint8", "float32"])
def test_sparse_categorical_crossentropy(dtype, from_logits):
    output = X if from_logits else P
    labels = LABELS.astype(dtype)
    wanted = keras.ops.sparse_categorical_crossentropy(LABELS, output, from_logits)
    for target in (labels, labels[..., None]):
        np.testing.assert_allclose(
            ops.sparse_categorical_crossentropy(target, output, from_logits), wanted, rtol=1e-5, atol=1e-6
        )
    labels = LABELS.astype("int32")
    check_op(lambda x: ops.sparse_categorical_crossentropy(labels, x, from_logits), [output])


@pytest.mark.parametrize("from_logits", [True, False])
def test_binary_crossentropy(from_logits):
    output = X if from_logits else np.clip(P, 0.01, 0.99)
    wanted = keras.ops.binary_crossentropy(TARGET, output, from_logits)
    np.testing.assert_allclose(ops.binary_crossentropy(TARGET, output, from_logits), wanted, rtol=1e-5, atol=1e-6)
    check_op(lambda t, x: ops.binary_crossentropy(t, x, from_logits), [TARGET, output])


def test_probabilities_are_clipped_as_in_keras():
    sure = np.float32([[0, 1], [1, 0]])
    for name, target in (
        ("categorical_crossentropy", sure[::-1]),
        ("sparse_categorical_crossentropy", np.array([0, 1])),
    ):
        wanted = getattr(keras.ops, name)(target, sure)
        np.testing.assert_allclose(getattr(ops, name)(target, sure), wanted, rtol=1e-6)
    wanted = keras.ops.binary_crossentropy(sure, 1 - sure)
    np.testing.assert_allclose(ops.binary_crossentropy(sure, 1 - sure), wanted, rtol=1e-6)


def test_shapes_are_checked():
    with pytest.raises(ValueError, match=r"\(4, 3, 4\).*\(4, 3, 5\)"):
        ops.categorical_crossentropy(X[..., :4], X)
    with pytest.raises(ValueError, match=r"\(4, 2\).*\(4, 3, 5\)"):
        ops.sparse_categorical_crossentropy(LABELS[:, :2], X)
    with pytest.raises(ValueError, match=r"\(4, 3\).*\(4, 3, 5\)"):
        ops.binary_crossentropy(LABELS, X)
    with pytest.raises(ValueError, match="rank 1"):
        ops.categorical_crossentropy(np.float32(1), np.float32(1))


@pytest.mark.parametrize("label", [5, -1])
@pytest.mark.parametrize("from_logits", [True, False])
def test_label_out_of_range_raises(from_logits, label):
    labels = LABELS.copy()
    labels[1, 1] = label
    with pytest.raises(IndexError):
        ops.sparse_categorical_crossentropy(labels, P, from_logits)


@pytest.mark.parametrize(
    ("op", "inputs"),
    [
        (softmax_grad_op, [X, P]),
        (log_softmax_grad_op, [X, -P]),
        (softmax_cross_entropy_op, [TARGET, X]),
        (sparse_softmax_cross_entropy_op, [LABELS, X]),
        (softmax_cross_entropy_grad_op, [X[..., 0], TARGET, P]),
        (sparse_softmax_cross_entropy_grad_op, [X[..., 0], LABELS, P]),
        (pick_label_op, [LABELS, X]),
        (sigmoid_cross_entropy_op, [TARGET, X]),
    ],
    ids=lambda x: getattr(x, "name", ""),
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_records(op, inputs, dtype):
    """Kernels against references, and gradients of gradients."""
    check_op(op, [x if x.dtype.kind == "i" else x.astype(dtype) for x in inputs])


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("op, y", [(softmax_grad_op, P), (log_softmax_grad_op, -P)], ids=["softmax", "log_softmax"])
def test_records_along_an_axis(op, y, axis):
    check_op(op, [X, y], axis=axis)


def test_softmax_over_an_inner_axis_moves_nothing():
    for name in ("softmax", "log_softmax"):
        _, kernels = steps_of(lambda x, name=name: [getattr(ops, name)(x, axis=1)], ((4, 3, 5), "float32"))
        assert kernels == [f"{name}_columns_f32"]
        _, kernels = steps_of(lambda x, name=name: [getattr(ops, name)(x, axis=1)], ((4, 3, 1), "float32"))
        assert kernels == [f"{name}_f32"]


def steps_of(function, *shapes):
    graph = Graph()
    values = [graph.input(shape, dtype) for shape, dtype in shapes]
    with tracing(graph):
        graph.outputs = list(function(*values))
    executable = Executable(graph, "test")
    return executable, [step.kernel for step in executable.steps]


def test_loss_of_a_softmax_is_one_kernel():
    """The softmax that a model ends with and the loss on it are one call, whose probabilities the model returns."""
    probabilities, loss = ops.softmax(X), None

    def dense(t, x):
        p = ops.softmax(x)
        return p, ops.categorical_crossentropy(t, p)

    executable, kernels = steps_of(dense, (X.shape, "float32"), (X.shape, "float32"))
    assert kernels == ["softmax_cross_entropy_f32"]
    p, loss = executable.run([TARGET, X])
    np.testing.assert_allclose(p, probabilities, rtol=1e-6)
    np.testing.assert_allclose(loss, keras.ops.categorical_crossentropy(TARGET, X, from_logits=True), rtol=1e-5)

    def sparse(t, x):
        p = ops.softmax(x)
        return p, ops.sparse_categorical_crossentropy(t, p)

    executable, kernels = steps_of(sparse, (LABELS.shape, "int64"), (X.shape, "float32"))
    assert kernels == ["sparse_softmax_cross_entropy_f32"]


def test_a_loss_alone_keeps_no_probabilities():
    for op, target in ((softmax_cross_entropy_op, TARGET), (sparse_softmax_cross_entropy_op, LABELS)):
        shapes = (target.shape, target.dtype.name), (X.shape, "float32")
        executable, kernels = steps_of(lambda t, x, op=op: [op(t, x)[0]], *shapes)
        assert kernels == [f"{op.name}_f32"] and executable.steps[0].buffers[3] is None
        np.testing.assert_allclose(executable.run([target, X])[0], op.reference(target, X)[0], rtol=1e-5)


def test_probabilities_and_their_gradient_take_over_the_memory_of_the_logits():
    def step(x, w, labels):
        loss = lambda w: ops.mean(ops.sparse_categorical_crossentropy(labels, ops.matmul(x, w), from_logits=True))  # noqa: E731
        return fastnn.value_and_grad(loss)(w)

    compiled = fastnn.jit(step)
    x, w = RNG.standard_normal((64, 8)).astype(np.float32), RNG.standard_normal((8, 1000)).astype(np.float32)
    labels = RNG.integers(0, 1000, 64)
    loss, dw = compiled(x, w, labels)
    p = np.exp(x @ w)
    p /= p.sum(1, keepdims=True)
    np.testing.assert_allclose(loss, -np.log(p[np.arange(64), labels]).mean(), rtol=1e-5)
    np.testing.assert_allclose(dw, x.T @ (p - np.eye(1000)[labels]) / 64, atol=1e-5)
    assert compiled.executables()[0].plan.arena_bytes < 1.5 * p.nbytes


def test_a_target_made_from_the_probabilities_is_no_cycle():
    def own_target(x):
        p = ops.softmax(x)
        return [ops.categorical_crossentropy(ops.multiply(p, p), p)]

    executable, _ = steps_of(own_target, (X.shape, "float32"))
    p = ops.softmax(X)
    np.testing.assert_allclose(executable.run([X])[0], -(p * p * np.log(p)).sum(-1), rtol=1e-5)


def test_loss_of_a_sigmoid_is_exact_where_it_saturates():
    def loss(x):
        return [ops.binary_crossentropy(np.zeros(2, np.float32), ops.sigmoid(x))]

    executable, _ = steps_of(loss, ((2,), "float32"))
    np.testing.assert_allclose(executable.run([np.float32([50, -50])])[0], [50, 0], rtol=1e-6, atol=1e-20)


def test_the_gradient_of_the_loss_of_a_sigmoid_reads_that_sigmoid():
    graph = Graph()
    logits, target = graph.input((4, 1), "float32"), graph.input((4, 1), "float32")
    with tracing(graph):
        loss = ops.mean(ops.binary_crossentropy(target, ops.sigmoid(logits)))
        graph.outputs = [loss, *gradients(graph, [loss], [logits])]
    names = [node.op.name for node in simplify(graph).nodes if node.op.kind == "elementwise"]
    assert sorted(names) == ["divide", "multiply", "multiply", "sigmoid", "softplus", "subtract", "subtract"]


def test_symbolic():
    x, t = KerasTensor((None, 5)), KerasTensor((None,), "int32")
    assert ops.softmax(x).shape == (None, 5)
    assert ops.sparse_categorical_crossentropy(t, x).shape == (None,)
    assert ops.categorical_crossentropy(x, x).shape == (None,)
