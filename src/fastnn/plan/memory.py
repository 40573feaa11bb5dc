"""Where each value of a plan lives: in a bound array, or at an offset of the arena.

Values whose lifetimes do not meet share bytes; an output takes over an input that dies with it where the kernel
allows; `pack` costs nothing where its inputs can be produced in place.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastnn.graph.value import INPUT, Value
from fastnn.plan.lower import Step

ALIGN = 64


@dataclass(frozen=True, slots=True)
class Place:
    """Byte `offset` in slot `slot`: -1 is the arena, others are arrays bound before a run."""

    slot: int
    offset: int


@dataclass(slots=True)
class Memory:
    places: dict[Value, Place]
    arena_bytes: int
    live_bytes: int  # of the largest set of values that are live at once: what no plan can go below


def root_of(value: Value) -> Value:
    """The value whose memory `value` is: itself, or what it is a view of."""
    while value.node.op.kind == "view":
        value = value.node.inputs[0]
    return value


def assign(
    steps: list[Step], bound: dict[Value, int], kept: list[Value], inside: dict[Value, tuple[Value, int]]
) -> Memory:
    """Gives every value of `steps` a place.

    Args:
        steps: in the order in which they run.
        bound: values that are bound arrays, with their slots.
        kept: values that are read after the last step.
        inside: values that are part of another one, with their byte offset in it.
    """
    planner = _Planner(steps, bound, kept, inside)
    return planner.run()


class _Planner:
    def __init__(self, steps, bound, kept, inside):
        self.steps = steps
        self.bound = bound
        self.inside = inside
        self.kept = kept
        self.shared: dict[Value, Value] = {}  # an output, and the input whose memory it takes over
        self.first: dict[Value, int] = {}
        self.last: dict[Value, int] = {}

    def home(self, value: Value) -> tuple[Value, int]:
        """The value that owns the memory, and the byte offset in it."""
        offset = 0
        while True:
            if value.node.op.kind == "view":
                value = value.node.inputs[0]
            elif value in self.shared:
                value = self.shared[value]
            elif value in self.inside:
                value, more = self.inside[value]
                offset += more
            else:
                return value, offset

    def run(self) -> Memory:
        self.lifetimes()
        for number, step in enumerate(self.steps):
            taken: set[Value] = set()
            for y, x in step.shares:
                self.try_share(number, y, x, taken)
        intervals: dict[Value, list[int]] = {}
        for value in self.first:
            home, _ = self.home(value)
            span = intervals.setdefault(home, [self.first[value], self.last[value]])
            span[0] = min(span[0], self.first[value])
            span[1] = max(span[1], self.last[value])
        arena = {v: span for v, span in intervals.items() if v not in self.bound}
        offsets, arena_bytes = _pack(arena)
        places = {}
        for value in self.first:
            home, offset = self.home(value)
            if home in self.bound:
                places[value] = Place(self.bound[home], offset)
            else:
                places[value] = Place(-1, offsets[home] + offset)
        return Memory(places, arena_bytes, _peak(arena, len(self.steps)))

    def lifetimes(self) -> None:
        for number, step in enumerate(self.steps):
            for value in dict.fromkeys(v for v in (*step.buffers, *step.reads, *step.writes) if v is not None):
                for v in {value, root_of(value)}:
                    self.first.setdefault(v, number)
                    self.last[v] = number
        for value in self.kept:
            for v in {value, root_of(value)}:
                self.first.setdefault(v, 0)
                self.last[v] = len(self.steps)
        for value in list(self.first):
            if value.node.op is INPUT:
                self.first[value] = 0
            if value in self.inside:
                # The whole is written piece by piece, and its padding is never written: it is there from the start.
                whole = self.inside[value][0]
                self.first[whole], self.last[whole] = 0, len(self.steps)

    def try_share(self, number: int, y: Value, x: Value, taken: set[Value]) -> None:
        """Lets `y` take over the memory of `x`, which dies in step `number`."""
        source = root_of(x)
        if y in self.shared or y in self.inside or y in self.bound or y.node.op.kind == "view":
            return
        owner, _ = self.home(source)
        if owner in self.bound or owner in taken or source in self.inside or owner in self.inside:
            return
        if source.node.op.kind == "leaf" and source.node.op is not INPUT:
            return
        same_memory = {v for v in self.first if self.home(v)[0] is owner}
        if any(self.last[v] > number for v in same_memory) or y in same_memory:
            return
        if self.first[y] < number:
            return
        taken.add(owner)
        self.shared[y] = source


def _pack(intervals: dict[Value, list[int]]) -> tuple[dict[Value, int], int]:
    """Offsets such that values that live at the same time do not overlap: largest first, each at the lowest gap."""
    offsets: dict[Value, int] = {}
    placed: list[tuple[int, int, int, int]] = []  # offset, end, first, last
    total = 0
    for value in sorted(intervals, key=lambda v: -v.spec.nbytes):
        first, last = intervals[value]
        size = -(-max(value.spec.nbytes, 1) // ALIGN) * ALIGN
        at = 0
        for offset, end, begin, until in sorted(placed):
            if begin <= last and first <= until:
                if offset - at >= size:
                    break
                at = max(at, end)
        offsets[value] = at
        placed.append((at, at + size, first, last))
        total = max(total, at + size)
    return offsets, total


def _peak(intervals: dict[Value, list[int]], n_steps: int) -> int:
    change = np.zeros(n_steps + 2, np.int64)
    for value, (first, last) in intervals.items():
        change[first] += value.spec.nbytes
        change[last + 1] -= value.spec.nbytes
    return int(np.cumsum(change).max(initial=0))
