"""Training the same network from the same weights on the same batches, in fastnn and in Keras."""

import keras
import numpy as np

import fastnn

# Losses of two float32 programs that sum in different orders drift apart with the steps; 50 steps stay within this.
RTOL = 1e-4
STEPS = 50


def batches(shape, classes, batch_size, steps=STEPS, seed=0):
    """`steps` batches of separable data: classes are noisy bright spots, so that training has something to learn."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(classes, *shape))
    for _ in range(steps):
        y = rng.integers(0, classes, batch_size)
        yield (centres[y] + rng.normal(size=(batch_size, *shape))).astype("float32"), y


def losses(model, data):
    """The loss of each batch, in training mode, one update each."""
    values = []
    for x, y in data:
        model.reset_metrics()
        values.append(float(model.train_on_batch(x, y, return_dict=True)["loss"]))
    return values


def compare(build, data, rtol=RTOL):
    """Walks the ladder output, first loss, fifty losses, final weights; the first rung that fails tells where.

    Args:
        build: function of `fastnn` or `keras` that returns a compiled model.
        data: list of batches (x, y).
        rtol: bound of the relative difference of losses.
    """
    keras.utils.set_random_seed(0)  # weights come from `theirs`: the same ones in every run
    theirs, ours = build(keras), build(fastnn)
    assert [tuple(w.shape) for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]
    ours.set_weights(theirs.get_weights())

    x = data[0][0]
    np.testing.assert_allclose(
        ours.predict(x, verbose=0), theirs.predict(x, verbose=0), rtol=1e-5, atol=1e-6, err_msg="output of the model"
    )
    actual, expected = losses(ours, data), losses(theirs, data)
    np.testing.assert_allclose(actual[0], expected[0], rtol=1e-5, err_msg="loss of the first batch")
    np.testing.assert_allclose(actual[1], expected[1], rtol=rtol, err_msg="loss after one update")
    np.testing.assert_allclose(actual, expected, rtol=rtol, err_msg="losses of all batches")
    assert np.mean(expected[-5:]) < np.mean(expected[:5]), "the reference should learn something"
    for a, b in zip(ours.weights, theirs.weights, strict=True):
        a, b = np.asarray(a), np.asarray(b)
        np.testing.assert_allclose(a, b, rtol=0, atol=2e-3 * max(1, np.abs(b).max()), err_msg="a final weight")
