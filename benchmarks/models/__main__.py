"""`python -m benchmarks.models ROW...`: networks against other frameworks, in paired fresh processes.

Each round runs every contender once, in turn, each in a new process; a figure is the median over rounds of peer /
fastnn, so that a busy minute hits both sides, with the smallest and the largest ratio beside it. Contenders that are
not installed are named as missing.
"""

import argparse
import json
import statistics
import subprocess
import sys

from benchmarks.models.contender import CONTENDERS, THREADS
from benchmarks.models.networks import ROWS
from benchmarks.timer import machine

UNITS = {"bytes": ("MB", 1e-6), "call": ("us", 1e6), "predict": ("us", 1e6), "row_of_512": ("us", 1e6)}
UNITS |= {"train_on_batch": ("us", 1e6), "first_epoch": ("ms", 1e3), "epoch": ("ms", 1e3)}


def run(row, contender, measure, epochs):
    """The figures of one fresh process, or None where the contender is missing."""
    command = [sys.executable, "-m", "benchmarks.models.contender", row, contender, measure, str(epochs)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode == 3:
        return None
    if result.returncode:
        sys.exit(f"{contender} failed:\n{result.stderr}")
    return json.loads(result.stdout.splitlines()[-1])


def compare(row, measure, peers, rounds, epochs):
    """`{contender: {figure: [one a round]}}`, and the contenders that are missing."""
    results, missing = {name: {} for name in ["fastnn", *peers]}, []
    for turn in range(rounds):
        # Every other round backwards, so that nobody is always the one after the slowest.
        for name in list(results)[:: 1 if turn % 2 == 0 else -1]:
            figures = run(row, name, measure, epochs)
            if figures is None:
                missing.append(name)
                del results[name]
                continue
            for figure, value in figures.items():
                results[name].setdefault(figure, []).append(value)
    return results, missing


def summary(results):
    """One line for each contender and figure: `{contender, figure, median, ratio, low, high}`."""
    ours = results["fastnn"]
    for name, figures in results.items():
        for figure, values in figures.items():
            ratios = sorted(theirs / max(mine, 1e-12) for theirs, mine in zip(values, ours[figure], strict=True))
            yield {
                "contender": name,
                "figure": figure,
                "median": statistics.median(values),
                "ratio": statistics.median(ratios),
                "low": ratios[0],
                "high": ratios[-1],
            }


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.models", description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", choices=[*ROWS, []], help="all of them by default")
    parser.add_argument("--measure", default="fit,infer")
    parser.add_argument("--peers", default=",".join(name for name in CONTENDERS if name != "fastnn"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=3, help="timed epochs of a process, after the first")
    parser.add_argument("--json", metavar="FILE", help="append one JSON line for each figure")
    options = parser.parse_args()
    peers = [name for name in options.peers.split(",") if name]
    for name in peers:
        if name not in CONTENDERS:
            parser.error(f"unknown peer {name!r}; there are {', '.join(CONTENDERS)}")

    print(f"{machine()['cpu']}, {THREADS} threads, {options.rounds} rounds")
    for row in options.rows or ROWS:
        for measure in options.measure.split(","):
            results, missing = compare(row, measure, peers, options.rounds, options.epochs)
            for line in summary(results):
                if line["figure"] == "loss":
                    continue
                unit, scale = UNITS[line["figure"]]
                print(
                    f"{row:>7} {line['figure']:>14} {line['contender']:>16} {line['median'] * scale:11.2f} {unit}  "
                    f"{line['ratio']:6.2f} x fastnn ({line['low']:.2f} to {line['high']:.2f})",
                    flush=True,
                )
                if options.json:
                    with open(options.json, "a", encoding="utf-8") as file:
                        file.write(json.dumps({"row": row, "threads": THREADS, **line, **machine()}) + "\n")
            if missing:
                print(f"{row:>7} {measure:>14} not installed, or cannot run this row: {', '.join(missing)}")


if __name__ == "__main__":
    main()
