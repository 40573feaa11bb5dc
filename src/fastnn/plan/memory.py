"""Where each value of a plan lives: in a bound array, or at an offset of the arena.

Values whose lifetimes do not meet share bytes, and what the threads of a step share has its place among them; an output
takes over an input that dies with it where the kernel allows; `pack` costs nothing where its inputs can be produced in
place, and until one is there, others use its bytes.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from fastnn._kernels._engine import IN_PAGE
from fastnn.graph.fuse import Group
from fastnn.graph.value import INPUT, Spec, Value
from fastnn.plan.copying import copy_part
from fastnn.plan.lower import Step
from fastnn.plan.packing import ALIGN_LARGE, LARGE, Part, packed


class Place:
    """Byte `offset` in slot `slot`: -1 is the arena, others are arrays bound before a run."""

    __slots__ = ("offset", "slot")

    def __init__(self, slot: int, offset: int):
        self.slot = slot
        self.offset = offset


class _Shared:
    """The memory of a step beside its values, as an owner of bytes of the arena."""

    __slots__ = ("spec",)

    def __init__(self, nbytes: int):
        self.spec = Spec((nbytes,), "uint8")


class Memory:
    """What `assign` found: the places of values, the offset in the arena of what the threads of each step share, and
    `live_bytes`, of the largest set of values that are live at once: what no plan can go below."""

    __slots__ = ("arena_bytes", "live_bytes", "places", "shared")

    def __init__(self, places: dict[Value, Place], shared: list[int], arena_bytes: int, live_bytes: int):
        self.places = places
        self.shared = shared
        self.arena_bytes = arena_bytes
        self.live_bytes = live_bytes


def root_of(value: Value) -> Value:
    """The value whose memory `value` is: itself, or what it is a view of."""
    while value.node.op.kind == "view":
        value = value.node.inputs[0]
    return value


def empty(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """A new array, which begins where one of an arena does if it is large: at a line, for stores past the caches."""
    nbytes = math.prod(shape) * dtype.itemsize
    if nbytes < LARGE:
        return np.empty(shape, dtype)
    room = np.empty(nbytes + ALIGN_LARGE, np.uint8)
    return np.ndarray(shape, dtype, room, (IN_PAGE - room.__array_interface__["data"][0]) % ALIGN_LARGE)


def assign(
    steps: list[Step], bound: dict[Value, int], results: set[Value], kept: list[Value],
    inside: dict[Value, tuple[Value, int]], shared: list[int],
) -> Memory:  # fmt: skip
    """Gives every value of `steps` a place.

    Args:
        steps: in the order in which they run.
        bound: values that are bound arrays, with their slots.
        results: those of them that nothing has written before: what a run returns.
        kept: values that are read after the last step.
        inside: values that are part of another one, with their byte offset in it.
        shared: how many bytes the threads of each step share beside its values.
    """
    planner = _Planner(steps, bound, results, kept, inside)
    return planner.run(shared)


def with_gaps_cleared(steps: list[Step], inside: dict[Value, tuple[Value, int]]) -> list[Step]:
    """`steps`, with one before the first that reads a packed value: it writes the zeros between the pieces, whose bytes
    others use until then. Without it, nobody ever writes there."""
    gaps = {whole: _gaps(whole, inside) for whole in {whole for whole, _ in inside.values()}}
    waiting, result = {whole for whole, found in gaps.items() if found and whole.node.op.name == "pack"}, []
    for step in steps:
        for whole in [root for root in dict.fromkeys(map(root_of, step.reads)) if root in waiting]:
            waiting.remove(whole)
            itemsize = np.dtype(whole.dtype).itemsize
            parts = [copy_part(0, -1, (size // itemsize,), (1,), (0,), at // itemsize) for at, size in gaps[whole]]
            ints = [itemsize, len(parts), *(i for part in parts for i in part)]
            clearing = Step("copy", [whole], ints, [], Group(whole.shape))
            clearing.writes = [whole]
            result.append(clearing)
        result.append(step)
    return result


def _gaps(whole: Value, inside: dict[Value, tuple[Value, int]]) -> list[tuple[int, int]]:
    """Where nothing is in `whole`: offsets and sizes, in bytes."""
    pieces = sorted((offset, piece.spec.nbytes) for piece, (other, offset) in inside.items() if other is whole)
    ends = [0, *(offset + size for offset, size in pieces)]
    begins = [*(offset for offset, _ in pieces), whole.spec.nbytes]
    return [(end, begin - end) for end, begin in zip(ends, begins, strict=True) if begin > end]


class _Planner:
    def __init__(self, steps, bound, results, kept, inside):
        self.steps = steps
        self.bound = bound
        self.results = results
        self.inside = inside
        self.kept = kept
        self.wholes = {whole for whole, _ in inside.values()}
        self.shared: dict[Value, Value] = {}  # an output, and the input whose memory it takes over; or an input, and
        # the result in whose memory it is
        self.first: dict[Value, int] = {}
        self.last: dict[Value, int] = {}
        self.residents: dict[Value, set[Value]] = {}  # of each owner of memory: the values that have it as their home

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

    def run(self, shared: list[int]) -> Memory:
        self.lifetimes()
        for value in self.first:
            self.residents.setdefault(self.home(value)[0], set()).add(value)
        for number, step in enumerate(self.steps):
            taken: set[Value] = set()
            for y, x in step.shares:
                self.try_share(number, y, x, taken)
        parts = self.parts()
        live_bytes = _peak(parts, len(self.steps))
        areas = {k: _Shared(nbytes) for k, nbytes in enumerate(shared) if nbytes}
        parts |= {area: [Part(0, shared[k], k, k)] for k, area in areas.items()}
        offsets, arena_bytes = packed(parts, _peak(parts, len(self.steps)))
        places = {}
        for value in self.first:
            home, offset = self.home(value)
            if home in self.bound:
                places[value] = Place(self.bound[home], offset)
            else:
                places[value] = Place(-1, offsets[home] + offset)
        shared_at = [offsets[areas[k]] if k in areas else 0 for k in range(len(shared))]
        return Memory(places, shared_at, arena_bytes, live_bytes)

    def parts(self) -> dict[Value, list[Part]]:
        """What the arena holds: the owners of memory in it, each whole or in the pieces that are produced there."""
        spans: dict[Value, list[int]] = {}
        for value in self.first:
            span = spans.setdefault(self.unit(value), [self.first[value], self.last[value]])
            span[0] = min(span[0], self.first[value])
            span[1] = max(span[1], self.last[value])
        pieces: dict[Value, list[Part]] = {}
        for piece, (whole, offset) in self.inside.items():
            first, last = spans.pop(piece)
            pieces.setdefault(whole, []).append(
                Part(offset, piece.spec.nbytes, first, max(last, spans.get(whole, (0, 0))[1]))
            )
        cleared = {v for step in self.steps for v in step.writes if v in pieces}
        for whole in cleared:
            pieces[whole] += [Part(at, size, *spans[whole]) for at, size in _gaps(whole, self.inside)]
        whole = {v: [Part(0, v.spec.nbytes, *span)] for v, span in spans.items() if v not in pieces}
        return {v: found for v, found in (pieces | whole).items() if v not in self.bound}

    def unit(self, value: Value) -> Value:
        """What `value` lives and dies with: the owner of its memory, or the piece of one."""
        while value not in self.inside:
            if value.node.op.kind == "view":
                value = value.node.inputs[0]
            elif value in self.shared:
                value = self.shared[value]
            else:
                break
        return value

    def lifetimes(self) -> None:
        for number, step in enumerate(self.steps):
            for value in dict.fromkeys([*step.buffers, *step.reads, *step.writes]):
                for v in (value, root_of(value)) if value is not None else ():
                    self.first.setdefault(v, number)
                    self.last[v] = number
        for value in self.kept:
            for v in (value, root_of(value)):
                self.first.setdefault(v, 0)
                self.last[v] = len(self.steps)
        for value in self.first:
            if value.node.op is INPUT:
                self.first[value] = 0

    def try_share(self, number: int, y: Value, x: Value, taken: set[Value]) -> None:
        """Lets `y` take over the memory of `x`, which dies in step `number`; of a result it is `x` that moves."""
        source = root_of(x)
        is_result = y in self.results
        if y in self.shared or y in taken or y in self.inside or y.node.op.kind == "view":
            return
        if y in self.bound and not is_result:
            return
        owner, _ = self.home(source)
        if owner in self.bound or owner in taken or source in self.inside or owner in self.wholes:
            return
        if source.node.op.kind == "leaf" and source.node.op is not INPUT:
            return
        residents = self.residents[owner]
        if any(self.last[v] > number for v in residents) or y in residents:
            return
        if self.first[y] < number:
            return
        if is_result and owner.spec.nbytes != y.spec.nbytes:
            return
        taken |= {owner, y}
        if is_result:
            y, owner, source = owner, y, y
        self.shared[y] = source
        self.residents[owner] |= self.residents.pop(y)


def _peak(owners: dict[Value, list[Part]], n_steps: int) -> int:
    change = [0] * (n_steps + 2)
    for part in (part for parts in owners.values() for part in parts):
        change[part.first] += part.size
        change[part.last + 1] -= part.size
    return max(itertools.accumulate(change))
