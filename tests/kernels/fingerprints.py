"""FarmHash64 and SipHash-2-4 in NumPy, which judge the kernels. Strings of one length are hashed together: the bytes
are a matrix, and each step of the algorithm is one operation on a column of 64-bit words.
"""

from collections.abc import Callable, Sequence

import numpy as np

_K0, _K1, _K2 = (np.uint64(k) for k in (0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F))
_SIP = tuple(np.uint64(k) for k in (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573))


def farmhash64(strings: Sequence[bytes] | np.ndarray) -> np.ndarray:
    """The FarmHash64 fingerprints, uint64 of shape (n,).

    Args:
        strings: n byte strings of any lengths, as a sequence or an array of `bytes` objects or bytes of one length.

    Example:
        >>> int(farmhash64([b"A"])[0] % 3)
        1
    """
    return _by_length(strings, _farm)


def siphash64(strings: Sequence[bytes] | np.ndarray, key: tuple[int, int]) -> np.ndarray:
    """The SipHash-2-4 values with a key, uint64 of shape (n,).

    Args:
        strings: n byte strings of any lengths, as a sequence or an array of `bytes` objects or bytes of one length.
        key: two integers of 64 bits.

    Example:
        >>> int(siphash64([b"A"], (133, 137))[0] % 3)
        1
    """
    return _by_length(strings, lambda rows: _sip(rows, key))


def _by_length(strings: Sequence[bytes] | np.ndarray, hash_rows: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """`hash_rows` of the bytes (n, length) of all strings of one length, for each length."""
    result = np.empty(len(strings), np.uint64)
    if isinstance(strings, np.ndarray) and strings.dtype != object:
        lengths = np.char.str_len(strings)
        joined = np.ascontiguousarray(strings).view(np.uint8)
        begins = np.arange(len(strings)) * strings.itemsize
    else:
        strings = strings.tolist() if isinstance(strings, np.ndarray) else strings
        lengths = np.fromiter(map(len, strings), np.int64, len(strings))
        joined = np.frombuffer(b"".join(strings), np.uint8)
        begins = np.cumsum(lengths) - lengths
    with np.errstate(over="ignore"):
        for length in np.unique(lengths):
            (where,) = np.nonzero(lengths == length)
            result[where] = hash_rows(joined[begins[where, None] + np.arange(length)])
    return result


def _u(x: int) -> np.uint64:
    return np.uint64(x)


def _word(rows: np.ndarray, at: int, size: int = 8) -> np.ndarray:
    """`size` bytes from byte `at` on, little-endian, as uint64."""
    return np.ascontiguousarray(rows[:, at : at + size]).view(f"<u{size}")[:, 0].astype(np.uint64)


def _rotate_right(x, by: int):
    return (x >> _u(by)) | (x << _u(64 - by))


def _mix(x):
    return x ^ (x >> _u(47))


def _hash16(u, v, mul):
    """Two words to one."""
    a = _mix((u ^ v) * mul)
    return _mix((v ^ a) * mul) * mul


def _farm(rows: np.ndarray) -> np.ndarray:
    length = rows.shape[1]
    if length > 64:
        return _farm_long(rows)
    mul = _K2 + _u(2 * length)
    if length > 32:
        return _farm33(rows, mul)
    if length > 16:
        a, b = _word(rows, 0) * _K1, _word(rows, 8)
        c, d = _word(rows, length - 8) * mul, _word(rows, length - 16) * _K2
        u = _rotate_right(a + b, 43) + _rotate_right(c, 30) + d
        return _hash16(u, a + _rotate_right(b + _K2, 18) + c, mul)
    if length >= 8:
        a, b = _word(rows, 0) + _K2, _word(rows, length - 8)
        return _hash16(_rotate_right(b, 37) * mul + a, (_rotate_right(a, 25) + b) * mul, mul)
    if length >= 4:
        return _hash16(_u(length) + (_word(rows, 0, 4) << _u(3)), _word(rows, length - 4, 4), mul)
    if length > 0:
        first, middle, last = (rows[:, k].astype(np.uint64) for k in (0, length // 2, length - 1))
        return _mix((first + (middle << _u(8))) * _K2 ^ (_u(length) + (last << _u(2))) * _K0) * _K2
    return np.full(len(rows), _K2)


def _farm33(rows: np.ndarray, mul: np.uint64) -> np.ndarray:
    """33 to 64 bytes."""
    length = rows.shape[1]
    a, b = _word(rows, 0) * _K2, _word(rows, 8)
    c, d = _word(rows, length - 8) * mul, _word(rows, length - 16) * _K2
    y = _rotate_right(a + b, 43) + _rotate_right(c, 30) + d
    z = _hash16(y, a + _rotate_right(b + _K2, 18) + c, mul)
    e, f = _word(rows, 16) * mul, _word(rows, 24)
    g, h = (y + _word(rows, length - 32)) * mul, (z + _word(rows, length - 24)) * mul
    return _hash16(_rotate_right(e + f, 43) + _rotate_right(g, 30) + h, e + _rotate_right(f + a, 18) + g, mul)


def _farm_long(rows: np.ndarray) -> np.ndarray:
    """Over 64 bytes: a state of seven words, mixed with 64 bytes at a time; the last 64 may overlap those before."""
    length = rows.shape[1]
    seed = np.full(len(rows), 81, np.uint64)
    y = seed * _K1 + _u(113)
    z = _mix(y * _K2 + _u(113)) * _K2
    x = seed * _K2 + _word(rows, 0)
    v = w = (np.zeros_like(x), np.zeros_like(x))
    for at in range(0, (length - 1) // 64 * 64, 64):
        x, y, z, v, w = _farm_block(rows, at, x, y, z, v, w, _K1, _u(1))
    mul = _K1 + ((z & _u(255)) << _u(1))
    w = (w[0] + _u((length - 1) & 63), w[1])
    v = (v[0] + w[0], v[1])
    w = (w[0] + v[0], w[1])
    x, y, z, v, w = _farm_block(rows, length - 64, x, y, z, v, w, mul, _u(9))
    u = _hash16(v[0], w[0], mul) + _mix(y) * _K0 + z
    return _hash16(u, _hash16(v[1], w[1], mul) + x, mul)


def _farm_block(rows, at, x, y, z, v, w, mul, weight):
    x = _rotate_right(x + y + v[0] + _word(rows, at + 8), 37) * mul
    y = _rotate_right(y + v[1] + _word(rows, at + 48), 42) * mul
    x = x ^ w[1] * weight
    y = y + v[0] * weight + _word(rows, at + 40)
    z = _rotate_right(z + w[0], 33) * mul
    v = _weak32(rows, at, v[1] * mul, x + w[0])
    w = _weak32(rows, at + 32, z + w[1], y + _word(rows, at + 16))
    return z, y, x, v, w


def _weak32(rows, at, a, b):
    """32 bytes from `at` on and two seeds, to two words."""
    first, second, third, last = (_word(rows, at + k) for k in (0, 8, 16, 24))
    a = a + first
    b = _rotate_right(b + a + last, 21)
    c = a
    a = a + second + third
    return a + last, b + _rotate_right(a, 44) + c


def _sip(rows: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    count, length = rows.shape
    # Zeros up to a whole word, and the length, modulo 256, as the last byte.
    padded = np.zeros((count, length // 8 * 8 + 8), np.uint8)
    padded[:, :length] = rows
    padded[:, -1] = length & 255
    keys = [np.uint64(k & 0xFFFFFFFFFFFFFFFF) for k in key]
    state = [np.full(count, constant ^ keys[k % 2]) for k, constant in enumerate(_SIP)]
    for at in range(0, padded.shape[1], 8):
        word = _word(padded, at)
        state[3] = state[3] ^ word
        state = _sip_rounds(state, 2)
        state[0] = state[0] ^ word
    state[2] = state[2] ^ _u(255)
    state = _sip_rounds(state, 4)
    return state[0] ^ state[1] ^ state[2] ^ state[3]


def _sip_rounds(state: list, count: int) -> list:
    a, b, c, d = state
    for _ in range(count):
        a = a + b
        b = _rotate_right(b, 64 - 13) ^ a
        a = _rotate_right(a, 32)
        c = c + d
        d = _rotate_right(d, 64 - 16) ^ c
        a = a + d
        d = _rotate_right(d, 64 - 21) ^ a
        c = c + b
        b = _rotate_right(b, 64 - 17) ^ c
        c = _rotate_right(c, 32)
    return [a, b, c, d]
