"""The compiled kernels, and which instruction set's table is in use.

`isa()` is chosen once: the highest that the CPU has, or what the environment variable FASTNN_ISA names.
`run` calls one kernel on NumPy arrays, without a plan.
"""

import contextlib
import functools

import numpy as np

from fastnn import config
from fastnn._kernels import _engine

# In the order of enum fnn_dtype.
DTYPES = ("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64")
DTYPE_CODE = {name: code for code, name in enumerate(DTYPES)}
# Of what programs read and write besides: as float32, to which nothing is lost, and rounded.
HALF_CODE = {"float16": len(DTYPES), "bfloat16": len(DTYPES) + 1}


chosen: list[str] = []  # the instruction set in use, once it is known


def isa() -> str:
    """The instruction set whose kernels run: `FASTNN_ISA`, or the highest of `_engine.isas()`.

    Raises:
        ValueError: when `FASTNN_ISA` names what this build or CPU does not have.
    """
    if not chosen:
        supported = _engine.isas()
        wanted = config.FORCED_ISA
        if wanted is not None and wanted not in supported:
            raise ValueError(f"FASTNN_ISA={wanted!r}: this build and CPU have {supported}.")
        chosen.append(wanted or supported[-1])
    return chosen[0]


@contextlib.contextmanager
def using(name: str):
    """Plans compiled inside use the kernels of instruction set `name`."""
    before = isa()
    chosen[:] = [name]
    try:
        yield
    finally:
        chosen[:] = [before]


@functools.cache
def _opcodes(isa_name: str) -> dict[str, int]:
    return _engine.opcodes(isa_name)


def opcodes() -> dict[str, int]:
    """`{operation: opcode}` of the elementwise programs."""
    return _opcodes(isa())


@functools.cache
def _kernels(isa_name: str) -> dict[str, str]:
    return _engine.kernels(isa_name)


def kernels() -> dict[str, str]:
    """`{kernel: family}` of the table in use."""
    return _kernels(isa())


def run(name, buffers, ints, reals=(), threads=1, isa_name=None):
    """Runs one kernel on `buffers` (NumPy arrays or None), in the order of the kernel's contract.

    Unlike plans it keeps denormal numbers, so that tests see what the kernel itself does with them.
    """
    slots = [(-2, 0) if array is None else (k, 0) for k, array in enumerate(buffers)]
    plan = _engine.Plan(isa_name or isa(), [(name, slots, list(ints), list(reals), threads)], 0, len(buffers))
    arena = plan.acquire(threads)
    for k, array in enumerate(buffers):
        if array is not None:
            plan.bind(arena, k, array)
    status, _ = plan.execute(arena, 0, 1, 0, 1, threads, flushes_denormals=False)
    if status:
        raise IndexError(f"kernel {name}: {_engine.STATUS[status][1]}")


def aligned_empty(n: int, dtype) -> np.ndarray:
    """`n` elements that start on a cache line."""
    itemsize = np.dtype(dtype).itemsize
    raw = np.empty(n * itemsize + _engine.ALIGN, np.uint8)
    start = -raw.__array_interface__["data"][0] % _engine.ALIGN
    return raw[start : start + n * itemsize].view(dtype)


def aligned_copy(array: np.ndarray) -> np.ndarray:
    """`array` in memory of its own that starts on a cache line; a number, which lies in one anyway, wherever."""
    if array.size == 1:
        return array.copy()
    copy = aligned_empty(array.size, array.dtype).reshape(array.shape)
    copy[...] = array
    return copy
