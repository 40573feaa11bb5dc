"""The arrays in an HDF5 file, read with care."""

from __future__ import annotations

import functools
import importlib
import math
import mmap
import os
import re

import numpy as np

from fastnn.graph.dtypes import standardize_dtype

_LARGEST_LIST = 1 << 27  # bytes of all its strings; if their length varies, as if each were as long as its heap
_LARGEST_SMALL_HEAP = 1 << 14  # bytes; HDF5 makes heaps of 4096, and larger ones for longer strings
_LARGEST_CHUNK = 1 << 20  # bytes; h5py's own choice is never larger


class Store:
    """The datasets of one group of a file, read with care: what a file says is checked before memory is taken for it,
    and links to other places and files are not followed.

    Args:
        file: the open h5py File.
        place: the group's path.
        file_bytes: the file's size.
    """

    def __init__(self, file, place: str, file_bytes: int):
        self._group, self._place, self._file_bytes = hard_linked(file, place), place, file_bytes

    def keys(self) -> list[str]:
        """The names of the datasets."""
        return [] if self._group is None else list(self._group)

    def __contains__(self, name) -> bool:
        return name in self.keys()

    def __getitem__(self, name) -> np.ndarray:
        return self.read(name, None)

    def read(self, name: str, shape: tuple[int, ...] | None) -> np.ndarray:
        """The array `name`.

        Args:
            shape: what it must be, or None for any that the file can hold.

        Raises:
            ValueError: when it is another, or what is there is no array of numbers in this file.
        """
        where = f"{self._place}/{name}"
        found = None if self._group is None else hard_linked(self._group, name)
        if found is None or not hasattr(found, "dtype"):
            raise ValueError(f"The file has no array {where!r}.")
        kept, dtype, found_shape = found.id.get_create_plist(), found.dtype, found.shape  # h5py asks HDF5 each time
        if kept.get_layout() == h5py_module().h5d.VIRTUAL or kept.get_external_count():
            raise ValueError(f"The array {where!r} is kept in another file, which is not followed.")
        is_bfloat16 = dtype.kind == "V" and _is_bfloat16(found)
        if dtype.kind not in "biuf" and not is_bfloat16:
            raise ValueError(f"The array {where!r} holds {dtype}, not numbers.")
        if shape is not None and found_shape != shape:
            raise ValueError(
                f"The array {where!r} of the file has shape {found_shape}; the variable has shape {shape}."
            )
        nbytes = math.prod(found_shape or ()) * dtype.itemsize
        if shape is None and nbytes > self._file_bytes:
            raise ValueError(
                f"The array {where!r} claims shape {found_shape}: more than the file's {self._file_bytes} bytes."
            )
        _check_chunks(kept, dtype.itemsize, nbytes, where)
        return np.asarray(found[()]).view(standardize_dtype("bfloat16")) if is_bfloat16 else found[()]


class Target:
    """A group that is written to. HDF5 does not know bfloat16: as in Keras it is kept as bytes, and named in an
    attribute."""

    def __init__(self, group):
        self._group = group

    def __setitem__(self, key, array) -> None:
        array = np.asarray(array)
        written = self._group.create_dataset(key, data=array)
        if array.dtype.name == "bfloat16":
            written.attrs["dtype"] = "bfloat16"


def _is_bfloat16(found) -> bool:
    is_named = found.dtype.kind == "V" and found.dtype.itemsize == 2 and "dtype" in found.attrs
    return is_named and found.attrs.get_id("dtype").shape == () and found.attrs["dtype"] == "bfloat16"


def _check_chunks(kept, itemsize: int, nbytes: int, where: str) -> None:
    """Raises ValueError where more memory would be taken to read an array of `nbytes` bytes, from how it is `kept`."""
    if kept.get_nfilters():
        raise ValueError(f"The array {where!r} is compressed, which may hide any size: it is not read.")
    if kept.get_layout() != h5py_module().h5d.CHUNKED:
        return
    chunk_bytes = math.prod(kept.get_chunk()) * itemsize
    if chunk_bytes > max(nbytes, _LARGEST_CHUNK):
        raise ValueError(f"The array {where!r} of {nbytes} bytes is kept in a chunk of {chunk_bytes} bytes.")


def open_file(source, name: str):
    """The h5py File of `source`, a path or a binary file object, to be read.

    Raises:
        OSError: when it is no HDF5 file.
    """
    try:
        return h5py_module().File(source, "r")
    except OSError as error:
        raise OSError(f"{name} is not a readable HDF5 file: {error}") from error


def has_texts(group, attribute: str) -> bool:
    """Whether `texts` finds the attribute."""
    return attribute in group.attrs or f"{attribute}0" in group.attrs


def texts(group, attribute: str, file_bytes: int) -> list[str]:
    """The strings in an attribute, a single one or a list; long lists are kept in parts, `attribute` with a number
    behind. Empty when it is not there.

    Raises:
        ValueError: when the file has fewer bytes than it claims strings.
    """
    if group is None:
        raise ValueError(f"The file lists a group with the attribute {attribute!r} that it does not have.")
    parts = [attribute] if attribute in group.attrs else []
    while f"{attribute}{len(parts)}" in group.attrs:
        parts.append(f"{attribute}{len(parts)}")
    found: list[str] = []
    for part in parts:
        kept = group.attrs.get_id(part)
        claimed = math.prod(kept.shape)
        total = claimed * kept.dtype.itemsize if kept.dtype.kind == "S" else _bytes_of_texts(group.file, claimed)
        if claimed > file_bytes or (claimed > 1 and total > _LARGEST_LIST):
            raise ValueError(f"The attribute {part!r} claims {claimed} strings in a file of {file_bytes} bytes.")
        found += np.atleast_1d(group.attrs[part]).tolist()
    return [text.decode() if isinstance(text, bytes) else str(text) for text in found]


def _bytes_of_texts(file, claimed: int) -> int:
    """No attribute's `claimed` strings of variable length have more bytes. HDF5 keeps them in heaps, and gives each as
    often as it is referred to. References to a large heap, as of a model's config, are counted where the file has them
    as they are: fractal heaps may hide them."""
    small, large, referred = _heaps(file.filename, file.userblock_size, os.stat(file.filename).st_mtime_ns)
    return claimed * small + min(claimed * large, referred)


@functools.lru_cache(maxsize=1)
def _heaps(path: str, base: int, changed: int) -> tuple[int, int, float]:
    """The sizes of the largest small heap and the largest large one, and the bytes that all references to large ones
    can give, whose addresses begin at `base`."""
    with open(path, "rb") as raw, mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ) as content:
        starts = [h.start() for h in re.finditer(rb"GCOL\x01\0\0\0", content)]
        sizes = {at: int.from_bytes(content[at + 8 : at + 16], "little") for at in starts}
        large = {at: size for at, size in sizes.items() if size > _LARGEST_SMALL_HEAP}
        referred = 0.0 if content.find(b"FRHP") < 0 else math.inf
        for at, size in large.items():
            objects = _objects(content, at + 16, min(at + size, len(content)))
            for found in re.finditer(re.escape((at - base).to_bytes(8, "little")), content):
                referred += objects.get(content[found.end() : found.end() + 4], 0)
    small = max((size for size in sizes.values() if size <= _LARGEST_SMALL_HEAP), default=0)
    return small, max(large.values(), default=0), referred


def _objects(content, at: int, end: int) -> dict[bytes, int]:
    """The sizes in bytes of what is in a heap, by the index (4 bytes) with which references end."""
    found = {}
    while at + 16 <= end and (index := content[at : at + 2]) != b"\0\0":  # the index of what is free
        size = int.from_bytes(content[at + 8 : at + 16], "little")
        found[index + b"\0\0"] = max(size, found.get(index + b"\0\0", 0))
        at += 16 + (size + 7) // 8 * 8
    return found


def hard_linked(group, place: str):
    """What is at `place` below `group`; None when nothing is.

    Raises:
        ValueError: when the way there is a soft or external link.
    """
    h5py = h5py_module()
    found = group.id  # h5py's own ids: its groups look names up three times over
    for part in place.split("/"):
        name = part.encode("utf-8", "surrogateescape")
        if not isinstance(found, h5py.h5g.GroupID) or not name or not found.links.exists(name):
            return None
        if found.links.get_info(name).type != h5py.h5l.TYPE_HARD:
            raise ValueError(f"{place!r} is a link to another place, which is not followed.")
        found = h5py.h5o.open(found, name)
    if isinstance(found, h5py.h5g.GroupID):
        return h5py.Group(found)
    return h5py.Dataset(found, readonly=True) if isinstance(found, h5py.h5d.DatasetID) else None


def h5py_module():
    """h5py, imported when a file is opened."""
    try:
        return importlib.import_module("h5py")
    except ImportError as error:
        raise ImportError("Files of weights need h5py: install `fastnn-cpu[hdf5]`, or h5py itself.") from error
