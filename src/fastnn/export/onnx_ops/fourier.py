"""Fourier transforms, as products with their matrices."""

import numpy as np

from fastnn.export.table import emits
from fastnn.export.traced import Size


def _check(b, *sizes):
    if any(isinstance(size, Size) for size in sizes):
        raise b.cannot("transforms an axis whose size depends on the inputs")


@emits("dft")
def _dft(b, step, real, imag):
    p, rank = step.params, step.x.ndim
    for axis in p["axes"]:
        n = step.x.shape[axis]
        _check(b, n)
        matrix = (np.fft.ifft if p["is_inverse"] else np.fft.fft)(np.eye(n), norm=p["norm"])
        cos, sin = (b.constant(part, step.x.dtype) for part in (matrix.real, matrix.imag))
        order = [*(k for k in range(rank) if k != axis % rank), axis % rank]
        real, imag = b.transpose(real, order), b.transpose(imag, order)
        real, imag = (
            b.add("Sub", b.add("MatMul", real, cos), b.add("MatMul", imag, sin)),
            b.add("Add", b.add("MatMul", real, sin), b.add("MatMul", imag, cos)),
        )
        back = [order.index(k) for k in range(rank)]
        real, imag = b.transpose(real, back), b.transpose(imag, back)
    return real, imag


@emits("rfft")
def _rfft(b, step, x):
    n, have = step.params["n"], step.x.shape[-1]
    _check(b, n, have)
    # What lies behind n is not looked at, what is missing is 0.
    matrix = np.fft.rfft(np.eye(min(n, have)), n=n, norm=step.params["norm"])
    x = b.slice(x, step.x.ndim - 1, 0, n) if have > n else x
    return tuple(b.add("MatMul", x, b.constant(part, step.x.dtype)) for part in (matrix.real, matrix.imag))


@emits("irfft")
def _irfft(b, step, real, imag):
    n, have = step.params["n"], step.x.shape[-1]
    _check(b, n, have)
    unit = np.eye(have)
    parts = [np.fft.irfft(unit * factor, n=n, norm=step.params["norm"]) for factor in (1, 1j)]
    products = [b.add("MatMul", x, b.constant(m, step.x.dtype)) for x, m in zip((real, imag), parts, strict=True)]
    return b.add("Add", *products)
