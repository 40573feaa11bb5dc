"""Weights in several files, in the layout of Keras: `x.weights.json` says in which of `x_00000.weights.h5`,
`x_00001.weights.h5`, ... the arrays of each place of the tree are."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from fastnn.saving.stores import Store, Target, h5py_module, open_file

SUFFIX = ".weights.json"
_LARGEST_INDEX = 1 << 26  # bytes


class Shards:
    """Files that are written one after the other, each of at most `max_bytes` bytes of arrays.

    Attributes:
        places: which files hold arrays of each place.
        total_bytes: of all arrays.
    """

    def __init__(self, folder: Path, stem: str, max_bytes: float):
        self._folder, self._stem, self._max_bytes = folder, stem, max_bytes
        self.names: list[str] = []
        self.places: dict[str, list[str]] = {}
        self.total_bytes = 0
        self.file = None
        self._begin()

    def _begin(self) -> None:
        self.close()
        self.names.append(f"{self._stem}_{len(self.names):05}.weights.h5")
        self.file = h5py_module().File(self._folder / self.names[-1], "w")
        self._bytes = 0

    def close(self) -> None:
        """Closes the file that is open."""
        if self.file is not None:
            self.file.close()

    def write(self, place: str, key: str, array) -> None:
        """Writes one array into the current file, or a new one."""
        if array.nbytes > self._max_bytes:
            raise ValueError(
                f"The array {key!r} of {place!r} has {array.nbytes} bytes; max_shard_size allows {self._max_bytes:.0f}."
            )
        if self._bytes + array.nbytes > self._max_bytes:
            self._begin()
        self._bytes += array.nbytes
        self.total_bytes += array.nbytes
        Target(self.file.require_group(place))[key] = array
        found = self.places.setdefault(f"/{place}", [])
        if self.names[-1] not in found:
            found.append(self.names[-1])


class Group:
    """The place of one owner in the shards: what `save_own_variables` writes to."""

    def __init__(self, shards: Shards, place: str, name: str):
        self._shards, self._place = shards, place
        shards.file.require_group(place).attrs["name"] = name

    def __setitem__(self, key, array) -> None:
        self._shards.write(self._place, key, np.asarray(array))


@contextmanager
def written(path: Path, max_shard_size: float) -> Iterator[Shards]:
    """The shards to write to. At the end each file takes its place in one step, that of the index the last; on an
    exception the files are as they were."""
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        shards = Shards(Path(folder), path.name.removesuffix(SUFFIX), float(max_shard_size) * 1024**3)
        try:
            yield shards
        finally:
            shards.close()
        index = {"metadata": {"total_size": float(shards.total_bytes)}, "weight_map": shards.places}
        (Path(folder) / path.name).write_text(json.dumps(index, indent=4))
        for name in (*shards.names, path.name):
            os.replace(Path(folder) / name, path.parent / name)


class Stores:
    """The arrays of one place, in one or several files."""

    def __init__(self, stores: list[Store]):
        self._stores = stores

    def keys(self) -> list[str]:
        """The names of the arrays."""
        return [key for store in self._stores for key in list(store.keys())]

    def __contains__(self, name) -> bool:
        return name in self.keys()

    def __getitem__(self, name):
        return self.read(name, None)

    def read(self, name: str, shape):
        """The array `name`; see `Store.read`."""
        for store in self._stores:
            if name in store:
                return store.read(name, shape)
        raise ValueError(f"No file has the array {name!r}.")


@contextmanager
def opened(path: Path) -> Iterator[dict[str, Stores]]:
    """From each place to its arrays.

    Raises:
        ValueError: when the index is no such index, or names files outside its folder.
    """
    if path.stat().st_size > _LARGEST_INDEX:
        raise ValueError(f"{path} has {path.stat().st_size} bytes; at most {_LARGEST_INDEX} are read.")
    index = json.loads(path.read_text())
    if not isinstance(index, dict) or not isinstance(index.get("weight_map"), dict):
        raise ValueError(f"{path} has no `weight_map` that says which files the weights are in.")
    with ExitStack() as stack:
        files = {}
        places = {}
        for place, names in index["weight_map"].items():
            names = [names] if isinstance(names, str) else names
            for name in names:
                if not isinstance(name, str) or Path(name).name != name or not name.endswith(".weights.h5"):
                    raise ValueError(f"{path} names the file {name!r}, which is none beside it.")
                if name not in files:
                    files[name] = stack.enter_context(open_file(path.parent / name, name))
            place = place.lstrip("/")
            places[place] = Stores([Store(files[n], place, (path.parent / n).stat().st_size) for n in names])
        yield places
