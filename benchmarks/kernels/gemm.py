"""`python -m benchmarks.kernels.gemm`: the matrix products of the reference models, against NumPy's BLAS.

Each answer is checked against NumPy before it is timed.
"""

import argparse
import functools

import numpy as np

from benchmarks.timer import Kernel, aligned, report

# (m, n, k, layout): "n" row-major, "t" transposed in memory; what makes such a product follows.
PROBLEMS = [
    (128, 128, 784, "nn"),  # mlp, first layer
    (784, 128, 128, "tn"),  # its kernel gradient
    (128, 768, 128, "nn"),  # four LSTM gates, or an attention projection
    (128, 128, 768, "nt"),  # an input gradient
    (128, 10, 64, "nn"),  # logits
    (64, 10, 128, "tn"),  # their kernel gradient
    (128, 64, 10, "nt"),  # their input gradient
    (64, 256, 4096, "tn"),  # a kernel gradient over many tokens
    (1, 128, 784, "nn"),  # one row
    (512, 512, 512, "nn"),
]


def kernel_of(m, n, k, layout, dtype, threads):
    """The kernel call on random operands, and its operands and result."""
    rng = np.random.default_rng(0)
    a = aligned(rng.standard_normal((m, k) if layout[0] == "n" else (k, m)).astype(dtype))
    b = aligned(rng.standard_normal((k, n) if layout[1] == "n" else (n, k)).astype(dtype))
    c = aligned(np.empty((m, n), dtype))
    strides = [*((k, 1) if layout[0] == "n" else (1, m)), *((n, 1) if layout[1] == "n" else (1, k))]
    suffix = "f32" if dtype == "float32" else "f64"
    ints = [m, n, k, *strides, 0, 0, 0, *([1, 0, 0] * 3)]
    kernel = Kernel(f"gemm_{suffix}", [a, b, c, None, None], ints, [1.0, 0.0], threads)
    return kernel, a if layout[0] == "n" else a.T, b if layout[1] == "n" else b.T, c


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kernels.gemm", description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32")
    options = parser.parse_args()
    for m, n, k, layout in PROBLEMS:
        kernel, a, b, c = kernel_of(m, n, k, layout, options.dtype, options.threads)
        kernel()
        np.testing.assert_allclose(c, a @ b, rtol=1e-3, atol=1e-3)
        out = np.empty_like(c)
        peers = {"numpy": functools.partial(np.matmul, a, b, out=out)}
        report(f"gemm m={m} n={n} k={k} {layout}", kernel, peers, options.dtype, options.threads)


if __name__ == "__main__":
    main()
