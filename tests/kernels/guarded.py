"""Memory for kernels that shows whether they wrote outside (`Guarded`), or ends the process where they read or write
behind an array (`at_the_end_of_memory`), as sanitizers do not see of loads and stores with masks."""

import ctypes
import functools
import mmap
from collections import defaultdict

import numpy as np
from numpy.lib.array_utils import byte_bounds

from fastnn import _kernels

CANARY = 12345
MARGIN = 9  # elements before the array, so that it starts one element after a cache line


class Guarded:
    """`values` in the middle of a buffer of canaries, one element from alignment."""

    def __init__(self, values, dtype):
        values = np.asarray(values, dtype)
        self.buffer = _kernels.aligned_empty(values.size + 32, dtype)
        self.buffer[:] = CANARY
        self.array = self.buffer[MARGIN : MARGIN + values.size].reshape(values.shape)
        self.array[...] = values

    @classmethod
    def unwritten(cls, shape, dtype):
        """An output: full of NaN until a kernel writes it."""
        return cls(np.full(shape, np.nan), dtype)

    def assert_canaries(self):
        around = np.delete(self.buffer, np.s_[MARGIN : MARGIN + self.array.size])
        np.testing.assert_array_equal(around, CANARY)


class _Pages:
    """So many pages of memory, before one that nobody may touch."""

    def __init__(self, count: int):
        self.size = count * mmap.PAGESIZE
        self.memory = mmap.mmap(-1, self.size + mmap.PAGESIZE)
        self.address = np.frombuffer(self.memory, np.uint8).ctypes.data
        behind, size, none = ctypes.c_void_p(self.address + self.size), ctypes.c_size_t(mmap.PAGESIZE), 0
        if ctypes.CDLL(None).mprotect(behind, size, none):
            raise MemoryError("mprotect failed")


MOST_SPARE = 32  # pages; more are asked of the system each time
_spare: dict[int, list[_Pages]] = defaultdict(list)  # by their number


def at_the_end_of_memory(run):
    """`run` of `fastnn._kernels` on arrays that are at the end of pages meanwhile, those that share bytes together."""

    @functools.wraps(run)
    def run_guarded(name, buffers, *args, **kwargs):
        moved, used = list(buffers), []
        for places, begin, end in _spans(buffers):
            count = -(-(end - begin) // mmap.PAGESIZE)
            pages = _spare[count].pop() if _spare[count] else _Pages(count)
            start = pages.size - (end - begin)
            ctypes.memmove(pages.address + start, begin, end - begin)
            used.append((count, pages, begin, end, any(buffers[k].flags.writeable for k in places)))
            for k in places:
                x = buffers[k]
                moved[k] = np.ndarray(x.shape, x.dtype, pages.memory, start + x.ctypes.data - begin, x.strides)
        try:
            return run(name, moved, *args, **kwargs)
        finally:
            for count, pages, begin, end, is_written in used:
                if is_written:
                    ctypes.memmove(begin, pages.address + pages.size - (end - begin), end - begin)
                if count <= MOST_SPARE:
                    _spare[count].append(pages)

    return run_guarded


def _spans(arrays):
    """`(places, begin, end)`: addresses of bytes without a gap, and which of `arrays` have elements there."""
    spans = []
    bounds = ((*byte_bounds(x), k) for k, x in enumerate(arrays) if x is not None and x.size)
    for begin, end, k in sorted(bounds):
        if spans and begin < spans[-1][2]:
            places, first, last = spans.pop()
            spans.append(([*places, k], first, max(end, last)))
        else:
            spans.append(([k], begin, end))
    return spans
