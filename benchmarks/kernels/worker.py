"""One contender in a process of its own: `python -m benchmarks.kernels.worker CONTENDER BUDGET_S PATTERN FAMILY`.

Prints `{problem: [seconds, *check]}` for the problems of the family whose names match the pattern. The check is three
sums over the results, by which the caller sees that contenders did the same work; null where a contender has no such
function.
"""

import importlib
import json
import re
import sys

import numpy as np

from benchmarks.kernels.problems import PROBLEMS
from benchmarks.pairs import MISSING
from benchmarks.timing import seconds_of, settle


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


def main():
    contender, budget_s, pattern, family = sys.argv[1:]
    try:
        module = importlib.import_module(f"benchmarks.kernels.by_{contender}")
    except ImportError as error:
        print(error, file=sys.stderr)
        sys.exit(MISSING)
    found = {}
    settle()
    for problem in PROBLEMS:
        if problem.family == family and re.search(pattern, problem.name):
            run, result = module.prepare(problem)
            check = check_of(result())
            found[problem.name] = [seconds_of(run, float(budget_s)), *check]
            print(problem.name, found[problem.name], file=sys.stderr)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
