"""What compiled steps of reference models are made of: the number of kernel calls is a promise of the README."""

import numpy as np
import pytest

import fastnn as keras

L = keras.layers


def mlp():
    return keras.Sequential([keras.Input((784,)), L.Dense(128, "relu"), L.Dense(64, "relu"), L.Dense(10, "softmax")])


def convnet():
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)), L.Conv2D(32, 3, activation="relu"), L.MaxPooling2D(2),
            L.Conv2D(64, 3, activation="relu"), L.MaxPooling2D(2), L.Flatten(), L.Dropout(0.5), L.Dense(10, "softmax"),
        ]
    )  # fmt: skip


@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", "categorical_crossentropy"])
@pytest.mark.parametrize(("build", "most"), [(mlp, 14), (convnet, 20)])
def test_training_steps_are_fused(build, most, loss):
    model = build()
    model.compile("adam", loss, metrics=["accuracy"])
    explanation = model.explain(batch_size=128, mode="train")
    assert len(explanation.steps) <= most, str(explanation)
    assert not [step.kernel for step in explanation.steps if step.kernel.startswith("reference")], str(explanation)


def test_times_and_speeds_after_a_profiled_run():
    model = mlp()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = np.zeros((256, 784), np.float32), np.zeros(256, np.int64)
    assert all(step.seconds is None for step in model.explain(batch_size=64).steps)
    keras.config.profile(True)
    try:
        model.fit(x, y, batch_size=64, verbose=0)
    finally:
        keras.config.profile(False)
    explanation = model.explain(batch_size=64)
    steps = [step for step in explanation.steps if step.flops]
    assert steps and all(step.seconds > 0 and step.gflops_per_s > 0 for step in steps)
    assert explanation.arena_bytes >= explanation.live_bytes > 0
    assert "gemm_f32" in str(explanation) and "kernel calls" in str(explanation)


def test_modes_and_errors():
    model = mlp()
    assert [step.kernel for step in model.explain(batch_size=2, mode="predict").steps][-1] == "softmax_f32"
    with pytest.raises(ValueError, match="compile"):
        model.explain(batch_size=2)
    with pytest.raises(ValueError, match="mode"):
        model.explain(mode="learn")
    model.compile("sgd", "mse", run_eagerly=True)
    with pytest.raises(ValueError, match="run_eagerly"):
        model.explain()
