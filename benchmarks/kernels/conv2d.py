"""`python -m benchmarks.kernels.conv2d`: convolutions of the reference models and their gradients.

Each answer is checked against NumPy before it is timed.
"""

import argparse

import numpy as np

from benchmarks.timer import Kernel, aligned, report
from fastnn.ops.conv2d import conv2d_grad_input_op, conv2d_grad_kernel_op, conv2d_op

# (n, size, cin, cout, kernel, stride, pad)
PROBLEMS = [
    (128, 28, 1, 32, 3, 1, 0),  # cnn, first layer
    (128, 13, 32, 64, 3, 1, 0),  # cnn, second layer
    (128, 32, 3, 16, 3, 1, 1),  # resnet, first layer
    (128, 32, 16, 16, 3, 1, 1),
    (128, 16, 32, 32, 3, 1, 1),
    (128, 8, 64, 64, 3, 1, 1),
    (128, 32, 16, 32, 3, 2, 1),  # resnet, where a stage starts
    (128, 32, 16, 32, 1, 2, 0),  # its shortcut
    (1, 13, 32, 64, 3, 1, 0),  # one image
]


def calls_of(n, size, cin, cout, k, stride, pad, dtype, threads):
    """`(kernel name, kernel call, result, expected)` for the forward pass and both gradients, with bias."""
    rng = np.random.default_rng(0)
    out = (size + 2 * pad - k) // stride + 1
    params = {"strides": (stride, stride), "pads": (pad,) * 4, "dilation": (1, 1), "groups": 1}
    x, w, b, dy = (
        aligned(rng.standard_normal(shape).astype(dtype))
        for shape in ((n, size, size, cin), (k, k, cin, cout), (cout,), (n, out, out, cout))
    )
    ints = [n, size, size, cin, out, out, cout, k, k, stride, stride, 1, 1, pad, pad, 1, 0, 0]
    y, dx, dw, db = (aligned(a) for a in (dy, x, w, b))
    expected_dx = conv2d_grad_input_op.reference(dy, w, size=(size, size), **params)
    expected_dw, _ = conv2d_grad_kernel_op.reference(x, dy, kernel_size=(k, k), **params)
    for name, buffers, result, expected in [
        ("conv2d", [x, w, y, b], y, conv2d_op.reference(x, w, b, **params)),
        ("conv2d_grad_input", [dy, w, dx], dx, expected_dx),
        ("conv2d_grad_kernel", [x, dy, dw, db], dw, expected_dw),
    ]:
        suffix = "f32" if dtype == "float32" else "f64"
        yield name, Kernel(f"{name}_{suffix}", buffers, ints, (), threads), result, expected


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kernels.conv2d", description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32")
    options = parser.parse_args()
    for problem in PROBLEMS:
        n, size, cin, cout, k, stride, pad = problem
        text = f"{n}x{size}x{size}x{cin} to {cout}, {k}x{k} stride {stride} pad {pad}"
        for name, kernel, result, expected in calls_of(*problem, options.dtype, options.threads):
            kernel()
            np.testing.assert_allclose(result, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())
            report(f"{name} {text}", kernel, None, options.dtype, options.threads)


if __name__ == "__main__":
    main()
