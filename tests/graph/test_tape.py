"""A tape that records the same ops again and again runs its gradient as a plan, with the results of op by op."""

import gc
import itertools
import operator
import weakref
from unittest import mock

import numpy as np
import pytest

import fastnn as k
from fastnn import autodiff, ops, tape_replay
from fastnn.graph.value import Operators
from fastnn.layers import taped_call


@pytest.fixture(autouse=True)
def forgetful():
    tape_replay._times.clear()
    tape_replay._backwards.clear()
    tape_replay._rules.clear()


def _network():
    k.utils.set_random_seed(3)
    model = k.Sequential(
        [k.layers.Dense(9, activation="relu"), k.layers.Dense(5, activation="tanh"), k.layers.Dense(4)]
    )
    model.build((None, 6))
    return model


def _batches(count=6, rows=7):
    rng = np.random.default_rng(5)
    for _ in range(count):
        yield rng.normal(size=(rows, 6)).astype("float32"), rng.integers(0, 4, rows)


def _one_by_one(function, *args):
    """The gradients without a plan."""
    with (
        mock.patch.object(tape_replay._Written, "of", lambda *_: None),
        mock.patch.object(taped_call, "call", _nothing),
        mock.patch.object(tape_replay, "call_of_op", _nothing),
    ):
        return function(*args)


def _nothing(*_):
    return NotImplemented


def _assert_close(found, expected):
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6 * np.abs(b).max())


LOSSES = {
    "classes": lambda model, x, y: k.losses.SparseCategoricalCrossentropy(from_logits=True)(y, model(x)),
    "power": lambda model, x, y: ops.mean(model(x) ** 2) + 0.5 * ops.sum(model(x)[:, 0]),
    "gather": lambda model, x, y: ops.sum(ops.take_along_axis(model(x), y[:, None], axis=1)),
    "several numbers as a constant": lambda model, x, y: ops.mean(model(x) * np.float32([1, 2, 3, 4])),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_plan_gives_what_op_by_op_gives(name):
    model = _network()

    def gradient(x, y):
        with k.GradientTape() as tape:
            loss = LOSSES[name](model, x, y)
        return tape.gradient(loss, model.trainable_variables)

    for x, y in _batches():
        _assert_close(gradient(x, y), _one_by_one(gradient, x, y))
    assert len(tape_replay._backwards) == 1


def test_a_factor_that_changes_is_not_kept():
    w = k.Variable([1.0, 2.0])
    for factor in (1.0, 2.0, 3.0, 4.0, 5.0, 1.0, 1.0, 1.0):
        with k.GradientTape() as tape:
            loss = ops.sum(w * w * factor)
        np.testing.assert_allclose(tape.gradient(loss, w), 2 * w.numpy() * factor)
    assert len(tape_replay._backwards) == 1


def test_what_a_plan_depends_on():
    """Shapes, dtypes, what is watched, and which sources, targets and seeds there are."""
    rng = np.random.default_rng(7)
    a, b = k.Variable(rng.normal(size=(3, 4))), k.Variable(rng.normal(size=(4, 2)))
    other = k.Variable(np.zeros(3))
    for rows in (5, 6):
        for sources in ([a, b], [b, a], [b], [other, b]):
            for seeds in (None, [rng.normal(size=(rows, 2)).astype("float32")]):

                def gradient(x, sources=sources, seeds=seeds):
                    with k.GradientTape() as tape:
                        tape.watch(x)
                        y = ops.matmul(ops.matmul(x, a), b)
                    return tape.gradient(y, [*sources, x], output_gradients=seeds)

                for _ in range(4):
                    x = np.array(rng.normal(size=(rows, 3)), "float32")
                    found, expected = gradient(x), _one_by_one(gradient, x)
                    assert [g is None for g in found] == [g is None for g in expected]
                    _assert_close([g for g in found if g is not None], [g for g in expected if g is not None])


@pytest.mark.parametrize("seed", [2.0, np.float64([2, 2]), np.int32([2, 2])])
def test_what_flows_in_takes_the_dtype_and_shape_of_the_target(seed):
    w = k.Variable([1.0, 2.0])
    for _ in range(5):
        with k.GradientTape() as tape:
            y = w * w
        found = tape.gradient(y, w, output_gradients=seed)
        assert found.dtype == "float32"
        np.testing.assert_array_equal(found, 4 * w.numpy())


def test_a_source_that_is_the_target():
    w = k.Variable([1.0, 2.0])
    for _ in range(5):
        with k.GradientTape() as tape:
            y = w * 3.0
        np.testing.assert_array_equal(tape.gradient(y, y), [1.0, 1.0])


def test_second_derivatives_stay_right():
    x = k.Variable([1.0, 2.0, 3.0])
    for _ in range(5):
        with k.GradientTape() as outer:
            with k.GradientTape() as inner:
                y = ops.sum(x**3)
            first = inner.gradient(y, x)
        np.testing.assert_allclose(outer.gradient(first, x), 6 * x.numpy(), rtol=1e-6)


def test_a_custom_gradient_is_its_own_each_time():
    w = k.Variable([1.0, 2.0])
    for scale in (1.0, 2.0, 3.0, 4.0, 5.0):

        @k.custom_gradient
        def twice(x, scale=scale):
            return x * 2.0, lambda dy: dy * scale

        with k.GradientTape() as tape:
            y = ops.sum(twice(w))
        np.testing.assert_allclose(tape.gradient(y, w), [scale, scale])


def test_training_by_a_tape_learns():
    model, optimizer = _network(), k.optimizers.Adam(0.01)
    loss_of = k.losses.SparseCategoricalCrossentropy(from_logits=True)
    losses = []
    x, y = next(_batches(1, 32))
    for _ in range(60):
        with k.GradientTape() as tape:
            loss = loss_of(y, model(x, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        losses.append(float(loss))
    assert losses[-1] < 0.7 * losses[0]


class CubedLayer(k.layers.Layer):
    """By NumPy's operators alone."""

    def call(self, x):
        return x * x * x


class CubedLoss(k.losses.Loss):
    def call(self, y_true, y_pred):
        return y_pred * y_pred * y_pred


@pytest.mark.parametrize("where", ["layer", "loss"])
def test_a_plain_array_that_is_watched_passes_through_layers_and_losses(where):
    x = np.float32([[1, 2, 3]])
    with k.GradientTape() as tape:
        tape.watch(x)
        y = CubedLayer()(x) if where == "layer" else CubedLoss(reduction="none")([0], x)
    np.testing.assert_allclose(tape.gradient(y, x), 3 * x * x)


def test_ops_of_a_tape_see_what_is_in_an_array_now():
    w, x = k.Variable(np.float32([1, 2])), np.float32([3, 4])
    for factor in (1, 2, 3, 4, 5):
        with k.GradientTape() as tape:
            y = ops.relu(w * (x * factor))
        np.testing.assert_array_equal(y, np.float32([3, 8]) * factor)
        np.testing.assert_array_equal(tape.gradient(y, w), x * factor)


def test_numpy_computes_what_is_made_of_results_by_its_functions():
    w = k.Variable(np.float32([[1, 2]]))
    with k.GradientTape() as tape:
        y = ops.exp(w)
        records = len(tape.records)
        p = np.squeeze(y).astype("float64")  # no op: the tape does not know it
        share = p / p.sum()
        with mock.patch.dict(Operators.functions, clear=True), mock.patch.object(autodiff, "_ops", lambda: None):
            found = [share, p[0], np.exp(p), 1 + p, p.T, p.sum(), p.mean(), p.reshape(2, 1)]
        assert len(tape.records) == records
        assert all(np.asarray(x).dtype == "float64" for x in found)
        z = y * share.astype("float32") + w
        assert len(tape.records) == records + 2
    np.testing.assert_allclose(tape.gradient(z, w), np.exp([[1, 2]]) * share + 1, rtol=1e-6)


IN_PLACE = {
    "+=": (operator.iadd, lambda x, y: x + y),
    "-=": (operator.isub, lambda x, y: x - y),
    "*=": (operator.imul, lambda x, y: x * y),
    "/=": (operator.itruediv, lambda x, y: x / y),
    "//=": (operator.ifloordiv, lambda x, y: x // y),
    "%=": (operator.imod, lambda x, y: ops.mod(x, y)),
    "**=": (operator.ipow, lambda x, y: x**y),
    "@=": (operator.imatmul, lambda x, y: ops.matmul(x, y)),
}


@pytest.mark.parametrize(
    ("name", "other"),
    [*itertools.product(IN_PLACE, ["array", "watched"]), *((n, "number") for n in IN_PLACE if n != "@=")],
)
def test_operators_in_place_give_new_arrays(name, other):
    """As of Keras's tensors: what was recorded is as it was."""
    in_place, apart = IN_PLACE[name]
    w = k.Variable(np.float32([[5, 2], [3, 4]]))
    number = np.float32([[2, 3], [2, 1]]) if other == "array" else 2.0

    def gradient(function):
        with k.GradientTape() as tape:
            x = first = ops.square(w)
            x = function(x, w * 0.5 if other == "watched" else number)
            y = ops.sum(x) + ops.sum(first)
        return tape.gradient(y, w), np.array(x), np.array(first)

    for _ in range(4):
        for found, expected in zip(gradient(in_place), gradient(apart), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-6)


METHODS = {
    "sum": lambda x: x.sum(axis=1, keepdims=True), "mean": lambda x: x.mean(0), "max": lambda x: x.max(),
    "min": lambda x: x.min(axis=0), "prod": lambda x: x.prod(1), "std": lambda x: x.std(), "var": lambda x: x.var(0),
    "cumsum": lambda x: x.cumsum(0), "cumprod": lambda x: x.cumprod(axis=1), "squeeze": lambda x: x[:1].squeeze(0),
    "astype": lambda x: x.astype("float64"), "clip": lambda x: x.clip(2, 9), "copy": lambda x: x.copy(),
    "diagonal": lambda x: x.diagonal(), "dot": lambda x: x.dot(np.float32([1, 2])), "repeat": lambda x: x.repeat(2, 0),
    "round": lambda x: x.round() + x, "swapaxes": lambda x: x.swapaxes(0, 1) * np.float32([1, 2]),
    "take": lambda x: x.take([1], 0), "trace": lambda x: x.trace(), "T": lambda x: x.T * np.float32([1, 2]),
    "transpose": lambda x: x.transpose(1, 0) * np.float32([1, 2]), "ravel": lambda x: x.ravel() * np.arange(4.0),
    "transpose to a tuple": lambda x: x.transpose((1, 0)) * np.float32([1, 2]), "reshape": lambda x: x.reshape(4, 1),
    "flatten": lambda x: x.flatten() * np.arange(4.0), "rows": lambda x: sum(row * n for n, row in enumerate(x)),
    "unpacked": lambda x: np.multiply(*x), "mod": lambda x: x % 3.0, "remainder": lambda x: np.remainder(x, 3.0),
}  # fmt: skip


@pytest.mark.parametrize("name", METHODS)
def test_methods_of_results_are_recorded(name):
    w = np.float32([[1.4, 2.1], [3.2, 4.3]])
    tested, x = METHODS[name], k.Variable(w)
    with k.GradientTape() as tape:
        y = tested(ops.multiply(x, 1.0))
        total = ops.sum(ops.square(y))
    np.testing.assert_allclose(y, tested(w), rtol=1e-6)
    found = tape.gradient(total, x)
    for at in np.ndindex(2, 2):
        step = np.zeros((2, 2))
        step[at] = 1e-4
        slope = (np.square(tested(w + step)).sum() - np.square(tested(w - step)).sum()) / 2e-4
        np.testing.assert_allclose(found[at], slope, rtol=1e-3, atol=1e-3)


def test_functions_of_numpy_give_constants():
    x = k.Variable(np.float32([[1, 2], [3, 4]]))
    with k.GradientTape() as tape:
        y = ops.square(x)
        records = len(tape.records)
        found = [np.sum(y), np.std(y), np.squeeze(y), np.concatenate([y, y]), np.where(True, y, 0), np.dot(y, y)]
        found += [y.sum(dtype="float64"), y.max(initial=20.0), y.std(ddof=1), y.ravel("F"), y.flatten("F")]
        assert repr(y) == repr(np.float32([[1, 4], [9, 16]])) and f"{y}" == "[[ 1.  4.]\n [ 9. 16.]]"
        assert len(tape.records) == records
    assert {type(z) for z in found} <= {np.ndarray, np.float32, np.float64}


@pytest.mark.parametrize("run", [lambda function: function, k.jit], ids=["eager", "traced"])
@pytest.mark.parametrize(
    "join",
    [
        ops.array, ops.convert_to_tensor, ops.sum, ops.mean, ops.max, ops.logsumexp, lambda x: ops.multiply(x, 2.0),
        lambda x: ops.reshape(x, (2, 1)), lambda x: ops.matmul(x, np.float32([1, 3])), lambda x: ops.softmax(x)[0],
        lambda x: ops.stack([0.5, x[1]]), lambda x: ops.where([True, False], x, 0.0), lambda x: ops.array([x, x]),
        lambda x: ops.norm(x), lambda x: ops.expand_dims(x, 0), lambda x: ops.array([0.5, *x]),
    ],
)  # fmt: skip
def test_lists_of_what_is_watched_are_arrays_of_it(join, run):
    """As a list of losses of which a mean is asked."""
    x = k.Variable(np.float32([1, 2]))

    def gradient(join):
        def function():
            with k.GradientTape() as tape:
                y = ops.square(x)
                z = ops.sum(ops.square(join([y[0], y[1]])))
            return tape.gradient(z, x)

        return run(function)()

    expected = gradient(lambda parts: join(ops.stack(parts)))
    np.testing.assert_allclose(gradient(join), expected, rtol=1e-6)


def test_losses_added_to_a_loss_as_keras_guides_do():
    k.utils.set_random_seed(1)
    layer = k.layers.Dense(3, kernel_regularizer="l2", activity_regularizer="l1")
    loss_of, x, y = k.losses.MeanSquaredError(), np.ones((4, 2), "float32"), np.ones((4, 3), "float32")
    layer.build((None, 2))

    def gradient(adds_in_place):
        with k.GradientTape() as tape:
            loss = loss_of(y, layer(x))
            if adds_in_place:
                loss += sum(layer.losses)
            else:
                loss = loss + sum(layer.losses)
        return [np.array(loss), *tape.gradient(loss, layer.trainable_variables)]

    for _ in range(4):
        _assert_close(gradient(True), gradient(False))


def test_what_is_watched_does_not_change():
    w = k.Variable(np.float32([1, 2]))
    with k.GradientTape() as tape:
        y = ops.exp(w)
        with pytest.raises(TypeError, match="slice_update"):
            y[0] = 3.0
        with pytest.raises(TypeError, match=r"add: what a GradientTape watches does not change"):
            np.add(y, 1.0, out=y)
        total = np.zeros(2, "float32")
        total += y  # an array of the user's own
    np.testing.assert_allclose(total, np.exp([1, 2]), rtol=1e-6)
    np.testing.assert_allclose(tape.gradient(y, w), np.exp([1, 2]), rtol=1e-6)
    y[0] = 3.0  # nobody watches any more
    assert np.add(y, 1.0, out=y) is y
    np.testing.assert_allclose(y, [4, np.exp(2) + 1], rtol=1e-6)


def _before(w, tape):
    y = w * 2.0
    with tape:
        return y * 3.0 + w


def _after(w, tape):
    with tape:
        y = w * 2.0
    return y * w


def _between(w, tape):
    with tape:
        y = w * 2.0
    z = y + w * w
    with tape:
        return y * 5.0 + z * 3.0


def _after_reset(w, tape):
    with tape:
        y = w * 2.0
        tape.reset()
        return y * w


def _inside_another(w, tape):
    with tape:
        y = ops.square(w)
        with k.GradientTape() as inner:
            z = y * ops.square(w)
        return ops.sum(z) + ops.sum(inner.gradient(z, w) * 10.0)


@pytest.mark.parametrize("way", ["eager", "traced"])
@pytest.mark.parametrize(
    ("function", "expected"),
    [(_before, [1, 1]), (_after, [0, 0]), (_between, [10, 10]), (_after_reset, [4, 6]), (_inside_another, None)],
)
def test_what_was_not_done_inside_the_tape_is_constant(function, expected, way):
    """_inside_another: 4 w^3 + 60 w^2, as the inner gradient takes y = w^2 for a number and the outer one does not."""
    w = k.Variable(np.float32([2, 3]))

    def gradient():
        tape = k.GradientTape(persistent=True)
        y = function(w, tape)
        return tape.gradient(y, w, unconnected_gradients="zero")

    if function is _inside_another:
        expected = 4 * w.numpy() ** 3 + 60 * w.numpy() ** 2
    np.testing.assert_allclose((k.jit(gradient) if way == "traced" else gradient)(), expected)


def _episode(w, x, turn):
    """Steps whose order, sizes and numbers are others each time."""
    rng, states = np.random.default_rng(turn), [x]
    for _ in range(40):
        state, kind = states[-1], rng.integers(0, 8)
        if kind == 0:
            states.append(ops.tanh(ops.matmul(state, w)))
        elif kind == 1:
            states.append(state * state + state + state)
        elif kind == 2:
            states.append(ops.abs(state) ** float(rng.integers(1, 4)) * float(rng.random()))
        elif kind == 3:
            states.append(ops.where(state > 0.1, state, states[0] * 0.5))
        elif kind == 4:
            states.append(ops.take(state, rng.integers(0, 3, 3), axis=0))
        elif kind == 5:
            first, second = ops.split(state, 2, axis=1)
            states.append(ops.concatenate([second, ops.sigmoid(first)], axis=1))
        elif kind == 6:
            states.append(ops.clip(state - ops.mean(state, axis=1, keepdims=True), -2.0, 2.0))
        else:
            states.append(ops.cast(ops.cast(state, "float64") * 0.5, "float32") + w[0, 0])
    return states


@pytest.mark.parametrize("turn", range(8))
def test_record_by_record_gives_what_the_whole_gives(turn, monkeypatch):
    """Of one target and several, by variables, arrays and what was computed in between, with what flows in."""
    w = k.Variable(np.random.default_rng(1).normal(size=(4, 4)).astype("float32") * 0.6)
    x = np.random.default_rng(2).normal(size=(3, 4)).astype("float32")

    def gradients(rules):
        monkeypatch.setattr(tape_replay._Written, "by_records", rules)
        with k.GradientTape(persistent=True) as tape:
            tape.watch(x)
            states = _episode(w, x, turn)
            loss = ops.sum(states[-1]) + 0.1 * sum(ops.sum(state) for state in states)
        seeds = [np.full((3, 4), 0.5), None]
        return [
            *tape.gradient(loss, [w, x, states[7], loss]),
            *tape.gradient([states[-1], loss, loss], [w, states[3]]),
            tape.gradient(states[20:22], x, output_gradients=seeds),
        ]

    def whole(*_):
        return None

    walks = []

    def walked(*args):
        walks.append(by_records(*args))
        assert walks[-1] is not None
        return walks[-1]

    by_records = tape_replay._Written.by_records
    found, expected = gradients(walked), gradients(whole)
    assert len(walks) == 3
    for a, b in zip(found, expected, strict=True):
        assert (a is None) == (b is None)
        if b is not None:
            assert a.dtype == b.dtype and a.shape == b.shape
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5 * np.abs(b).max())
    assert any(rule.plan is not None for rule in tape_replay._rules.values())


def test_models_called_again_and_again_under_one_tape(monkeypatch):
    model = _network()
    x = np.random.default_rng(0).normal(size=(1, 6)).astype("float32")

    def gradients():
        tape_replay._times.clear()
        with k.GradientTape() as tape:
            total = 0.0
            for step in range(30):
                total = total + ops.log(ops.softmax(model(x * (1 + 0.1 * step)))[0, step % 4])
        return tape.gradient(total, model.trainable_variables)

    found = [gradients() for _ in range(2)][-1]
    monkeypatch.setattr(tape_replay._Written, "by_records", lambda *_: None)
    _assert_close(found, gradients())


def test_which_results_of_a_record_flow_back():
    x = k.Variable(np.float32([[1, 2, 3, 4, 5, 6]]))
    for used in ((0,), (2,), (0, 1), (1,), (1, 2), (0, 1, 2)):
        with k.GradientTape() as tape:
            parts = ops.split(x, 3, axis=1)
            y = sum(ops.sum(parts[n] * float(n + 1)) for n in used)
        expected = np.repeat([n + 1 if n in used else 0 for n in range(3)], 2)
        np.testing.assert_array_equal(tape.gradient(y, x), [expected])


def test_what_a_custom_gradient_holds_is_let_go():
    w, gone = k.Variable([1.0, 2.0]), []
    for _ in range(tape_replay.COMPILED_TIMES + 1):
        scale = np.full(2, 3.0, "float32")
        gone.append(weakref.ref(scale))

        @k.custom_gradient
        def scaled(x, scale=scale):
            return x * 2.0, lambda dy: dy * scale

        with k.GradientTape() as tape:
            y = ops.sum(scaled(w))
        np.testing.assert_array_equal(tape.gradient(y, w), [3, 3])
    del scale, scaled, tape, y
    gc.collect()
    assert not [ref() for ref in gone if ref() is not None]


@pytest.mark.parametrize("make", [k.Variable, np.array])
def test_what_a_custom_gradient_passes_on_is_an_array_of_its_own(make):
    @k.custom_gradient
    def clipped(x, y):
        return (x, y), lambda dx, dy: (ops.clip(dx, -1.0, 1.0), dy)

    x = make(np.float32([1, 2, 3]))
    with k.GradientTape() as tape:
        tape.watch(x)
        watched, twice = clipped(x, ops.multiply(x, 2.0))
        y = ops.sum(ops.multiply(x, 10.0)) + ops.sum(watched * 3.0) + ops.sum(twice)
    np.testing.assert_array_equal(tape.gradient(y, x), [13, 13, 13])
    for found in (watched, twice, *clipped(x, x)):
        np.asarray(found)[:] = 0
    np.testing.assert_array_equal(x, [1, 2, 3])


@pytest.mark.parametrize("run", [lambda function: function, k.jit], ids=["eager", "traced"])
@pytest.mark.parametrize(("used", "expected"), [((0,), [7, 0]), ((1,), [0, 5]), ((0, 1), [7, 5])])
def test_zeroes_flow_into_what_nobody_used_of_a_custom_gradient(used, expected, run):
    @k.custom_gradient
    def scaled(x, y):
        return (x * 2.0, y * 3.0), lambda dx, dy: (dx * 7.0, dy * 5.0)

    x, y = k.Variable(np.float32([1, 2])), k.Variable(np.float32([3, 4]))

    def gradient():
        with k.GradientTape() as tape:
            found = scaled(x, y)
            total = sum(ops.sum(found[n]) for n in used)
        return tape.gradient(total, [x, y])

    np.testing.assert_array_equal(run(gradient)(), np.repeat([expected], 2, axis=0).T)


@pytest.mark.parametrize("run", [lambda function: function, k.jit], ids=["eager", "traced"])
@pytest.mark.parametrize(
    ("upstream", "expected"),
    [
        (lambda dy: np.arange(3), [0, 1, 2]),
        (lambda dy: None, None),
        (lambda dy: (dy, dy), "the gradient of doubled gave 2 values; it has 1 arguments"),
        (lambda dy: dy[:2], r"the gradient of doubled has the shape \(2,\) for an argument of the shape \(3,\)"),
        (lambda dy: 3.0, r"has the shape \(\) for"),
    ],
)
def test_what_a_custom_gradient_may_give(upstream, expected, run):
    @k.custom_gradient
    def doubled(x):
        return x * 2.0, upstream

    x = k.Variable(np.float32([1, 2, 3]))

    def gradient():
        with k.GradientTape() as tape:
            y = ops.sum(doubled(x))
        return tape.gradient(y, x)

    if isinstance(expected, str):
        with pytest.raises(ValueError, match=expected):
            run(gradient)()
    elif expected is None:
        assert run(gradient)() is None
    else:
        found = run(gradient)()
        assert found.dtype == "float32"
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("run", [lambda function: function, k.jit], ids=["eager", "traced"])
def test_the_power_by_0_is_flat_at_0_too(run):
    def slope(x):
        with k.GradientTape() as tape:
            tape.watch(x)
            y = x**0 + ops.power(x, 2)
        return tape.gradient(y, x)

    x = np.float32([-2, 0, 1])
    np.testing.assert_array_equal(run(lambda x: slope(ops.multiply(x, 1.0)))(x), 2 * x)
