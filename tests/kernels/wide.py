"""Results in more precision than a kernel's, by which it is judged."""

import numpy as np

WIDER = {np.dtype(np.float32): np.float64, np.dtype(np.float64): np.longdouble}


def wide(array):
    """A copy in the next precision."""
    return array.astype(WIDER[array.dtype])


def product(a, b):
    """`a @ b` of such copies, or of arrays that are theirs but for signs.

    NumPy multiplies matrices of extended precision a thousand times as slowly as BLAS those of float64, so these are
    cut into slices of so few bits that BLAS sums their products exactly (Ozaki and others, Error-free transformations
    of matrix multiplication, 2012). What is left out is below 2^-64 of the largest of a row times that of a column.
    """
    if a.dtype == np.float64:
        return a @ b
    a, b = a.astype(np.float64), b.astype(np.float64)
    slices = next(count for count in range(2, 65) if count * _bits(a.shape[-1], count) >= 64)
    bits = _bits(a.shape[-1], slices)
    (of_a, exponent_a), (of_b, exponent_b) = _slices(a, -1, bits, slices), _slices(b, -2, bits, slices)
    total = np.longdouble(0)
    for order in reversed(range(slices)):
        exact = np.concatenate(of_a[: order + 1], -1) @ np.concatenate(of_b[order::-1], -2)
        total = total + exact * 2.0 ** (-order * bits)
    one = np.longdouble(1)
    return total * np.ldexp(one, exponent_a) * np.ldexp(one, exponent_b - 2 * bits)


def _bits(terms, slices):
    """How long the integers of so many slices may be.

    The first is at most 2^bits, the others, which are what rounding left, half of that. BLAS sums all products of one
    order at once, at most `terms` times 4^bits (1/2 + 1/4 + ... + 1/4 + 1/2), which must be below 2^53.
    """
    return (53 - max(-(-terms * (slices + 2) // 4) - 1, 1).bit_length()) // 2


def _slices(x, axis, bits, slices):
    """Matrices of integers of `bits` bits and an exponent for each line along `axis`: `x` is about the sum of
    `2 ** (exponent - (k + 1) * bits) * slice[k]`."""
    exponent = np.frexp(np.abs(x).max(axis, keepdims=True, initial=0))[1]
    rest, found = np.ldexp(x, bits - exponent), []
    for _ in range(slices):
        found.append(np.rint(rest))
        rest = (rest - found[-1]) * 2.0**bits
    return found, exponent
