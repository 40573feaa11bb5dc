"""Calls of the kernel `copy` of `_kernels/layout.c`: their parameters, and contiguous copies of arrays that are not."""

import functools
import itertools

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
    dtype, step = array.dtype, array.strides[-1] if array.ndim else 0
    by_kernel = step < 0 or 2 <= step / dtype.itemsize <= 4
    if not by_kernel:
        by_kernel = any(0 < abs(s) < step for s, n in zip(array.strides, array.shape, strict=True) if n > 1)
    if not by_kernel or array.nbytes < SMALL or not dtype.isnative or not array.flags.aligned:
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


FEWEST_IN_BOX = 1 << 16  # elements: to copy fewer takes less time than to ask how they lie


def box_in_memory(array: np.ndarray) -> tuple[np.ndarray, tuple[int, ...]] | None:
    """Of an array that is not contiguous, but a box of what lies in memory: that, as if it were whole rows, and the
    box's steps; it starts at the first element. Nothing behind the box's last element may be read, as it may be no
    memory. None where it is no such box, is small, or has a step by which a copy of a row is read as fast."""
    itemsize, shape = array.itemsize, array.shape
    if array.size < FEWEST_IN_BOX or itemsize not in (4, 8) or array.dtype.kind not in "iuf":
        return None
    if not array.dtype.isnative or not array.flags.aligned or any(stride % itemsize for stride in array.strides):
        return None
    *outer, step = [stride // itemsize for stride in array.strides]
    if step not in ((1, 2) if itemsize == 4 else (1,)) or any(a <= 0 or a % b for a, b in itertools.pairwise(outer)):
        return None
    sizes = [*shape[:-1], (shape[-1] - 1) * step + 1]
    rooms = [a // b for a, b in itertools.pairwise([*outer, 1])]  # of all axes but the first
    if any(room < size for room, size in zip(rooms, sizes[1:], strict=True)):
        return None
    memory = (sizes[0], *rooms)
    whole = np.lib.stride_tricks.as_strided(array, memory, [n * itemsize for n in contiguous_strides(memory)])
    return whole, (*[1] * len(outer), step)


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
