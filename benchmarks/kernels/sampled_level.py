"""The level `sampled`: as `kernels`, of problems that a seed draws (`sampled.py`)."""

from benchmarks.kernels import level
from benchmarks.kernels.sampled import sampled

PEERS = level.PEERS
GROUPS = tuple(dict.fromkeys(f"sampled-{problem.family}" for problem in sampled(0)))


def measure(group, peers, rounds, threads, options):
    worker, family = ("benchmarks.kernels.worker", options.seed), group.removeprefix("sampled-")
    return level.measure_problems("sampled", sampled(options.seed), worker, family, peers, rounds, threads, options)
