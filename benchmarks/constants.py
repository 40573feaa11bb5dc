"""The level `constants`: what the constants of `fastnn.plan.cost` stand for, measured, beside those in the source.

- `flops_per_s`, `bytes_per_s`: one core on products and on elementwise passes that fit its caches and take about as
  long as the limit of sharing; medians.
- `meeting_s`: what sharing a call between two threads costs: the time of both less half the time of one; a median.
- `share_s`: the time, as the constants in the source have it, of a call that takes twice as long as meeting.
- `winograd_gain`: how much faster Winograd's algorithm must be expected to be so that the choices lose least time over
  `IMAGES`; `winograd_loss`: the time over that of the best choices, by this and by the constant in the source.
- `shared_otherwise`: the part of the calls in training steps of the six networks that threads would share by the
  measured constants and do not now, or the other way round.

What takes two threads is left out with one.
"""

import itertools
import json
import math
import statistics
import sys
import time

import numpy as np

from benchmarks import pairs
from benchmarks.machine import threads

PEERS = ()
GROUPS = ("constants",)
UNITS = {"flops_per_s": "FLOP/s", "bytes_per_s": "B/s", "meeting_s": "s", "share_s": "s"}

PRODUCTS = [(rows, 64, 64) for rows in (48, 96, 192, 384)]  # rows, k, columns
PASSES = [2048, 4096, 8192, 16384]  # elements
# images, rows and columns, channels in, channels out
IMAGES = [
    (n, size, cin, cout)
    for n in (1, 8)
    for size, cin, cout in (
        (6, 16, 16), (8, 8, 8), (8, 16, 16), (10, 32, 32), (14, 8, 16), (14, 16, 16), (14, 64, 64), (28, 8, 8),
        (28, 16, 16), (28, 32, 32), (56, 8, 16),
    )
]  # fmt: skip
SLICES, SLICE_S = 40, 3e-4


def measure(group, peers, rounds, threads, options):
    """Yields a row for each figure."""
    results, missing = pairs.alternate({"fastnn": lambda: pairs.run("benchmarks.constants", threads=threads)}, rounds)
    found = results["fastnn"]
    for figure in found[0]["measured"]:
        values = [one["measured"][figure] for one in found]
        contenders = {"fastnn": pairs.summary(values, values)}
        if figure in found[0]["source"]:
            contenders["source"] = pairs.summary(values, [one["source"][figure] for one in found])
        yield {
            "group": group, "row": "fastnn.plan.cost", "figure": figure, "unit": UNITS.get(figure, ""),
            "contenders": contenders, "missing": missing,
        }  # fmt: skip


def figures() -> dict:
    """What is measured, and what the source has instead."""
    from fastnn.plan import cost

    source = {
        "flops_per_s": cost.FLOPS_PER_S, "bytes_per_s": cost.BYTES_PER_S, "share_s": cost.SHARE_S,
        "winograd_gain": cost.WINOGRAD_GAIN,
    }  # fmt: skip
    products, passes = [_product(*sizes) for sizes in PRODUCTS], [_pass(size) for size in PASSES]
    alone = [shortest(run, 1) for run, _ in (*products, *passes)]
    rates = [work[3] / seconds for (_, work), seconds in zip(products, alone, strict=False)]
    moved = [work[4] / seconds for (_, work), seconds in zip(passes, alone[len(products) :], strict=True)]
    measured = {"flops_per_s": statistics.median(rates), "bytes_per_s": statistics.median(moved)}
    if threads() > 1:
        both = [shortest(run, 2) for run, _ in (*products, *passes)]
        measured["meeting_s"] = statistics.median(b - a / 2 for a, b in zip(alone, both, strict=True))
        expected = [cost.expected_s(work) for _, work in (*products, *passes)]
        slower = statistics.median(wanted / seconds for wanted, seconds in zip(expected, alone, strict=True))
        measured["share_s"] = 2 * measured["meeting_s"] * slower
        measured["shared_otherwise"] = _shared_otherwise(measured)
    expected, actual = zip(*(_by_winograd(*image) for image in IMAGES), strict=True)
    measured["winograd_gain"] = min(
        sorted(_middles(expected)), key=lambda gain: (_loss(gain, expected, actual), abs(gain - cost.WINOGRAD_GAIN))
    )
    measured["winograd_loss"] = _loss(measured["winograd_gain"], expected, actual)
    source["winograd_loss"] = _loss(cost.WINOGRAD_GAIN, expected, actual)
    return {"measured": measured, "source": source}


def shortest(run, threads: int) -> float:
    """Seconds of a call: of the best of many short slices, as others may use the cores."""
    run(10, threads)
    times = max(1, int(SLICE_S / max(_seconds(run, 10, threads) / 10, 1e-8)))
    return min(_seconds(run, times, threads) for _ in range(SLICES)) / times


def _seconds(run, times: int, threads: int) -> float:
    start = time.perf_counter()
    run(times, threads)
    return time.perf_counter() - start


def _shareable(function, *arrays):
    """`(run(times, threads), work)` of the one kernel call that `function` is, which threads may share."""
    from benchmarks.kernels.by_fastnn import repeatable
    from fastnn.plan import cost, executable
    from fastnn.plan.function import Compiled

    decided, executable.threads_for = executable.threads_for, lambda work: cost.ALL_THREADS
    try:
        compiled = Compiled(function, "constants").executable_for(*arrays)
    finally:
        executable.threads_for = decided
    return repeatable(compiled, arrays), compiled.plan.work[0]


def _product(rows, k, cols):
    from fastnn import ops

    return _shareable(ops.matmul, np.ones((rows, k), "float32"), np.ones((k, cols), "float32"))


def _pass(size):
    return _shareable(lambda x, y: x * 0.5 + y, np.ones(size, "float32"), np.ones(size, "float32"))


def _shared_otherwise(measured: dict) -> float:
    """The part of the calls of the networks' training steps that is decided otherwise by what was measured."""
    import fastnn
    from benchmarks.models import networks
    from fastnn.plan import cost

    now, then = [], []
    limit = max(2 * measured["meeting_s"], 0.0)
    for name, row in networks.ROWS.items():
        model = networks.build(name, fastnn)
        model.explain(batch_size=row.batch_size)
        for work in model.train_function.executables()[-1].plan.work:
            seconds = work[3] / measured["flops_per_s"] + work[4] / measured["bytes_per_s"]
            now.append(cost.threads_for(work) > 1)
            then.append(seconds > limit and max(work[0], default=0) > 1)
    return sum(a != b for a, b in zip(now, then, strict=True)) / len(now)


def _by_winograd(n, size, cin, cout) -> tuple[float, float]:
    """How many times as long as Winograd's algorithm the sums of products are expected to take, and take."""
    from fastnn.ops.conv2d import conv2d_op
    from fastnn.plan import cost

    def convolution(x, kernel):
        return conv2d_op(x, kernel, strides=(1, 1), pads=(1,) * 4, dilation=(1, 1), groups=1)

    x, kernel = np.ones((n, size, size, cin), "float32"), np.ones((3, 3, cin, cout), "float32")
    gain, found = cost.WINOGRAD_GAIN, []
    try:
        for cost.WINOGRAD_GAIN in (math.inf, 0.0):
            found.append(_shareable(convolution, x, kernel))
    finally:
        cost.WINOGRAD_GAIN = gain
    (sums, work), (winograd, less) = found
    return cost.expected_s(work) / cost.expected_s(less), shortest(sums, 1) / shortest(winograd, 1)


def _middles(values):
    """Between each two neighbours, and beyond both ends."""
    ordered = sorted(values)
    between = [math.sqrt(a * b) for a, b in itertools.pairwise(ordered)]
    return [ordered[0] * 0.99, *between, ordered[-1] * 1.01]


def _loss(gain: float, expected, actual) -> float:
    """The geometric mean of the time of what is chosen over that of the faster algorithm."""
    lost = [abs(math.log(a)) if (e > gain) != (a > 1) else 0.0 for e, a in zip(expected, actual, strict=True)]
    return math.exp(sum(lost) / len(lost))


if __name__ == "__main__":
    print(json.dumps(figures(), default=float), file=sys.stdout)
