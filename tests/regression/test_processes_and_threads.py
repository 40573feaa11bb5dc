"""One model used by many threads, by forked processes, and with any number of kernel threads."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import fastnn as keras
from fastnn import config, layers


def network():
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(64, activation="relu"),
            layers.Dense(4, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def data(n=160):
    rng = np.random.default_rng(0)
    return rng.random((n, 12, 12, 1)).astype("float32"), rng.integers(0, 4, n)


def wide_network():
    """Its convolutions run by Winograd's algorithm."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            layers.Conv2D(16, 3, activation="relu"),
            layers.Conv2D(24, 3, padding="same", activation="relu"),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(4, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    kernels = [step.kernel for step in model.explain(batch_size=32, mode="train").steps]
    for kernel in ("conv2d", "conv2d_grad_input", "conv2d_grad_kernel"):
        assert f"winograd_{kernel}_f32" in kernels
    return model


def trained_bits(threads, build):
    config.set_threads(threads)
    try:
        model = build()
        model.fit(*data(), batch_size=32, epochs=3, verbose=0)
        return [w.tobytes() for w in model.get_weights()]
    finally:
        config.set_threads(None)


@pytest.mark.parametrize("build", [network, wide_network])
def test_same_seed_same_bits_for_any_thread_count(build):
    one = trained_bits(1, build)
    assert trained_bits(1, build) == one
    assert trained_bits(2, build) == one
    assert trained_bits(3, build) == one


@pytest.mark.parametrize("threads", [None, 16])
def test_many_threads_call_one_model_at_once(threads):
    """Each with helpers of its own; 16 is far above the cores of a small machine, so that helpers come late."""
    model = network()
    inputs = [data(64)[0] + k for k in range(8)]
    expected = [np.asarray(model(x)) for x in inputs]
    wrong = []

    def work(k):
        for _ in range(50):
            if not np.array_equal(np.asarray(model(inputs[k])), expected[k]):
                wrong.append(k)

    workers = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    config.set_threads(threads)
    try:
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    finally:
        config.set_threads(None)
    assert not wrong


FORK = """
import os, sys
import numpy as np
from tests.regression.test_processes_and_threads import data, network
model = network()
x, y = data()
model.fit(x, y, batch_size=32, epochs=1, verbose=0)
expected = model.predict(x, verbose=0)
child = os.fork()
if child == 0:
    same = np.array_equal(model.predict(x, verbose=0), expected)
    model.fit(x, y, batch_size=32, epochs=1, verbose=0)
    os._exit(0 if same else 1)
# A child that waits for threads that a fork does not copy would hang; the test's timeout ends it.
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
model.fit(x, y, batch_size=32, epochs=1, verbose=0)
sys.exit(status)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_child_and_its_parent_go_on_training():
    repository = Path(__file__).parents[2]
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    subprocess.run([sys.executable, "-c", FORK], check=True, timeout=120, cwd=repository, env=environment)
