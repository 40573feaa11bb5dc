"""The level `calls`: as `kernels`, of calls of ops with arrays (`calls.py`)."""

from benchmarks.calls.calls import CALLS, SIZES
from benchmarks.kernels import level

PEERS = level.PEERS
GROUPS = tuple(SIZES)


def measure(group, peers, rounds, threads, options):
    return level.measure_problems("calls", CALLS, ("benchmarks.calls.worker",), group, peers, rounds, threads, options)
