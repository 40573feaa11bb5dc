"""One timer for every kernel benchmark: contenders in turn, the machine's peak among them, one JSON line each.

Contenders are interleaved, so that a busy moment hits all of them; a figure is the minimum and the median over rounds.
"""

import json
import platform
import statistics
import subprocess
import time

import numpy as np

from fastnn import _kernels
from fastnn._kernels import _engine

ROUNDS = 25
ROUND_S = 2e-3  # a contender repeats until a round takes about this long: far above the clock's and a wake-up's noise


def aligned(array) -> np.ndarray:
    """A copy that starts on a cache line, as every value in a plan's arena does."""
    copy = _kernels.aligned_empty(array.size, array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


class Kernel:
    """One kernel call, ready to be repeated without any Python between the repetitions.

    Args:
        name, buffers, ints, reals, threads: as of `fastnn._kernels.run`.
    """

    def __init__(self, name, buffers, ints, reals=(), threads=1):
        slots = [(-2, 0) if array is None else (k, 0) for k, array in enumerate(buffers)]
        step = (name, slots, [int(i) for i in ints], list(reals), threads)
        self.plan = _engine.Plan(_kernels.isa(), [step], 0, len(buffers))
        self.threads = threads
        self.arena = self.plan.acquire(threads)
        for k, array in enumerate(buffers):
            if array is not None:
                self.plan.bind(self.arena, k, array)

    @property
    def flops(self) -> float:
        """The arithmetic of one call, as the kernel counts it."""
        return self.plan.work[0][3]

    def __call__(self, times=1):
        self.plan.execute(self.arena, 0, 1, 0, times, self.threads)


def repeated(function):
    """`function()` as a contender."""

    def run(times):
        for _ in range(times):
            function()

    return run


def fma_peak(dtype, threads) -> Kernel:
    """Multiply-adds on registers and nothing else: the most arithmetic that the machine does in the same minutes."""
    suffix = {"float32": "f32", "float64": "f64"}[np.dtype(dtype).name]
    units = 4 * threads
    return Kernel(f"fma_peak_{suffix}", [np.full(2 + units * 64, 0.5, dtype)], [units, 2000], threads=threads)


def measure(contenders, rounds=ROUNDS) -> dict:
    """`{name: sorted seconds of a call}` for `{name: function of the number of calls}`, run in turn."""
    times = {}
    for name, run in contenders.items():
        run(1)
        start = time.perf_counter()
        run(1)
        times[name] = max(1, int(ROUND_S / max(time.perf_counter() - start, 1e-7)))
    seconds = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            start = time.perf_counter()
            run(times[name])
            seconds[name].append((time.perf_counter() - start) / times[name])
    return {name: sorted(values) for name, values in seconds.items()}


def report(problem, kernel, peers=None, dtype="float32", threads=1) -> None:
    """Times `kernel` against `{name: function()}` and the peak, and prints a JSON line for each."""
    peak = fma_peak(dtype, threads)
    contenders = {"peak": peak, "fastnn": kernel} | {name: repeated(call) for name, call in (peers or {}).items()}
    seconds = measure(contenders)
    peak_rate = peak.flops / seconds["peak"][0]
    for name, values in seconds.items():
        flops = peak.flops if name == "peak" else kernel.flops
        line = {
            "problem": problem,
            "contender": name,
            "isa": _kernels.isa(),
            "threads": threads,
            "min_s": values[0],
            "median_s": statistics.median(values),
            "spread": values[len(values) * 3 // 4] / values[len(values) // 4],
            "gflops": flops / values[0] / 1e9,
            "share_of_peak": flops / values[0] / peak_rate,
            **machine(),
        }
        print(json.dumps({key: round(v, 9) if isinstance(v, float) else v for key, v in line.items()}), flush=True)


def machine() -> dict:
    try:
        with open("/proc/cpuinfo") as lines:
            cpu = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    except OSError:
        cpu = ""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return {"cpu": cpu or platform.processor(), "commit": commit.stdout.strip()}
