"""`python -m benchmarks.models ROW`: time of an epoch of `fit` against other frameworks, in paired fresh processes.

Each round runs every contender once, in turn, each in a new process (best epoch after a warm-up epoch); the figure
is the median over rounds of peer / fastnn, so that a busy minute hits both sides. Contenders that are not installed
are left out. One JSON line for each contender follows on request (`--json FILE`).
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys

from benchmarks.models.contender import CONTENDERS
from benchmarks.models.networks import ROWS

# Losses of contenders on random labels differ by seed and, for dropout, by luck; other work differs by far more.
_LOSS_TOLERANCE = 0.2


def measure(row, contender, epochs):
    """`{"seconds": [...], "loss": ...}` of one fresh process, or None where the contender is missing."""
    command = [sys.executable, "-m", "benchmarks.models.contender", row, contender, str(epochs)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode == 3:
        return None
    if result.returncode:
        sys.exit(f"{contender} failed:\n{result.stderr}")
    return json.loads(result.stdout.splitlines()[-1])


def compare(row, peers, rounds, epochs):
    """`{contender: ([best epoch in seconds, one a round], loss of its first run)}`, without the missing ones."""
    contenders = ["fastnn", *peers]
    seconds, losses = {name: [] for name in contenders}, {}
    for turn in range(rounds):
        # Every other round backwards, so that nobody is always the one after the slowest.
        for name in contenders[:: 1 if turn % 2 == 0 else -1]:
            result = measure(row, name, epochs)
            if result is None:
                contenders = [other for other in contenders if other != name]
                continue
            seconds[name].append(min(result["seconds"]))
            losses.setdefault(name, result["loss"])
    return {name: (seconds[name], losses[name]) for name in contenders}


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.models", description=__doc__.splitlines()[0])
    parser.add_argument("row", choices=ROWS)
    parser.add_argument("--peers", default=",".join(name for name in CONTENDERS if name != "fastnn"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=3, help="timed epochs of a process, after one to warm up")
    parser.add_argument("--json", metavar="FILE", help="append one JSON line for each contender")
    options = parser.parse_args()
    peers = [name for name in options.peers.split(",") if name]
    for name in peers:
        if name not in CONTENDERS:
            parser.error(f"unknown peer {name!r}; there are {', '.join(CONTENDERS)}")

    results = compare(options.row, peers, options.rounds, options.epochs)
    threads = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count())
    print(f"{options.row}: {options.rounds} rounds, {threads} threads, {platform.processor() or platform.machine()}")
    our_seconds, our_loss = results["fastnn"]
    for name, (seconds, loss) in results.items():
        ratios = sorted(peer / ours for peer, ours in zip(seconds, our_seconds, strict=True))
        median = statistics.median(ratios)
        print(
            f"{name:>12}  epoch: median {statistics.median(seconds):7.4f} s, best {min(seconds):7.4f} s  "
            f"{median:5.2f} x fastnn ({ratios[0]:.2f} to {ratios[-1]:.2f})  loss {loss:.4f}"
        )
        if options.json:
            line = {"problem": options.row, "contender": name, "threads": threads, "seconds": seconds, "ratio": median}
            with open(options.json, "a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
    for name in peers:
        if name not in results:
            print(f"{name:>12}  not installed, or cannot run this row")
    wrong = [name for name, (_, loss) in results.items() if abs(loss / our_loss - 1) > _LOSS_TOLERANCE]
    if wrong:
        sys.exit(f"the losses of {wrong} are not fastnn's: they did other work")


if __name__ == "__main__":
    main()
