"""Fourier transforms: identities, gradients in float64, and gradients of gradients."""

import numpy as np
import pytest

import fastnn
from fastnn import ops
from fastnn.testing import check_gradient
from tests.tables import rows


def x64(*shape, seed=7):
    return rows(*shape, seed=seed, dtype="float64")


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_the_transform_is_the_sum_of_its_definition(n):
    real, imag = x64(2, n), x64(2, n, seed=8)
    matrix = np.exp(-2j * np.pi * np.outer(np.arange(n), np.arange(n)) / n)
    expected = (real + 1j * imag) @ matrix
    result = ops.fft((real, imag))
    np.testing.assert_allclose(result[0] + 1j * result[1], expected, atol=1e-12)
    half = ops.rfft(real)
    np.testing.assert_allclose(half[0] + 1j * half[1], (real @ matrix)[:, : n // 2 + 1], atol=1e-12)
    np.testing.assert_allclose(ops.irfft(half, n), real, atol=1e-12)


@pytest.mark.parametrize("n", [1, 4, 5, 6, 9])
def test_gradients(n):
    check_gradient(lambda a, b: ops.fft((a, b)), [x64(2, n), x64(2, n, seed=8)])
    check_gradient(lambda a, b: ops.ifft2((a, b)), [x64(3, n), x64(3, n, seed=8)])
    check_gradient(lambda a: ops.rfft(a, n), [x64(2, 5)])
    check_gradient(lambda a, b: ops.irfft((a, b), n), [x64(2, 4), x64(2, 4, seed=8)])
    check_gradient(lambda a: ops.rfft(a)[0], [x64(2, n)])


def test_a_gradient_s_gradient():
    def power(x):
        real, imag = ops.rfft(x)
        return ops.sum((real * real + imag * imag) ** 2)

    def gradient(x):
        with fastnn.GradientTape() as tape:
            y = power(x)
        return tape.gradient(y, x)

    check_gradient(gradient, [x64(2, 6)])


@pytest.mark.parametrize("arguments", [(8, 2, 8), (7, 3, 16, None), (8, 4, 9, "hamming")])
def test_a_signal_comes_back(arguments):
    signal = x64(2, 60)
    length, stride, fft_length, *window = arguments
    window = {"window": window[0]} if window else {}
    parts = ops.stft(signal, length, stride, fft_length, **window)
    back = ops.istft(parts, length, stride, fft_length, length=60, **window)
    end = parts[0].shape[-2] * stride - stride  # what lies behind the last window's centre is in no full window
    if window.get("window", "") is None:
        back = back * stride / fft_length
    np.testing.assert_allclose(back[:, :end], signal[:, :end], atol=1e-12)


@pytest.mark.parametrize(
    "shape", [(1, 2048), (5, 2048), (3, 8192), (4, 9000), (2, 3, 1022), (4, 134), (4, 262), (1, 65_536)]
)
def test_long_rows(shape):
    """By the kernel where it has the size and rows enough, by NumPy elsewhere: 262 is 2 times 131."""
    x = rows(*shape)
    y = ops.rfft(x)
    np.testing.assert_allclose(y[0] + 1j * y[1], np.fft.rfft(x.astype("float64")), atol=2e-4)
    np.testing.assert_allclose(ops.irfft(y, shape[-1]), x, atol=1e-5)


@pytest.mark.parametrize(
    "shape", [(1, 64), (1, 1200), (9, 1024), (2, 4096), (1, 20_000), (8, 8192), (1, 67, 2), (3, 131)]
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_of_any_length_go_and_come_back(shape, dtype):
    """By the kernels for rows as matrices where a row has enough numbers, by the others and NumPy elsewhere."""
    x = tuple(rows(*shape, seed=seed, dtype=dtype) for seed in (7, 8))
    tolerance = 30 * np.finfo(dtype).eps
    y = ops.fft(x)
    assert y[0].dtype == y[1].dtype == dtype
    expected = np.fft.fft(x[0] + 1j * x[1].astype("float64"))
    np.testing.assert_allclose(y[0] + 1j * y[1], expected, rtol=0, atol=tolerance * np.abs(expected).max())
    back = ops.ifft2(tuple(part[..., None, :] for part in y))  # of one row
    for part, right in zip(back, x, strict=True):
        np.testing.assert_allclose(part[..., 0, :], right, rtol=0, atol=tolerance * np.abs(x).max())


def test_shapes_at_the_edge():
    assert ops.extract_sequences(x64(2, 3), 5, 1).shape == (2, 0, 5)
    assert ops.rfft(x64(0, 4))[0].shape == (0, 3)
    real, imag = ops.stft(fastnn.KerasTensor((None, 40)), 8, 4, 8)
    assert real.shape == imag.shape == (None, 11, 5)


def test_integers_become_floats():
    assert ops.rfft(np.arange(4))[0].dtype == np.float32
