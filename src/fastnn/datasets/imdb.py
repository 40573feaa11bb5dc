"""IMDB: 50,000 film reviews as word numbers, good (1) or bad (0) (A. Maas et al., ACL 2011)."""

import json

import numpy as np

from fastnn.datasets import word_sequences as words
from fastnn.datasets.origin import KERAS_FILES
from fastnn.datasets.safe_load import load_npz
from fastnn.utils.files import get_file

__all__ = ["get_word_index", "load_data"]


def load_data(
    path="imdb.npz",
    num_words=None,
    skip_top=0,
    maxlen=None,
    seed=113,
    start_char=1,
    oov_char=2,
    index_from=3,
    **kwargs,
):
    """IMDB from `KERAS_HOME/datasets`, downloaded there if missing.

    The file holds pickled lists; they are read by an unpickler that can rebuild arrays and nothing else.

    Args:
        path: name of the file in that folder.
        num_words: keep words numbered below it; the others become `oov_char`.
        skip_top: likewise for the most frequent words.
        maxlen: keep reviews shorter than it.
        seed: seed of the shuffle.
        start_char: number put before each review, or None.
        oov_char: number for words out of range; None drops them.
        index_from: added to every word.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: object arrays (n,) of lists of int, labels int64 (n,).

    Raises:
        ValueError: if `maxlen` leaves no review.
        TypeError: for an unknown keyword.
        OSError: if the file is missing and cannot be downloaded; the message says where to put it.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = fastnn.datasets.imdb.load_data(num_words=10000)  # doctest: +SKIP
    """
    if kwargs:
        raise TypeError(f"imdb.load_data does not know {sorted(kwargs)}; `nb_words` is now `num_words`.")
    path = get_file(
        path,
        origin=KERAS_FILES + "imdb.npz",
        file_hash="69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f",
    )
    arrays = load_npz(path)
    rng = np.random.RandomState(seed)
    parts = []
    for part in ("train", "test"):
        x, y = words.shuffled(arrays[f"x_{part}"], arrays[f"y_{part}"], rng)
        x = words.mark_and_shift(x, start_char, index_from)
        if maxlen:
            x, y = words.drop_long(x, y, maxlen)
            words.require_any(x, maxlen)
        parts.append((x, y))
    (x_train, y_train), (x_test, y_test) = parts
    x = words.limit_words(x_train + x_test, num_words, skip_top, oov_char)
    n = len(x_train)
    return (words.object_array(x[:n]), y_train), (words.object_array(x[n:]), y_test)


def get_word_index(path: str = "imdb_word_index.json") -> dict[str, int]:
    """`{word: number}` of IMDB, before `index_from` is added.

    Args:
        path: name of the file in `KERAS_HOME/datasets`.

    Example:
        >>> fastnn.datasets.imdb.get_word_index()["the"]  # doctest: +SKIP
        1
    """
    path = get_file(path, origin=KERAS_FILES + "imdb_word_index.json", file_hash="bfafd718b763782e994055a2d397834f")
    with open(path, encoding="utf-8") as file:
        return json.load(file)
