"""What the samplers promise: distributions, seeds, shapes, dtypes and errors, eager and traced."""

import numpy as np
import pytest
import scipy.stats

import fastnn
from fastnn import ops, random
from fastnn.ops.random import random_bernoulli_op
from fastnn.random.seed_generator import global_seed_generator

N = 20_000
DISTRIBUTIONS = {
    "uniform": (lambda: random.uniform((N,), -1.0, 3.0, seed=1), scipy.stats.uniform(-1, 4)),
    "normal": (lambda: random.normal((N,), 2.0, 3.0, seed=2), scipy.stats.norm(2, 3)),
    "truncated_normal": (lambda: random.truncated_normal((N,), 1.0, 0.5, seed=3), scipy.stats.truncnorm(-2, 2, 1, 0.5)),
    "uniform64": (lambda: random.uniform((N,), dtype="float64", seed=4), scipy.stats.uniform()),
    "normal64": (lambda: random.normal((N,), dtype="float64", seed=5), scipy.stats.norm()),
    "gamma": (lambda: random.gamma((N,), 2.5, seed=6), scipy.stats.gamma(2.5)),
    "beta": (lambda: random.beta((N,), 2.0, 3.0, seed=7), scipy.stats.beta(2, 3)),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_distribution(name):
    """Kolmogorov and Smirnov's test, at 1 in 1000; the seeds are fixed, so it always gives the same answer."""
    draw, distribution = DISTRIBUTIONS[name]
    assert scipy.stats.kstest(draw().astype(np.float64), distribution.cdf).pvalue > 1e-3


def test_discrete_distributions():
    counts = np.bincount(random.randint((N,), 0, 7, seed=1), minlength=7)
    assert scipy.stats.chisquare(counts).pvalue > 1e-3
    logits = np.log(np.array([[0.1, 0.2, 0.7], [0.5, 0.25, 0.25]], np.float32))
    drawn = random.categorical(logits, N, seed=2)
    assert drawn.shape == (2, N) and drawn.dtype == np.int32
    for row, wanted in zip(drawn, np.exp(logits.astype(np.float64)), strict=True):
        assert scipy.stats.chisquare(np.bincount(row, minlength=3), wanted / wanted.sum() * N).pvalue > 1e-3
    impossible = np.float32([[-np.inf, 0, -np.inf, 5, -np.inf]] * 3)
    assert np.isin(random.categorical(impossible, N, seed=4), [1, 3]).all()
    one = random.categorical(np.where(np.eye(300), 0, -np.inf).astype("float32"), 5, seed=5)
    np.testing.assert_array_equal(one, np.arange(300)[:, None] * np.ones(5, int))
    spoiled = np.float32([[0, 1, 2]] * 7)
    sound = random.categorical(spoiled, 50, seed=6)
    spoiled[3, 1] = np.nan
    np.testing.assert_array_equal(np.delete(random.categorical(spoiled, 50, seed=6), 3, 0), np.delete(sound, 3, 0))
    binomial = random.binomial((N,), 4, 0.3, seed=3)
    wanted = scipy.stats.binom(4, 0.3).pmf(np.arange(5)) * N
    assert scipy.stats.chisquare(np.bincount(binomial.astype(int), minlength=5), wanted).pvalue > 1e-3


def test_array_parameters_broadcast():
    x = random.normal(
        (1000, 2), mean=np.array([0.0, 10.0], np.float32), stddev=np.array([1.0, 0.1], np.float32), seed=1
    )
    np.testing.assert_allclose(x.mean(0), [0, 10], atol=0.1)
    np.testing.assert_allclose(x.std(0), [1, 0.1], rtol=0.1)


def test_randint_between_arrays():
    low, high = np.array([0, -3, 100]), np.array([1, 4, 200])
    for draw in (random.randint, fastnn.jit(lambda *args, **kwargs: random.randint((N, 3), *args[1:], **kwargs))):
        x = draw((N, 3), low, high, seed=1)
        assert x.dtype == np.int32 and (x >= low).all() and (x < high).all()
        for k in range(3):
            counts = np.bincount(x[:, k] - low[k], minlength=high[k] - low[k])
            assert scipy.stats.chisquare(counts).pvalue > 1e-3 or high[k] - low[k] == 1


def test_binomial_of_integers():
    assert random.binomial((3,), 4, 0.5, dtype="int32", seed=1).dtype == np.int32


def test_integer_seed_gives_the_same_numbers_and_a_generator_new_ones():
    np.testing.assert_array_equal(random.normal((5,), seed=3), random.normal((5,), seed=3))
    generator = random.SeedGenerator(3)
    first, second = random.normal((5,), seed=generator), random.normal((5,), seed=generator)
    np.testing.assert_array_equal(first, random.normal((5,), seed=3))
    assert (first != second).all()
    assert generator.state.numpy().tolist() == [3, 2]
    assert random.SeedGenerator.from_config(generator.get_config()).state.numpy().tolist() == [3, 0]


def test_next_gives_the_state_and_advances_it():
    generator = random.SeedGenerator(9)
    assert generator.next().tolist() == [9, 0] and generator.next().tolist() == [9, 1]


def test_compiled_function_advances_its_generator():
    generator = random.SeedGenerator(5)
    compiled = fastnn.jit(lambda x: x + random.uniform((4,), seed=generator))
    traced = [compiled(np.zeros(4, np.float32)) for _ in range(3)]
    fresh = random.SeedGenerator(5)
    for numbers in traced:
        np.testing.assert_array_equal(numbers, random.uniform((4,), seed=fresh))
    assert generator.state.numpy().tolist() == [5, 3]


def test_set_random_seed_resets_the_global_generator():
    fastnn.utils.set_random_seed(1)
    first = random.uniform((3,)), random.uniform((3,))
    fastnn.utils.set_random_seed(1)
    np.testing.assert_array_equal(first, (random.uniform((3,)), random.uniform((3,))))
    assert (first[0] != first[1]).all()
    assert global_seed_generator().state.numpy()[1] == 2


def test_dropout():
    x = np.ones((200, 50), np.float32)
    y = random.dropout(x, 0.3, seed=1)
    assert set(np.unique(y)) == {np.float32(0), np.float32(1 / 0.7)}
    assert abs((y == 0).mean() - 0.3) < 5 * np.sqrt(0.3 * 0.7 / x.size)
    assert (random.dropout(x, 1.0, seed=1) == 0).all() and (random.dropout(x, 0.0, seed=1) == 1).all()
    for noise_shape in ((200, 1), (None, 1)):
        rows = random.dropout(x, 0.5, noise_shape=noise_shape, seed=1)
        assert (rows == rows[:, :1]).all() and 0 < (rows[:, 0] == 0).mean() < 1


def test_a_dropout_keeps_bools_for_its_gradient():
    """And both are the products with a mask of 0 and 1 / (1 - rate), which is the same for each dtype."""
    x = np.random.default_rng(0).standard_normal((96, 50)).astype("float32")
    inputs = fastnn.Input((50,))
    model = fastnn.Model(inputs, ops.tanh(random.dropout(ops.tanh(inputs), 0.3, seed=random.SeedGenerator(1))))
    model.compile("sgd", "mse")
    steps = str(model.explain(batch_size=96))
    assert steps.count("random_bernoulli_bool") == 1 and "random_bernoulli_f32" not in steps
    mask, _ = random_bernoulli_op(
        np.array([1, 0], "uint32"), shape=x.shape, dtype="float32", probability=0.7, scale=1 / 0.7
    )
    np.testing.assert_array_equal(random.dropout(x, 0.3, seed=1), x * mask)
    slope = fastnn.value_and_grad(lambda x: ops.sum(random.dropout(x, 0.3, seed=1)))(x)[1]
    np.testing.assert_array_equal(slope, mask)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: random.uniform((2,), dtype="int32"), "floating point.*int32"),
        (lambda: random.randint((2,), 0, 5, dtype="float32"), "integer.*float32"),
        (lambda: random.randint((2,), 5, 5), "minval=5.*maxval=5"),
        (lambda: random.normal((2,), seed="a"), "seed=a"),
        (lambda: random.SeedGenerator(1.5), "seed=1.5"),
        (lambda: random.categorical(np.zeros(3), 2), r"\(3,\)"),
        (lambda: random.dropout(np.ones((2, 3), "float32"), 1.5), "1.5"),
        (lambda: random.dropout(np.ones((2, 3), "float32"), 0.5, noise_shape=(3, 1)), r"\(3, 1\).*\(2, 3\)"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_shuffle():
    x = np.arange(60, dtype="float32").reshape(20, 3)
    y = random.shuffle(x, seed=1)
    assert (y != x).any() and sorted(map(tuple, y)) == sorted(map(tuple, x))
    columns = random.shuffle(x, axis=1, seed=1)
    assert (np.sort(columns, axis=1) == x).all()
    first = [int(random.shuffle(np.arange(5), seed=k)[0]) for k in range(1000)]
    assert scipy.stats.chisquare(np.bincount(first, minlength=5)).pvalue > 1e-3


def test_functional_model_draws_new_numbers_in_each_call():
    x = fastnn.Input((1000,))
    model = fastnn.Model(x, random.dropout(x, 0.5, seed=random.SeedGenerator(1)))
    ones = np.ones((2, 1000), "float32")
    first, second = np.asarray(model(ones)), np.asarray(model(ones))
    assert set(np.unique(first)) == {0, 2} and (first != second).any()
    assert random.shuffle(fastnn.KerasTensor((None, 3)), seed=1).shape == (None, 3)
