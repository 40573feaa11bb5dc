"""Reuters: 11,228 newswires of 1987 as word numbers, in 46 topics."""

import json

import numpy as np

from fastnn.datasets import word_sequences as words
from fastnn.datasets.origin import KERAS_FILES
from fastnn.datasets.safe_load import load_npz
from fastnn.utils.files import get_file

__all__ = ["get_label_names", "get_word_index", "load_data"]

_TOPICS = (
    "cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves ship cotton carcass "
    "crude nat-gas cpi money-fx interest gnp meal-feed alum oilseed gold tin strategic-metal livestock retail ipi "
    "iron-steel rubber heat jobs lei bop zinc orange pet-chem dlr gas silver wpi hog lead"
)


def load_data(
    path="reuters.npz",
    num_words=None,
    skip_top=0,
    maxlen=None,
    test_split=0.2,
    seed=113,
    start_char=1,
    oov_char=2,
    index_from=3,
):
    """Reuters from `KERAS_HOME/datasets`, downloaded there if missing.

    The file holds pickled lists; they are read by an unpickler that can rebuild arrays and nothing else.

    Args:
        path: name of the file in that folder.
        num_words: keep words numbered below it; the others become `oov_char`.
        skip_top: likewise for the most frequent words.
        maxlen: keep newswires shorter than it.
        test_split: share of the newswires held out.
        seed: seed of the shuffle.
        start_char: number put before each newswire, or None.
        oov_char: number for words out of range; None drops them.
        index_from: added to every word.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: object arrays (n,) of lists of int, labels int64 (n,) in [0, 46).

    Raises:
        ValueError: if `maxlen` leaves no newswire.
        OSError: if the file is missing and cannot be downloaded; the message says where to put it.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = fastnn.datasets.reuters.load_data(num_words=10000)  # doctest: +SKIP
    """
    path = get_file(
        path,
        origin=KERAS_FILES + "reuters.npz",
        file_hash="d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916",
    )
    arrays = load_npz(path)
    x, y = words.shuffled(arrays["x"], arrays["y"], np.random.RandomState(seed))
    x = words.mark_and_shift(x, start_char, index_from)
    if maxlen:
        x, y = words.drop_long(x, y, maxlen)
        words.require_any(x, maxlen)
    x = words.object_array(words.limit_words(x, num_words, skip_top, oov_char))
    n = int(len(x) * (1 - test_split))
    return (x[:n], y[:n]), (x[n:], y[n:])


def get_word_index(path: str = "reuters_word_index.json") -> dict[str, int]:
    """`{word: number}` of Reuters, before `index_from` is added.

    Args:
        path: name of the file in `KERAS_HOME/datasets`.

    Example:
        >>> fastnn.datasets.reuters.get_word_index()["the"]  # doctest: +SKIP
        1
    """
    path = get_file(path, origin=KERAS_FILES + "reuters_word_index.json", file_hash="4d44cc38712099c9e383dc6e5f11a921")
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def get_label_names() -> tuple[str, ...]:
    """The 46 topics, in the order of their labels.

    Example:
        >>> fastnn.datasets.reuters.get_label_names()[3]
        'earn'
    """
    return tuple(_TOPICS.split())
