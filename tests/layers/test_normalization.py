"""BatchNormalization in training as Keras on NumPy: what three batches leave behind; and the steps of a group."""

import keras
import numpy as np
import pytest

import fastnn
from tests.tables import close, rows

CLIPPING = {"rmax": 1.1, "rmin": 0.9, "dmax": 0.1}
ROWS, IMAGES = rows(6, 3), rows(3, 4, 5, 3)


@pytest.mark.parametrize("x", [ROWS, IMAGES], ids=["rows", "images"])
@pytest.mark.parametrize("has_mask", [False, True])
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"axis": 1, "momentum": 0.5},
        {"renorm": True},
        {"renorm": True, "renorm_clipping": CLIPPING, "renorm_momentum": 0.5},
        {"renorm": True, "renorm_clipping": {"rmax": 1.1}, "axis": 1, "scale": False},
        {"renorm": True, "renorm_clipping": {"dmax": 0.1}, "center": False},
    ],
    ids=str,
)
def test_batch_normalization_in_training(arguments, has_mask, x):
    mask = rows(*x.shape[:-1]) < 0.5 if has_mask else None
    layers = [
        k.layers.BatchNormalization(**arguments, moving_variance_initializer=k.initializers.Constant(2.0))
        for k in (fastnn, keras)
    ]
    for step in range(3):  # batches whose moments move
        ours, theirs = (layer(x * (step + 1) + step, training=True, mask=mask) for layer in layers)
        close(ours, np.asarray(theirs), 1e-5, f"step {step}")
    for ours, theirs in zip(layers[0].weights, layers[1].weights, strict=True):
        close(np.asarray(ours), np.asarray(theirs.value), 1e-5, ours.name)
    close(layers[0](x), np.asarray(layers[1](x)), 1e-5, "inference")


def test_batch_normalization_where_nothing_is_seen():
    nothing = np.zeros(6, bool)
    ours, theirs = (k.layers.BatchNormalization()(ROWS, training=True, mask=nothing) for k in (fastnn, keras))
    close(ours, np.asarray(theirs), 1e-5)


def test_renormalized_batches_train():
    L = fastnn.layers
    model = fastnn.Sequential([fastnn.Input((3,)), L.Dense(8), L.BatchNormalization(renorm=True), L.Dense(1)])
    model.compile("adam", "mse")
    x, y = rows(64, 3), rows(64, 1)
    losses = model.fit(x, y, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_group_normalization_is_one_step():
    L = fastnn.layers
    model = fastnn.Sequential([fastnn.Input((8, 8, 4)), L.GroupNormalization(groups=2), L.Activation("silu")])
    model.compile("sgd", "mse")
    kernels = [step.kernel for step in model.explain(batch_size=4, mode="predict").steps]
    assert kernels == ["group_norm_f32"], kernels


@pytest.mark.parametrize("is_zero", [False, True])
@pytest.mark.parametrize(
    "inner, x",
    [
        (lambda k: k.layers.Dense(4), ROWS),
        (lambda k: k.layers.Conv2D(4, 2), IMAGES),
        (lambda k: k.layers.Embedding(9, 3), rows(4, 1, low=3)),
    ],
    ids=["dense", "conv", "embedding"],
)
def test_spectral_normalization_in_training(inner, x, is_zero):
    layers = [k.layers.SpectralNormalization(inner(k), power_iterations=2) for k in (fastnn, keras)]
    for layer in layers:
        layer(x)
    weights = [rows(*w.shape) for w in layers[0].weights]
    weights[0] *= not is_zero
    for layer in layers:
        layer.set_weights(weights)
    for step in range(2):
        ours, theirs = (layer(x, training=True) for layer in layers)
        close(ours, np.asarray(theirs), 1e-5, f"step {step}")
    for ours, theirs in zip(layers[0].weights, layers[1].weights, strict=True):
        close(np.asarray(ours), np.asarray(theirs.value), 1e-5, ours.name)


def test_spectral_normalization_trains_through_the_norm():
    """The gradient of an epoch of one batch is that of `W / sigma`: what divides W flows back too."""
    layer = fastnn.layers.SpectralNormalization(fastnn.layers.Dense(2, use_bias=False))
    model = fastnn.Sequential([fastnn.Input((3,)), layer])
    model.compile(fastnn.optimizers.SGD(0.1), "mse")
    x, y, w, u = rows(4, 3), rows(4, 2), rows(3, 2), rows(1, 2)
    model.set_weights([w, u])
    model.fit(x, y, batch_size=4, verbose=0)
    v = u @ w.T / np.linalg.norm(u @ w.T)
    u = v @ w / np.linalg.norm(v @ w)
    norm = (v @ w @ u.T).item()
    by_kernel = x.T @ (x @ w / norm - y) * 2 / y.size
    by_weights = (by_kernel - np.sum(by_kernel * w) * v.T @ u / norm) / norm
    close(np.asarray(layer.kernel), w / norm - np.float32(0.1) * by_weights, 1e-5)
    close(np.asarray(layer.vector_u), u, 1e-5)
