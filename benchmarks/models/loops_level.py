"""The level `loops`: training loops of users' own (`loops.py`), each contender in a process of its own: seconds of the
first, with all that is compiled meanwhile, and of a later one."""

from benchmarks import pairs
from benchmarks.models.loops import CONTENDERS, ROWS

PEERS = (*(name for name in CONTENDERS if name != "fastnn"), pairs.BEFORE)
GROUPS = tuple(ROWS)


def measure(group, peers, rounds, threads, options):
    """Yields a row for each figure of the loop `group`."""

    def contender(name):
        program, extra = pairs.program_of(name)
        return lambda: pairs.run("benchmarks.models.loops", group, program, threads=threads, extra=extra)

    results, missing = pairs.alternate({name: contender(name) for name in ("fastnn", *peers)}, rounds)
    losses = {name: found[-1]["loss"] for name, found in results.items()}
    for figure in ("first_loop", "loop"):
        values = {name: [v[figure] for v in found] for name, found in results.items()}
        yield {
            "group": group, "row": group, "figure": figure, "unit": "s", "losses": losses, "missing": missing,
            "contenders": {name: pairs.summary(values["fastnn"], found) for name, found in values.items()},
        }  # fmt: skip
