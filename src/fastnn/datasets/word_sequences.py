"""What IMDB and Reuters share: texts as lists of word numbers, 1 for the most frequent word."""

import numpy as np


def object_array(sequences: list) -> np.ndarray:
    """An array (n,) whose entries are the lists themselves, also where all have one length."""
    array = np.empty(len(sequences), object)
    array[:] = sequences
    return array


def mark_and_shift(sequences, start_char, index_from) -> list[list[int]]:
    """Makes room for the special numbers: adds `index_from` to each word and puts `start_char` first.

    Without a `start_char` nothing marks the start; without `index_from` either, words stay as they are.
    """
    if start_char is not None:
        return [[start_char] + [word + index_from for word in words] for words in sequences]
    return [[word + (index_from or 0) for word in words] for words in sequences]


def drop_long(sequences, labels, maxlen):
    """The sequences shorter than `maxlen`, with their labels."""
    kept = [k for k, words in enumerate(sequences) if len(words) < maxlen]
    return [sequences[k] for k in kept], np.asarray(labels)[kept]


def require_any(sequences, maxlen):
    """Raises ValueError if `maxlen` left no sequence."""
    if not sequences:
        raise ValueError(
            f"After filtering for sequences shorter than maxlen={maxlen}, no sequence was kept. Increase maxlen."
        )


def limit_words(sequences, num_words, skip_top, oov_char) -> list[list[int]]:
    """Keeps the words in [skip_top, num_words); the others become `oov_char`, or go if it is None.

    As in Keras, a missing `num_words` is the largest word number, which itself is then out of range.
    """
    if not num_words:
        num_words = max((max(words) for words in sequences if words), default=0)
    if oov_char is not None:
        return [[w if skip_top <= w < num_words else oov_char for w in words] for words in sequences]
    return [[w for w in words if skip_top <= w < num_words] for words in sequences]


def shuffled(sequences, labels, rng):
    """Sequences and labels in one new order drawn from `rng`."""
    order = np.arange(len(sequences))
    rng.shuffle(order)
    return sequences[order], labels[order]
