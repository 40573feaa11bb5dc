"""Offsets of what lives in an arena: nothing overlaps, arrays begin where they should, little is left between them."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastnn as k
from fastnn.graph.value import Graph
from fastnn.plan.packing import ALIGN, ALIGN_LARGE, LARGE, Part, packed

STEPS = 8
lives = st.tuples(st.integers(0, STEPS), st.integers(0, STEPS)).map(sorted)
sizes = st.one_of(st.integers(0, 400), st.sampled_from([LARGE - 4, LARGE, LARGE + 1000, 3 * LARGE + 4]))


def owner(nbytes):
    return Graph().input((nbytes,), "uint8")


@st.composite
def arrays(draw):
    """Of one owner its bytes and its parts: one, or pieces with padding before, between and behind them."""
    if draw(st.integers(0, 3)):
        nbytes, life = draw(sizes), draw(lives)
        return nbytes, [Part(0, nbytes, *life)]
    parts, end = [], draw(st.sampled_from([0, 64]))
    for _ in range(draw(st.integers(1, 4))):
        size = draw(sizes)
        parts.append(Part(end, size, *draw(lives)))
        end += -(-size // 64) * 64
    return draw(st.sampled_from([end, parts[-1].offset + parts[-1].size])), parts


def peak(owners):
    parts = [part for parts in owners.values() for part in parts]
    return max(sum(p.size for p in parts if p.first <= step <= p.last) for step in range(STEPS + 1))


def in_use(owners, offsets):
    """(begin, end, first, last) of what is in use, padding of pieces included, which nothing may write."""
    for value, parts in owners.items():
        at, end = offsets[value], 0
        for part in sorted(parts, key=lambda part: part.offset):
            yield at + end, at + part.offset, 0, STEPS
            end = part.offset + part.size
            yield at + part.offset, at + end, part.first, part.last
        yield at + end, at + value.spec.nbytes, 0, STEPS


@settings(max_examples=300)
@given(st.lists(arrays(), min_size=1, max_size=12), st.sampled_from([0, 1 << 40]))
def test_nothing_overlaps_what_is_in_use_at_the_same_time(drawn, live_bytes):
    """Of all attempts, as none comes near 0 bytes, and of the first."""
    owners = {owner(nbytes): parts for nbytes, parts in drawn}
    offsets, total = packed(owners, live_bytes)
    assert peak(owners) <= total
    for value, offset in offsets.items():
        assert 0 <= offset <= offset + value.spec.nbytes <= total
        assert offset % (ALIGN_LARGE if value.spec.nbytes >= LARGE else ALIGN) == 0
    spans = [span for span in in_use(owners, offsets) if span[0] < span[1]]
    for (a, b, first, last), (c, d, begin, until) in itertools.combinations(spans, 2):
        assert b <= c or d <= a or last < begin or until < first


@given(st.lists(arrays(), min_size=1, max_size=12))
def test_more_attempts_need_no_more_bytes(drawn):
    owners = {owner(nbytes): parts for nbytes, parts in drawn}
    assert packed(owners, 0)[1] <= packed(owners, 1 << 40)[1]


def test_what_lives_longest_goes_first_where_the_largest_first_leave_gaps():
    """The two of 2 MiB at 0 would leave one place for both of 1 MiB, whose lives meet."""
    owners = {
        owner(mib << 20): [Part(0, mib << 20, first, last)]
        for mib, first, last in ((2, 0, 1), (1, 0, 3), (1, 3, 6), (2, 4, 7))
    }
    assert packed(owners, 3 << 20)[1] == 3 << 20


def test_what_had_no_place_below_goes_first():
    """Each order puts the last of 1 MiB above all others, as those that it meets leave no gap."""
    owners = {
        owner(mib << 20): [Part(0, mib << 20, first, last)]
        for mib, first, last in ((2, 0, 2), (1, 1, 4), (1, 2, 3), (1, 3, 4), (2, 4, 5))
    }
    assert packed(owners, 4 << 20)[1] == 4 << 20


def test_pieces_that_are_made_last_are_one_with_the_free_bytes_beside_them():
    """Either end of a packed array: 3 MiB fit only into 2 MiB of it that are made later and 1 MiB beside these."""
    for late in (0, 1 << 20):
        pieces = [Part(late, 2 << 20, 5, 9), Part(0 if late else 2 << 20, 1 << 20, 1, 9)]
        early, small = owner(3 << 20), owner(200)
        owners = {owner(3 << 20): pieces, early: [Part(0, 3 << 20, 0, 4)], small: [Part(0, 200, 0, 9)]}
        offsets, total = packed(owners, 4 << 20)
        assert total <= (4 << 20) + ALIGN_LARGE
        assert offsets[early] % ALIGN_LARGE == offsets[small] % ALIGN == 0


def test_padding_stays_as_it_is():
    """100 bytes fit where the first piece will be, but for the padding behind it; the second piece's are free."""
    whole, early = owner(256), owner(100)
    parts = {whole: [Part(0, 40, 5, 9), Part(128, 128, 6, 9)], early: [Part(0, 100, 0, 4)]}
    offsets, total = packed(parts, 168)
    assert (offsets[whole], offsets[early], total) == (0, 128, 256)


def test_bytes_behind_the_last_piece_are_free():
    """As they are part of no array, unlike padding between pieces."""
    whole, early = owner(40), owner(120)
    assert packed({whole: [Part(0, 24, 5, 9), Part(24, 16, 6, 9)], early: [Part(0, 120, 0, 4)]}, 120)[1] == 128


@pytest.mark.parametrize("width,depth,rows", [(100, 1, 128), (256, 2, 128), (256, 3, 128), (128, 2, 64)])
def test_arenas_of_dense_networks_as_wide_as_their_batches(width, depth, rows):
    """Where gradients of weights are as large as activations, which do not fit between those that are made already.
    Some instruction sets pack both factors of these products, for all threads, while all the gradients live."""
    hidden = [k.layers.Dense(width, "relu") for _ in range(depth)]
    model = k.Sequential([k.Input((width,)), *hidden, k.layers.Dense(10, "softmax")])
    model.compile("sgd" if width == 128 else "adam", "sparse_categorical_crossentropy")
    model.explain(batch_size=rows)
    executable = model.train_function.executables()[-1]
    shared = max(work[2] for work in executable.plan.work)
    assert executable.plan.arena_bytes < 1.1 * (executable.live_bytes + shared)
