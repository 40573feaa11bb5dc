"""jvp against central differences and by itself; vectorize in plans."""

import numpy as np
import pytest

import fastnn
from fastnn import ops
from fastnn.testing import check_gradient

RNG = np.random.default_rng(0)
X, T = RNG.standard_normal((2, 3, 4))
FUNCTIONS = {
    "exp": lambda x: ops.exp(x) * x,
    "softmax": ops.softmax,
    "matmul": lambda x: x @ ops.transpose(x),
    "sum_max": lambda x: ops.sum(x, axis=0) + ops.max(x, axis=0),
    "take": lambda x: ops.take(x, [0, 0, 2], axis=1) ** 3,
    "det": lambda x: ops.det(x[:, :3]),
    "constant": lambda x: ops.zeros((2,), "float64"),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_jvp(name):
    function, step = FUNCTIONS[name], 1e-6
    expected = (np.asarray(function(X + step * T)) - np.asarray(function(X - step * T))) / (2 * step)
    for run in (ops.jvp, fastnn.jit(ops.jvp)):
        y, derivative = run(function, (X,), (T,))
        np.testing.assert_allclose(y, function(X), rtol=1e-12)
        np.testing.assert_allclose(derivative, expected, rtol=1e-6, atol=1e-8)


def test_jvp_of_structures():
    (y, z), (dy, dz), aux = ops.jvp(lambda a, b: ((a * b, a), {"b": b}), [X, T], [T, X], has_aux=True)
    np.testing.assert_array_equal(y, X * T)
    np.testing.assert_array_equal(z, X)
    np.testing.assert_allclose(dy, X * X + T * T)
    np.testing.assert_array_equal(dz, T)
    np.testing.assert_array_equal(aux["b"], T)


def test_jvp_has_a_gradient():
    check_gradient(lambda x, t: ops.jvp(lambda x: ops.sin(x) * x, (x,), (t,)), [X, T])
    with fastnn.GradientTape() as tape:
        tape.watch(X)
        _, derivative = ops.jvp(lambda x: x**3, (X,), (T,))
        total = ops.sum(derivative)
    np.testing.assert_allclose(tape.gradient(total, X), 6 * X * T)


def test_jvp_does_not_see_what_else_depends_on_a_primal():
    def function(x):
        y = x * 2
        return ops.jvp(lambda x: x * y, (x,), (ops.ones_like(x),))[1]

    np.testing.assert_allclose(fastnn.jit(function)(X), 2 * X)


def test_jvp_wants_one_tangent_for_each_primal():
    with pytest.raises(ValueError, match=r"\(3, 4\)"):
        ops.jvp(lambda x: x, (X,), (T[0],))


def test_vectorize_in_a_plan():
    inner = ops.vectorize(lambda a, b: ops.sum(a * b), signature="(n),(n)->()")
    for run in (inner, fastnn.jit(inner)):
        np.testing.assert_allclose(run(X, T), (X * T).sum(-1))
        np.testing.assert_allclose(run(X, T[0]), (X * T[0]).sum(-1))
    check_gradient(inner, [X, T])
