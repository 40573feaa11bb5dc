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
    as of a transposed matrix, by the kernel, which goes by squares; NumPy goes element by element there."""
    dtype, step = array.dtype, array.strides[-1] if array.ndim else 0
    is_turned = step < 0 or any(0 < abs(s) < step for s, n in zip(array.strides, array.shape, strict=True) if n > 1)
    if not is_turned or array.nbytes < SMALL or not dtype.isnative or not array.flags.aligned:
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
