"""`python -m benchmarks [WHAT...]`: fastnn against others. WHAT is levels, or groups of one; by default
all levels but `others`, `applications`, `loops`, `sampled` and `calls`.

Each figure is the median over rounds. Each ratio is a contender's figure over fastnn's of the same round, the median of
the rounds with the smallest and the largest beside it: above 1, fastnn needs less.
"""

import argparse
import datetime
import json
import os
import sys

from benchmarks import constants, pairs, report
from benchmarks.calls import level as calls
from benchmarks.kernels import level as kernels
from benchmarks.kernels import sampled_level
from benchmarks.models import applications_level, loops_level, memory, others_level
from benchmarks.models import level as networks
from benchmarks.overheads import level as overheads

LEVELS = {
    "kernels": kernels, "sampled": sampled_level, "calls": calls, "networks": networks, "others": others_level,
    "applications": applications_level, "loops": loops_level, "memory": memory, "overheads": overheads,
    "constants": constants,
}  # fmt: skip
BY_NAME = ("others", "applications", "loops", "sampled", "calls")  # together they take longer than all else
BY_DEFAULT = [level for level in LEVELS if level not in BY_NAME]


def main():
    levels = {group: level for level, module in LEVELS.items() for group in module.GROUPS}
    peers = list(dict.fromkeys(peer for module in LEVELS.values() for peer in module.PEERS))
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.split(": ", 1)[1])
    parser.add_argument("what", nargs="*", default=BY_DEFAULT, help=f"of {', '.join([*LEVELS, *levels])}")
    parser.add_argument("--peers", default="numpy", help=f"of {','.join(peers)}; or all, frameworks, none")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--again", type=int, default=0, metavar="ROUNDS",
        help="kernels, sampled, calls: so many rounds more, which count as the first do, of what misses a goal",
    )  # fmt: skip
    parser.add_argument("--threads", default=str(len(os.sched_getaffinity(0))), help="counts, such as 1,2; all cores")
    parser.add_argument("--json", metavar="FILE", help="write the results there")
    parser.add_argument(
        "--match", default="", help="kernels, sampled, calls: only those whose names this regular expression finds"
    )
    parser.add_argument(
        "--budget", type=float, default=0.05, help="kernels, sampled, calls: seconds for which one is repeated"
    )
    parser.add_argument("--seed", type=int, default=0, help="sampled: another one draws other problems")
    parser.add_argument("--epochs", type=int, default=2, help="networks: timed epochs of a process after the first")
    options = parser.parse_args()
    all_peers = [peer for peer in peers if peer != pairs.BEFORE]
    chosen = {"all": all_peers, "frameworks": [p for p in all_peers if p != "numpy"], "none": []}.get(
        options.peers, options.peers.split(",")
    )
    for name, known in [*((name, [*LEVELS, *levels]) for name in options.what), *((name, peers) for name in chosen)]:
        if name not in known:
            parser.error(f"unknown {name!r}; there are {', '.join(known)}")
    if pairs.BEFORE in chosen and not os.path.isdir(os.environ.get("BENCHMARK_BEFORE", "")):
        parser.error(
            f"{pairs.BEFORE!r} is fastnn of another commit: BENCHMARK_BEFORE names the folder it is installed in"
        )

    results = {"command": " ".join(["python -m benchmarks", *sys.argv[1:]]), "rounds": options.rounds, "rows": []}
    cores = len(os.sched_getaffinity(0))
    machine = pairs.run("benchmarks.machine", options.budget, threads=cores)
    results |= {"date": datetime.date.today().isoformat(), "machine": machine}
    print(report.machine_line(results), flush=True)
    for group, level in levels.items():
        if not {group, level} & set(options.what):
            continue
        module = LEVELS[level]
        for threads in map(int, options.threads.split(",")):
            of_level = [peer for peer in module.PEERS if peer in chosen]
            for row in module.measure(group, of_level, options.rounds, threads, options):
                row |= {"level": level, "threads": threads}
                results["rows"].append(row)
                print(report.row_line(row), flush=True)
                if options.json:  # after each row, so that a run that is cut short leaves what it has
                    with open(options.json, "w", encoding="utf-8") as file:
                        json.dump(results, file, indent=1)
    for name, reason in report.missing(results["rows"]).items():
        print(f"missing: {name}: {reason}")
    if pairs.BEFORE in chosen:
        print(*report.slower_than_before(results["rows"]), sep="\n")


if __name__ == "__main__":
    main()
