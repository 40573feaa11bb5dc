"""Vocabulary: the tokens of a lookup layer, in order, and the tokens that were counted on the way to one."""

import collections
import functools
import itertools
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from fastnn.layers.preprocessing.strings import Strings, StringTable

# Integers are looked up in a table from the least to the greatest where that is less than so many times as long.
_TABLE_SPREAD = 16


class Vocabulary:
    """Tokens in order, and the place of each.

    Args:
        tokens: `bytes` or `int`, each once.

    Raises:
        ValueError: when one is there twice.
    """

    def __init__(self, tokens: Iterable):
        self.tokens = list(tokens)
        self._place = {token: k for k, token in enumerate(self.tokens)}
        if len(self._place) < len(self.tokens):
            repeated = [token for token, count in collections.Counter(self.tokens).items() if count > 1]
            raise ValueError(
                "The passed vocabulary has at least one repeated term. Please uniquify your dataset. The repeated "
                f"terms are: {repeated}"
            )

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token) -> bool:
        return token in self._place

    def places(self, tokens: np.ndarray | Strings) -> np.ndarray:
        """The place of each of `tokens` (integers, or strings where the vocabulary has these), -1 for those that are
        not here. int64, of the same shape."""
        if isinstance(tokens, Strings):
            return self._strings.places(tokens)
        if self._table is None:
            return self._strings.places(Strings(tokens.view("S8")))
        low, table = self._table
        distances = (tokens - low).view(np.uint64)  # of what is less than `low`: very large ones
        return table[np.minimum(distances, len(table) - 1).view(np.int64)]

    @functools.cached_property
    def _strings(self) -> StringTable:
        """The tokens, integers as their bytes."""
        is_text = bool(self.tokens) and isinstance(self.tokens[0], bytes)
        return StringTable(self.tokens if is_text else np.array(self.tokens, np.int64).view("S8").tolist())

    @functools.cached_property
    def _table(self) -> tuple[int, np.ndarray] | None:
        """The least of integers, and the place of each from there on, -1 at the end; None where they are far apart."""
        if not self.tokens or not all(isinstance(token, int) for token in self.tokens):
            return None
        low, high = min(self.tokens), max(self.tokens)
        if high - low >= _TABLE_SPREAD * len(self.tokens):
            return None
        table = np.full(high - low + 2, -1, np.int64)
        table[np.array(self.tokens) - low] = np.arange(len(self.tokens))
        return low, table


class TokenCounts:
    """How often tokens came, and in how many documents, while a layer adapts."""

    def __init__(self):
        self.clear()

    def clear(self) -> None:
        self.tokens: collections.Counter = collections.Counter()
        self.documents: collections.Counter = collections.Counter()
        self.num_documents = 0

    def add(self, rows: list[list], with_documents: bool) -> None:
        """Counts the tokens of some documents, each a list; where it is asked, also the documents of each."""
        self.num_documents += len(rows)
        self.tokens.update(itertools.chain.from_iterable(rows))
        if with_documents:
            self.documents.update(itertools.chain.from_iterable(map(set, rows)))

    def add_strings(self, strings: Strings, num_documents: int, documents: np.ndarray | None = None) -> None:
        """Counts strings; where it is said of which document (int64) each is, also the documents of each."""
        self.num_documents += num_documents
        first = strings.firsts().reshape(-1)
        counts = np.bincount(first)
        (places,) = np.nonzero(counts)
        tokens = strings[places].tolist()
        self.tokens.update(dict(zip(tokens, counts[places].tolist(), strict=True)))
        if documents is not None:
            pairs = np.unique(first * num_documents + documents)
            counts = np.bincount(pairs // num_documents, minlength=len(counts))
            self.documents.update(dict(zip(tokens, counts[places].tolist(), strict=True)))

    def add_integers(self, keys: np.ndarray) -> None:
        """Counts integers, of no documents."""
        for token, count in zip(*(found.tolist() for found in np.unique(keys, return_counts=True)), strict=True):
            self.tokens[token] += count

    def most_common(self, count: int | None, without: tuple = ()) -> list:
        """The tokens, the most frequent first, of equally frequent ones the last in order first."""
        tokens = sorted((token for token in self.tokens if token not in without), reverse=True)
        tokens.sort(key=self.tokens.__getitem__, reverse=True)  # which leaves equals in their order
        return tokens[:count]

    def idf(self, tokens: list) -> np.ndarray:
        """`log(1 + documents / (1 + documents with the token))` of each token, float64."""
        counts = np.array([self.documents[token] for token in tokens], np.float64)
        return np.log(1 + self.num_documents / (1 + counts))


def read_lines(path: str | Path) -> list[str]:
    """The terms of a vocabulary file, one a line.

    Raises:
        ValueError: when there is no such file.
    """
    if not Path(path).exists():
        raise ValueError(f"Vocabulary file {path} does not exist.")
    lines = Path(path).read_bytes().decode().split("\n")  # nothing else ends a line: tokens may hold U+2028
    return [line.removesuffix("\r") for line in (lines if lines[-1] else lines[:-1])]
