"""Layers that drop weights of attention without a matrix of them: as by the matrix, for any number of threads."""

import numpy as np
import pytest

import fastnn
from fastnn import config, layers
from tests.tables import rows

QUERY, VALUE = rows(2, 70, 8), rows(2, 100, 8)
MASK = (rows(2, 70, 100) < 0.3) & (np.arange(70) != 5)[:, None]  # query 5 is blind
LAYERS = {
    "multi_head": lambda: layers.MultiHeadAttention(2, 16, dropout=0.3, seed=4),
    "grouped": lambda: layers.GroupQueryAttention(5, 4, 2, dropout=0.3, seed=4),
}
CALLS = {"plain": {}, "mask": {"attention_mask": MASK}, "causal": {"use_causal_mask": True}}


def two_steps(name, by_weights, call):
    """The values and their gradients by the inputs and the weights, of two calls; the state behind them."""
    fastnn.utils.set_random_seed(0)
    layer = LAYERS[name]()
    layer.build(QUERY.shape, VALUE.shape)

    @fastnn.jit
    def step(query, value):
        with fastnn.GradientTape() as tape:
            tape.watch([query, value])
            y = layer(query, value, training=True, return_attention_scores=by_weights, **call)
            y = y[0] if by_weights else y
        return [y, *tape.gradient(y, [query, value, *layer.trainable_variables], output_gradients=np.cos(QUERY))]

    return [*step(QUERY, VALUE), *step(QUERY, VALUE)], np.asarray(layer._dropout_layer.seed_generator.state)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", LAYERS)
def test_as_by_a_matrix_of_weights(name, call):
    found, state = two_steps(name, False, CALLS[call])
    wanted, wanted_state = two_steps(name, True, CALLS[call])
    np.testing.assert_array_equal(state, wanted_state)
    assert abs(found[0] - found[len(found) // 2]).max() > 0.01  # other weights in the second step
    for x, expected in zip(found, wanted, strict=True):
        np.testing.assert_allclose(x, expected, rtol=2e-5, atol=1e-5)  # of a bias of keys it is 0, but for rounding


@pytest.mark.parametrize("name", LAYERS)
def test_any_number_of_threads_gives_the_same_bits(name):
    before = config.threads()
    try:
        found = []
        for threads in (1, 2, 3):
            config.set_threads(threads)
            found.append([x.tobytes() for x in two_steps(name, False, {})[0]])
    finally:
        config.set_threads(before)
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("is_causal", [False, True])
def test_attention(is_causal):
    """One that gives its weights gives those that are dropped too."""
    found, (wanted, _) = (
        layers.Attention(dropout=0.3, seed=4)(
            [QUERY, VALUE], training=True, return_attention_scores=returns, use_causal_mask=is_causal
        )
        for returns in (False, True)
    )
    np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=1e-6)
