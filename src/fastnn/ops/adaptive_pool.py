"""Pooling to a given size: window i of `out` along an axis of n elements is [floor(i n / out), ceil((i + 1) n / out)).

Windows are boxes, so that each axis is pooled by itself: means by a product with a matrix of weights, maxima by a
`take` of windows of one length, in which the last element of a shorter one stands several times.
"""

import math

import numpy as np

from fastnn import config
from fastnn.graph.dtypes import is_float
from fastnn.graph.symbolic import accepts_symbolic
from fastnn.ops import elementwise as ew
from fastnn.ops import reduce
from fastnn.ops.gather import take
from fastnn.ops.layout import moveaxis, reshape
from fastnn.ops.matmul import matmul
from fastnn.ops.record import as_operand, dtype_of, shape_of


def _bins(n: int, out: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the windows start, and where they end."""
    i = np.arange(out)
    return i * n // out, -(-(i + 1) * n // out)


def _mean_along(x, out: int):
    """x (outer, n, inner) -> (outer, out, inner)."""
    n = shape_of(x)[1]
    start, end = _bins(n, out)
    place = np.arange(n)
    is_inside = (place >= start[:, None]) & (place < end[:, None])
    return matmul((is_inside / is_inside.sum(axis=1, keepdims=True)).astype(dtype_of(x)), x)


def _max_along(x, out: int):
    start, end = _bins(shape_of(x)[1], out)
    place = start[:, None] + np.arange((end - start).max())
    return reduce.max(take(x, np.minimum(place, end[:, None] - 1).astype(np.int32), axis=1), axis=2)


def _pool(name, along, inputs, output_size, data_format):
    x = as_operand(inputs)
    rank = len(shape_of(x)) - 2
    if rank not in (1, 2, 3):
        raise ValueError(f"{name} needs inputs of 3, 4 or 5 dimensions, got shape {shape_of(x)}.")
    out = (output_size,) * rank if isinstance(output_size, (int, np.integer)) else tuple(output_size)
    if len(out) != rank or any(not isinstance(n, (int, np.integer)) or n < 1 for n in out):
        raise ValueError(f"{name}: `output_size` must be a positive int or {rank} of them, got {output_size!r}.")
    data_format = data_format or config.image_data_format()
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(f"{name}: data_format must be 'channels_last' or 'channels_first', not {data_format!r}.")
    x = x if data_format == "channels_last" else moveaxis(x, 1, -1)
    for axis, n in enumerate(out, start=1):
        sizes = shape_of(x)
        y = along(reshape(x, (math.prod(sizes[:axis]), sizes[axis], math.prod(sizes[axis + 1 :]))), n)
        x = reshape(y, (*sizes[:axis], n, *sizes[axis + 1 :]))
    return x if data_format == "channels_last" else moveaxis(x, -1, 1)


@accepts_symbolic
def adaptive_average_pool(inputs, output_size, data_format=None):
    """The means of `output_size` windows that cover the input as evenly as they can (and overlap where they must).

    Args:
        inputs: shape (n, *spatial, c) with one, two or three spatial dimensions, or (n, c, *spatial) when
            `data_format` is "channels_first".
        output_size: how many windows an axis: an int, or one for each spatial dimension.
        data_format: that of `fastnn.config` by default.

    Returns:
        Shape (n, *output_size, c), or (n, c, *output_size).

    Raises:
        ValueError: when `output_size` does not fit the input's dimensions.

    Example:
        >>> adaptive_average_pool(np.arange(5.0).reshape(1, 5, 1), 2)[0, :, 0]
        array([1., 3.])
    """
    inputs = as_operand(inputs)
    if not is_float(dtype_of(inputs)):
        inputs = ew.cast(inputs, config.floatx())
    return _pool("adaptive_average_pool", _mean_along, inputs, output_size, data_format)


@accepts_symbolic
def adaptive_max_pool(inputs, output_size, data_format=None):
    """The largest elements of `output_size` windows that cover the input as evenly as they can.

    Args:
        inputs, output_size, data_format: as in `adaptive_average_pool`.

    Raises:
        ValueError: when `output_size` does not fit the input's dimensions.

    Example:
        >>> adaptive_max_pool(np.arange(5.0).reshape(1, 5, 1), 2)[0, :, 0]
        array([2., 4.])
    """
    return _pool("adaptive_max_pool", _max_along, inputs, output_size, data_format)
