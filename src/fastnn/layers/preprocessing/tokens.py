"""From texts to tokens: standardizing, splitting, n-grams, and rows of tokens as one array.

As in Keras, letters outside of ASCII are not lowered, and only ASCII's white space
parts words.
"""

import itertools

import numpy as np

from fastnn.layers.preprocessing.strings import Strings, is_utf8
from fastnn.layers.text import to_bytes, to_str

# Whether letters become small ones, and whether signs are left out.
STANDARDIZE = {"lower_and_strip_punctuation": (True, True), "lower": (True, False), "strip_punctuation": (False, True)}
SPLIT = ("whitespace", "character")


def check(argument: str, value, known) -> None:
    """Raises ValueError unless `value` is None, a function or one of the `known` names."""
    if value is not None and not callable(value) and value not in known:
        raise ValueError(
            f"Unknown value for `{argument}` argument of layer TextVectorization. Accepted values are "
            f"{sorted(known)}, None or a function. Received: {argument}={value}"
        )


def tokens_of(texts: np.ndarray, standardize, split, ngrams, encoding: str) -> tuple[Strings, np.ndarray]:
    """The tokens of all texts, one after another, and how many are of each text (int64).

    Args:
        texts: strings of any kind, (n,), or, where nothing splits them, (n, tokens).
        standardize: a name in `STANDARDIZE`; what else there is was done.
        split: a name in `SPLIT`, None, or a function of an array of `str`.
        ngrams: the widths of n-grams, or None.
        encoding: of the texts.
    """
    changes = STANDARDIZE.get(standardize, (False, False))
    strings = Strings(texts, encoding)
    if split is None:
        tokens, _ = strings.split("whole", *changes)
        size = texts.shape[-1] if texts.ndim else 1
        counts = np.full(tokens.size // max(size, 1), size)
    elif callable(split) or (split == "character" and not is_utf8(encoding)):
        whole, _ = strings.split("whole", *changes)
        rows = _split(whole.tolist(), split, encoding)
        counts = np.fromiter(map(len, rows), np.int64, len(rows))
        tokens, _ = Strings(np.fromiter(itertools.chain.from_iterable(rows), object, counts.sum())).split("whole")
    else:
        tokens, counts = strings.split(split, *changes)
    return (tokens, counts) if ngrams is None else tokens.joined(counts, ngrams)


def _split(texts: list[bytes], how, encoding: str) -> list[list[bytes]]:
    """The tokens of each of n texts."""
    if how == "character":
        return [[c.encode(encoding) for c in text.decode(encoding)] for text in texts]
    rows = how(to_str(np.fromiter(texts, object, len(texts)), encoding))
    return [to_bytes(np.asarray(row, object), encoding).ravel().tolist() for row in rows]


def padded(values: np.ndarray, lengths: np.ndarray, width: int, fill: int) -> np.ndarray:
    """Rows of some lengths, which `values` holds one after another, cut or filled to one width."""
    grid = np.full((len(lengths), max(width, lengths.max(initial=0))), fill, values.dtype)
    grid[np.arange(grid.shape[1]) < lengths[:, None]] = values
    return grid[:, :width]
