"""Strings: arrays of strings or integers as the kernels of strings read them. StringTable: where they are found."""

import codecs

import numpy as np

from fastnn import _kernels, config
from fastnn.layers.text import to_bytes

# The forms, as `_kernels/strings.c` numbers them.
_BYTES, _CODES, _JOINED, _SIGNED, _UNSIGNED = range(5)
_TOKENS = ("whitespace", "character", "whole")  # as it numbers what a token is
_SHARED = 1 << 14  # from so many strings on threads share the work


class Strings:
    """Strings or integers (as they are written) as bytes that kernels hash and compare.

    It is indexed by masks and slices, along one axis, as an array is; results have the shape of what it was made of.

    Args:
        values: an array or list of `str`, `bytes` or integers; others as `str` writes them.
        encoding: of `str`.

    Raises:
        UnicodeEncodeError: for what has no code; from the kernels for arrays of fixed length.
    """

    def __init__(self, values, encoding: str = "utf-8"):
        array = np.asarray(values)
        self.shape = array.shape
        self._begins = self._ends = None
        kind = array.dtype.kind if array.itemsize else "O"
        if kind in "iu":
            is_unsigned = array.dtype == np.uint64
            self._form = _UNSIGNED if is_unsigned else _SIGNED
            self._data = np.ravel(array).astype(np.uint64 if is_unsigned else np.int64)
        elif kind == "S" or (kind == "U" and is_utf8(encoding)):
            self._form = _BYTES if kind == "S" else _CODES
            native = array.astype(array.dtype.newbyteorder("="), copy=False)
            self._data = np.require(native.reshape(-1), requirements="CA")
        else:
            self._form = _JOINED
            self._data, self._begins, self._ends = _joined(array.ravel().tolist(), encoding)

    @classmethod
    def of_list(cls, values, encoding: str = "utf-8") -> "Strings | None":
        """Those of a list of nothing but `str`, which takes no array; None for anything else."""
        if not isinstance(values, list) or not values or not isinstance(values[0], str):
            return None
        joined = _at_once(values, encoding)
        return None if joined is None else cls._of_parts(*_parted(joined, values, encoding))

    @classmethod
    def _of_parts(cls, data: np.ndarray, begins: np.ndarray, ends: np.ndarray) -> "Strings":
        """The strings data[begins[i] : ends[i]] (uint8; int64, int64)."""
        made = cls.__new__(cls)
        made.shape, made._form, made._data, made._begins, made._ends = begins.shape, _JOINED, data, begins, ends
        return made

    @property
    def size(self) -> int:
        return len(self._data if self._begins is None else self._begins)

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, where) -> "Strings":
        """Those at `where`, a mask of `shape` or, of one axis, a slice or indices."""
        where = where if isinstance(where, slice) else np.reshape(where, -1)
        made = Strings.__new__(Strings)
        made._form, made._begins, made._ends = self._form, self._begins, self._ends
        if self._begins is None:
            made._data = np.ascontiguousarray(self._data[where])
        else:
            made._data = self._data
            made._begins, made._ends = (np.ascontiguousarray(x[where]) for x in (self._begins, self._ends))
        made.shape = (made.size,)
        return made

    def tolist(self) -> list[bytes]:
        """The strings one after another."""
        if self._begins is None:
            return to_bytes(self._data).tolist()
        data = self._data.tobytes()
        return [data[i:k] for i, k in zip(self._begins.tolist(), self._ends.tolist(), strict=True)]

    def hashes(self, key=None) -> np.ndarray:
        """The fingerprints, uint64: FarmHash64, or with a key, two integers of 64 bits, SipHash-2-4."""
        made = np.empty(self.shape, np.uint64)
        words = [0, 0] if key is None else np.array([k & (1 << 64) - 1 for k in key], np.uint64).view(np.int64).tolist()
        self._run("hash_strings", [made], [key is not None, *words])
        return made

    def equals(self, token: bytes) -> np.ndarray:
        """Whether each string is `token`."""
        return StringTable([token]).places(self) == 0

    def firsts(self) -> np.ndarray:
        """The place of the first string that is the same as each, int64."""
        return self._indexed()[1].reshape(self.shape)

    def split(self, by: str, lowers: bool = False, strips: bool = False) -> tuple["Strings", np.ndarray]:
        """The tokens of all texts, one after another, and how many are of each (int64).

        Args:
            by: "whitespace", "character", or "whole", each text.
            lowers: whether letters of ASCII become small ones.
            strips: whether punctuation of ASCII is left out.

        Raises:
            UnicodeDecodeError: for bytes that are no UTF-8 where they are to be split into characters.
        """
        most = self._characters() + self.size
        made = np.empty(2 * most * (4 if self._form == _CODES else 1) + 1, np.uint8)
        begins, ends = np.empty(most, np.int64), np.empty(most, np.int64)
        counts, count = np.zeros(self.size, np.int64), np.zeros(1, np.int64)
        self._run("split_strings", [made, begins, ends, counts, count], [lowers, strips, _TOKENS.index(by)])
        begins, ends = begins[: count[0]], ends[: count[0]]
        made = made[: ends.max(initial=0) + 1]
        if by == "character":
            made[:-1].tobytes().decode()  # raises
        return Strings._of_parts(made, begins, ends), counts

    def joined(self, counts: np.ndarray, widths: tuple[int, ...]) -> tuple["Strings", np.ndarray]:
        """The n-grams of texts that were split, joined by spaces: of each text all of the first width, then all of the
        next; and how many are of each (int64).

        Args:
            counts: how many of the tokens are of each text.
            widths: how many tokens are joined; of less than one nothing is made.
        """
        made_counts = sum([np.maximum(counts - width + 1, 0) for width in widths if width > 0], np.zeros_like(counts))
        begins, ends = (np.empty(made_counts.sum(), np.int64) for _ in range(2))
        if len(begins):
            buffers = [self._begins, self._ends, counts, begins, ends]
            _kernels.run("join_tokens", buffers, [len(counts), len(widths), *widths])
        return Strings._of_parts(self._data, begins, ends), made_counts

    def _characters(self) -> int:
        """As many as there are at most, with zeros behind them."""
        if self._form == _JOINED:
            return int((self._ends - self._begins).sum())
        return self._data.size * (self._width() or 24)

    def _indexed(self) -> tuple[np.ndarray, np.ndarray]:
        table = np.full(2 << max(self.size - 1, 1).bit_length(), -1, np.int64)
        first = np.empty(self.size, np.int64)
        self._run("index_strings", [table, first], [len(table)])
        return table, first

    def _width(self) -> int:
        """Of strings of one length, in bytes or characters."""
        return {_BYTES: self._data.itemsize, _CODES: self._data.itemsize // 4}.get(self._form, 0)

    def _run(self, kernel: str, buffers: list, ints: list) -> None:
        if not self.size:
            return
        data = self._data.view(np.uint8) if self._form in (_BYTES, _CODES) else self._data
        threads = config.threads() if self.size >= _SHARED else 1
        try:
            _kernels.run(
                kernel, [data, self._begins, self._ends, *buffers], [self.size, self._form, self._width(), *ints],
                threads=threads,
            )  # fmt: skip
        except IndexError:  # what is no character
            to_bytes(self._data)  # says where
            raise


class StringTable:
    """Where each of some tokens is among them.

    Args:
        tokens: `bytes`.
    """

    def __init__(self, tokens: list[bytes]):
        self._tokens = Strings(np.array(tokens, object))
        self._table, _ = self._tokens._indexed()

    def places(self, strings: Strings) -> np.ndarray:
        """The place of each string among the tokens, -1 where it is none. int64, of the same shape."""
        made = np.empty(strings.shape, np.int64)
        tokens = self._tokens
        buffers = [self._table, tokens._data, tokens._begins, tokens._ends, made]
        strings._run("find_strings", buffers, [len(self._table)])
        return made


def is_utf8(encoding: str) -> bool:
    """Whether this names UTF-8."""
    return codecs.lookup(encoding).name == "utf-8"


def _joined(items: list, encoding: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The bytes of all items, and where each begins and ends."""
    joined = _at_once(items, encoding)
    if joined is None:
        items = to_bytes(np.fromiter(items, object, len(items)), encoding).tolist()
        joined = b"\0".join(items)
    return _parted(joined, items, encoding)


def _at_once(items: list, encoding: str) -> bytes | None:
    """`str` with zeros between, in a quarter of the time that encoding each takes; None where there are others."""
    try:
        return "\0".join(items).encode() if is_utf8(encoding) else None
    except TypeError:
        return None


def _parted(joined: bytes, items: list, encoding: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The bytes, and where each of the items, which stand in it with zeros between, begins and ends."""
    data = np.frombuffer(joined or b"\0", np.uint8)
    bounds = np.concatenate([[-1], np.flatnonzero(data == 0), [len(joined)]])
    if len(bounds) == len(items) + 1:
        return data, bounds[:-1] + 1, bounds[1:]
    encoded = [item.encode(encoding) if isinstance(item, str) else item for item in items]  # some hold zeros themselves
    lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
    ends = np.cumsum(lengths + 1) - 1
    return data, ends - lengths, ends
