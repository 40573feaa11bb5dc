"""Builder: ONNX nodes as they are made, with names, initializers and sizes that are known only when they run.

Plain records; `protobuf` turns them into ONNX's own.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastnn.export.traced import Dim, Size, Step, cannot

LAST = np.iinfo(np.int64).max  # as an end of a slice: up to the end


@dataclass(eq=False)
class OnnxNode:
    """One ONNX node; an attribute may be a `Builder`, for a graph inside."""

    op_type: str
    name: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any]


@dataclass(eq=False)
class Shared:
    """What a graph and the graphs inside it have in common."""

    initializers: dict[str, np.ndarray] = field(default_factory=dict)
    constants: dict[tuple, str] = field(default_factory=dict)
    taken: dict[str, int] = field(default_factory=dict)
    originals: dict[str, str] = field(default_factory=dict)  # of weights that were rearranged
    label: str = ""
    op: str = ""
    sources: dict[str, tuple[Step, list[str]]] = field(default_factory=dict)  # of names: the step, and its inputs


class Builder:
    """A graph in the making.

    Args:
        outer: the builder around it, for the body of a loop or branch; its names can be read inside.
    """

    def __init__(self, outer: Builder | None = None):
        self.outer = outer
        self.shared: Shared = Shared() if outer is None else outer.shared
        self.nodes: list[OnnxNode] = []
        self.inputs: list[tuple[str, Any]] = []
        self.outputs: list[tuple[str, Any]] = []
        self._known: dict[tuple[int, ...], tuple[str, int]] = {}  # where a size can be read: name and axis
        self._sizes: dict[tuple[int, ...], str] = {}

    # -- names ---------------------------------------------------------------------------------------------------------

    def unique(self, name: str) -> str:
        """`name`, numbered when it is taken."""
        count = self.shared.taken.get(name, 0)
        self.shared.taken[name] = count + 1
        return name if not count else self.unique(f"{name}_{count}")

    @contextmanager
    def at(self, label: str, op: str):
        """Nodes made inside belong to the op `op` of the layer `label`."""
        saved = self.shared.label, self.shared.op
        self.shared.label, self.shared.op = label, op
        try:
            yield
        finally:
            self.shared.label, self.shared.op = saved

    def cannot(self, why: str) -> ValueError:
        """The error that names the layer."""
        return cannot(self.shared.label, self.shared.op, why)

    # -- nodes ---------------------------------------------------------------------------------------------------------

    def add(self, op_type: str, *inputs: str | None, outputs: int = 1, **attributes):
        """A node; returns the name of its output (a tuple of them when there are several). None: an input left out."""
        label = self.shared.label
        name = self.unique(f"{label}/{op_type}" if label else op_type)
        names = [name] if outputs == 1 else [f"{name}:{k}" for k in range(outputs)]
        given = ["" if x is None else x for x in inputs]
        while given and given[-1] == "":
            given.pop()
        attributes = {key: value for key, value in attributes.items() if value is not None}
        self.nodes.append(OnnxNode(op_type, name, given, names, attributes))
        return names[0] if outputs == 1 else tuple(names)

    def initializer(self, name: str, array: np.ndarray) -> str:
        """A named array of the file."""
        name = self.unique(name)
        self.shared.initializers[name] = array
        return name

    def constant(self, value, dtype=None) -> str:
        """An array of the file; the same small one only once."""
        array = np.asarray(value, dtype)
        key = (array.dtype.name, array.shape, array.tobytes() if array.size <= 64 else id(array))
        if key not in self.shared.constants:
            self.shared.constants[key] = self.initializer("constant", array)
        return self.shared.constants[key]

    def ints(self, *values: int) -> str:
        """A vector of int64."""
        return self.constant(values, np.int64)

    def array_of(self, name: str) -> np.ndarray | None:
        """The numbers of an initializer."""
        return self.shared.initializers.get(name)

    def source_of(self, name: str) -> tuple[Step | None, list[str]]:
        """The step that made `name`, and the names of its inputs; None and nothing for inputs of a graph."""
        return self.shared.sources.get(name, (None, []))

    # -- common nodes --------------------------------------------------------------------------------------------------

    def cast(self, x: str, dtype: str) -> str:
        return self.add("Cast", x, to=np.dtype(dtype))

    def transpose(self, x: str, axes) -> str:
        """`x` with its axes in another order; that of a weight is made now."""
        if list(axes) == list(range(len(axes))):
            return x
        array = self.array_of(x)
        if array is not None:
            return self.rearranged(x, f"transposed{''.join(map(str, axes))}", lambda: array.transpose(axes))
        return self.add("Transpose", x, perm=list(axes))

    def reshape(self, x: str, shape, old=()) -> str:
        """`x` in the shape `shape`; that of a weight is made now. `old` is the shape that it has, where it is known."""
        if tuple(shape) == tuple(old) and old:
            return x
        array, is_static = self.array_of(x), all(isinstance(size, int) for size in shape)
        if array is not None and is_static:
            return self.rearranged(x, f"reshaped{'x'.join(map(str, shape))}", lambda: array.reshape(shape))
        sizes: list[Dim] = [
            0 if isinstance(size, Size) and k < len(old) and old[k] == size else size for k, size in enumerate(shape)
        ]
        unknown = [k for k, size in enumerate(sizes) if isinstance(size, Size)]
        if len(unknown) == 1:
            sizes[unknown[0]] = -1
        has_empty = any(size == 0 for size in shape)
        return self.add("Reshape", x, self.sizes(shape if has_empty else sizes), allowzero=1 if has_empty else None)

    def rearranged(self, x: str, how: str, make) -> str:
        """The initializer `x` with its numbers in another order, `make()`; it gets the name of `x` where that itself is
        not used."""
        key = ("rearranged", x, how)
        if key not in self.shared.constants:
            name = self.shared.constants[key] = self.initializer(x, np.ascontiguousarray(make()))
            self.shared.originals[name] = self.shared.originals.get(x, x)
        return self.shared.constants[key]

    def end(self, x: str, name: str) -> None:
        """Gives `x` the name of an output."""
        self.nodes.append(OnnxNode("Identity", self.unique(f"{name}/Identity"), [x], [name], {}))

    def unsqueeze(self, x: str, *axes: int) -> str:
        return self.add("Unsqueeze", x, self.ints(*axes))

    def squeeze(self, x: str, *axes: int) -> str:
        return self.add("Squeeze", x, self.ints(*axes))

    def slice(self, x: str, axis: int, start: int, stop: int, step: int = 1) -> str:
        """`x[start:stop:step]` along an axis."""
        return self.add("Slice", x, self.ints(start), self.ints(stop), self.ints(axis), self.ints(step))

    def count_up(self, size: Dim) -> str:
        """0, 1, ... below a size, as int64."""
        if not isinstance(size, Size):
            return self.constant(np.arange(size), np.int64)
        return self.add(
            "Range", self.constant(0, np.int64), self.squeeze(self.size(size), 0), self.constant(1, np.int64)
        )

    # -- sizes ---------------------------------------------------------------------------------------------------------

    def know(self, name: str, shape: tuple[Dim, ...]) -> None:
        """Notes that the sizes of `shape` can be read from `name`."""
        for axis, size in enumerate(shape):
            if isinstance(size, Size):
                self._known.setdefault(size.values, (name, axis))

    def sizes(self, shape) -> str:
        """The shape as a vector of int64."""
        if all(isinstance(size, (int, np.integer)) for size in shape):
            return self.ints(*(int(size) for size in shape))
        return self.add("Concat", *(self.size(size) for size in shape), axis=0)

    def size(self, size: Dim) -> str:
        """One size as a vector of one int64."""
        if not isinstance(size, Size):
            return self.ints(int(size))
        found = self._find("_sizes", size.values)
        if found is None:
            found = self._sizes[size.values] = self._read(size)
        return found

    def _find(self, table: str, key):
        builder: Builder | None = self
        while builder is not None:
            if key in getattr(builder, table):
                return getattr(builder, table)[key]
            builder = builder.outer
        return None

    def _all_known(self) -> dict[tuple[int, ...], tuple[str, int]]:
        outer = {} if self.outer is None else self.outer._all_known()
        return outer | self._known

    def _read(self, size: Size) -> str:
        place = self._find("_known", size.values)
        if place is not None:
            name, axis = place
            return self.add("Shape", name, start=axis, end=axis + 1)
        known = self._all_known()
        for values in known:
            factor, rest = _line(values, size.values)
            if factor:
                product = self.size(Size(values)) if factor == 1 else self._product(values, self.ints(factor))
                return self.add("Add", product, self.ints(rest)) if rest else product
        for values in known:
            rest = tuple(v // k for v, k in zip(size.values, values, strict=True))
            if rest in known and all(r * k == v for r, k, v in zip(rest, values, size.values, strict=True)):
                return self._product(values, self.size(Size(rest)))
        raise self.cannot("needs a size that does not follow from those of the inputs (give `input_signature` shapes "
                          "without None)")  # fmt: skip

    def _product(self, values: tuple[int, ...], factor: str) -> str:
        return self.add("Mul", self.size(Size(values)), factor)


def _line(x: tuple[int, ...], y: tuple[int, ...]) -> tuple[int, int]:
    """Integers (a, b) with y = a x + b; (0, 0) when there are none."""
    if x[0] == x[1]:
        return 0, 0
    a = (y[1] - y[0]) // (x[1] - x[0])
    b = y[0] - a * x[0]
    return (a, b) if all(v == a * u + b for u, v in zip(x, y, strict=True)) else (0, 0)
