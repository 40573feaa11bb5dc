"""From texts to tokens: standardizing, splitting, n-grams, and rows of tokens as one array.

Texts are arrays of `bytes` objects. As in Keras, letters outside of ASCII are not lowered, and only ASCII's white space
parts words.
"""

import string
from collections.abc import Callable

import numpy as np

from fastnn.layers.text import to_bytes, to_str

_LOWER = bytes(range(256)).lower()
_PUNCTUATION = string.punctuation.encode()
# What `bytes.translate` takes: a table, and what to leave out.
STANDARDIZE = {
    "lower_and_strip_punctuation": (_LOWER, _PUNCTUATION),
    "lower": (_LOWER, b""),
    "strip_punctuation": (None, _PUNCTUATION),
}
SPLIT: dict[str, Callable[[bytes, str], list[bytes]]] = {
    "whitespace": lambda text, _: text.split(),
    "character": lambda text, encoding: [c.encode(encoding) for c in text.decode(encoding)],
}


def check(argument: str, value, known) -> None:
    """Raises ValueError unless `value` is None, a function or one of the `known` names."""
    if value is not None and not callable(value) and value not in known:
        raise ValueError(
            f"Unknown value for `{argument}` argument of layer TextVectorization. Accepted values are "
            f"{sorted(known)}, None or a function. Received: {argument}={value}"
        )


def standardized(texts: np.ndarray, how, encoding: str) -> np.ndarray:
    """The texts (strings of any kind) as `bytes` objects, in the standard form `how`."""
    if how is None:
        return to_bytes(texts, encoding)
    if callable(how):
        return to_bytes(np.asarray(how(to_str(texts, encoding))), encoding)
    table, left_out = STANDARDIZE[how]
    flat = to_bytes(texts, encoding).ravel()
    result = np.empty(flat.shape, object)
    result[:] = [text.translate(table, left_out) for text in flat]
    return result.reshape(texts.shape)


def split(texts: np.ndarray, how, encoding: str) -> list[list[bytes]]:
    """The tokens of each of n texts."""
    if callable(how):
        return [to_bytes(np.asarray(row, object), encoding).ravel().tolist() for row in how(to_str(texts, encoding))]
    return [SPLIT[how](text, encoding) for text in texts]


def joined(rows: list[list[bytes]], widths: tuple[int, ...]) -> list[list[bytes]]:
    """The n-grams of each row, joined by spaces: all of the first width, then all of the next."""

    def of_width(row, width):
        return map(b" ".join, zip(*(row[k:] for k in range(width)), strict=False))

    return [[token for width in widths for token in of_width(row, width)] for row in rows]


def padded(values: np.ndarray, lengths: np.ndarray, width: int, fill: int) -> np.ndarray:
    """Rows of some lengths, which `values` holds one after another, cut or filled to one width."""
    grid = np.full((len(lengths), max(width, lengths.max(initial=0))), fill, values.dtype)
    grid[np.arange(grid.shape[1]) < lengths[:, None]] = values
    return grid[:, :width]
