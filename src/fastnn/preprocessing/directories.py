"""Files of a directory and their labels, and data sets that read them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fastnn import config
from fastnn.preprocessing.dataset import Dataset, in_threads, pass_seeds, stacked


@dataclass(frozen=True)
class Kind:
    """What sort of files a data set reads.

    Attributes:
        name: for messages, such as "image files".
        endings: of the files, in lower case.
        load: the sample in a file, by its path.
        join: a batch of a list of samples.
    """

    name: str
    endings: tuple[str, ...]
    load: Callable[[str], Any]
    join: Callable[[list], Any] = stacked


def from_directory(
    kind: Kind, directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split, subset,
    follow_links, verbose,
):  # fmt: skip
    """The data set, or with `subset="both"` a list of two, of the files of a directory; arguments as in Keras.

    Raises:
        ValueError: for arguments that do not fit, and when no files are found.
    """
    _check(kind, labels, label_mode, class_names, validation_split, subset, shuffle, seed)
    labels, label_mode = (None, None) if labels is None or label_mode is None else (labels, label_mode)
    seed = np.random.randint(1_000_000) if seed is None else seed
    paths, labels, class_names = index_directory(
        directory, labels, kind.endings, class_names, shuffle, seed, follow_links, verbose
    )
    if label_mode == "binary" and len(class_names) != 2:
        raise ValueError(
            'When passing `label_mode="binary"`, there must be exactly 2 class_names. Received: '
            f"class_names={class_names}"
        )
    targets = None if labels is None else _encoded(np.asarray(labels), label_mode, len(class_names))
    found = []
    for part in ("training", "validation") if subset == "both" else (subset,):
        chosen = _split(len(paths), validation_split, part)
        if not paths[chosen]:
            which = f"{part} " if subset == "both" else ""
            raise ValueError(f"No {which}{kind.name} found in directory {directory}. Allowed formats: {kind.endings}")
        is_shuffled = shuffle and not (subset == "both" and part == "validation")
        chosen_targets = None if targets is None else targets[chosen]
        dataset = _reading(kind, paths[chosen], chosen_targets, batch_size, is_shuffled, seed)
        dataset.class_names = class_names
        dataset.file_paths = paths[chosen]
        found.append(dataset)
    return found if subset == "both" else found[0]


def index_directory(directory, labels, endings, class_names=None, shuffle=True, seed=None, follow_links=False,
                    verbose=True):  # fmt: skip
    """The files of a directory: their paths, labels and the names of classes.

    Args:
        labels: "inferred" by the subdirectories, None, or a list of integers for the files in alphabetical order.
        endings: of the files, in lower case.
        class_names: the subdirectories to read, in the order of their labels.
        shuffle: whether the files are put in an order that `seed` says, the same as Keras's.
        follow_links: whether links to directories are followed.
        verbose: whether what was found is printed.

    Raises:
        ValueError: for class names that are no subdirectories, and labels of another number than files.
    """
    directory = os.fspath(directory)
    if labels != "inferred" and class_names is not None:
        raise ValueError("Argument `class_names` can be specified only when labels are inferred.")
    folders = [""]
    if labels == "inferred":
        there = [entry.name for entry in sorted(Path(directory).iterdir()) if entry.is_dir()]
        there = [name for name in there if not name.startswith(".")]
        if class_names is not None and not set(class_names) <= set(there):
            raise ValueError(
                "The `class_names` passed did not match the names of the subdirectories of the target directory. "
                f"Expected: {there} (or a subset of it), but received: class_names={class_names}"
            )
        folders = there if class_names is None else list(class_names)
    files = [_files(os.path.join(directory, folder), endings, follow_links) for folder in folders]
    paths = [path for part in files for path in part]
    if labels == "inferred":
        class_names = folders
        labels = np.repeat(np.arange(len(files), dtype="int32"), [len(part) for part in files])
    elif labels is not None:
        if len(labels) != len(paths):
            raise ValueError(
                "Expected the lengths of `labels` to match the number of files in the target directory. len(labels) is "
                f"{len(labels)} while we found {len(paths)} files in directory {directory}."
            )
        class_names = [str(label) for label in sorted(set(labels))]
        labels = np.asarray(labels)
    if verbose:
        print(f"Found {len(paths)} files" + ("." if labels is None else f" belonging to {len(class_names)} classes."))
    if shuffle:
        seed = np.random.randint(1_000_000) if seed is None else seed
        order = np.arange(len(paths))
        np.random.RandomState(seed).shuffle(order)
        paths = [paths[k] for k in order]
        labels = None if labels is None else labels[order]
    return paths, labels, class_names


def _files(folder: str, endings: tuple[str, ...], follow_links: bool) -> list[str]:
    found = []
    for root, _, names in sorted(os.walk(folder, followlinks=follow_links)):
        found += [os.path.join(root, name) for name in sorted(names) if name.lower().endswith(endings)]
    return found


def _split(count: int, validation_split, part: str | None) -> slice:
    """Which of `count` files are the part: validation has the last ones."""
    if not validation_split:
        return slice(None)
    held = int(validation_split * count)
    print(f"Using {count - held if part == 'training' else held} files for {part}.")
    return slice(0, -held) if part == "training" else slice(-held, None)


def _encoded(labels: np.ndarray, mode: str, num_classes: int) -> np.ndarray:
    if mode == "binary":
        return labels.astype("float32")[:, None]
    if mode == "categorical":
        return (labels[:, None] == np.arange(num_classes)).astype("float32")
    return labels.astype("int32")


def _reading(kind: Kind, paths: list[str], targets, batch_size, shuffle: bool, seed) -> Dataset:
    """Batches (or single samples) of files that threads read, one batch ahead."""
    seeds = pass_seeds(seed)
    count = len(paths)
    length = count if batch_size is None else -(-count // batch_size)

    def samples():
        order = np.random.default_rng(next(seeds)).permutation(count) if shuffle else np.arange(count)
        size = 1 if batch_size is None else batch_size
        loaded = in_threads(lambda k: kind.load(paths[k]), order.tolist(), config.threads(), size + config.threads())
        for start in range(0, count, size):
            rows = order[start : start + size]
            x = [sample for _, sample in zip(rows, loaded, strict=False)]
            if batch_size is None:
                yield x[0] if targets is None else (x[0], targets[rows[0]])
            else:
                yield kind.join(x) if targets is None else (kind.join(x), targets[rows])

    return Dataset(samples, length)


def _check(kind, labels, label_mode, class_names, validation_split, subset, shuffle, seed) -> None:
    is_list = isinstance(labels, (list, tuple))
    if not is_list and labels not in ("inferred", None):
        raise ValueError(
            f"`labels` argument should be a list/tuple of integer labels, one for each of {kind.name} in the target "
            'directory; or "inferred", to take them from the names of the subdirectories; or None, for no labels. '
            f"Received: labels={labels}"
        )
    if is_list and class_names:
        raise ValueError(
            f'You can only pass `class_names` if `labels="inferred"`. Received: labels={labels}, and '
            f"class_names={class_names}"
        )
    if label_mode not in ("int", "categorical", "binary", None):
        raise ValueError(
            '`label_mode` argument must be one of "int", "categorical", "binary", or None. Received: '
            f"label_mode={label_mode}"
        )
    if validation_split and not 0 < validation_split < 1:
        raise ValueError(f"`validation_split` must be between 0 and 1, received: {validation_split}")
    if bool(validation_split) != bool(subset):
        raise ValueError("If `subset` is set, `validation_split` must be set, and inversely.")
    if subset not in ("training", "validation", "both", None):
        raise ValueError(f'`subset` must be either "training", "validation" or "both", received: {subset}')
    if validation_split and shuffle and seed is None:
        raise ValueError(
            "If using `validation_split` and shuffling the data, you must provide a `seed` argument, to make sure that "
            "there is no overlap between the training and validation subset."
        )
