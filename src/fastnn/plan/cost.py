"""What a kernel call is expected to take, and what is decided by that when a plan is made: which of two algorithms
runs, and whether threads share it.

Kernels say how much they do (`_engine.kernel_work`), for their shapes and instruction set; the constants below turn it
into seconds. They are the same on every machine. The choice of an algorithm changes the last bits of a result, so it
must not hang on a measurement; that of threads changes none, but is needed in the first microseconds of a process,
when a measurement is worth least. `python -m benchmarks constants` measures what they stand for, and how many calls of
the six networks would be decided in another way by what it found.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from fastnn import _kernels
from fastnn._kernels import _engine

# One core on work that fits its caches, for the least of the instruction sets: two to three times as fast with AVX-512.
FLOPS_PER_S, BYTES_PER_S = 40e9, 10e9
# A call is shared when it is expected to take longer than this, in fact about 1 microsecond with AVX-512; to meet costs
# 0.3 where both threads are awake.
SHARE_S = 5e-6
# Winograd's algorithm is taken when it is expected to be this many times as fast. Where both are close it is 1.1 to 1.6
# times as fast as the other, with each instruction set; but not for few channels, where the sums of products have
# kernels of their own.
WINOGRAD_GAIN, WINOGRAD_GAIN_OF_FEW = 0.9, 1.15
# Of 5 by 5 kernels, whose tiles have 4 results where those of 3 by 3 have 16: with AVX-512, and without, where products
# take longer beside the transforms. Sums of the kernel's gradient, in a tile of one vector of columns, read an element
# of x for each multiply-add, and without AVX-512 those of more columns are no faster.
WINOGRAD_GAIN_OF_5, WINOGRAD_SUMS_OF_5, WINOGRAD_FEW_SUMS_OF_5 = (1.25, 1.1), (1.1, 0.8), (0.95, 0.8)
WINOGRAD_COLUMNS = 16  # of AVX-512
# Of groups that share vectors, or are one: conv2d_grouped_body.h does more products in a time than tiles do.
WINOGRAD_GAIN_OF_GROUPS, WINOGRAD_SUMS_OF_GROUPS = (1.25, 1.1), (1.15, 0.9)
# Of lines, whose tiles have 2 to 5 results: of the kernel's gradient, whose sums of products are slower, as above.
WINOGRAD_GAIN_OF_LINES, WINOGRAD_SUMS_OF_LINES = (1.09, 0.95), (1.03, 0.86)
# Of 3 by 3 kernels that no near cache holds, beside a product of windows, which waits less for them.
WINOGRAD_GAIN_OF_WINDOWS = 1.1
WINOGRAD_FEW = 5  # channels; fewer, in or out, are few
# To so many channels products of both leave lanes of AVX-512 idle, of which Winograd's algorithm has fewer.
WINOGRAD_GAIN_OF_PART, WINOGRAD_PART = 0.75, {"conv2d": range(9, 16), "conv2d_grad_input": range(11, 16)}
WINOGRAD_IDLE = 6  # channels out that leave so many lanes of AVX-512 idle that conv2d_dots_body.h is faster
ALL_THREADS = 1 << 20


def expected_s(work) -> float:
    """What one core is expected to need for a kernel's `work` (see `_engine.kernel_work`)."""
    return work[3] / FLOPS_PER_S + work[4] / BYTES_PER_S


def is_faster(kernel: str, other: str, ints: Sequence[int], times: float) -> bool:
    """Whether `other` is expected to need more than `times` as long as `kernel` for the same parameters."""
    return is_faster_in_parts(kernel, [ints], other, ints, times, 0)


def is_faster_in_parts(kernel: str, parts: Sequence, other: str, ints: Sequence[int], times: float, size: int) -> bool:
    """Whether `other` is expected to need more than `times` as long as `kernel` for all of `parts`, whose results of
    `size` bytes are written and read once more, but for the last."""
    works = [_engine.kernel_work(_kernels.isa(), kernel, part) for part in parts]
    again = 2 * size * (len(parts) - 1) / BYTES_PER_S
    return expected_s(_engine.kernel_work(_kernels.isa(), other, ints)) > times * sum(map(expected_s, works)) + again


def winograd_gain(name: str, cin: int, cout: int, size: Sequence[int], groups: int = 1, is_far: bool = False) -> float:
    """How many times as fast as sums of products Winograd's algorithm has to be expected, for the kernel `name`,
    channels of a group, and `size` taps along each axis; `is_far`: no cache holds x and y, of which each group then
    reads a few bytes here and there."""
    is_wide, results = _kernels.isa() == "avx512", cout if name == "conv2d" else cin
    if is_wide and name == "conv2d" and cout <= WINOGRAD_IDLE:
        return math.inf
    if groups > 1 and cin == cout and (WINOGRAD_COLUMNS if is_wide else WINOGRAD_COLUMNS // 2) % cin == 0:
        gain = WINOGRAD_SUMS_OF_GROUPS if name == "conv2d_grad_kernel" else WINOGRAD_GAIN_OF_GROUPS
        return math.inf if is_far and is_wide else gain[not is_wide]
    if 1 in size:
        return (WINOGRAD_SUMS_OF_LINES if name == "conv2d_grad_kernel" else WINOGRAD_GAIN_OF_LINES)[not is_wide]
    if size[0] == 5:
        sums = WINOGRAD_FEW_SUMS_OF_5 if cout <= WINOGRAD_COLUMNS else WINOGRAD_SUMS_OF_5
        return (sums if name == "conv2d_grad_kernel" else WINOGRAD_GAIN_OF_5)[not is_wide]
    if min(cin, cout) < WINOGRAD_FEW:
        return WINOGRAD_GAIN_OF_FEW
    return WINOGRAD_GAIN_OF_PART if is_wide and results in WINOGRAD_PART.get(name, ()) else WINOGRAD_GAIN


def threads_for(work) -> int:
    """How many threads may share a step with this work: one, or as many as there are."""
    return ALL_THREADS if expected_s(work) > SHARE_S and max(work[0], default=0) > 1 else 1
