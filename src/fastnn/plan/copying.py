"""Calls of the kernel `copy` of `_kernels/layout.c`: their parameters, and contiguous copies of arrays that are not."""

import functools

import numpy as np

from fastnn import _kernels, config, plan
from fastnn._kernels import _engine
from fastnn.plan.cost import threads_for

MAX_DIMS = 8  # of a part, as in layout.c
MAX_BYTES = 8  # of an element, which leaves complex128 out


def contiguous_strides(shape) -> tuple[int, ...]:
    """The strides, in elements, of a C-contiguous array of `shape`."""
    strides = [1] * len(shape)
    for k in range(len(shape) - 2, -1, -1):
        strides[k] = strides[k + 1] * shape[k + 1]
    return tuple(strides)


def copy_part(dst: int, src: int, sizes, dst_strides, src_strides, dst_offset=0, src_offset=0) -> list[int] | None:
    """One part of a call of the kernel `copy`: a box of buffer `dst` filled from buffer `src`.

    Args:
        dst, src: indices of buffers; a `src` of -1 writes the element whose bytes `src_offset` holds.
        sizes: of the box.
        dst_strides, src_strides: in elements; those of `src` may be 0 or negative.
        dst_offset, src_offset: of the box's first element.

    Returns:
        The part's ints: axes are merged where both sides run on, and put in the order that suits the kernel (behind
        all others what both sides run along; of the others, the last runs along `dst`, the one before it along
        `src`); [] for an empty box; None with too many axes.
    """
    if 0 in sizes:
        return []
    axes = [axis for axis in zip(sizes, dst_strides, src_strides, strict=True) if axis[0] != 1]
    axes.sort(key=lambda axis: -abs(axis[1]))
    merged: list[tuple[int, int, int]] = []
    for size, d, s in axes:
        if merged and merged[-1][1] == d * size and merged[-1][2] == s * size:
            merged[-1] = (merged[-1][0] * size, d, s)
        else:
            merged.append((size, d, s))
    run = merged[-1:] if merged and merged[-1][1:] == (1, 1) else []
    axes = merged[: len(merged) - len(run)]
    closer = [axis for axis in axes if 0 < abs(axis[2]) < abs(axes[-1][2])]
    if closer:
        along_src = min(closer, key=lambda axis: abs(axis[2]))
        axes = [*(axis for axis in axes[:-1] if axis is not along_src), along_src, axes[-1]]
    merged = axes + run
    if len(merged) > MAX_DIMS:
        return None
    columns = zip(*merged, strict=True) if merged else ((), (), ())
    return [dst, src, dst_offset, src_offset, len(merged), *(i for column in columns for i in column)]


SMALL = 1 << 15  # bytes below which NumPy's loop takes less time than to run a plan


def contiguous(array: np.ndarray) -> np.ndarray:
    """A contiguous copy of `array` in the machine's order of bytes: where other axes than the last are the dense ones,
    as of a transposed matrix, by the kernel, which goes by squares, and of every second to fourth element or backwards,
    which it shuffles; NumPy goes element by element there."""
    dtype = array.dtype
    if array.nbytes < SMALL or not dtype.isnative or not array.flags.aligned or not _is_shuffled(array):
        return np.ascontiguousarray(array, dtype.newbyteorder("="))
    copier = _copy_plan(_kernels.isa(), array.shape, array.strides, dtype.itemsize)
    if copier is None:
        return np.ascontiguousarray(array)
    copy, threads = plan.memory.empty(array.shape, dtype), config.threads()
    arena = copier.acquire(threads)
    try:
        copier.bind(arena, 0, copy, True)
        copier.bind(arena, 1, array)
        copier.execute(arena, 0, 1, 0, 1, threads)
    finally:
        arena.held[:] = [None, None]
        copier.release(arena)
    return copy


def _is_shuffled(array: np.ndarray) -> bool:
    step = array.strides[-1]
    if step < 0 or 2 <= step / array.itemsize <= 4:
        return True
    return any(0 < abs(s) < step for s, n in zip(array.strides, array.shape, strict=True) if n > 1)


FEWEST_IN_BOX = 1 << 16  # elements


def is_large(array: np.ndarray) -> bool:
    """Whether it takes less time to ask how an array with gaps lies than to copy it."""
    return array.size >= FEWEST_IN_BOX


def in_memory(array: np.ndarray) -> tuple[np.ndarray, int, tuple[int, ...]] | None:
    """Of a large array that is not contiguous: all that lies in memory from its first to its last element, where in
    that the element at 0 is, and how far apart, in elements, neighbours are. None where no kernel reads it so."""
    itemsize = array.itemsize
    if not is_large(array) or array.dtype.kind not in "iuf" or not array.dtype.isnative or itemsize < 2:
        return None
    if not array.flags.aligned or any(stride % itemsize for stride in array.strides):
        return None
    steps = tuple([0 if n == 1 else stride // itemsize for n, stride in zip(array.shape, array.strides, strict=True)])
    first = array[tuple([slice(None, None, -1 if step < 0 else None) for step in steps])]
    reach = [(n - 1) * step for n, step in zip(array.shape, steps, strict=True)]
    memory = np.lib.stride_tricks.as_strided(first, (sum(map(abs, reach)) + 1,), (itemsize,))
    return memory, -sum([n for n in reach if n < 0]), steps


MOST_AXES, SHORTEST_RUN, SHORTEST_ROW, WIDEST_STEP = 4, 512, 64, 4
FEWEST_COLUMNS = 64  # of rows with gaps that reductions of all rows read: fewer may be several rows in one vector


def is_window(shape, strides) -> bool:
    """Whether a kernel of elementwise ops reads elements that lie `strides` apart as fast as a copy of them: rows that
    are long enough for loops of their own, whose neighbours share lines of memory."""
    if not 0 < len(shape) <= MOST_AXES or abs(strides[-1]) > WIDEST_STEP:
        return False
    return shape[-1] >= (SHORTEST_RUN if abs(strides[-1]) == 1 else SHORTEST_ROW)  # runs are copied faster than others


@functools.lru_cache(64)
def _copy_plan(isa: str, shape: tuple[int, ...], strides: tuple[int, ...], itemsize: int) -> _engine.Plan | None:
    """The plan that copies an array with these strides, in bytes, from slot 1 to slot 0; None where no kernel can."""
    steps = [stride // itemsize for stride in strides]
    part = copy_part(0, 1, shape, contiguous_strides(shape), steps)
    if not part or itemsize > MAX_BYTES or any(stride % itemsize for stride in strides):
        return None
    ints = [itemsize, 1, *part]
    threads = threads_for(_engine.kernel_work(isa, "copy", ints))
    return _engine.Plan(isa, [("copy", [(0, 0), (1, 0)], ints, [], threads)], 0, 2)
