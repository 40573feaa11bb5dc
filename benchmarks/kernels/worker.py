"""One contender in a process of its own: `python -m benchmarks.kernels.worker CONTENDER BUDGET_S [SEED]`;
with SEED it knows the problems that are `sampled` by it.

Answers the name of a problem (see `benchmarks.pairs.Conversation`) by `[seconds, *check]`, or null where the contender
has no function for it. The check is three sums over the results, by which the caller sees that contenders did the same
work.
"""

import importlib
import itertools
import json
import os
import sys

import numpy as np

from benchmarks.kernels.problems import PROBLEMS
from benchmarks.kernels.sampled import sampled
from benchmarks.pairs import MISSING, Conversation
from benchmarks.timing import repeated, seconds_of, settle


def check_of(results) -> list[float]:
    """The size of all results together, and two sums in which every entry has a weight of its own."""
    results = results if isinstance(results, (tuple, list)) else [results]
    sums = np.zeros(3)
    for number, array in enumerate(results):
        flat = np.asarray(array, "float64").ravel()
        angle = np.arange(flat.size, dtype="float64") * 0.7 + number
        # Not by BLAS, whose threads would spin beside what is measured next.
        sums += np.sqrt(np.square(flat).sum()), (flat * np.cos(angle)).sum(), (flat * np.sin(angle)).sum()
    return sums.tolist()


def prepared(contender, problem):
    """`(run(times), result())`, or None; one set of arguments after another where the problem has several."""
    found = contender.prepare(problem)
    if not found or problem.sets == 1:
        return found
    run, result = found
    turns = itertools.cycle([run, *(contender.prepare(problem)[0] for _ in range(problem.sets - 1))])
    return repeated(lambda: next(turns)(1)), result


def measured(contender, problem, budget_s: float) -> list[float] | None:
    if not (found := prepared(contender, problem)):
        return None
    run, result = found
    check = check_of([np.shape(x) for x in result()] if problem.is_random else result())
    found = [seconds_of(run, budget_s), *check]
    if len(os.sched_getaffinity(0)) > 1:
        settle()  # not beside the next contender
    return found


def answer_problems(contender, problems, budget_s: float) -> None:
    """Answers each line by what `contender` takes for the one of `problems` of that name."""
    settle()
    by_name = {problem.name: problem for problem in problems}
    for line in sys.stdin:
        name = line.strip()
        found = measured(contender, by_name[name], budget_s) if name else None
        print(Conversation.ANSWER + json.dumps(found), flush=True)


def main():
    contender, budget_s, *seed = sys.argv[1:]
    try:
        module = importlib.import_module(f"benchmarks.kernels.by_{contender}")
    except ImportError as error:
        print(error, file=sys.stderr)
        sys.exit(MISSING)
    answer_problems(module, sampled(int(*seed)) if seed else PROBLEMS, float(budget_s))


if __name__ == "__main__":
    main()
