"""What users pass to fit, evaluate and predict, checked and cut into batches.

Owns: arrays, lists and dicts of arrays, generators, PyDatasets; sample and class weights; the validation split; the
order of rows. It copies no rows of contiguous arrays: a compiled function gathers them itself
(`plan.function.Compiled.batches`).
"""

from __future__ import annotations

import itertools
import operator
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from fastnn import _kernels, config, tree
from fastnn.graph.dtypes import from_dlpack
from fastnn.layers.text import is_text

MOST_SHUFFLED = 2**31 - 1  # rows: their order is int32, half of what int64 would add to the memory of an epoch

_TAKEN = frozenset(map(np.dtype, ("bool", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f4", "f8")))


class Run:
    """Some consecutive batches, to be done in one call.

    Attributes:
        first: the number of the first batch in the epoch.
        steps: how many.
        on: applies a function that has `batches` (see `Compiled`) to them and returns the outputs of the last.
    """

    __slots__ = ("first", "on", "steps")

    def __init__(self, first: int, steps: int, on: Callable[[Any], Any]):
        self.first = first
        self.steps = steps
        self.on = on


def source_of(
    x, y=None, sample_weight=None, batch_size=None, steps=None, shuffle=False, class_weight=None
) -> ArraySource | IteratorSource | DatasetSource:
    """The batches of what the user passed.

    Args:
        x: an array (n, ...), a list or dict of them, a generator or iterable of batches, or a PyDataset.
        y: targets with n rows, in the structure of the outputs; None with anything but arrays.
        sample_weight: weights with n rows.
        batch_size: 32 by default; arrays only.
        steps: batches an epoch; all by default.
        shuffle: whether rows (or the batches of a PyDataset) are taken in random order; "batch" keeps batches together.
        class_weight: `{class: weight}`.

    Raises:
        ValueError: for data that is empty, differs in length, has no numbers, or does not go with the arguments.
    """
    if x is None:
        raise ValueError("The data is missing: `x` is None.")
    if is_array_data(x):
        arrays = as_data(x, y, sample_weight)
        if class_weight is not None:
            arrays = with_class_weight(arrays, class_weight)
        return ArraySource(arrays, batch_size, steps, shuffle)
    if tree.is_nested(x) or isinstance(x, str) or not (_is_dataset(x) or hasattr(x, "__iter__")):
        raise ValueError(f"Unrecognized data type: x={_short(x)} (of type {type(x)})")
    kind = "PyDataset" if _is_dataset(x) else "generator"
    for name, value in (("y", y), ("sample_weight", sample_weight)):
        if value is not None:
            what = "targets" if name == "y" else "sample weights"
            raise ValueError(
                f"When providing `x` as a {kind}, `{name}` should not be passed. Instead, the {what} should be "
                f"included as part of the {kind}."
            )
    if kind == "PyDataset":
        return DatasetSource(x, steps, bool(shuffle), class_weight)
    return IteratorSource(x, steps, class_weight)


class Shuffler:
    """Permutations: which one is the n-th hangs on n and on a number that is drawn once. `np.random.permutation` takes
    three times as long.

    Args:
        shuffles: whether there will be any.
    """

    def __init__(self, shuffles):
        self._drawn = _random_bits() if shuffles else 0
        self._number = -1

    def permutation(self, n: int, again: bool = False) -> np.ndarray:
        """0 .. n - 1 in a new order, or in the last one."""
        if not again:
            self._number += 1
        order = np.empty(n, np.int32)
        state = np.array(divmod((self._drawn + self._number) % 2**64, 2**32), np.uint32)
        _kernels.run("random_permutation", [state, order, None], [n, _kernels.DTYPE_CODE["int32"]])
        return order

    def position(self) -> dict:
        """What `resume` takes."""
        return {"drawn": self._drawn, "number": self._number}

    def resume(self, position: dict) -> None:
        self._drawn, self._number = position["drawn"], position.get("number", 0)  # each had its own number once


def _random_bits() -> int:
    """63 bits of NumPy's global generator, as in Keras, where anybody has loaded it, who may have seeded it; else of
    Python's: loading NumPy's takes 7 MB, and twice as long as the first fit of a small network."""
    loaded = sys.modules.get("numpy.random")
    return random.getrandbits(63) if loaded is None else int(loaded.randint(2**63))


class ArraySource:
    """Batches of rows of arrays.

    Args:
        arrays: `(x,)`, `(x, y)` or `(x, y, sample_weight)`, each a structure of arrays with n rows.
        batch_size: 32 by default.
        steps: batches an epoch; an epoch then goes on where the last one stopped.
        shuffle: False, True or "batch".
    """

    def __init__(self, arrays: tuple, batch_size=None, steps=None, shuffle=False):
        # Rows are gathered where they lie, so they must lie in one piece; other arrays are laid out so, once.
        self.arrays = tree.map_structure(lambda a: None if a is None else np.ascontiguousarray(a), arrays)
        self.rows = row_count(arrays)
        self.batch_size = checked_batch_size(batch_size)
        self.num_batches = -(-self.rows // self.batch_size)
        self.steps = steps or self.num_batches
        self._shuffle = shuffle
        self._order: np.ndarray | None = None
        self._next = self.num_batches  # the batch to come; at the end, a new order is drawn
        self._shuffler = Shuffler(shuffle)

    def epoch(self, chunk: Callable[[], int], first: int = 0) -> Iterator[Run]:
        """The runs of an epoch after its `first` batches, of at most `chunk()` batches each; the last, smaller batch is
        a run of its own."""
        if self._next >= self.num_batches:
            self._order, self._next = self._new_order(), 0
        full = self.rows // self.batch_size
        done = first
        while done < self.steps:
            if self._next >= self.num_batches:
                warn_out_of_data()
                return
            start = self._next
            if start < full:
                count = max(1, min(chunk(), full - start, self.steps - done))
                size = self.batch_size
            else:
                count, size = 1, self.rows - full * self.batch_size
            self._next = start + count
            yield Run(done, count, self._runner(size, start * self.batch_size, count))
            done += count

    def example(self):
        """Inputs, for looking at shapes."""
        return self.arrays[0]

    def position(self) -> dict:
        """What `resume` takes to go on after the batches that are done."""
        return {"next": self._next, "shuffler": self._shuffler.position()}

    def resume(self, position: dict) -> None:
        """Goes on where `position` was taken, in another process perhaps."""
        self._shuffler.resume(position["shuffler"])
        if position["next"] < self.num_batches:
            self._order = self._new_order(again=True)
        self._next = position["next"]

    def _runner(self, size: int, row: int, count: int):
        data = self.arrays if len(self.arrays) > 1 else pack_x_y_sample_weight(*self.arrays)
        return lambda function: function.batches(data, batch_size=size, start=row, steps=count, index=self._order)

    def _new_order(self, again: bool = False) -> np.ndarray | None:
        if not self._shuffle:
            return None
        if self.rows > MOST_SHUFFLED:
            raise ValueError(f"`shuffle` can order at most {MOST_SHUFFLED} rows. Received: {self.rows}")
        if self._shuffle != "batch":
            return self._shuffler.permutation(self.rows, again)
        starts = self._shuffler.permutation(self.rows // self.batch_size, again) * self.batch_size
        order = (starts[:, None] + np.arange(self.batch_size)).ravel()
        return np.concatenate([order, np.arange(order.size, self.rows)], dtype=np.int32)


class IteratorSource:
    """Batches from a generator (which goes on from epoch to epoch) or another iterable (which starts anew)."""

    rows = None

    def __init__(self, batches, steps=None, class_weight=None):
        self._batches, self._class_weight = batches, class_weight
        self.num_batches = operator.length_hint(batches) or None
        self.steps = steps
        self.arrays = None
        self._iterator = iter(batches)
        self._is_one_pass = self._iterator is batches
        self._drawn = 0  # from this iterator

    def epoch(self, chunk: Callable[[], int], first: int = 0) -> Iterator[Run]:
        """The runs of an epoch after its `first` batches, of one batch each."""
        for k in itertools.count(first) if self.steps is None else range(first, self.steps):
            try:
                batch = next(self._iterator)
            except StopIteration:
                self._end_of_data(k)
                return
            self._drawn += 1
            data = as_batch(batch, self._class_weight)
            yield Run(k, 1, _caller(data if isinstance(batch, (tuple, list)) else data[0]))

    def example(self):
        """Inputs, for looking at shapes: there are none without taking a batch away.

        Raises:
            ValueError: always.
        """
        raise ValueError(
            "A model that is trained on a generator must be built before it can go on from a backup: give it an "
            "`Input`, or call `build()`."
        )

    def position(self) -> dict:
        """What `resume` takes to go on after the batches that are done."""
        return {"drawn": self._drawn}

    def resume(self, position: dict) -> None:
        """Goes on where `position` was taken: the batches before it are taken from the iterator and dropped."""
        for _ in range(position["drawn"]):
            next(self._iterator, None)
        self._drawn = position["drawn"]

    def _end_of_data(self, k: int) -> None:
        is_surprise = self.steps is not None or k == 0
        if not self._is_one_pass:
            self._iterator, self._drawn = iter(self._batches), 0
        if is_surprise:
            warn_out_of_data()


class DatasetSource:
    """Batches of a PyDataset, by number."""

    rows = None

    def __init__(self, dataset, steps=None, shuffle=False, class_weight=None):
        self._dataset, self._shuffle, self._class_weight = dataset, shuffle, class_weight
        self.num_batches = len(dataset)
        if self.num_batches == 0:
            raise ValueError(f"The data is empty: {type(dataset).__name__} has 0 batches.")
        self.steps = steps or self.num_batches
        self.arrays = None
        self._order, self._next = range(self.num_batches), self.num_batches
        self._shuffler = Shuffler(shuffle)

    def epoch(self, chunk: Callable[[], int], first: int = 0) -> Iterator[Run]:
        """The runs of an epoch after its `first` batches, of one batch each."""
        _call(self._dataset, "on_epoch_begin")
        if self._next >= self.num_batches:
            self._order, self._next = self._new_order(), 0
        numbers = self._order[self._next : self._next + self.steps - first]
        for k, batch in enumerate(self._batches(numbers), first):
            self._next += 1
            yield Run(k, 1, _caller(batch))
        if len(numbers) < self.steps - first:
            warn_out_of_data()
        _call(self._dataset, "on_epoch_end")

    def _batches(self, numbers) -> Iterator[tuple]:
        """The batches of these numbers; those to come are made by the threads that the data set asks for."""

        def made(k):
            return as_batch(self._dataset[k], self._class_weight)

        workers = getattr(self._dataset, "workers", 1)
        if workers <= 1:
            return map(made, numbers)
        from fastnn.preprocessing.dataset import in_threads  # a tenth of what a first import takes, and few ask

        return in_threads(made, numbers, workers, max(workers, self._dataset.max_queue_size))

    def _new_order(self, again: bool = False):
        return (
            self._shuffler.permutation(self.num_batches, again).tolist() if self._shuffle else range(self.num_batches)
        )

    def example(self):
        """Inputs, for looking at shapes."""
        return as_batch(self._dataset[0])[0]

    def position(self) -> dict:
        """What `resume` takes to go on after the batches that are done."""
        return {"next": self._next, "shuffler": self._shuffler.position()}

    def resume(self, position: dict) -> None:
        """Goes on where `position` was taken, in another process perhaps."""
        self._shuffler.resume(position["shuffler"])
        if position["next"] < self.num_batches:
            self._order = self._new_order(again=True)
        self._next = position["next"]


def _caller(batch):
    return lambda function: function(batch)


def _call(dataset, method: str) -> None:
    hook = getattr(dataset, method, None)
    if hook is not None:
        hook()


def warn_out_of_data() -> None:
    warnings.warn(
        "Your input ran out of data; interrupting training. Make sure that your dataset or generator can generate at "
        "least `steps_per_epoch * epochs` batches. You may need to use the `.repeat()` function when building your "
        "dataset.",
        stacklevel=4,
    )


# -- arrays ------------------------------------------------------------------------------------------------------------


def is_array_data(x) -> bool:
    """Whether `x` is an array, or a structure of nothing but arrays."""
    leaves = tree.flatten(x)
    return (
        bool(leaves) and all(leaf is None or _is_array(leaf) for leaf in leaves) and any(_is_array(v) for v in leaves)
    )


def is_number_array(x) -> bool:
    """Whether `x` is an array with rows that models take as it is, or cast from float64."""
    return type(x) is np.ndarray and x.dtype in _TAKEN and x.ndim > 0 and len(x) > 0


def rows_of_number_arrays(x) -> int:
    """The rows of such an array, or of each in a list or dict of nothing but such; 0 where there is anything else."""
    if type(x) is not list and type(x) is not dict:
        return len(x) if is_number_array(x) else 0
    arrays = x if type(x) is list else x.values()
    counts = {len(a) if is_number_array(a) else 0 for a in arrays}
    return counts.pop() if len(counts) == 1 else 0


def slice_of_rows(x, rows: slice):
    """The batch of these rows of such arrays. A list is the inputs, and not the inputs and the targets."""
    if type(x) is np.ndarray:
        return as_input(x[rows])
    return ([as_input(a[rows]) for a in x],) if type(x) is list else {k: as_input(a[rows]) for k, a in x.items()}


def as_data(x, y=None, sample_weight=None) -> tuple:
    """`(x,)`, `(x, y)` or `(x, y, sample_weight)` as NumPy arrays of numbers with the same number of rows.

    Raises:
        ValueError: when they differ in rows, have none, or hold no numbers.
    """
    # Without what is None at the end.
    data = (x, y, sample_weight) if sample_weight is not None else (x,) if y is None else (x, y)
    named = dict(zip(("x", "y", "sample_weight"), data, strict=False))
    for name, part in named.items():
        for leaf in tree.flatten(part):
            if leaf is not None and not _is_array(leaf):
                raise ValueError(f"Unrecognized data type: {name}={_short(part)} (of type {type(part)})")
    data = tuple(tree.map_structure(lambda leaf, name=name: _as_numbers(leaf, name), p) for name, p in named.items())
    sizes = {
        name: [a.shape[0] for a in tree.flatten(part) if a is not None] for name, part in zip(named, data, strict=True)
    }
    if len({size for part in sizes.values() for size in part}) > 1:
        listing = "\n".join(f"'{name}' sizes: {', '.join(map(str, part))}" for name, part in sizes.items() if part)
        raise ValueError(
            f"Data cardinality is ambiguous. Make sure all arrays contain the same number of samples.\n{listing}"
        )
    if sizes["x"] and sizes["x"][0] == 0:
        shapes = tree.map_structure(lambda a: a.shape, data[0])
        raise ValueError(f"The data is empty: `x` has 0 samples (shape {shapes}).")
    return data


def as_batch(batch, class_weight=None) -> tuple:
    """One batch from a generator as `(x,)`, `(x, y)` or `(x, y, sample_weight)` of arrays.

    Raises:
        ValueError: for anything else.
    """
    data = as_data(*unpack_x_y_sample_weight(batch))
    if class_weight is not None:
        data = with_class_weight(data, class_weight)
    # A batch goes into the plan as it is, so it is cast here and not while it is gathered.
    return tree.map_structure(as_input, data)


def as_input(array):
    """`array` in a dtype that models compute in: float64 becomes `floatx`."""
    return array.astype(config.floatx()) if array is not None and array.dtype == np.float64 else array


def row_count(arrays) -> int:
    return next(a.shape[0] for a in tree.flatten(arrays) if a is not None)


def _is_array(x) -> bool:
    has_numbers = (hasattr(x, "__array__") and hasattr(x, "shape")) or hasattr(x, "__dlpack__")
    return has_numbers and not isinstance(x, np.generic)


def _is_dataset(x) -> bool:
    return hasattr(x, "__getitem__") and hasattr(x, "__len__") and not isinstance(x, (list, tuple, dict, str))


def _as_numbers(leaf, name: str):
    """`leaf` as an array of bool, integers or floats with at least one axis."""
    if leaf is None:
        return None
    array = np.asarray(from_dlpack(leaf))
    if name == "x" and is_text(array):
        return array
    if array.dtype == object and hasattr(leaf, "to_numpy"):  # columns of several dtypes
        array = leaf.to_numpy(dtype=config.floatx())
    if array.dtype == object or array.dtype.kind not in "biuf":
        raise ValueError(f"Invalid dtype: {array.dtype} of `{name}` (shape {array.shape}). Expected numbers.")
    if array.ndim == 0:
        raise ValueError(f"`{name}` is a scalar, but it needs one row per sample.")
    if array.dtype.kind == "f" and array.dtype not in (np.float32, np.float64):
        array = array.astype(config.floatx())
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def checked_batch_size(batch_size) -> int:
    if batch_size is None or (isinstance(batch_size, (int, np.integer)) and batch_size == 0):
        return 32  # as in Keras, where 0 counts as not given
    if not isinstance(batch_size, (int, np.integer)):
        raise TypeError(f"`batch_size` should be an integer, but got {batch_size!r} (of type {type(batch_size)}).")
    if batch_size < 0:
        raise ValueError(f"`batch_size` should be positive, but got {batch_size}.")
    return int(batch_size)


def _short(x) -> str:
    text = repr(x)
    return text if len(text) <= 200 else text[:197] + "..."


# -- packing and weights -----------------------------------------------------------------------------------------------


def pack_x_y_sample_weight(x, y=None, sample_weight=None):
    """What a generator for `fit` yields: `(x, y, sample_weight)`, `(x, y)`, or `x` alone (a list or tuple as `(x,)`).

    Args:
        x: inputs of a batch.
        y: targets.
        sample_weight: weights of the rows; left out where there is no `y`.

    Example:
        >>> fastnn.utils.pack_x_y_sample_weight(1, 2), fastnn.utils.pack_x_y_sample_weight([1])
        ((1, 2), ([1],))
    """
    if y is None:
        return (x,) if isinstance(x, (list, tuple)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def unpack_x_y_sample_weight(data) -> tuple:
    """x, y and sample weights of a batch, None where it has none; for a `train_step` of one's own.

    Args:
        data: `x`, `(x,)`, `(x, y)` or `(x, y, sample_weight)`.

    Raises:
        ValueError: for a tuple of more than three.

    Example:
        >>> fastnn.utils.unpack_x_y_sample_weight((1, 2))
        (1, 2, None)
    """
    if isinstance(data, list):
        data = tuple(data)
    if not isinstance(data, tuple):
        return data, None, None
    if 1 <= len(data) <= 3:
        return (*data, None, None)[:3]
    raise ValueError(
        "Data is expected to be in format `x`, `(x,)`, `(x, y)`, or `(x, y, sample_weight)`, found: a tuple of length "
        f"{len(data)}."
    )


def train_validation_split(arrays: tuple, validation_split: float) -> tuple[tuple, tuple]:
    """The first rows of `arrays` and their last share `validation_split`, as views.

    Raises:
        ValueError: when one of the two would be empty, or the data is not arrays.
    """
    for leaf in tree.flatten(arrays):
        if leaf is not None and not _is_array(leaf):
            raise ValueError(
                "Argument `validation_split` is only supported for tensors or NumPy arrays. Found incompatible type in "
                f"the input: {type(leaf)}"
            )
    n = row_count(arrays)
    split_at = int(n * (1.0 - validation_split))
    if not 0 < split_at < n:
        raise ValueError(
            f"Training data contains {n} samples, which is not sufficient to split it into a validation and training "
            f"set as specified by `validation_split={validation_split}`. Either provide more data, or a different "
            "value for the `validation_split` argument."
        )
    first = tree.map_structure(lambda a: None if a is None else a[:split_at], arrays)
    last = tree.map_structure(lambda a: None if a is None else a[split_at:], arrays)
    return first, last


def with_class_weight(data: tuple, class_weight) -> tuple:
    """`(x, y, weights)`: each row has the weight of its class, 1 for a class that has none.

    Args:
        data: `(x, y)` with y (n,) or (n, 1) class numbers, or (n, c) one-hot.
        class_weight: `{class: weight}`.

    Raises:
        ValueError: with sample weights, without y, or for several outputs.
    """
    x, y, sample_weight = unpack_x_y_sample_weight(data)
    if sample_weight is not None:
        raise ValueError("You cannot `class_weight` and `sample_weight` at the same time.")
    if tree.is_nested(y) and len(tree.flatten(y)) == 1:
        y = tree.flatten(y)[0]
    if y is None or tree.is_nested(y):
        raise ValueError("`class_weight` is only supported for Models with a single output and needs targets `y`.")
    labels = y
    if labels.ndim > 1:
        labels = np.argmax(labels, axis=-1) if labels.shape[-1] != 1 else labels[..., 0]
    classes, which = np.unique(np.round(labels).astype("int64"), return_inverse=True)
    weights = np.array([class_weight.get(int(c), 1.0) for c in classes], config.floatx())
    return x, data[1], weights[which.reshape(labels.shape)]
