"""The levels `kernels` and `sampled`: each problem against NumPy and PyTorch, and against what the machine can do.

Each round has a new process for every contender, and they take turns problem by problem: bandwidth changes from second
to second where others share the memory.
"""

import re
import sys

import numpy as np

from benchmarks import goals, pairs
from benchmarks.kernels.problems import FAMILIES, PROBLEMS
from benchmarks.kernels.sampled import sampled

PEERS = ("numpy", "torch", pairs.BEFORE)
GROUPS = FAMILIES


def measure(family, peers, rounds, threads, options, seed=None):
    """Yields a row for each problem of `family`: of the table, or of those that `seed` draws."""
    level, problems = ("kernels", PROBLEMS) if seed is None else ("sampled", sampled(seed))
    problems = [p for p in problems if p.family == family and re.search(options.match, p.name)]
    if not problems:
        return

    def contender(name):
        program, extra = pairs.program_of(name)
        arguments = ("benchmarks.kernels.worker", program, options.budget, *([] if seed is None else [seed]))
        return lambda: pairs.Conversation(*arguments, threads=threads, extra=extra)

    def most(rounds):
        return [pairs.run("benchmarks.machine", options.budget, threads=threads) for _ in range(rounds)]

    # What the machine can do is measured in the same minutes.
    machine, contenders = most(rounds), {name: contender(name) for name in ("fastnn", *peers)}
    results, missing = pairs.take_turns(contenders, [problem.name for problem in problems], rounds)
    rows = [_row(problem, results, missing, machine) for problem in problems]
    again = [row["row"] for row in rows if goals.misses(row | {"level": level})] if options.again else []
    if again:
        machine += most(options.again)
        more, failed = pairs.take_turns({name: contenders[name] for name in results}, again, options.again)
        results = {name: values + more.get(name, []) for name, values in results.items() if name not in failed}
        rows = [_row(problem, results, missing | failed, machine) for problem in problems]
    yield from rows


def _row(problem, results: dict, missing: dict, machine: list[dict]) -> dict:
    """What the rounds in which `problem` was asked say about it."""
    asked = {name: [found for found in values if problem.name in found] for name, values in results.items()}
    answers = {name: [found[problem.name] for found in values] for name, values in asked.items()}
    answers = {name: values for name, values in answers.items() if values[0]}
    seconds = {name: [found[0] for found in values] for name, values in answers.items()}
    figure = "flops" if problem.flops else "bytes"
    shortest = min(seconds["fastnn"])  # as that of what the machine can do
    rate, most = getattr(problem, figure) / shortest, max(found[f"{figure}_per_s"] for found in machine)
    bandwidth = max(found["bytes_per_s"] for found in machine)
    return {
        "group": problem.family, "row": problem.name, "figure": "time", "unit": "s",
        "contenders": {name: pairs.summary(seconds["fastnn"], values) for name, values in seconds.items()},
        "missing": missing, "rate": rate, "rate_unit": "FLOP/s" if problem.flops else "B/s", "share": rate / most,
        "bandwidth_share": problem.bytes / shortest / bandwidth,
        "differing": _differing({name: values[0][1:] for name, values in answers.items()}),
    }  # fmt: skip


def _differing(checks: dict) -> list[str]:
    """The contenders whose results are not ours."""
    ours = np.array(checks["fastnn"])
    found = []
    for name, check in checks.items():
        if not np.allclose(check, ours, rtol=1e-3, atol=1e-3 * max(ours[0], 1e-3)):
            print(f"the results of {name} differ: {check}, and ours {checks['fastnn']}", file=sys.stderr)
            found.append(name)
    return found
