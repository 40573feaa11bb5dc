"""Reading `.npz` and pickle files from the web without running what they say.

A pickle can name any function and have it called. The data sets need arrays, lists, strings and numbers only, so the
unpickler here knows the few functions that rebuild NumPy arrays and refuses every other name. Those take any shape, so
arrays may take no more memory than the file's size allows.
"""

import contextlib
import io
import math
import os
import pickle
import zipfile

import numpy as np

from fastnn import limits

LARGEST_RATIO, SMALLEST_LIMIT = 64, 1 << 26  # of what is made to the size of the file, which is compressed

_ALLOWED = {
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    # Python 2 strings inside Python 3 pickles arrive as _codecs.encode(text, "latin1").
    ("_codecs", "encode"),
}


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"the file asks for {module}.{name}, which no array needs; it is not read.")
        # NumPy 1 files name numpy.core, which NumPy 2 keeps under numpy._core.
        if module.startswith("numpy.core") and hasattr(np, "_core"):
            module = module.replace("numpy.core", "numpy._core", 1)
        return super().find_class(module, name)


def load_pickle(path: str, encoding: str = "bytes"):
    """What a pickle file of arrays, lists and dicts holds.

    Raises:
        pickle.UnpicklingError: if the file asks for anything else.
        ValueError: if its arrays are larger than the file can hold.
    """
    with _bounded(path), open(path, "rb") as file:
        return _ArrayUnpickler(file, encoding=encoding).load()


def load_npz(path: str) -> dict[str, np.ndarray]:
    """All arrays of an `.npz` file; arrays of Python objects may hold lists, strings and numbers.

    Raises:
        pickle.UnpicklingError: if an object array asks for anything else.
        ValueError: if its arrays are larger than the file can hold.
    """
    with _bounded(path) as largest, zipfile.ZipFile(path) as pack:
        claimed = sum(info.file_size for info in pack.infolist())
        if claimed > largest:
            raise ValueError(f"{path} claims {claimed} bytes of arrays; at most {largest} are read.")
        return {name.removesuffix(".npy"): _load_npy(pack.read(name)) for name in pack.namelist()}


@contextlib.contextmanager
def _bounded(path):
    largest = LARGEST_RATIO * os.path.getsize(path) + SMALLEST_LIMIT
    try:
        with limits.memory(largest):
            yield largest
    except MemoryError as error:
        raise ValueError(f"{path} asks for more memory than its size allows: {error}") from error


def _load_npy(content: bytes) -> np.ndarray:
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, is_fortran, dtype = read_header(stream)
    if not dtype.hasobject:
        if math.prod(shape) * dtype.itemsize > len(content):
            raise ValueError(f"an array of shape {shape} and dtype {dtype} is said to be in {len(content)} bytes.")
        return np.load(io.BytesIO(content), allow_pickle=False)
    array = _ArrayUnpickler(stream, encoding="latin1").load()
    return np.asarray(array, dtype).reshape(shape, order="F" if is_fortran else "C")
