"""Elements at positions that are data."""

import numpy as np

from fastnn.export.builder import LAST
from fastnn.export.table import emits


def _index(b, x, array):
    """Positions in a type that ONNX takes."""
    return x if array.dtype in ("int32", "int64") else b.cast(x, "int64")


@emits("take")
def _take(b, step, x, indices):
    return b.add("Gather", x, _index(b, indices, step.inputs[1]), axis=step.params["axis"])


@emits("take_along_axis")
def _take_along_axis(b, step, x, indices):
    return b.add("GatherElements", x, _index(b, indices, step.inputs[1]), axis=step.params["axis"])


@emits("take_grad")
def _take_grad(b, step, dy, indices):
    """Slices added up where they belong."""
    shape, axis = step.params["shape"], step.params["axis"]
    rank, n_index = len(shape), step.inputs[1].ndim
    moved = [axis + k for k in range(n_index)]
    rest = [k for k in range(rank - 1 + n_index) if k not in moved]
    dy = b.transpose(dy, (*moved, *rest))
    order = [axis, *(k for k in range(rank) if k != axis)]
    zeros = b.add("Expand", b.constant(0, step.x.dtype), b.sizes([shape[k] for k in order]))
    at = b.unsqueeze(b.cast(indices, "int64"), n_index)
    y = b.add("ScatterND", zeros, at, dy, reduction="add")
    return b.transpose(y, [order.index(k) for k in range(rank)])


@emits("take_along_axis_grad")
def _take_along_axis_grad(b, step, dy, indices):
    """Elements added up where they belong."""
    zeros = b.add("Expand", b.constant(0, step.x.dtype), b.sizes(step.y.shape))
    indices = _index(b, indices, step.inputs[1])
    return b.add("ScatterElements", zeros, indices, dy, axis=step.params["axis"], reduction="add")


@emits("scatter")
def _scatter(b, step, x, indices, updates):
    at = b.unsqueeze(b.cast(indices, "int64"), step.inputs[1].ndim)
    return b.add("ScatterND", x, at, updates, reduction=step.params["reduction"])


@emits("top_k")
def _top_k(b, step, x):
    values, indices = b.add("TopK", x, b.ints(step.params["k"]), outputs=2, axis=-1)
    return values, b.cast(indices, "int32")


@emits("sort")
def _sort(b, step, x):
    axis = step.params["axis"]
    return b.add("TopK", x, b.size(step.x.shape[axis]), outputs=2, axis=axis, largest=0)[0]


@emits("argsort")
def _argsort(b, step, x):
    axis = step.params["axis"]
    _, indices = b.add("TopK", x, b.size(step.x.shape[axis]), outputs=2, axis=axis, largest=0)
    return b.cast(indices, "int32")


def _count(b, step, before):
    """How many along the last axis."""
    counted = b.add("ReduceSum", b.cast(before, "int32"), b.constant([-1], np.int64), keepdims=0)
    return b.cast(counted, step.y.dtype)


@emits("searchsorted")
def _searchsorted(b, step, sequence, values):
    """How many elements of the sequence come before each value."""
    values = b.unsqueeze(values, step.inputs[1].ndim)
    return _count(b, step, b.add("Less" if step.params["side"] == "left" else "LessOrEqual", sequence, values))


@emits("digitize")
def _digitize(b, step, x, bins):
    """How many edges lie at or below each value; of edges that fall, above."""
    edges = step.inputs[1]
    dtype = np.result_type(step.x.dtype, edges.dtype).name
    x, bins = (each if own.dtype == dtype else b.cast(each, dtype) for each, own in ((x, step.x), (bins, edges)))
    falls = b.add("Greater", b.slice(bins, 0, 0, 1), b.slice(bins, 0, -1, LAST))
    below = b.add("LessOrEqual", bins, b.unsqueeze(x, step.x.ndim))
    return _count(b, step, b.add("Xor", below, falls))


@emits("isin")
def _isin(b, step, x, among):
    """Whether each value is equal to one of the others."""
    others = b.reshape(among, (-1,))
    equal = b.add("Equal", b.unsqueeze(x, step.x.ndim), others)
    found = b.cast(b.add("ReduceSum", b.cast(equal, "int32"), b.constant([-1], np.int64), keepdims=0), "bool")
    return b.add("Not", found) if step.params["invert"] else found
