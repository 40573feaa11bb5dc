"""Kernels of strings: fingerprints against NumPy's (`fingerprints`) for all lengths and kinds of arrays; the first of
equal strings, places among tokens, tokens and n-grams against Python. On every instruction set."""

import string

import numpy as np
import pytest

from fastnn import _kernels
from fastnn._kernels import _engine
from fastnn.layers.preprocessing.strings import Strings, StringTable
from tests.kernels.fingerprints import farmhash64, siphash64

LETTERS = np.array([*"abcXYZ 019!~_\t\n\x1f\x7f", "é", "ß", "€", "漢", "😀", "\0"])
KEY = (133, (1 << 64) - 7)


@pytest.fixture(params=_engine.isas(), autouse=True)
def isa(request):
    with _kernels.using(request.param):
        yield


def texts(count, longest, letters=LETTERS, seed=0):
    """Some strings; none ends with a zero, which arrays of one length cannot hold."""
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(letters, rng.integers(0, longest + 1))).rstrip("\0") for _ in range(count)]


def kinds(strings):
    """The same strings in arrays of all kinds."""
    encoded = [text.encode() for text in strings]
    mixed = [text if k % 2 else text.encode() for k, text in enumerate(strings)]
    fixed = np.array(strings)
    return {
        "U": fixed,
        "other order": fixed.astype(fixed.dtype.newbyteorder(">")),
        "every other": np.repeat(fixed, 2)[::2],
        "unaligned": np.frombuffer(b"." + fixed.tobytes(), np.uint8)[1:].view(fixed.dtype),
        "S": np.array(encoded),
        "str": np.array(strings, object),
        "bytes": np.array(encoded, object),
        "mixed": np.array(mixed, object),
    }


KINDS = list(kinds(["a"]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("letters", [LETTERS, LETTERS[:9]], ids=["all", "ASCII"])
def test_fingerprints(kind, letters):
    strings = [*texts(50, 9, letters), *texts(9, 300, letters), *("x" * n for n in range(200)), ""]
    encoded = [text.encode() for text in strings]
    made = Strings(kinds(strings)[kind])
    assert made.size == len(strings) and made.tolist() == encoded
    np.testing.assert_array_equal(made.hashes(), farmhash64(encoded))
    np.testing.assert_array_equal(made.hashes(KEY), siphash64(encoded, KEY))


def test_many_strings_are_shared_by_threads():
    strings = np.array(texts(20_000, 12))
    np.testing.assert_array_equal(Strings(strings).hashes(), farmhash64([text.encode() for text in strings.tolist()]))


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int64", ">i4", "uint64", object])
def test_integers_as_they_are_written(dtype):
    limits = np.iinfo("int64" if dtype is object else dtype)
    numbers = np.array([limits.min, limits.max, 0, 1, 9, 10, 99, 100, limits.min + 1], dtype)
    written = [str(number).encode() for number in numbers.tolist()]
    np.testing.assert_array_equal(Strings(numbers).hashes(), farmhash64(written))
    np.testing.assert_array_equal(Strings(numbers[:8].reshape(2, 4).T).hashes().T.ravel(), farmhash64(written[:8]))


@pytest.mark.parametrize("strings", [["a\0", "a", "\0", ""], [b"a\0", b"a", b"\0", b""]], ids=["str", "bytes"])
def test_zeros_at_the_end_of_objects_count(strings):
    encoded = [text if isinstance(text, bytes) else text.encode() for text in strings]
    made = Strings(np.array(strings, object))
    np.testing.assert_array_equal(made.hashes(), farmhash64(encoded))
    assert made.firsts().tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("kind", ["U", "str"])
def test_what_is_no_character(kind):
    with pytest.raises(UnicodeEncodeError):
        Strings(np.array(["a", "\ud800"], object if kind == "str" else str)).hashes()


@pytest.mark.parametrize("kind", KINDS)
def test_firsts_and_places(kind):
    strings = texts(3000, 3)
    made = Strings(kinds(strings)[kind])
    first = {}
    assert made.firsts().tolist() == [first.setdefault(text, k) for k, text in enumerate(strings)]
    tokens = list(first)[::2]
    table = StringTable([token.encode() for token in tokens])
    of_token = {token: k for k, token in enumerate(tokens)}
    assert table.places(made).tolist() == [of_token.get(text, -1) for text in strings]
    assert made.equals(tokens[1].encode()).tolist() == [text == tokens[1] for text in strings]
    some = np.arange(3000) % 7 == 0
    assert table.places(made[some]).tolist() == [of_token.get(text, -1) for text in strings[::7]]


def test_a_string_that_begins_as_a_token_is_none():
    table = StringTable([b"ab", b""])
    assert table.places(Strings(["abc", "a", "ab", "", "b", "ab" * 40])).tolist() == [-1, -1, 0, 1, -1, -1]
    assert StringTable([]).places(Strings(["a", ""])).tolist() == [-1, -1]


def tokens_in_python(strings, by, lowers, strips):
    punctuation = string.punctuation.encode() if strips else b""
    table = bytes(range(256)).lower() if lowers else None
    changed = [text.encode().translate(table, punctuation) for text in strings]
    if by == "whole":
        return [[text] for text in changed]
    return [text.split() if by == "whitespace" else [c.encode() for c in text.decode()] for text in changed]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("by", ["whitespace", "character", "whole"])
def test_tokens_and_their_n_grams(by, kind):
    every = [chr(k) for k in range(1, 256)]
    strings = ["", " ", "a", *texts(40, 50), "".join(every), "!", " x ", *every]
    for lowers, strips in ((False, False), (True, False), (False, True), (True, True)):
        wanted = tokens_in_python(strings, by, lowers, strips)
        tokens, counts = Strings(kinds(strings)[kind]).split(by, lowers, strips)
        assert counts.tolist() == list(map(len, wanted))
        assert tokens.tolist() == [token for row in wanted for token in row]
        grams, gram_counts = tokens.joined(counts, (2, 1, 3, 0))
        joined = [
            [b" ".join(row[k : k + width]) for width in (2, 1, 3) for k in range(len(row) - width + 1)]
            for row in wanted
        ]  # fmt: skip
        assert gram_counts.tolist() == list(map(len, joined))
        assert grams.tolist() == [gram for row in joined for gram in row]


@pytest.mark.parametrize("bad", [b"a\xff", b"\xc3", b"\xa9", b"\xe2\x82", b"\xf8\x88\x80\x80\x80"])
def test_bytes_that_are_no_characters(bad):
    with pytest.raises(UnicodeDecodeError):
        Strings(np.array([bad, b"\xa9b"], object)).split("character")


def test_nothing():
    for empty in (np.empty(0, "U3"), np.empty((0, 2), object), np.empty(0, np.int64)):
        made = Strings(empty)
        assert made.hashes().shape == made.firsts().shape == StringTable([b"a"]).places(made).shape == empty.shape
        tokens, counts = made.split("whitespace")
        assert tokens.tolist() == counts.tolist() == tokens.joined(counts, (1, 2))[0].tolist() == []
