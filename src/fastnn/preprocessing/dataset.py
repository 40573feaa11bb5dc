"""Dataset: samples or batches that can be read any number of times, and what scripts do with them.

The methods are those of `tf.data.Dataset` that Keras scripts use. Elements are arrays, or tuples, lists or dicts of
arrays.
"""

from __future__ import annotations

import collections
import itertools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from fastnn import config, tree

AUTOTUNE = -1  # what scripts pass for "as many as is good"
_END = object()


class Dataset:
    """Elements that are made anew each time they are read, such as batches for `fit`.

    Args:
        start: returns an iterator of the elements; called for each pass.
        length: how many elements there are; None when that is not known.

    Example:
        >>> from fastnn.preprocessing.dataset import Dataset
        >>> numbers = Dataset(lambda: iter(range(5)), 5)
        >>> [batch.tolist() for batch in numbers.map(lambda x: x * x).batch(2)]
        [[0, 1], [4, 9], [16]]
    """

    def __init__(self, start: Callable[[], Iterator], length: int | None = None):
        self._start, self._length = start, length

    def __iter__(self) -> Iterator:
        return iter(self._start())

    def __len__(self) -> int:
        if self._length is None:
            raise TypeError("The length of this dataset is not known.")
        return self._length

    def cardinality(self) -> int:
        """How many elements there are; -2 when that is not known."""
        return -2 if self._length is None else self._length

    def as_numpy_iterator(self) -> Iterator:
        """The elements, which are NumPy's in any case."""
        return iter(self)

    def _made(self, change: Callable[[Iterator], Iterator], length: int | None) -> Dataset:
        return Dataset(lambda: change(iter(self)), length)

    def _counted(self, count: Callable[[int], int]) -> int | None:
        return None if self._length is None else max(0, count(self._length))

    def take(self, count: int) -> Dataset:
        """The first `count` elements; all of them for -1."""
        if count < 0:
            return self
        return self._made(lambda it: itertools.islice(it, count), self._counted(lambda n: min(n, count)))

    def skip(self, count: int) -> Dataset:
        """All but the first `count` elements."""
        return self._made(lambda it: itertools.islice(it, count, None), self._counted(lambda n: n - count))

    def map(self, function, num_parallel_calls=None, deterministic=None) -> Dataset:
        """The results of `function(*element)` for tuples, else of `function(element)`, in order.

        Args:
            function: any; it sees NumPy arrays.
            num_parallel_calls: how many threads call it, `AUTOTUNE` (-1) for one a core; None for the reading one.
            deterministic: not used: the order is always kept.
        """

        def call(element):
            return function(*element) if isinstance(element, tuple) else function(element)

        if num_parallel_calls is None:
            return self._made(lambda it: (call(element) for element in it), self._length)
        workers = config.threads() if num_parallel_calls < 1 else num_parallel_calls
        return self._made(lambda it: in_threads(call, it, workers), self._length)

    def filter(self, predicate) -> Dataset:
        """The elements for which `predicate` is true."""

        def keep(element):
            return predicate(*element) if isinstance(element, tuple) else predicate(element)

        return self._made(lambda it: (element for element in it if keep(element)), None)

    def batch(self, batch_size: int, drop_remainder=False, **_unused) -> Dataset:
        """Elements stacked, `batch_size` at a time; the last batch may be smaller.

        Args:
            batch_size: how many.
            drop_remainder: whether a smaller batch at the end is left out.
        """
        length = self._counted(lambda n: n // batch_size if drop_remainder else -(-n // batch_size))

        def batches(iterator):
            while chunk := list(itertools.islice(iterator, batch_size)):
                if len(chunk) == batch_size or not drop_remainder:
                    yield stacked(chunk)

        return self._made(batches, length)

    def unbatch(self) -> Dataset:
        """The rows of the elements, one by one."""

        def rows(iterator):
            for element in iterator:
                count = len(tree.flatten(element)[0])
                yield from (tree.map_structure(lambda a, k=k: a[k], element) for k in range(count))

        return self._made(rows, None)

    def shuffle(self, buffer_size: int, seed=None, reshuffle_each_iteration=True) -> Dataset:
        """The elements in random order: each time one is drawn from the next `buffer_size`.

        Args:
            buffer_size: how many elements are held; as many as there are for an order without bias.
            seed: an integer: the order, and those of later passes, are then the same in each run.
            reshuffle_each_iteration: whether each pass has another order.
        """
        seeds = pass_seeds(seed, reshuffle_each_iteration)

        def shuffled(iterator):
            rng = np.random.default_rng(next(seeds))
            buffer = list(itertools.islice(iterator, buffer_size))
            for element in iterator:
                k = rng.integers(len(buffer))
                buffer[k], element = element, buffer[k]
                yield element
            yield from (buffer[k] for k in rng.permutation(len(buffer)))

        return self._made(shuffled, self._length)

    def prefetch(self, buffer_size: int) -> Dataset:
        """The elements, made in another thread up to `buffer_size` (2 for `AUTOTUNE`) ahead of reading."""
        ahead = 2 if buffer_size < 1 else buffer_size
        return self._made(
            lambda it: in_threads(lambda _: next(it, _END), itertools.repeat(None), 1, ahead), self._length
        )

    def cache(self, filename="") -> Dataset:
        """The elements of the first whole pass, kept in memory.

        Args:
            filename: must be empty: nothing is kept in files.

        Raises:
            ValueError: for a file name.
        """
        if filename:
            raise ValueError(f"cache: elements are kept in memory only; got filename={filename!r}.")
        kept: list = []
        done = [False]

        def cached(iterator):
            if done[0]:
                yield from kept
                return
            seen = []
            for element in iterator:
                seen.append(element)
                yield element
            kept[:], done[0] = seen, True

        return self._made(cached, self._length)

    def repeat(self, count=None) -> Dataset:
        """The elements, `count` times over; without end by default."""
        if count is None or count < 0:
            return Dataset(lambda: itertools.chain.from_iterable(iter(self) for _ in itertools.count()), None)
        return Dataset(
            lambda: itertools.chain.from_iterable(iter(self) for _ in range(count)), self._counted(lambda n: n * count)
        )

    def concatenate(self, dataset: Iterable) -> Dataset:
        """The elements, then those of another dataset."""
        more = len(dataset) if hasattr(dataset, "__len__") and self._length is not None else None
        return self._made(
            lambda it: itertools.chain(it, dataset), None if more is None else self._counted(lambda n: n + more)
        )

    def enumerate(self, start=0) -> Dataset:
        """The elements with their numbers."""
        return self._made(lambda it: enumerate(it, start), self._length)


def stacked(elements: list):
    """Elements of one structure as one, whose arrays have one more axis, the first."""

    def stack(*leaves):
        return np.asarray(leaves, object if isinstance(leaves[0], (str, bytes)) else None)

    return tree.map_structure(stack, *elements)


def pass_seeds(seed, is_new_each_pass: bool = True) -> Iterator[Any]:
    """What the random generators of one pass after another start from; the same ones for a seed."""
    seed = np.random.randint(2**31) if seed is None else seed
    return ([seed, k] for k in itertools.count()) if is_new_each_pass else itertools.repeat(seed)


def in_threads(function, items: Iterable, workers: int, ahead: int | None = None) -> Iterator:
    """`function` of each item, in order, computed by threads up to `ahead` items before they are asked for.

    It ends when a result is `_END`. Threads end with the iterator.
    """
    items = iter(items)
    with ThreadPoolExecutor(workers) as pool:
        pending = collections.deque(
            pool.submit(function, item) for item in itertools.islice(items, ahead or 2 * workers)
        )
        try:
            while pending:
                result = pending.popleft().result()
                if result is _END:
                    return
                pending.extend(pool.submit(function, item) for item in itertools.islice(items, 1))
                yield result
        finally:
            for future in pending:
                future.cancel()
