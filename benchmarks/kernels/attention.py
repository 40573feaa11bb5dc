"""`python -m benchmarks.kernels.attention`: attention and its gradient, beside the same of whole matrices of scores.

Each answer is checked against NumPy before it is timed. The peer `composed` is a plan of batched products around a
softmax.
"""

import argparse

import numpy as np

from benchmarks.timer import Kernel, aligned, report
from fastnn import ops
from fastnn.ops.attention import attention_grad_op, attention_op
from fastnn.ops.layout import transpose
from fastnn.plan.function import Compiled

# (batch, queries, keys, heads, key_heads, depth, causal)
PROBLEMS = [
    (32, 128, 128, 4, 4, 16, False),  # the small encoder of the reference models
    (8, 256, 256, 8, 8, 64, False),
    (1, 1024, 1024, 8, 8, 64, False),
    (1, 1024, 1024, 8, 8, 64, True),
    (1, 1024, 1024, 8, 2, 64, True),  # grouped queries
    (1, 2048, 2048, 1, 1, 64, False),  # one head: the gradient cuts the keys
    (1, 1, 1024, 8, 8, 64, False),  # one query
]


def calls_of(b, t, s, h, key_heads, d, causal, dtype, threads):
    """`(kernel name, kernel call, result, expected)` for the forward pass and the gradient."""
    rng = np.random.default_rng(0)
    params = {"scale": d**-0.5, "is_causal": causal, "has_bias": False, "has_mask": False}
    q, k, v, dy = (
        aligned(rng.standard_normal(shape).astype(dtype))
        for shape in ((b, t, h, d), (b, s, key_heads, d), (b, s, key_heads, d), (b, t, h, d))
    )
    y, top, inverse = (aligned(x) for x in attention_op.reference(q, k, v, **params))
    result, dq, dk, dv = (aligned(x) for x in (q, q, k, v))
    expected = attention_grad_op.reference(dy, q, k, v, y, top, inverse, **params)
    ints = [b, t, s, h, key_heads, d, d, int(causal), *[0] * 8]
    suffix = "f32" if dtype == "float32" else "f64"
    forward = [q, k, v, None, None, result, aligned(top), aligned(inverse)]
    backward = [dy, q, k, v, y, top, inverse, None, None, dq, dk, dv]
    peers = {"composed": composed(q, k, v, d**-0.5)} if not causal and h == key_heads else {}
    reals = [params["scale"]]
    yield "attention", Kernel(f"attention_{suffix}", forward, ints, reals, threads), (result,), (y,), peers
    yield (
        "attention_grad",
        Kernel(f"attention_grad_{suffix}", backward, ints, reals, threads),
        (dq, dk, dv),
        expected,
        {},
    )


def composed(q, k, v, scale):
    """Batched products around a softmax of the whole matrix of scores, as one plan."""

    def attention(q, k, v):
        q, k, v = (transpose(x, (0, 2, 1, 3)) for x in (q, k, v))
        weights = ops.softmax(ops.matmul(q, transpose(k, (0, 1, 3, 2))) * scale)
        return transpose(ops.matmul(weights, v), (0, 2, 1, 3))

    function = Compiled(attention, "composed")
    return lambda: function(q, k, v)


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kernels.attention", description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32")
    options = parser.parse_args()
    for problem in PROBLEMS:
        b, t, s, h, key_heads, d, causal = problem
        text = f"{b}x{t}x{s}, {h} heads of {d}, {key_heads} of keys{', causal' if causal else ''}"
        for name, kernel, results, expected, peers in calls_of(*problem, options.dtype, options.threads):
            kernel()
            for result, wanted in zip(results, expected, strict=True):
                np.testing.assert_allclose(result, wanted, rtol=1e-3, atol=1e-3 * np.abs(wanted).max())
            report(f"{name} {text}", kernel, peers, options.dtype, options.threads)


if __name__ == "__main__":
    main()
