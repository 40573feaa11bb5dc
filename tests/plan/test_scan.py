"""Scans as one run of a plan: which bodies are, and that they give what a Python loop gives."""

import threading

import numpy as np
import pytest

import fastnn
from fastnn import ops
from fastnn.ops import loops

RNG = np.random.default_rng(3)
W = RNG.normal(size=(5, 5)).astype("float32") / 3


def floats(*shape):
    return RNG.normal(size=shape).astype("float32")


BODIES = {
    "recurrence": lambda c, x: (ops.tanh(x + ops.matmul(c, W)), c),
    "the carry alone": lambda c, x: (c * 0.5 + x, None),
    "rows alone": lambda c, x: (c, x * 2.0),
    "rows as they are": lambda c, x: (c, x),
    "the old carry": lambda c, x: (x, c),
    "the new carry": lambda c, x: (c - x, c - x),
    "a view of the carry": lambda c, x: (c + x, ops.reshape(c + x, (-1,))),
    "nothing read": lambda c, x: (c + 1.0, ops.ones((2,), "int32")),
}


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", BODIES)
def test_bodies(name, reverse, monkeypatch):
    native = []
    found = loops.scan_of
    monkeypatch.setattr(loops, "scan_of", lambda *args: native.append(found(*args)) or native[-1])
    x, c = floats(6, 3, 5), floats(3, 5)

    def run(c, x):
        return ops.scan(BODIES[name], c, x, reverse=reverse)

    compiled = fastnn.jit(run)
    for _ in range(2):  # the second time, programs are decoded already
        last, ys = compiled(c, x)
        wanted_last, wanted = run(c, x)
        np.testing.assert_allclose(last, wanted_last, rtol=1e-6, atol=1e-6)
        if wanted is None:
            assert ys is None
        else:
            np.testing.assert_allclose(ys, wanted, rtol=1e-6, atol=1e-6)
            assert ys.dtype == wanted.dtype
    assert native and all(scan is not None for scan in native)


def test_carries_of_other_dtypes_that_change_places():
    def step(carry, x):
        a, b, n, is_odd = carry
        return (b, a + x, n + 1, ops.logical_not(is_odd)), (ops.cast(n, "int64"), is_odd)

    begin = (floats(4), floats(4), np.int32(2), np.bool_(False))
    x = floats(5, 4)
    (a, b, n, is_odd), (numbers, odds) = fastnn.jit(lambda c, x: ops.scan(step, c, x))(begin, x)
    np.testing.assert_allclose(a, begin[1] + x[1] + x[3], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(b, begin[0] + x[0] + x[2] + x[4], rtol=1e-6, atol=1e-6)
    assert (n, is_odd) == (7, True)
    assert numbers.tolist() == [2, 3, 4, 5, 6] and odds.tolist() == [False, True, False, True, False]
    assert numbers.dtype == np.int64 and odds.dtype == bool


def test_a_body_with_a_part_that_has_no_kernel_is_run_step_by_step():
    def run(x):
        return ops.scan(lambda c, v: (ops.linalg.inv(c) + v, ops.sum(c)), x[0], x)

    x = floats(4, 3, 3) + 3 * np.eye(3, dtype="float32")
    for got, wanted in zip(fastnn.jit(run)(x), run(x), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-4)


def test_runs_from_many_threads_do_not_share_memory():
    run = fastnn.jit(lambda c, x: ops.scan(BODIES["recurrence"], c, x))
    begins, x = [floats(3, 5) for _ in range(4)], floats(50, 3, 5)
    wanted = [run(c, x) for c in begins]
    wrong = []

    def repeat(k):
        for _ in range(30):
            got = run(begins[k], x)
            if any((a != b).any() for a, b in zip(got, wanted[k], strict=True)):
                wrong.append(k)

    threads = [threading.Thread(target=repeat, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_recurrent_layer_without_a_kernel_trains_alike_for_any_number_of_threads():
    def losses(threads):
        fastnn.utils.set_random_seed(4)
        model = fastnn.Sequential([fastnn.Input((40, 8)), fastnn.layers.SimpleRNN(48), fastnn.layers.Dense(1)])
        model.compile("adam", "mse")
        fastnn.config.set_threads(threads)
        try:
            return model.fit(x, y, epochs=2, batch_size=32, verbose=0).history["loss"]
        finally:
            fastnn.config.set_threads(None)

    x, y = floats(64, 40, 8), floats(64, 1)
    assert losses(1) == losses(3)
