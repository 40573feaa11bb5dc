"""Guarded: memory for a kernel that shows whether it wrote outside."""

import numpy as np

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
