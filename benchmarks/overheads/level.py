"""The level `overheads`: what is paid beside the arithmetic, each measure and contender in a process of its own."""

import os
import subprocess
import tempfile

from benchmarks import pairs
from benchmarks.overheads.worker import MEASURES, PACKAGES

PEERS = (*(name for name in PACKAGES if name != "fastnn"), pairs.BEFORE)
GROUPS = tuple(f"overheads-{measure}" for measure in MEASURES)


def measure(group, peers, rounds, threads, options):
    """Yields a row for each figure of the group."""
    measure = group.removeprefix("overheads-")
    with tempfile.TemporaryDirectory() as folder:
        # Python's own allocator would hide what its objects ask for.
        extra = {"LD_PRELOAD": _counter(folder), "PYTHONMALLOC": "malloc"} if measure == "allocations" else {}

        def contender(name):
            program, site = pairs.program_of(name)
            arguments = ("benchmarks.overheads.worker", program, measure)
            return lambda: pairs.run(*arguments, threads=threads, extra=extra | site)

        results, missing = pairs.alternate({name: contender(name) for name in ("fastnn", *peers)}, rounds)
    for figure in results["fastnn"][0]:
        values = {name: [v[figure] for v in found] for name, found in results.items() if figure in found[0]}
        yield {
            "group": group, "row": "tiny", "figure": figure, "missing": missing,
            "unit": "bytes" if "bytes" in figure or "size" in figure else "s",
            "contenders": {name: pairs.summary(values["fastnn"], found) for name, found in values.items()},
        }  # fmt: skip


def _counter(folder) -> str:
    """The compiled library that counts allocations."""
    source, library = os.path.join(os.path.dirname(__file__), "allocations.c"), os.path.join(folder, "allocations.so")
    compiler = os.environ.get("CC", "cc").split()
    subprocess.run([*compiler, "-O2", "-shared", "-fPIC", "-o", library, source], check=True)
    return library
