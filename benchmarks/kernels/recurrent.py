"""`python -m benchmarks.kernels.recurrent`: LSTM and GRU over a whole sequence, against NumPy step by step.

Each answer is checked against NumPy, whose steps are the references of the records, before it is timed.
"""

import argparse
import functools

import numpy as np

from benchmarks.timer import Kernel, aligned, report
from fastnn.ops import recurrent_steps as steps

# (kernel, batch, time, units)
PROBLEMS = [
    ("lstm", 32, 200, 64),  # the reference model
    ("lstm_grad", 32, 200, 64),
    ("gru", 32, 200, 64),
    ("gru_grad", 32, 200, 64),
    ("lstm", 1, 200, 64),  # one sequence
    ("lstm", 128, 50, 256),
    ("lstm_grad", 128, 50, 256),
]


def arrays_of(name, b, t, u, dtype):
    """The kernel's inputs, its outputs unwritten, and the reference's outputs in the same order."""
    rng = np.random.default_rng(0)

    def draw(*shape):
        return aligned(rng.uniform(-0.5, 0.5, shape).astype(dtype))

    is_lstm = name.startswith("lstm")
    gates = 4 if is_lstm else 3
    h0, c0, bias = draw(b, u), draw(b, u), draw(gates * u)
    kernel = draw(u, gates * u) / u**0.5  # as an orthogonal one: with more, small errors grow from step to step
    if not name.endswith("_grad"):
        x = draw(b, t, gates * u)
        if is_lstm:
            return [x, kernel, h0, c0, None], functools.partial(steps.lstm, steps.NUMPY, x, kernel, h0, c0)
        return [x, kernel, bias, h0, None], functools.partial(steps.gru, steps.NUMPY, x, kernel, bias, h0)
    y, c, of_gates, dy = draw(b, t, u), draw(b, t, u), draw(b, t, 4 * u), draw(b, t, u)
    if is_lstm:
        call = functools.partial(steps.lstm_grad, steps.NUMPY, kernel, h0, c0, y, c, of_gates, None, dy, None, None)
        return [dy, None, None, kernel, h0, c0, None, y, c, of_gates], call
    call = functools.partial(steps.gru_grad, steps.NUMPY, kernel, h0, y, of_gates, None, dy, None)
    return [dy, None, kernel, h0, None, y, of_gates], call


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kernels.recurrent", description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32")
    options = parser.parse_args()
    for name, b, t, u in PROBLEMS:
        inputs, peer = arrays_of(name, b, t, u, options.dtype)
        wanted = peer()
        outputs = [aligned(np.empty(y.shape, y.dtype)) for y in wanted]
        suffix = "f32" if options.dtype == "float32" else "f64"
        kernel = Kernel(f"{name}_{suffix}", [*inputs, *outputs], [b, t, u, 0], threads=options.threads)
        kernel()
        for actual, expected in zip(outputs, wanted, strict=True):
            np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-3)
        report(f"{name} batch={b} time={t} units={u}", kernel, {"numpy": peer}, options.dtype, options.threads)


if __name__ == "__main__":
    main()
