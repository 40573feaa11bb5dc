"""The level `networks`: six networks in training and in use; for each measure a contender has a process of its own."""

import statistics

from benchmarks import pairs
from benchmarks.models.networks import ROWS
from benchmarks.models.worker import CONTENDERS

PEERS = (*(name for name in CONTENDERS if name != "fastnn"), pairs.BEFORE)
GROUPS = tuple(ROWS)
UNITS = {"peak_memory": "bytes", "memory_of_fit": "bytes", "predict_512": "s/row"}  # of the others: seconds


def measure(network, peers, rounds, threads, options, measures=("fit", "infer")):
    """Yields a row for each figure of `network`; `measures` as `worker.py` has them."""

    def contender(name, measure):
        program, extra = pairs.program_of(name)
        arguments = (network, program, measure, options.epochs)
        return lambda: pairs.run("benchmarks.models.worker", *arguments, threads=threads, extra=extra)

    for measure in measures:
        contenders = {name: contender(name, measure) for name in ("fastnn", *peers)}
        results, missing = pairs.alternate(contenders, rounds)
        losses = {
            name: statistics.median(v["loss"] for v in found) for name, found in results.items() if "loss" in found[0]
        }
        for figure in results["fastnn"][0]:
            if figure == "loss":
                continue
            values = {name: [v[figure] for v in found] for name, found in results.items() if figure in found[0]}
            yield {
                "group": network, "row": network, "figure": figure, "unit": UNITS.get(figure, "s"), "losses": losses,
                "contenders": {name: pairs.summary(values["fastnn"], found) for name, found in values.items()},
                "missing": missing,
            }  # fmt: skip
