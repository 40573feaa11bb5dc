"""The prefix scan of an associative function, composed of other ops."""

from __future__ import annotations

import numpy as np

from fastnn import tree
from fastnn.graph.symbolic import symbolic_call
from fastnn.graph.value import Operators, Value
from fastnn.ops.bodies import has_symbolic
from fastnn.ops.boxes import concatenate
from fastnn.ops.joining import stack
from fastnn.ops.record import as_array


def associative_scan(f, elems, reverse=False, axis=0):
    """The running results of an associative `f` along `axis`, in a number of calls of `f` that grows with the
    logarithm of the length (Blelloch, "Prefix Sums and Their Applications", 1990).

    Args:
        f: `(a, b) -> c` on structures of arrays like `elems`, elementwise along `axis`.
        elems: an array or a structure of arrays.
        reverse: whether it goes from the last element to the first.
        axis: along which it goes.

    Raises:
        TypeError: when `f` is not callable.
        ValueError: when the lengths along `axis` differ.

    Example:
        >>> fastnn.ops.associative_scan(lambda a, b: a + b, np.arange(5))
        array([ 0,  1,  3,  6, 10])
    """
    if not callable(f):
        raise TypeError(f"`f` should be a callable. Received: f={f}")
    if has_symbolic(elems):
        return symbolic_call(associative_scan, (f, elems), {"reverse": reverse, "axis": axis})
    flat = tree.flatten(elems)
    sizes = {np.shape(x)[axis] if not isinstance(x, Value) else x.shape[axis] for x in flat}
    if len(sizes) != 1:
        raise ValueError(
            f"Array inputs to associative_scan must have the same first dimension. Received: {sorted(sizes)}"
        )
    (size,) = sizes

    def part(x, *bounds):
        ndim = len(x.shape)
        index = [slice(None)] * ndim
        index[axis] = slice(*bounds)
        return Operators.functions["getitem"](x, tuple(index))

    def flipped(structure):
        return tree.map_structure(lambda x: Operators.functions["flip"](x, axis=axis), structure)

    def each(structure, *bounds):
        return tree.map_structure(lambda x: part(x, *bounds), structure)

    def join(*structures):
        return tree.map_structure(lambda *xs: concatenate(xs, axis=axis), *structures)

    def interleave(even, odd, length):
        """even[0], odd[0], even[1], odd[1], ..."""

        def one(a, b):
            position = axis % len(a.shape)
            paired = stack([part(a, 0, b.shape[axis]), b], axis=position + 1)
            shape = (*b.shape[:position], 2 * b.shape[position], *b.shape[position + 1 :])
            paired = Operators.functions["reshape"](paired, shape)
            return concatenate([paired, part(a, b.shape[axis], None)], axis=axis) if length % 2 else paired

        return tree.map_structure(one, even, odd)

    def run(structure, length):
        if length < 2:
            return structure
        reduced = f(each(structure, 0, length - 1, 2), each(structure, 1, length, 2))
        odd = run(reduced, length // 2)
        before = odd if length % 2 else each(odd, 0, length // 2 - 1)
        first = each(structure, 0, 1)
        if length == 2:
            even = first
        else:
            even = join(first, f(before, each(structure, 2, length, 2)))
        return interleave(even, odd, length)

    result = run(flipped(elems) if reverse else tree.map_structure(_as_operand, elems), size)
    return flipped(result) if reverse else result


def _as_operand(x):
    return x if isinstance(x, Value) else as_array(x)
