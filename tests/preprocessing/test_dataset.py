"""Dataset: what its methods yield, how often it can be read, and that fit takes it."""

import itertools
import threading

import numpy as np
import pytest

import fastnn
from fastnn.preprocessing.dataset import AUTOTUNE, Dataset


def numbers(count=10):
    return Dataset(lambda: iter(range(count)), count)


def pairs(count=10):
    return Dataset(lambda: iter([(np.float32(k), {"y": np.float32(2 * k)}) for k in range(count)]), count)


def test_reading_twice_gives_the_same():
    dataset = numbers().skip(2).take(5).map(lambda x: x * x)
    assert list(dataset) == list(dataset) == [4, 9, 16, 25, 36]
    assert len(dataset) == 5 and dataset.cardinality() == 5


@pytest.mark.parametrize(
    ("make", "length"),
    [
        (lambda d: d.take(3), 3),
        (lambda d: d.take(30), 10),
        (lambda d: d.take(-1), 10),
        (lambda d: d.skip(30), 0),
        (lambda d: d.batch(4), 3),
        (lambda d: d.batch(4, drop_remainder=True), 2),
        (lambda d: d.repeat(2), 20),
        (lambda d: d.concatenate(numbers(3)), 13),
        (lambda d: d.enumerate().map(lambda k, x: k + x), 10),
        (lambda d: d.shuffle(3, seed=1).prefetch(2).cache(), 10),
    ],
)
def test_lengths_are_those_of_the_elements(make, length):
    dataset = make(numbers())
    assert len(dataset) == len(list(dataset)) == length


def test_an_unknown_length():
    dataset = numbers().filter(lambda x: x % 2)
    assert list(dataset) == [1, 3, 5, 7, 9] and dataset.cardinality() == -2
    with pytest.raises(TypeError):
        len(dataset)


def test_batches_of_structures_and_back():
    batches = list(pairs(5).batch(2))
    assert [x.tolist() for x, _ in batches] == [[0, 1], [2, 3], [4]]
    assert batches[1][1]["y"].tolist() == [4, 6] and batches[0][0].dtype == np.float32
    assert [(float(x), float(y["y"])) for x, y in pairs(5).batch(2).unbatch()] == [(k, 2 * k) for k in range(5)]
    texts = Dataset(lambda: iter(["a", "bc"])).batch(2)
    assert next(iter(texts)).dtype == object


def test_map_takes_tuples_apart_and_keeps_order_in_threads():
    names = set()

    def add(x, y):
        names.add(threading.current_thread().name)
        return x + y["y"]

    assert [float(z) for z in pairs().map(add, num_parallel_calls=3)] == [3 * k for k in range(10)]
    assert threading.current_thread().name not in names
    assert len(list(numbers(100).map(lambda x: x, num_parallel_calls=AUTOTUNE))) == 100


def test_shuffles():
    shuffled = numbers(50).shuffle(50, seed=3)
    first, second = list(shuffled), list(shuffled)
    assert sorted(first) == sorted(second) == list(range(50)) and first != second != list(range(50))
    assert list(numbers(50).shuffle(50, seed=3)) == first, "a seed says the order"
    fixed = numbers(50).shuffle(50, seed=3, reshuffle_each_iteration=False)
    assert list(fixed) == list(fixed)
    near = list(numbers(50).shuffle(5, seed=0))
    assert all(x <= place + 5 for place, x in enumerate(near)), "an element cannot come before it is in the buffer"


def test_prefetch_reads_ahead_and_stops():
    read = []

    def start():
        for k in range(100):
            read.append(k)
            yield k

    iterator = iter(Dataset(start).prefetch(3))
    assert next(iterator) == 0
    iterator.close()
    assert len(read) <= 6
    assert list(Dataset(start).prefetch(3)) == list(range(100))


def test_an_error_in_a_thread_reaches_the_reader():
    with pytest.raises(ZeroDivisionError):
        list(numbers().map(lambda x: 1 // (x - 5), num_parallel_calls=2))


def test_cache_reads_once():
    read = []

    def start():
        read.append(1)
        return iter(range(4))

    cached = Dataset(start).cache()
    assert list(itertools.islice(cached, 2)) == [0, 1], "an unfinished pass keeps nothing"
    assert list(cached) == list(cached) == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="memory"):
        numbers().cache("file")


def test_fit_evaluate_predict():
    x = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
    y = x.sum(axis=1, keepdims=True)
    dataset = Dataset(lambda: iter(zip(x, y, strict=True)), 20).shuffle(20, seed=0).batch(4).prefetch(AUTOTUNE)
    model = fastnn.Sequential([fastnn.Input((3,)), fastnn.layers.Dense(1)])
    model.compile(fastnn.optimizers.SGD(0.1), "mse")
    history = model.fit(dataset, validation_data=dataset.take(2), epochs=20, verbose=0)
    assert history.params["steps"] == 5
    assert history.history["loss"][-1] < 1e-2 < history.history["loss"][0]
    assert model.evaluate(dataset, verbose=0) < 1e-2
    assert model.predict(dataset.map(lambda a, b: a), verbose=0).shape == (20, 1)
