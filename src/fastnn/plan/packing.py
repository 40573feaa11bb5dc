"""Offsets in an arena for what owns bytes of it: what is in use at the same time does not overlap.

The fewest bytes are too hard to find: several orders are tried, each block at the lowest gap that is left when its turn
comes. Which values own memory, and when it is in use, is `plan/memory.py`'s to say.
"""

from __future__ import annotations

import bisect
import math

ALIGN = 128  # a pair of cache lines; the arena begins in the middle of one (`fnn_zeroes`)
LARGE, ALIGN_LARGE = 1 << 16, 4096  # how fast a step is depends on where in a page its arrays begin: alike in all plans
FOREVER = 1 << 30


class Part:
    """Bytes [offset, offset + size) of an owner of memory, in use from step `first` to step `last`."""

    __slots__ = ("first", "last", "offset", "size")

    def __init__(self, offset: int, size: int, first: int, last: int):
        self.offset = offset
        self.size = size
        self.first = first
        self.last = last


class _Block:
    """The bytes of an owner, up to a multiple of `ALIGN`: as long in use as its only part, or in pieces."""

    __slots__ = ("align", "first", "is_whole", "last", "nbytes", "parts", "size")

    def __init__(self, nbytes: int, parts: list[Part]):
        self.nbytes, self.parts = nbytes, parts
        self.first, self.last = parts[0].first, parts[0].last
        self.is_whole = len(parts) == 1 and parts[0].size == nbytes
        self.size = _aligned(max(nbytes, 1), ALIGN)
        self.align = ALIGN if self.size < LARGE else ALIGN_LARGE


# Which blocks get their place first; each order leaves gaps in some networks that another one fills.
_ORDERS = (
    lambda block: -block.size,
    lambda block: -block.size * (block.last - block.first + 1),
    lambda block: (block.first - block.last, -block.size),
    lambda block: (block.first, -block.size),
)


def packed(owners: dict[object, list[Part]], live_bytes: int) -> tuple[dict[object, int], int]:
    """The offset of each owner, which has a `spec`, and the bytes that all take: of the first attempt that comes near
    `live_bytes`, or else of the best.

    Each order is tried from the bottom and from the top of the arena: the pieces that are made last, those of a
    network's first layers, are one with the free bytes beside them in one of these. Then the block that had no place
    below the best total goes to the front of its order, and so on. There are fewer attempts with many blocks, as a
    block's place is sought among the places of the others, while the time of other passes over a graph is linear.
    """
    enough = live_bytes + live_bytes // 32 + ALIGN_LARGE
    blocks = [_Block(owner.spec.nbytes, parts) for owner, parts in owners.items()]
    pieces, wholes = ([b for b in blocks if b.is_whole is is_whole] for is_whole in (False, True))
    starts = [(sorted(wholes, key=order), is_mirrored) for is_mirrored in (False, True) for order in _ORDERS]
    best, offsets = math.inf, {}
    for attempt in range(len(starts) + 8000 // (200 + len(blocks))):
        order, is_mirrored = starts[attempt % len(starts)]
        found, total, misplaced = _pack(pieces + order, best, is_mirrored)
        if misplaced is not None:
            if misplaced.is_whole:
                order.remove(misplaced)
                order.insert(0, misplaced)
        elif total < best:  # from the top, `total` is of whole pages, and may have come to `best` by that
            offsets, best = found, total
            if best <= enough:
                break
    return {owner: offsets[block] for owner, block in zip(owners, blocks, strict=True)}, best


def _pack(blocks: list[_Block], limit: float, is_mirrored: bool) -> tuple[dict[_Block, int], int, _Block | None]:
    """`blocks`, in this order, each at the lowest gap, but those in pieces behind what is there: offsets, the bytes of
    all, and None, or the first block that comes to `limit` bytes, with which it ends. Mirrored, it is the ends of the
    blocks that are aligned, and offsets are from the top until all have a place."""
    offsets: dict[_Block, int] = {}
    placed: list[tuple[int, int, int, int]] = []  # offset, end, first, last; sorted
    total, unit = 0, ALIGN
    for block in blocks:
        size, align = block.size, block.align
        shift = size if is_mirrored else 0  # from what is placed to what is aligned
        if align > unit:
            unit = align
        if block.is_whole:
            below, first, last = 0, block.first, block.last
            for offset, end, begin, until in placed:
                if begin <= last and first <= until:
                    if offset - below >= size and offset - _aligned(below + shift, align) >= size - shift:
                        break
                    if end > below:
                        below = end
            at = _aligned(below + shift, align) - shift
            bisect.insort(placed, (at, at + size, first, last))
        else:
            at = _aligned(total + shift, align) - shift
            for span in _spans(block, at, is_mirrored):
                bisect.insort(placed, span)
        offsets[block] = at
        total = max(total, at + size)
        if total >= limit:
            return offsets, total, block
    if is_mirrored:
        total = _aligned(total, unit)
        offsets = {block: total - at - block.size for block, at in offsets.items()}
    return offsets, total, None


def _spans(block: _Block, at: int, is_mirrored: bool) -> list[tuple[int, int, int, int]]:
    """What `_pack` notes of a block at `at`: its pieces, and the padding around them, which is never written: it stays
    0. Padding that a step clears is a piece."""
    spans, end = [], 0
    for part in sorted(block.parts, key=lambda part: part.offset):
        spans.append((end, part.offset, 0, FOREVER))
        end = part.offset + part.size
        spans.append((part.offset, end, part.first, part.last))
    spans.append((end, block.nbytes, 0, FOREVER))
    if is_mirrored:
        spans = [(block.size - end, block.size - offset, first, last) for offset, end, first, last in spans]
    return [(at + offset, at + end, first, last) for offset, end, first, last in spans if offset < end]


def _aligned(size: int, align: int) -> int:
    return -(-size // align) * align
