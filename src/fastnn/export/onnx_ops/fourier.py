"""Fourier transforms of real numbers, as products with their matrices."""

import numpy as np

from fastnn.export.table import emits
from fastnn.export.traced import Size


@emits("rfft")
def _rfft(b, step, x):
    n, have = step.params["n"], step.x.shape[-1]
    if isinstance(n, Size) or isinstance(have, Size):
        raise b.cannot("transforms an axis whose size depends on the inputs")
    # What lies behind n is not looked at, what is missing is 0.
    matrix = np.fft.rfft(np.eye(min(n, have)), n=n, norm=step.params["norm"])
    x = b.slice(x, step.x.ndim - 1, 0, n) if have > n else x
    return tuple(b.add("MatMul", x, b.constant(part, step.x.dtype)) for part in (matrix.real, matrix.imag))


@emits("irfft")
def _irfft(b, step, real, imag):
    n, have = step.params["n"], step.x.shape[-1]
    if isinstance(n, Size) or isinstance(have, Size):
        raise b.cannot("transforms an axis whose size depends on the inputs")
    unit = np.eye(have)
    parts = [np.fft.irfft(unit * factor, n=n, norm=step.params["norm"]) for factor in (1, 1j)]
    products = [b.add("MatMul", x, b.constant(m, step.x.dtype)) for x, m in zip((real, imag), parts, strict=True)]
    return b.add("Add", *products)
