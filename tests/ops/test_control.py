"""Loops and branches: traced nodes against the eager Python loops, their gradients, and what they read and change."""

import keras
import numpy as np
import pytest

import fastnn
from fastnn import ops
from tests.tables import close

RNG = np.random.default_rng(3)
X, H, U = RNG.normal(size=(5, 2, 3)), RNG.normal(size=(2, 3)), RNG.normal(size=(3, 3))
W = fastnn.Variable(RNG.normal(size=(3, 3)) * 0.5, dtype="float64")


def recurrence(x, h, u, reverse=False):
    """Reads a scanned array, a carry, an outer value, a variable; gives a stacked output and a None."""

    def step(h, row):
        h = ops.tanh(row @ u + h @ W)
        return h, (h * row, None)

    h, (ys, nothing) = ops.scan(step, h, x, reverse=reverse)
    assert nothing is None
    return ops.sum(ops.sin(h)) + ops.sum(ys * ys)


@pytest.mark.parametrize("reverse", [False, True])
def test_scan_and_its_gradients_are_those_of_the_loop(reverse):
    def both(x, h, u):
        with fastnn.GradientTape() as tape:
            for a in (x, h, u):
                tape.watch(a)
            loss = recurrence(x, h, u, reverse)
        return loss, tape.gradient(loss, [x, h, u, W])

    (loss, found), (wanted_loss, wanted) = fastnn.jit(both)(X, H, U), both(X, H, U)
    np.testing.assert_allclose(loss, wanted_loss, rtol=1e-14)
    for g, w in zip(found, wanted, strict=True):
        np.testing.assert_allclose(g, w, rtol=1e-12, atol=1e-14)


def test_second_derivative_of_a_scan():
    def hessian_row(x):
        with fastnn.GradientTape() as outer:
            outer.watch(x)
            with fastnn.GradientTape() as tape:
                tape.watch(x)
                last, all_of_them = ops.scan(lambda c, v: (ops.sin(c * v), c), 0.5, x)
                loss = last + ops.sum(all_of_them)
            total = ops.sum(tape.gradient(loss, x) ** 2)
        return outer.gradient(total, x)

    x = RNG.normal(size=4)
    np.testing.assert_allclose(fastnn.jit(hessian_row)(x), hessian_row(x), rtol=1e-10)


def test_second_derivative_of_a_scan_with_products():
    def step(h, row, u):
        h = ops.tanh(ops.matmul(row, u) + ops.matmul(h, W))
        return h, ops.matmul(h, u)

    def scanned(h, u):
        h, ys = ops.scan(lambda h, row: step(h, row, u), h, X)
        return ops.sum(ops.sin(h)) + ops.sum(ys * ys)

    def unrolled(h, u):
        total = 0
        for row in X:
            h, y = step(h, row, u)
            total += ops.sum(y * y)
        return ops.sum(ops.sin(h)) + total

    def of_squared_gradient(loss):
        def gradient(h, u):
            with fastnn.GradientTape() as outer:
                outer.watch([h, u])
                with fastnn.GradientTape() as tape:
                    tape.watch([h, u])
                    value = loss(h, u)
                total = sum(ops.sum(g**2) for g in tape.gradient(value, [h, u, W]))
            return outer.gradient(total, [h, u, W])

        return fastnn.jit(gradient)(H, U)

    for found, wanted in zip(of_squared_gradient(scanned), of_squared_gradient(unrolled), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)


def scans_of(function, *arguments):
    """The nodes of the scans that `function` traces to: forward, then backwards."""
    steps = fastnn.jit(function).executable_for(*arguments).steps
    return [step.node.params for step in steps if step.kernel is None]


def test_products_of_a_scan_are_kept_and_summed_after_it():
    """Of `tanh(row @ u + h @ W)` both products are kept; what their gradients by u and W sum is one product of the rows
    of all steps, so that a step backwards has the gradients by the row and by h alone."""

    def loss(h, u):
        return recurrence(X, h, u)

    forward, backward = scans_of(fastnn.value_and_grad(loss, argnums=(0, 1)), H, U)
    assert forward["n_kept"] == 2
    assert backward["n_carry"] == 1
    body = backward["body"].graph
    read, products = set(body.outputs), []
    for node in reversed(body.nodes):
        if not read.isdisjoint(node.outputs):
            read.update(node.inputs)
            products += [node] if node.op.epilogue else []
    assert len(products) == 2
    assert not any(node.params.get("transpose_a") for node in products)


def test_what_does_not_change_from_step_to_step_is_computed_before_a_scan():
    def total(h, u):
        return ops.sum(ops.scan(lambda c, _: (c @ ops.transpose(u[:, ::-1]) * 0.5, None), h, length=3)[0])

    (scan,) = scans_of(total, H, U)
    assert {node.op.name for node in scan["body"].graph.nodes} <= {"input", "constant", "linear", "multiply"}
    np.testing.assert_allclose(fastnn.jit(total)(H, U), total(H, U), rtol=1e-14)
    gradients = fastnn.value_and_grad(total, argnums=(0, 1))
    for found, wanted in zip(fastnn.jit(gradients)(H, U)[1], gradients(H, U)[1], strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_nested_scans_and_their_gradient():
    def table(x):
        def row(c, r):
            inner, ys = ops.scan(lambda d, v: (d * 0.5 + v * c, d), c, r)
            return inner, ops.sum(ys)

        last, sums = ops.scan(row, ops.sum(x[0], keepdims=True), x)
        return ops.sum(last) + ops.sum(sums)

    x = RNG.normal(size=(3, 4))
    value, gradient = fastnn.jit(fastnn.value_and_grad(table))(x)
    np.testing.assert_allclose(value, table(x), rtol=1e-12)
    np.testing.assert_allclose(gradient, fastnn.value_and_grad(table)(x)[1], rtol=1e-10)


def test_variables_that_a_body_assigns_are_carried():
    count = fastnn.Variable(0, dtype="int32", trainable=False)

    def run(x):
        def step(total, v):
            count.assign(count + 1)
            return total + v * ops.cast(count, "float32"), None

        return ops.scan(step, 0.0, x)[0]

    x = np.float32([1, 10, 100])
    assert run(x) == 321
    assert count.numpy() == 3
    assert fastnn.jit(run)(x) == 654
    assert count.numpy() == 6


def test_random_numbers_in_a_body_differ_from_step_to_step():
    seed = fastnn.random.SeedGenerator(1)
    draw = fastnn.jit(lambda x: ops.map(lambda v: v + fastnn.random.uniform((), seed=seed), x))
    numbers = np.concatenate([draw(np.zeros(4, "float32")), draw(np.zeros(4, "float32"))])
    assert len(set(numbers.tolist())) == 8


@pytest.mark.parametrize(("length", "reverse"), [(0, False), (1, True), (6, True)])
def test_scan_lengths(length, reverse):
    def run(x):
        return ops.scan(lambda c, v: (c + v, c * v), np.float32(1), x, reverse=reverse)

    x = RNG.normal(size=length).astype("float32")
    last, ys = fastnn.jit(run)(x)
    expected_last, expected = (
        keras.ops.scan(lambda c, v: (c + v, c * v), np.float32(1), x, reverse=reverse) if length else (1, x)
    )
    np.testing.assert_allclose(last, expected_last, rtol=1e-6)
    np.testing.assert_allclose(ys, expected, rtol=1e-6)
    assert ys.dtype == np.float32


def test_while_loop_traced():
    def run(n, x):
        return ops.while_loop(lambda i, _: i < n, lambda i, a: [i + 1, a * 2.0], [np.int32(0), x], maximum_iterations=7)

    for n in (0, 3, 20):
        i, y = fastnn.jit(run)(np.int32(n), np.float32([1, 2]))
        expected = run(np.int32(n), np.float32([1, 2]))
        assert i == expected[0] == min(n, 7)
        np.testing.assert_array_equal(y, expected[1])


def test_while_loop_says_that_it_has_no_gradient():
    run = fastnn.value_and_grad(lambda x: ops.while_loop(lambda v: v < 10, lambda v: v * 2, x))
    assert run(np.float32(3))[1] == 4  # on arrays it is a Python loop
    with pytest.raises(ValueError, match="no gradient"):
        fastnn.jit(run)(np.float32(3))


def test_fori_loop_with_ints_differentiates():
    def run(x):
        return ops.fori_loop(1, 4, lambda i, v: v * ops.cast(i, "float32") + x, x)

    value, gradient = fastnn.jit(fastnn.value_and_grad(run))(np.float32(2))
    assert (value, gradient) == (run(np.float32(2)), 6 + 6 + 3 + 1)
    bounds = fastnn.jit(lambda n, x: ops.fori_loop(0, n, lambda _, v: v * 2, x))
    assert bounds(np.int32(3), np.float32(1)) == 8


def test_only_the_branch_that_is_taken_runs_and_differentiates():
    def run(flag, x):
        return ops.cond(flag, lambda: ops.sum(x * 3), lambda: ops.sum(ops.log(x)))

    step = fastnn.jit(lambda flag, x: fastnn.value_and_grad(lambda x: run(flag, x))(x))
    with np.errstate(all="raise"):  # log(-1) would raise
        value, gradient = step(np.array(True), np.float32([-1, 2]))
    assert value == 3
    np.testing.assert_array_equal(gradient, [3, 3])
    np.testing.assert_allclose(step(np.array(False), np.float32([1, 4]))[1], [1, 0.25])


def test_branches_assign_variables():
    v = fastnn.Variable(1.0)

    def run(flag):
        ops.cond(flag, lambda: v.assign(v * 5), lambda: v)
        return v + 0

    step = fastnn.jit(run)
    assert step(np.array(False)) == 1
    assert step(np.array(True)) == 5
    assert v.numpy() == 5


@pytest.mark.parametrize("index", [-1, 0, 1, 2, 9])
def test_switch(index):
    branches = [lambda x, y: (x + y, x), lambda x, y: (x * y, y), lambda x, y: (x - y, x)]
    arguments = (np.int32(index), np.float32([1, 2]), np.float32([3, 5]))
    run = fastnn.jit(lambda k, x, y: ops.switch(k, branches, x, y))
    expected = keras.ops.switch(np.clip(index, 0, 2), branches, *arguments[1:])
    for actual in (run(*arguments), ops.switch(index, branches, *arguments[1:])):
        for a, b in zip(actual, expected, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("length", range(1, 12))
@pytest.mark.parametrize("reverse", [False, True])
def test_associative_scan(length, reverse):
    def join(a, b):
        """Composition of affine maps: associative, not commutative."""
        return a[0] * b[0], a[1] * b[0] + b[1]

    elems = (RNG.normal(size=(2, length)).astype("float32"), RNG.normal(size=(2, length)).astype("float32"))
    expected = keras.ops.associative_scan(join, elems, reverse=reverse, axis=1)
    run = fastnn.jit(lambda *elems: ops.associative_scan(join, elems, reverse=reverse, axis=1))
    for a, b in zip(run(*elems), expected, strict=True):
        close(a, np.asarray(b, a.dtype), 1e-5)  # Keras's are float64 on NumPy


def test_symbolic():
    x = fastnn.Input((4, 3))
    total, rows = ops.scan(lambda c, v: (c + v, v), x[:, 0] * 0, ops.transpose(x, (1, 0, 2)))
    picked = ops.cond(ops.sum(x) > 0, lambda: total, lambda: -total)
    model = fastnn.Model(x, [total, rows, picked, ops.fori_loop(0, 3, lambda _, v: v * 2, x)])
    assert [y.shape for y in model.outputs] == [(None, 3), (4, None, 3), (None, 3), (None, 4, 3)]
    data = RNG.normal(size=(2, 4, 3)).astype("float32")
    results = model(data)
    np.testing.assert_allclose(results[0], data.sum(1), rtol=1e-5)
    np.testing.assert_allclose(results[2], np.sign(data.sum()) * data.sum(1), rtol=1e-5)
    np.testing.assert_allclose(results[3], data * 8, rtol=1e-6)


def test_a_layer_that_loops_trains():
    class Recurrent(fastnn.layers.Layer):
        def build(self, shape):
            self.w = self.add_weight(shape=(shape[-1], 4), name="w")
            self.u = self.add_weight(shape=(4, 4), name="u", initializer="orthogonal")

        def call(self, x):
            h = ops.zeros((x.shape[0], 4))
            rows = ops.transpose(x, (1, 0, 2))
            return ops.scan(lambda h, v: (ops.tanh(v @ self.w + h @ self.u), None), h, rows)[0]

    fastnn.utils.set_random_seed(0)  # of others the loss falls less at times
    model = fastnn.Sequential([Recurrent(), fastnn.layers.Dense(1)])
    model.compile(fastnn.optimizers.Adam(0.02), "mse")
    x = np.random.default_rng(0).normal(size=(64, 6, 2)).astype("float32")
    history = model.fit(x, x[:, 0].sum(-1), epochs=30, batch_size=16, verbose=0)
    assert history.history["loss"][-1] < 0.5 * history.history["loss"][0]


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda x: ops.scan(lambda c, v: (c[None], v), x[0], x), TypeError, "carry"),
        (lambda x: ops.scan(3, x, x), TypeError, "callable"),
        (lambda x: ops.scan(lambda c, v: (c, v), 0), ValueError, "length"),
        (lambda x: ops.scan(lambda c, v: (c, v), 0, x, length=9), ValueError, "number of steps"),
        (lambda x: ops.scan(lambda c, v: (c, v), 0, x, unroll=0), ValueError, "unroll"),
        (lambda x: ops.cond(x[0] > 0, lambda: x, lambda: x[0]), TypeError, "branches"),
        (lambda x: ops.while_loop(lambda v: v[0] < 3, lambda v: v[0], x), TypeError, "while_loop"),
        (lambda x: ops.associative_scan(3, x), TypeError, "callable"),
    ],
)
def test_bad_arguments(call, error, says):
    with pytest.raises(error, match=says):
        fastnn.jit(call)(np.float32([1, 2]))
