"""Paired comparison: contenders alternate within one run, in fresh processes, several times.

A ratio is taken within a round, between neighbours in time, so that a busy minute hits both sides; the median over
rounds and the smallest and the largest are kept. Times are kept too, but those of different runs are not comparable.
"""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import threading

LIMIT_S = 900  # a contender that takes longer is given up
MISSING = 3  # the exit status of a contender that is not installed or cannot do the row
BEFORE = "before"  # the contender that is fastnn of another commit, installed in the folder BENCHMARK_BEFORE


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

    Raises:
        Missing: when it exits with the status `MISSING`; the last line of its errors says why.
        RuntimeError: when it fails.
    """
    process = _start(module, arguments, threads, extra, subprocess.PIPE)
    try:
        output, errors = process.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise Missing(f"it took more than {LIMIT_S} s") from None
    _raise_for(process, errors)
    return json.loads(output.splitlines()[-1])


def _start(module: str, arguments, threads: int, extra: dict | None, errors) -> subprocess.Popen:
    """A fresh `python -m module arguments`.

    It may use as many cores as threads: the one limit that every framework obeys. `extra` is added to its environment.
    Where BENCHMARK_SITE names a folder into which fastnn was installed, that one is used, as a user has it: an editable
    install looks for something to build at each import.

    Raises:
        NotADirectoryError: when it names something else.
    """
    cores = sorted(os.sched_getaffinity(0))[:threads]
    python, variables = sys.executable, environment(threads) | (extra or {})
    if site := variables.get("BENCHMARK_SITE"):
        if not os.path.isdir(site):
            raise NotADirectoryError(f"BENCHMARK_SITE must name a folder with an installed fastnn, got {site!r}.")
        paths = [os.path.abspath(site), *(sysconfig.get_path(name) for name in ("purelib", "platlib"))]
        python, variables["PYTHONPATH"] = sys._base_executable, os.pathsep.join(paths)
    return subprocess.Popen(
        [python, "-m", module, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
        text=True, env=variables, preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )  # fmt: skip


def _raise_for(process: subprocess.Popen, errors: str) -> None:
    if process.returncode == MISSING:
        raise Missing((errors.strip().splitlines() or ["no reason given"])[-1])
    if process.returncode:
        raise RuntimeError(f"{' '.join(process.args[1:])} failed with status {process.returncode}:\n{errors}")


def program_of(name: str) -> tuple[str, dict]:
    """The contender's name as its process knows it, and what is `extra` in the environment."""
    return ("fastnn", {"BENCHMARK_SITE": os.environ["BENCHMARK_BEFORE"]}) if name == BEFORE else (name, {})


class Conversation:
    """A fresh `python -m module arguments` that answers a line by a line of JSON after `ANSWER`, and waits for the
    next: so others can be measured between its answers."""

    ANSWER = "answer: "

    def __init__(self, module: str, *arguments, threads: int, extra: dict | None = None):
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.process = _start(module, arguments, threads, extra, self.errors)

    def ask(self, question: str):
        """Raises as `run` does."""
        limit = threading.Timer(LIMIT_S, self.process.kill)
        limit.start()
        try:
            print(question, file=self.process.stdin, flush=True)
            line = next(line for line in self.process.stdout if line.startswith(self.ANSWER))
        except (StopIteration, BrokenPipeError):
            self.process.wait()
            self.errors.seek(0)
            _raise_for(self.process, self.errors.read())
            raise RuntimeError(f"{' '.join(self.process.args[1:])} left without an answer") from None
        finally:
            limit.cancel()
        return json.loads(line.removeprefix(self.ANSWER))

    def close(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()


def alternate(contenders: dict, rounds: int):
    """Calls `{name: function()}` in turn, `rounds` times.

    Returns:
        `({name: [result of each round]}, {name: why it is missing})`.
    """
    results, missing = {name: [] for name in contenders}, {}
    for turn in range(rounds):
        # Every other round backwards, so that nobody is always the one after the slowest.
        for name in list(results)[:: 1 if turn % 2 == 0 else -1]:
            with _noting(missing, name):
                results[name].append(contenders[name]())
        results = {name: values for name, values in results.items() if name not in missing}
    return results, missing


@contextlib.contextmanager
def _noting(missing: dict, name: str):
    """Puts into `missing` why a contender has not done what stands inside."""
    try:
        yield
    except Missing as reason:
        missing[name] = str(reason)
    except RuntimeError as error:
        print(error, file=sys.stderr, flush=True)
        missing[name] = f"failed: {str(error).strip().splitlines()[-1]}"


def take_turns(contenders: dict, questions: list[str], rounds: int):
    """Asks those who talk in `{name: function that begins a Conversation}` one question after the other: who answers
    the same one are neighbours in time. `rounds` times, in fresh processes.

    Returns:
        `({name: [{question: answer} of each round]}, {name: why it is missing})`.
    """
    results, missing = {name: [] for name in contenders}, {}
    for turn in range(rounds):
        talks = {name: contenders[name]() for name in results}
        answers = {name: {} for name in results}
        for number, question in enumerate(["", *questions]):  # at first whether they are ready
            for name in list(answers)[:: 1 if (turn + number) % 2 == 0 else -1]:
                with _noting(missing, name):
                    answers[name][question] = talks[name].ask(question)
            answers = {name: found for name, found in answers.items() if name not in missing}
        for talk in talks.values():
            talk.close()
        results = {name: [*results[name], found] for name, found in answers.items()}
    return results, missing


def summary(ours: list[float], theirs: list[float]) -> dict:
    """The median of `theirs`, and of the ratios theirs / ours of each round with the smallest and the largest."""
    ratios = sorted(b / a for a, b in zip(ours, theirs, strict=True) if a)
    found = {"median": statistics.median(theirs), "values": theirs}
    return found | ({"ratio": statistics.median(ratios), "low": ratios[0], "high": ratios[-1]} if ratios else {})
