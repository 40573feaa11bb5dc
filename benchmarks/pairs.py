"""Paired comparison: contenders alternate within one run, in fresh processes, several times.

A ratio is taken within a round, between neighbours in time, so that a busy minute hits both sides; the median over
rounds and the smallest and the largest are kept. Times are kept too, but those of different runs are not comparable.
"""

import json
import os
import statistics
import subprocess
import sys
import sysconfig

LIMIT_S = 900  # a contender that takes longer is given up
MISSING = 3  # the exit status of a contender that is not installed or cannot do the row


class Missing(Exception):
    """A contender that is not installed or cannot do the row, and why."""


def environment(threads: int) -> dict:
    """The environment of a contender that has `threads` threads."""
    kept = {name: value for name, value in os.environ.items() if name != "OPENBLAS_CORETYPE"}
    counts = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore", "JAX_PLATFORMS": "cpu"}
    return kept | dict.fromkeys(counts, str(threads)) | quiet


def run(module: str, *arguments, threads: int, extra: dict | None = None) -> dict:
    """The JSON object that a fresh `python -m module arguments` prints last.

    It may use as many cores as threads: the one limit that every framework obeys. `extra` is added to its environment.
    Where BENCHMARK_SITE names a folder into which fastnn was installed, that one is used, as a user has it: an editable
    install looks for something to build at each import.

    Raises:
        Missing: when it exits with the status `MISSING`; the last line of its errors says why.
        RuntimeError: when it fails.
    """
    cores = sorted(os.sched_getaffinity(0))[:threads]
    python, variables = sys.executable, environment(threads) | (extra or {})
    if site := os.environ.get("BENCHMARK_SITE"):
        paths = [os.path.abspath(site), *(sysconfig.get_path(name) for name in ("purelib", "platlib"))]
        python, variables["PYTHONPATH"] = sys._base_executable, os.pathsep.join(paths)
    command = [python, "-m", module, *map(str, arguments)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=variables,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )  # fmt: skip
    try:
        output, errors = process.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise Missing(f"it took more than {LIMIT_S} s") from None
    if process.returncode == MISSING:
        raise Missing((errors.strip().splitlines() or ["no reason given"])[-1])
    if process.returncode:
        raise RuntimeError(f"{' '.join(command[1:])} failed with status {process.returncode}:\n{errors}")
    return json.loads(output.splitlines()[-1])


def alternate(contenders: dict, rounds: int):
    """Calls `{name: function()}` in turn, `rounds` times.

    Returns:
        `({name: [result of each round]}, {name: why it is missing})`.
    """
    results, missing = {name: [] for name in contenders}, {}
    for turn in range(rounds):
        # Every other round backwards, so that nobody is always the one after the slowest.
        for name in list(results)[:: 1 if turn % 2 == 0 else -1]:
            try:
                results[name].append(contenders[name]())
            except Missing as reason:
                missing[name] = str(reason)
            except RuntimeError as error:
                print(error, file=sys.stderr, flush=True)
                missing[name] = f"failed: {str(error).strip().splitlines()[-1]}"
        results = {name: values for name, values in results.items() if name not in missing}
    return results, missing


def summary(ours: list[float], theirs: list[float]) -> dict:
    """The median of `theirs`, and of the ratios theirs / ours of each round with the smallest and the largest."""
    ratios = sorted(b / a for a, b in zip(ours, theirs, strict=True) if a)
    found = {"median": statistics.median(theirs), "values": theirs}
    return found | ({"ratio": statistics.median(ratios), "low": ratios[0], "high": ratios[-1]} if ratios else {})
