"""The level `memory`: what an epoch of `fit` holds, against the data and the arena of the plan, for the six networks.

- `data`: bytes of x and y.
- `state`: bytes of the weights, the optimizer's slots and the metrics.
- `live`: the most bytes of arrays that live at once in the compiled step of a full batch, each from the kernel call
  that writes it to the last one that reads it; one that takes over the bytes of another counts once.
- `arena`: what the plan of that step asks for to hold them, with what the threads of a call share beside them.
- `memo`: what calls note of their programs from run to run, behind the arena.
- `first_epoch_memory`: the data, and by how much the process grows at most from before the first epoch until it ends:
  its resident set, thus compilation, threads and the pages of code that are touched for the first time too. The state
  is there before: the optimizer is built with the model.
- `epoch_memory`: the data, the arena, which is there by then, and by how much the process grows in the next epoch.
- `arena_over_live`, `first_epoch_over_data_and_arena`, `epoch_over_data_and_arena`: the goals of
  `benchmarks.goals.MEMORY`.

Other frameworks have no arena to compare with; their `memory of fit` is among the figures of the networks.
`python -m benchmarks.models.memory NETWORK` prints one network's figures as one JSON line.
"""

import ctypes
import gc
import json
import sys

from benchmarks import goals, pairs
from benchmarks.machine import memory
from benchmarks.models.networks import ROWS

PEERS = ()
GROUPS = tuple(f"memory-{name}" for name in ROWS)


def measure(group, peers, rounds, threads, options):
    """Yields a row for each figure of the group."""
    network = group.removeprefix("memory-")
    ours = lambda: pairs.run("benchmarks.models.memory", network, threads=threads)  # noqa: E731
    results, missing = pairs.alternate({"fastnn": ours}, rounds)
    for figure in results["fastnn"][0]:
        values = [found[figure] for found in results["fastnn"]]
        yield {
            "group": group, "row": network, "figure": figure, "unit": "" if figure in goals.MEMORY else "bytes",
            "contenders": {"fastnn": pairs.summary(values, values)}, "missing": missing,
        }  # fmt: skip


def figures(name: str) -> dict:
    """The figures of a network, measured in this process, which has trained nothing before."""
    import fastnn
    from benchmarks.models import networks

    row = ROWS[name]
    model = networks.build(name, fastnn)
    model.optimizer.build(model.trainable_variables)
    x, y = networks.data(name)
    grown = []
    for _ in range(2):
        before = _settled()
        model.fit(x, y, batch_size=row.batch_size, epochs=1, verbose=0)
        grown.append(memory()["peak"] - before)
    plan = model.explain(batch_size=row.batch_size)
    data = x.nbytes + y.nbytes
    data_and_arena = data + plan.arena_bytes
    first, later = data + grown[0], data_and_arena + grown[1]
    variables = {id(v): v for v in (*model.weights, *model.optimizer.variables, *model.metrics_variables)}
    return {
        "data": data,
        "state": sum(v.array.nbytes for v in variables.values()),
        "live": plan.live_bytes,
        "arena": plan.arena_bytes,
        "memo": plan.memo_bytes,
        "first_epoch_memory": first,
        "epoch_memory": later,
        "arena_over_live": plan.arena_bytes / plan.live_bytes,
        "first_epoch_over_data_and_arena": first / data_and_arena,
        "epoch_over_data_and_arena": later / data_and_arena,
    }


def _settled() -> int:
    """The resident set, from which its peak counts from now on; what was freed before is given back to the system, so
    that it cannot serve what is measured."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    with open("/proc/self/clear_refs", "w", encoding="utf-8") as file:
        file.write("5")
    return memory()["now"]


if __name__ == "__main__":
    try:
        print(json.dumps(figures(sys.argv[1])))
    except OSError as error:
        print(f"the peak of the resident set cannot be begun anew: {error}", file=sys.stderr)
        sys.exit(pairs.MISSING)
