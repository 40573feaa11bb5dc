"""The levels `kernels`, `sampled` and `calls`: each problem against NumPy and PyTorch, and what the machine can do.

Each round has a new process for every contender, and they take turns problem by problem: bandwidth changes from second
to second where others share the memory.
"""

import re
import sys

import numpy as np

from benchmarks import goals, pairs
from benchmarks.kernels.problems import FAMILIES, PROBLEMS

PEERS = ("numpy", "torch", pairs.BEFORE)
GROUPS = FAMILIES


def measure(family, peers, rounds, threads, options):
    """Yields a row for each problem of `family`."""
    return measure_problems(
        "kernels", PROBLEMS, ("benchmarks.kernels.worker",), family, peers, rounds, threads, options
    )


def measure_problems(level, problems, worker, family, peers, rounds, threads, options):
    """Yields a row for each of `problems` that is of `family`. `worker` is the module that asks a contender, and what
    it takes behind the contender and the budget."""
    problems = [p for p in problems if p.family == family and re.search(options.match, p.name)]
    if not problems:
        return

    def contender(name):
        program, extra = pairs.program_of(name)
        module, *rest = worker
        return lambda: pairs.Conversation(module, program, options.budget, *rest, threads=threads, extra=extra)

    def most(rounds):
        return [pairs.run("benchmarks.machine", options.budget, threads=threads) for _ in range(rounds)]

    # What the machine can do is measured in the same minutes, before and after: a CPU that was away at one of them
    # makes shares too large, and nothing would be asked again.
    machine, contenders = most(rounds), {name: contender(name) for name in ("fastnn", *peers)}
    results, missing = pairs.take_turns(contenders, [problem.name for problem in problems], rounds)
    machine += most(1)
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
    row = {
        "group": problem.family, "row": problem.name, "figure": "time", "unit": "s",
        "contenders": {name: pairs.summary(seconds["fastnn"], values) for name, values in seconds.items()},
        "missing": missing, "differing": _differing({name: values[0][1:] for name, values in answers.items()}),
    }  # fmt: skip
    return row | _shares(problem, min(seconds["fastnn"]), machine)  # the shortest, as that of what the machine can do


def _shares(problem, seconds: float, machine: list[dict]) -> dict:
    """The work of a second, and its share of the most that the machine does; nothing for a problem that counts none."""
    figure = "flops" if problem.flops else "bytes"
    if not (work := getattr(problem, figure)):
        return {}
    most, bandwidth = (max(found[f"{of}_per_s"] for found in machine) for of in (figure, "bytes"))
    return {
        "rate": work / seconds, "rate_unit": "FLOP/s" if problem.flops else "B/s", "share": work / seconds / most,
        "bandwidth_share": problem.bytes / seconds / bandwidth,
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
