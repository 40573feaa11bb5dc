"""pack: several arrays in one flat buffer, each at its own place; how gradients reach a flat optimizer state.

The planner lets producers write into the packed buffer where it can, so that packing costs nothing.
"""

import math

import numpy as np

from fastnn import ops
from fastnn.ops.record import Op, Spec


def _shape(*xs, offsets, size):
    for x, offset in zip(xs, offsets, strict=True):
        if offset < 0 or offset + x.size > size:
            raise ValueError(f"pack: an array of shape {x.shape} at offset {offset} does not fit into {size} elements.")
    if len({x.dtype for x in xs}) != 1:
        raise ValueError(f"pack: the arrays must share a dtype; they have {[x.dtype for x in xs]}.")
    return Spec((size,), xs[0].dtype)


def _reference(*xs, offsets, size):
    packed = np.zeros(size, xs[0].dtype)
    for x, offset in zip(xs, offsets, strict=True):
        packed[offset : offset + x.size] = x.ravel()
    return packed


def _grad(dy, _y, *xs, offsets, size):
    return tuple(
        ops.reshape(dy[offset : offset + math.prod(x.shape)], tuple(x.shape))
        for x, offset in zip(xs, offsets, strict=True)
    )


def _simplify(node):
    """One array that fills the buffer is the buffer."""
    x, size = node.inputs[0], node.params["size"]
    return ops.reshape(x, (size,)) if x.size == size else None


# pack(*xs, offsets, size): xs[k], flattened, starts at element offsets[k] of the (size,) output; zeros between.
pack = Op("pack", shape=_shape, reference=_reference, grad=_grad, simplify=_simplify)
