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
    bits = (53 - max(a.shape[-1] - 1, 1).bit_length()) // 2
    slices = -(-64 // bits)
    (of_a, exponent_a), (of_b, exponent_b) = _slices(a, -1, bits, slices), _slices(b, -2, bits, slices)
    total = np.longdouble(0)
    for order in reversed(range(slices)):
        exact = sum((of_a[k] @ of_b[order - k]).astype(np.longdouble) for k in range(order + 1))
        total = total + np.ldexp(exact, -order * bits)
    return np.ldexp(total, exponent_a + exponent_b - 2 * bits)


def _slices(x, axis, bits, slices):
    """Matrices of integers of `bits` bits and an exponent for each line along `axis`: `x` is about the sum of
    `2 ** (exponent - (k + 1) * bits) * slice[k]`."""
    exponent = np.frexp(np.abs(x).max(axis, keepdims=True, initial=0))[1]
    rest, found = np.ldexp(x, bits - exponent), []
    for _ in range(slices):
        found.append(np.rint(rest))
        rest = np.ldexp(rest - found[-1], bits)
    return found, exponent
