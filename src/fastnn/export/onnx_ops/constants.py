"""Weights and constants."""

import numpy as np

from fastnn.export.table import emits
from fastnn.export.traced import Size, Varying


@emits("variable")
def _variable(b, step):
    variable = step.params["variable"]
    key = ("variable", id(variable))
    if key not in b.shared.constants:
        b.shared.constants[key] = b.initializer(variable.path, np.asarray(variable.array))
    return b.shared.constants[key]


@emits("constant")
def _constant(b, step):
    array = step.params["array"]
    if not isinstance(array, Varying):
        return b.constant(array)
    if step.y.dtype != "bfloat16":
        return _varying(b, step, array.arrays)
    return b.cast(_varying(b, step, [each.astype("float32") for each in array.arrays]), "bfloat16")


def _varying(b, step, arrays):
    """A constant that the sizes of the inputs decide: one number everywhere, which may be such a size itself, or
    numbers that rise evenly along an axis."""
    first, shape = arrays[0], step.y.shape
    if first.ndim == 2 and (made := _band(b, step, arrays)) is not None:
        return made
    if all(array.size and (array == array.flat[0]).all() for array in arrays):
        values = [array.flat[0].item() for array in arrays]
        if len(set(values)) == 1:
            number = b.constant(first.flat[0], first.dtype)
        elif all(value == int(value) for value in values):
            number = b.cast(b.squeeze(b.size(Size(tuple(map(int, values)))), 0), first.dtype.name)
        else:
            raise b.cannot("holds a number that depends on the sizes of the inputs")
        return b.add("Expand", number, b.sizes(shape)) if shape else number
    axes = [axis for axis, size in enumerate(shape) if not isinstance(size, int)]
    if len(axes) == 1 and first.dtype.kind in "iuf" and first.shape[axes[0]] > 1:
        (axis,) = axes
        begin, second = (first.take([k], axis) for k in (0, 1))
        gap = second - begin
        wide = [-1 if k == axis else 1 for k in range(first.ndim)]
        places = [np.arange(array.shape[axis]).reshape(wide).astype(first.dtype) for array in arrays]
        if all(np.array_equal(array, begin + gap * place) for array, place in zip(arrays, places, strict=True)):
            place = b.reshape(b.cast(b.count_up(shape[axis]), first.dtype.name), wide)
            return b.add("Add", b.add("Mul", place, b.constant(gap)), b.constant(begin))
    raise b.cannot("holds numbers that depend on the sizes of the inputs (give `input_signature` shapes without None)")


def _band(b, step, arrays):
    """A matrix with one number on a diagonal, or on one side of it, and another elsewhere; None when it is none."""
    first, shape = arrays[0], step.y.shape
    if 0 in first.shape or first.dtype.kind not in "biuf":
        return None
    distances = [np.subtract.outer(-np.arange(rows), -np.arange(cols)) for rows, cols in (a.shape for a in arrays)]
    low = first[-1, 0]
    others = distances[0][first != low]
    if not others.size:
        return None
    diagonal, number = others.min(), first[first != low][0]
    for op_type, test in (("GreaterOrEqual", np.greater_equal), ("Equal", np.equal)):
        if all(
            np.array_equal(a, np.where(test(d, diagonal), number, low)) for a, d in zip(arrays, distances, strict=True)
        ):
            rows, cols = (b.count_up(size) for size in shape)
            distance = b.add("Sub", b.unsqueeze(cols, 0), b.unsqueeze(rows, 1))
            is_there = b.add(op_type, distance, b.constant(diagonal, np.int64))
            if step.y.dtype == "bool":
                return is_there if number else b.add("Not", is_there)
            return b.add("Where", is_there, b.constant(number), b.constant(low))
    return None
