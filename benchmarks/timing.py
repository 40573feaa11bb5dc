"""Seconds of a call, measured in this process."""

import statistics
import time


def seconds_of(run, budget_s: float, slices: int = 3) -> float:
    """The shortest mean of `slices` slices of `run(times)`, which together take about `budget_s`; `run` is warm."""
    start = time.perf_counter()
    run(1)
    times = max(1, int(budget_s / slices / max(time.perf_counter() - start, 1e-7)))
    means = []
    for _ in range(slices):
        start = time.perf_counter()
        run(times)
        means.append((time.perf_counter() - start) / times)
    return min(means)


def median_of(call, budget_s: float = 0.5) -> float:
    """The median of calls, each timed by itself, for about `budget_s`."""
    call()
    start = time.perf_counter()
    call()
    times = max(3, min(2000, int(budget_s / (time.perf_counter() - start))))
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def repeated(function):
    """`function()` as a function of the number of calls."""

    def run(times):
        for _ in range(times):
            function()

    return run
