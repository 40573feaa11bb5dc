"""Where each value of a plan lives: in a bound array, or at an offset of the arena.

Values whose lifetimes do not meet share bytes, and what the threads of a step share has its place among them; an output
takes over an input that dies with it where the kernel allows; `pack` costs nothing where its inputs can be produced in
place, and until one is there, others use its bytes.
"""

from __future__ import annotations

import bisect
import itertools
import math

import numpy as np

from fastnn._kernels._engine import IN_PAGE
from fastnn.graph.value import INPUT, Spec, Value
from fastnn.plan.lower import Step

ALIGN = 128  # a pair of cache lines; the arena begins in the middle of one (`fnn_zeroes`)
LARGE, ALIGN_LARGE = 1 << 16, 4096  # how fast a step is depends on where in a page its arrays begin: alike in all plans
FOREVER = 1 << 30


class Place:
    """Byte `offset` in slot `slot`: -1 is the arena, others are arrays bound before a run."""

    __slots__ = ("offset", "slot")

    def __init__(self, slot: int, offset: int):
        self.slot = slot
        self.offset = offset


class _Part:
    """Bytes [offset, offset + size) of an owner of memory, in use from step `first` to step `last`."""

    __slots__ = ("first", "last", "offset", "size")

    def __init__(self, offset: int, size: int, first: int, last: int):
        self.offset = offset
        self.size = size
        self.first = first
        self.last = last


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
        parts |= {area: [_Part(0, shared[k], k, k)] for k, area in areas.items()}
        offsets, arena_bytes = _packed(parts, _peak(parts, len(self.steps)))
        places = {}
        for value in self.first:
            home, offset = self.home(value)
            if home in self.bound:
                places[value] = Place(self.bound[home], offset)
            else:
                places[value] = Place(-1, offsets[home] + offset)
        shared_at = [offsets[areas[k]] if k in areas else 0 for k in range(len(shared))]
        return Memory(places, shared_at, arena_bytes, live_bytes)

    def parts(self) -> dict[Value, list[_Part]]:
        """What the arena holds: the owners of memory in it, each whole or in the pieces that are produced there."""
        spans: dict[Value, list[int]] = {}
        for value in self.first:
            span = spans.setdefault(self.unit(value), [self.first[value], self.last[value]])
            span[0] = min(span[0], self.first[value])
            span[1] = max(span[1], self.last[value])
        pieces: dict[Value, list[_Part]] = {}
        for piece, (whole, offset) in self.inside.items():
            first, last = spans.pop(piece)
            pieces.setdefault(whole, []).append(
                _Part(offset, piece.spec.nbytes, first, max(last, spans.get(whole, (0, 0))[1]))
            )
        whole = {v: [_Part(0, v.spec.nbytes, *span)] for v, span in spans.items() if v not in pieces}
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


# Which values get their place first; each order leaves gaps in some networks that another one fills.
_ORDERS = (
    lambda part: -part.size,
    lambda part: -part.size * (part.last - part.first + 1),
    lambda part: (part.first - part.last, -part.size),
    lambda part: (part.first, -part.size),
)


def _packed(owners: dict[Value | _Shared, list[_Part]], live_bytes: int) -> tuple[dict[Value | _Shared, int], int]:
    """Offsets such that what lives at the same time does not overlap, and the bytes that they take: by the first order
    that comes near `live_bytes`, or else by the best."""
    enough = live_bytes + live_bytes // 32 + ALIGN_LARGE
    best = _pack(owners, _ORDERS[0], math.inf)
    for order in _ORDERS[1:]:
        if best[1] <= enough:
            break
        best = min(best, _pack(owners, order, best[1]), key=lambda of: of[1])
    return best


def _pack(owners: dict[Value, list[_Part]], order, limit: float) -> tuple[dict[Value, int], int]:
    """First what consists of pieces, one behind the other; then the others by `order`, each at the lowest gap. It is
    left unfinished as soon as it comes to `limit` bytes."""
    offsets: dict[Value, int] = {}
    placed: list[tuple[int, int, int, int]] = []  # offset, end, first, last; sorted
    total = 0

    def place(offset, end, first, last):
        if offset < end:
            bisect.insort(placed, (offset, end, first, last))

    for value in sorted(owners, key=lambda v: (_is_whole(v, owners[v]), order(owners[v][0]))):
        parts, size = owners[value], _aligned(max(value.spec.nbytes, 1), ALIGN)
        align = ALIGN if size < LARGE else ALIGN_LARGE
        if _is_whole(value, parts):
            below, first, last = 0, parts[0].first, parts[0].last
            for offset, end, begin, until in placed:
                if begin <= last and first <= until:
                    if offset - below >= size and offset - _aligned(below, align) >= size:
                        break
                    if end > below:
                        below = end
            at = _aligned(below, align)
            place(at, at + size, first, last)
        else:
            at = end = _aligned(total, align)
            for part in sorted(parts, key=lambda part: part.offset):
                place(end, at + part.offset, 0, FOREVER)  # padding, which is never written: its zeros stay
                end = at + part.offset + part.size
                place(at + part.offset, end, part.first, part.last)
            place(end, at + size, 0, FOREVER)
        offsets[value] = at
        total = max(total, at + size)
        if total >= limit:
            break
    return offsets, total


def _is_whole(value: Value, parts: list[_Part]) -> bool:
    return len(parts) == 1 and parts[0].size == value.spec.nbytes


def _aligned(size: int, align: int) -> int:
    return -(-size // align) * align


def _peak(owners: dict[Value, list[_Part]], n_steps: int) -> int:
    change = [0] * (n_steps + 2)
    for part in (part for parts in owners.values() for part in parts):
        change[part.first] += part.size
        change[part.last + 1] -= part.size
    return max(itertools.accumulate(change))
