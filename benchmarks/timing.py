"""Seconds of a call, measured in this process."""

import statistics
import time

SETTLE_S = 0.3
SLICES = 3
AWAKE_S = 0.2  # virtual cores that have slept take a tenth of a second to be as fast as cores at work


def settle() -> None:
    """Waits until the threads of NumPy's BLAS sleep: they spin for a tenth of a second after the import and after each
    product, on the cores that something else is about to be measured on."""
    time.sleep(SETTLE_S)


def seconds_of(run, budget_s: float) -> float:
    """The shortest mean of `SLICES` slices of `run(times)`, which together take about `budget_s`.

    It is run for `AWAKE_S` before. A call that takes longer than the budget is timed twice.
    """
    begin = time.perf_counter()
    while time.perf_counter() < begin + AWAKE_S:
        run(1)
    first = _seconds(lambda: run(1))
    if first > budget_s:
        return min(first, _seconds(lambda: run(1)))
    times = max(1, int(budget_s / SLICES / max(first, 1e-7)))
    return min(_seconds(lambda: run(times)) / times for _ in range(SLICES))


def median_of(call, budget_s: float = 0.5) -> float:
    """The median of calls after the first, each timed by itself, for about `budget_s`; of one if it takes longer."""
    call()
    first = _seconds(call)
    times = min(2000, int(budget_s / first))
    return statistics.median([_seconds(call) for _ in range(times)] or [first])


def repeated(function):
    """`function()` as a function of the number of calls."""

    def run(times):
        for _ in range(times):
            function()

    return run


def _seconds(call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
