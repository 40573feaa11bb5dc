"""Fourier transforms and what is cut out of sequences for them."""

import numpy as np

from tests.tables import BadCase, OpCase, rows

PAIR = (rows(2, 3, 6), rows(2, 3, 6, seed=8))
ODD = (rows(2, 5), rows(2, 5, seed=8))
SIGNAL = rows(2, 40)

OPS = [
    OpCase("fft", (PAIR,), gradient=True),
    OpCase("fft", (ODD,), gradient=True),
    OpCase("fft", ((rows(3, 131), rows(3, 131, seed=8)),), gradient=True),  # a factor that the kernel has not
    OpCase("fft2", (PAIR,), gradient=True),
    OpCase("ifft2", (PAIR,), gradient=True),
    OpCase("rfft", (rows(2, 8),), gradient=True),
    OpCase("rfft", (rows(2, 7),), gradient=True),
    OpCase("rfft", (rows(2, 7), 4), gradient=True),
    OpCase("rfft", (rows(2, 7), 12), gradient=True),
    OpCase("irfft", (PAIR,), gradient=True),
    OpCase("irfft", (PAIR, 9), gradient=True),
    OpCase("irfft", (PAIR, 4), gradient=True),
    OpCase("irfft", (PAIR, 20), gradient=True),
    OpCase("extract_sequences", (SIGNAL, 7, 3), gradient=True),
    OpCase("extract_sequences", (rows(9), 4, 5), gradient=True),
    OpCase("extract_sequences", (np.arange(24).reshape(2, 3, 4), 2, 1)),
    OpCase("stft", (SIGNAL, 8, 3, 8), gradient=True),
    OpCase("stft", (SIGNAL, 7, 4, 16, "hamming"), gradient=True),
    OpCase("stft", (SIGNAL, 8, 4, 8, None, False), gradient=True),
    OpCase("stft", (SIGNAL, 5, 4, 10), {"window": np.linspace(0.1, 1, 5).astype("float32")}),
    OpCase("istft", ((rows(2, 6, 9), rows(2, 6, 9, seed=3)), 16, 4, 16), gradient=True),
    OpCase("istft", ((rows(6, 9), rows(6, 9, seed=3)), 12, 5, 16), {"length": 20, "window": "hamming"}, gradient=True),
    OpCase("istft", ((rows(6, 9), rows(6, 9, seed=3)), 16, 8, 16), {"window": None, "center": False}, gradient=True),
]

BAD = [
    BadCase("fft of one array", lambda k: k.ops.fft(rows(4)), "real and imaginary"),
    BadCase("fft of two shapes", lambda k: k.ops.fft((rows(4), rows(5))), "same shape"),
    BadCase("stft of integers", lambda k: k.ops.stft(np.arange(40), 8, 4, 8), "float32"),
    BadCase("stft of long windows", lambda k: k.ops.stft(SIGNAL, 8, 4, 4), "fft_length"),
    BadCase("stft with an unknown window", lambda k: k.ops.stft(SIGNAL, 8, 4, 8, "flat"), "window"),
    BadCase("stft with a short window", lambda k: k.ops.stft(SIGNAL, 8, 4, 8, np.ones(4, "float32")), "window"),
]
