"""The level `sampled`: as `kernels`, of problems that a seed draws (`sampled.py`)."""

from benchmarks.kernels import level

PEERS = level.PEERS
GROUPS = tuple(f"sampled-{family}" for family in level.GROUPS if family != "in-turn")


def measure(group, peers, rounds, threads, options):
    return level.measure(group.removeprefix("sampled-"), peers, rounds, threads, options, options.seed)
