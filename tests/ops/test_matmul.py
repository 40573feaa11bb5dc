"""Matrix products: records against their references on every instruction set, gradients, and Keras as the judge."""

import keras
import numpy as np
import pytest

from fastnn import GradientTape, Variable, jit, ops
from fastnn.graph.trace import tracing
from fastnn.graph.value import Graph
from fastnn.ops.matmul import linear_grad_kernel_op, linear_op, matmul_op
from fastnn.testing import check_gradient, check_op

rng = np.random.default_rng(3)


def normal(*shape, dtype=np.float32):
    return rng.standard_normal(shape).astype(dtype)


def agrees_with_keras(name, *args, rtol=1e-5, **kwargs):
    result, expected = getattr(ops, name)(*args, **kwargs), np.asarray(getattr(keras.ops, name)(*args, **kwargs))
    assert result.shape == expected.shape and result.dtype == expected.dtype
    np.testing.assert_allclose(result, expected, rtol=rtol, atol=rtol * max(1, np.abs(expected).max(initial=0)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("transpose_b", [False, True])
@pytest.mark.parametrize(
    "a, b", [((), ()), ((3,), (3,)), ((2, 1), (1, 3)), ((3,), ()), ((), (2,)), ((2, 1, 3, 2), (2, 2, 1, 2))], ids=str
)
def test_matmul(a, b, transpose_a, transpose_b, dtype):
    x = normal(*a, *((4, 5) if transpose_a else (5, 4)), dtype=dtype)
    y = normal(*b, *((7, 4) if transpose_b else (4, 7)), dtype=dtype)
    check_op(matmul_op, [x, y], transpose_a=transpose_a, transpose_b=transpose_b)


@pytest.mark.parametrize(
    "a, b",
    [((4,), (4,)), ((4,), (4, 3)), ((2, 4), (4,)), ((2, 3, 4), (4,)), ((4,), (2, 4, 3)), ((2, 3, 4), (4, 5)),
     ((4, 5), (2, 5, 3)), ((2, 1, 3, 4), (5, 4, 2)), ((0, 4), (4, 3)), ((2, 0), (0, 3))],
    ids=str,
)  # fmt: skip
def test_matmul_agrees_with_keras(a, b):
    agrees_with_keras("matmul", normal(*a), normal(*b))


@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("transpose_b", [False, True])
@pytest.mark.parametrize("batch, other", [((3,), (3,)), ((2, 3), (2, 3)), ((2, 1), (2, 3)), ((3,), (2, 3))], ids=str)
@pytest.mark.parametrize("m, n, k", [(1, 1, 37), (1, 1, 1), (1, 1, 0), (5, 1, 1), (1, 19, 1)], ids=str)
def test_many_products_of_vectors_are_elementwise(m, n, k, batch, other, transpose_a, transpose_b):
    a, b = normal(*batch, *((k, m) if transpose_a else (m, k))), normal(*other, *((n, k) if transpose_b else (k, n)))
    flags = {"transpose_a": transpose_a, "transpose_b": transpose_b}
    product = jit(lambda a, b: matmul_op(a, b, **flags))
    np.testing.assert_allclose(product(a, b), matmul_op.evaluate([a, b], flags)[0], rtol=1e-5, atol=1e-6)
    assert not any("gemm" in (step.kernel or "") for step in product.executables()[0].steps)


def test_many_long_dot_products():
    check_op(matmul_op, [normal(3, 1, 1500), normal(3, 1500, 1)], transpose_a=False, transpose_b=False)


@pytest.mark.parametrize(
    "a, b, kernels",
    [((40, 4, 8), (40, 8, 6), 2), ((3, 2, 4, 5), (3, 2, 5, 16), 2), ((40, 4, 8), (8, 6), 1), ((4, 8), (40, 8, 6), 1),
     ((2, 40, 8), (2, 8, 40), 1)],
    ids=str,
)  # fmt: skip
def test_many_small_products_are_finished_by_a_pass_over_all(a, b, kernels):
    x, y = normal(*a), normal(*b)
    c = normal(*np.matmul(x, y).shape)
    finished = jit(lambda x, y, c: ops.relu(matmul_op(x, y) + c))
    np.testing.assert_allclose(finished(x, y, c), np.maximum(np.matmul(x, y) + c, 0), rtol=1e-5, atol=1e-5)
    assert len(finished.executables()[0].steps) == kernels


@pytest.mark.parametrize("left, right", [("float32", "int32"), ("int8", "int8"), ("int8", "int16"), ("bool", "int32")])
def test_matmul_promotes_as_keras(left, right):
    agrees_with_keras("matmul", np.ones((2, 3), left), np.full((3, 2), 1, right))


@pytest.mark.parametrize("x", [(6, 4), (2, 3, 4), (4,), (0, 4)], ids=str)
@pytest.mark.parametrize("with_bias", [False, True])
def test_linear(x, with_bias):
    check_op(linear_op, [normal(*x), normal(4, 19), *([normal(19)] if with_bias else [])])


@pytest.mark.parametrize("rows", [(6,), (2, 3), (1300,), (0,)], ids=str)
def test_linear_grad_kernel(rows):
    x, dy = normal(*rows, 5), normal(*rows, 18)
    check_op(linear_grad_kernel_op, [x, dy], atol=2e-4)


@pytest.mark.parametrize("with_bias", [False, True])
def test_second_derivative_of_linear(with_bias):
    """The gradient of a gradient, by central differences of the first."""
    x, w, v, dy = normal(3, 4), normal(4, 2), normal(2), normal(3, 2)

    def first_gradients(*inputs):
        *arguments, flowing = inputs
        result = linear_op.grad(flowing, None, *arguments)
        return tuple(g() if callable(g) else g for g in result)

    check_gradient(first_gradients, [x, w, *([v] if with_bias else []), dy])


def test_second_derivative_of_batched_matmul():
    check_gradient(lambda dy, a, b: matmul_op.grad(dy, None, a, b), [normal(2, 3, 5), normal(2, 3, 4), normal(4, 5)])


def trained(function, *arrays):
    """The result of `function` and the gradients of its squares by variables that hold `arrays`, and what is done."""
    variables = [Variable(x) for x in arrays]

    @jit
    def step():
        with GradientTape() as tape:
            y = function(*variables)
            loss = ops.sum(y * y)
        return y, tape.gradient(loss, variables)

    return step(), step.executables()[0]


@pytest.mark.parametrize("turns_x, turns_w", [(True, False), (False, True), (True, True)])
@pytest.mark.parametrize("batch", [(), (3,)], ids=str)
def test_transposed_operands_are_read_as_they_lie(turns_x, turns_w, batch):
    x, w = normal(*batch, *((5, 70) if turns_x else (70, 5))), normal(*batch, *((9, 5) if turns_w else (5, 9)))
    swap = lambda array: array.swapaxes(-1, -2)  # noqa: E731

    def product(x, w):
        return ops.matmul(ops.swapaxes(x, -1, -2) if turns_x else x, ops.swapaxes(w, -1, -2) if turns_w else w)

    (y, (dx, dw)), executable = trained(product, x, w)
    a, b = swap(x) if turns_x else x, swap(w) if turns_w else w
    np.testing.assert_allclose(y, a @ b, rtol=1e-4, atol=1e-4)
    da, db = 2 * (a @ b) @ swap(b), swap(a) @ (2 * (a @ b))
    np.testing.assert_allclose(dx, swap(da) if turns_x else da, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(dw, swap(db) if turns_w else db, rtol=1e-4, atol=1e-3)
    assert not any(step.kernel == "copy" for step in executable.steps)


@pytest.mark.parametrize("batch", [(), (3,), (2, 3)], ids=str)
def test_eager_products_read_transposed_arrays_as_they_lie(batch):
    x, y = normal(*batch, 6, 8), normal(*batch, 6, 7)
    turned = x.swapaxes(-1, -2)
    ops.matmul.compiled._cache.clear()
    ops.matmul.compiled.called.clear()
    for _ in range(2):
        np.testing.assert_allclose(ops.matmul(turned, y), turned @ y, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(ops.matmul(turned.copy(), y), turned @ y, rtol=1e-5, atol=1e-5)
    of_turned, of_copy = ops.matmul.compiled.executables()
    assert of_turned.graph.inputs[0].shape == x.shape and of_copy.graph.inputs[0].shape == turned.shape
    assert [step.kernel for step in of_turned.steps] == ["gemm_f32"]
    np.testing.assert_allclose(ops.einsum("...ij,...jk->...ik", turned, y), turned @ y, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(ops.matmul(turned[..., ::2, :], y), turned[..., ::2, :] @ y, rtol=1e-5, atol=1e-5)


def test_transposes_become_flags():
    graph = Graph()
    with tracing(graph):
        a, b = graph.input((4, 5), "float32"), graph.input((7, 4), "float32")
        product = matmul_op(ops.transpose(a), ops.transpose(b))
        simpler = matmul_op.simplify(product.node)
    assert simpler.node.inputs == (a, b) and simpler.node.params == {"transpose_a": True, "transpose_b": True}
    assert simpler.shape == product.shape == (5, 7)


@pytest.mark.parametrize("name", ["dot", "inner"])
@pytest.mark.parametrize("a, b", [((3,), (3,)), ((2, 3), (3,)), ((), (2, 3)), ((2, 4, 3), (3,))], ids=str)
def test_dot_and_inner(name, a, b):
    agrees_with_keras(name, normal(*a), normal(*b))


def test_dot_of_matrices_outer_and_vdot():
    agrees_with_keras("dot", normal(2, 3), normal(3, 4))
    agrees_with_keras("dot", normal(2, 3), normal(5, 3, 4))
    agrees_with_keras("inner", normal(2, 3), normal(4, 3))
    agrees_with_keras("outer", normal(2, 3), normal(4))
    agrees_with_keras("vdot", normal(2, 3), normal(2, 3))


@pytest.mark.parametrize("axes", [0, 1, 2, ([1], [0]), ([0, 2], [2, 0]), (2, 0)], ids=str)
def test_tensordot(axes):
    shapes = {0: ((2,), (3, 4)), 1: ((2, 3), (3, 4)), 2: ((5, 2, 3), (2, 3, 4))}
    a, b = shapes.get(axes if isinstance(axes, int) else -1, ((2, 3, 3), (3, 4, 2)))
    agrees_with_keras("tensordot", normal(*a), normal(*b), axes=axes)


EINSUMS = [
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("ij,kj->ik", (2, 3), (4, 3)),
    ("ji,jk", (3, 2), (3, 4)),
    ("bij,bjk->bik", (2, 3, 4), (2, 4, 5)),
    ("bqhd,bkhd->bhqk", (2, 3, 2, 4), (2, 5, 2, 4)),
    ("bhqk,bkhd->bqhd", (2, 2, 3, 5), (2, 5, 2, 4)),
    ("abc,cde->abde", (2, 3, 4), (4, 2, 3)),
    ("...ij,...jk->...ik", (2, 3, 4), (4, 5)),
    ("...ij,jk", (2, 3, 4), (4, 5)),
    ("i,j->ij", (2,), (3,)),
    ("i,i->", (3,), (3,)),
    ("ij->ji", (2, 3)),
    ("ij->", (2, 3)),
    ("ii->i", (3, 3)),
    ("ii", (3, 3)),
    ("ij,ik->j", (2, 3), (2, 4)),
    ("ij,jk,kl->il", (2, 3), (3, 4), (4, 5)),
    ("bij,bjk->bik", (1, 3, 4), (2, 4, 5)),
]


@pytest.mark.parametrize("subscripts, shapes", [(case[0], case[1:]) for case in EINSUMS], ids=str)
def test_einsum(subscripts, shapes):
    operands = [normal(*shape) for shape in shapes]
    result, expected = ops.einsum(subscripts, *operands), np.einsum(subscripts, *operands)
    assert result.shape == expected.shape and result.dtype == expected.dtype
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)
    check_gradient(lambda *xs: ops.einsum(subscripts, *xs), operands)


def test_symbolic_shapes():
    x = keras_tensor = ops.matmul(_symbolic((None, 4)), np.ones((4, 3), np.float32))
    assert keras_tensor.shape == (None, 3)
    assert ops.einsum("bi,ij->bj", x, np.ones((3, 2), np.float32)).shape == (None, 2)


def _symbolic(shape):
    from fastnn.graph.symbolic import KerasTensor

    return KerasTensor(shape)


@pytest.mark.parametrize(
    "call, numbers",
    [
        (lambda: ops.matmul(np.ones((2, 3)), np.ones((4, 2))), ("3", "4")),
        (lambda: ops.matmul(np.ones((2, 2, 3)), np.ones((3, 3, 2))), ("(2,)", "(3,)")),
        (lambda: ops.matmul(np.ones(()), np.ones((4, 2))), ("()",)),
        (lambda: linear_op(np.ones((2, 3)), np.ones((4, 2))), ("(2, 3)", "(4, 2)")),
        (lambda: linear_op(np.ones((2, 4)), np.ones((4, 2)), np.ones(3)), ("(3,)", "(2,)")),
        (lambda: ops.tensordot(np.ones((2, 3)), np.ones((4, 2)), axes=1), ("(2, 3)", "(4, 2)")),
        (lambda: ops.einsum("ij,jk", np.ones((2, 3)), np.ones((4, 2))), ("3", "4")),
    ],
)
def test_errors_have_the_numbers(call, numbers):
    with pytest.raises(ValueError) as error:
        call()
    for number in numbers:
        assert number in str(error.value)
