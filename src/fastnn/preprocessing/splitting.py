"""split_dataset: two data sets made of one."""

import numpy as np

from fastnn.preprocessing.dataset import Dataset


def split_dataset(dataset, left_size=None, right_size=None, shuffle=False, seed=None, preferred_backend=None):
    """The first samples and the last samples, as two data sets.

    Args:
        dataset: an array with n rows, a list or tuple of such arrays, whose samples are tuples, or a `Dataset`, whose
            elements are taken as samples.
        left_size: how many samples the first has, or which share of them; the rest by default.
        right_size: the same for the second.
        shuffle: whether the samples are shuffled first.
        seed: of that; by default NumPy's global generator shuffles, which `set_random_seed` seeds.
        preferred_backend: kept for Keras's signature.

    Returns:
        Two `Dataset`s of samples: `left.batch(32)` can be given to `fit`.

    Raises:
        TypeError: for other data, and for sizes that are no numbers.
        ValueError: for arrays that differ in rows or have none, and for sizes out of range.

    Example:
        >>> left, right = fastnn.utils.split_dataset(np.arange(10), left_size=0.8)
        >>> len(left), [int(x) for x in right]
        (8, [8, 9])
    """
    samples = _samples(dataset)
    left, right = _sizes(len(samples), left_size, right_size)
    order = np.arange(len(samples))
    if shuffle:
        (np.random if seed is None else np.random.default_rng(seed)).shuffle(order)
    return tuple(_picked(samples, rows) for rows in (order[:left], order[len(order) - right :]))


def _picked(samples, rows) -> Dataset:
    return Dataset(lambda: (samples[row] for row in rows), len(rows))


def _samples(dataset):
    """The samples as something with a length and items."""
    if isinstance(dataset, Dataset):
        samples = list(dataset)
    elif isinstance(dataset, np.ndarray):
        samples = dataset
    elif isinstance(dataset, (list, tuple)):
        for k, array in enumerate(dataset):
            if not isinstance(array, np.ndarray):
                raise ValueError(f"split_dataset: expected NumPy arrays. Received: {type(array)} at index {k}.")
            if len(array) != len(dataset[0]):
                raise ValueError(
                    f"split_dataset: the arrays differ in length: shape {dataset[0].shape} at index 0, {array.shape} "
                    f"at index {k}."
                )
        samples = list(zip(*dataset, strict=True))
    else:
        raise TypeError(f"split_dataset: unsupported dataset type {type(dataset)}.")
    if not len(samples):
        raise ValueError("split_dataset: the dataset is empty.")
    return samples


def _sizes(total: int, left_size, right_size) -> tuple[int, int]:
    if left_size is None and right_size is None:
        raise ValueError(
            "At least one of the `left_size` or `right_size` must be specified. Received: left_size=None and "
            "right_size=None"
        )
    left, right = _size("left_size", left_size, total), _size("right_size", right_size, total)
    left = total - right if left is None else left
    right = total - left if right is None else right
    if left + right > total:
        raise ValueError(
            f"split_dataset: left_size={left_size} and right_size={right_size} are more than the {total} samples."
        )
    if not left or not right:
        raise ValueError(f"split_dataset: of {total} samples the left has {left} and the right {right}: one is empty.")
    return left, right


def _size(name: str, size, total: int) -> int | None:
    if size is None:
        return None
    if not isinstance(size, (int, float)):
        raise TypeError(f"Invalid `{name}` type. Expected: int, float or None. Received: {name}={size}")
    if not 0 < size < (total if isinstance(size, int) else 1):
        raise ValueError(
            f"`{name}` should be either a positive integer smaller than {total}, or a float between 0 and 1. Received: "
            f"{name}={size}"
        )
    return size if isinstance(size, int) else round(size * total)
