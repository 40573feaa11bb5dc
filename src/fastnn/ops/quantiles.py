"""Quantiles, percentiles and medians, with or without NaN: what lies at or between two positions of sorted rows, which
are sorted only for many positions, or where they are so short that it takes less time than to search them."""

import math

import numpy as np

from fastnn.graph.dtypes import as_float
from fastnn.graph.symbolic import accepts_symbolic
from fastnn.graph.value import Value
from fastnn.ops import elementwise as ew
from fastnn.ops import logic, reduce
from fastnn.ops.gather import take_along_axis
from fastnn.ops.joining import concatenate
from fastnn.ops.layout import broadcast_to, moveaxis, reshape, transpose
from fastnn.ops.record import as_array, as_operand, dtype_of, shape_of
from fastnn.ops.reduce import normalize_axes, reduced_shape
from fastnn.ops.rounding import ceil, floor, round
from fastnn.ops.sorting import select_op, sort
from fastnn.plan.function import as_one_plan

METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


def _quantile(name, x, q, axis, method, keepdims, skips_nan=False, scale=1):
    if method not in METHODS:
        raise ValueError(f"{name}: method {method!r} is none of {METHODS}.")
    x, q = (as_operand(part) for part in (x, q))
    if not isinstance(q, Value) and not np.all((as_array(q) >= 0) & (as_array(q) <= scale)):
        raise ValueError(f"{name}: `q` must lie in [0, {scale}], got {as_array(q)}.")
    return _of_sorted(name, x, q, axis, method, keepdims, skips_nan, scale)


@as_one_plan
def _of_sorted(name, x, q, axis, method, keepdims, skips_nan, scale):
    x = ew.cast(x, as_float(dtype_of(x)))
    sizes = shape_of(x)
    axes = normalize_axes(name, axis, len(sizes))
    rest = [k for k in range(len(sizes)) if k not in axes]
    kept = [sizes[k] for k in rest]
    rows = reshape(transpose(x, [*rest, *axes]), [*kept, math.prod(sizes[k] for k in axes)])
    last = shape_of(rows)[-1] - 1
    fractions = reshape(ew.divide(ew.cast(q, dtype_of(x)), scale), (math.prod(shape_of(q)),))
    if skips_nan:  # they come last
        last = reduce.sum(ew.cast(logic.logical_not(logic.isnan(rows)), dtype_of(x)), axis=-1, keepdims=True)
        last = ew.maximum(ew.subtract(last, 1), 0)
    low, high, weight = _between(ew.multiply(fractions, last), method)
    # NaN stands last: there is one where the last is, and all are where the first is.
    end = np.full(1, 0 if skips_nan else shape_of(rows)[-1] - 1, "int32")
    places = [place for place in (low, high, end) if place is not None]
    *found, end = _at(rows, [broadcast_to(place, [*kept, shape_of(place)[-1]]) for place in places])
    y = found[0]
    if len(found) > 1:
        y = ew.add(y, ew.multiply(ew.subtract(found[1], y), ew.cast(weight, dtype_of(rows))))
    y = logic.where(logic.isnan(end), float("nan"), y)
    return reshape(moveaxis(y, -1, 0), (*shape_of(q), *reduced_shape(sizes, axes, keepdims)))


def _most_searched(dtype, n):
    """How many places of rows of n elements are searched: each may be a pass more, and sorting all takes less time than
    more of them. Float32 is sorted by a network up to 16,384, and as fast as it is searched for four places."""
    if dtype == "float64":
        return (n // 128).bit_length()
    return 3 if dtype == "float32" and n > 16384 else -1


def _at(rows, places):
    """What stands at each of `places` of sorted `rows`."""
    counts = [shape_of(place)[-1] for place in places]
    if sum(counts) > _most_searched(dtype_of(rows), shape_of(rows)[-1]):
        rows = sort(rows)
        return [take_along_axis(rows, place, axis=-1) for place in places]
    found, ends = select_op(rows, concatenate(places, -1)), np.cumsum(counts).tolist()
    return [found[..., end - count : end] for count, end in zip(counts, ends, strict=True)]


def _between(position, method):
    """The two places that `position` lies between, and where between them; of other methods one place."""
    if method == "nearest":
        return ew.cast(round(position), "int32"), None, None
    low = ew.cast(floor(position), "int32") if method != "higher" else None
    high = ew.cast(ceil(position), "int32") if method != "lower" else None
    weight = ew.subtract(position, floor(position))
    if method == "midpoint":
        weight = ew.multiply(ew.cast(logic.greater(weight, 0), dtype_of(position)), 0.5)
    return low, high, weight


@accepts_symbolic
def quantile(x, q, axis=None, method="linear", keepdims=False):
    """Quantiles over axes; NaN where there is one.

    Args:
        x: array.
        q: numbers in [0, 1], of any shape.
        axis: an axis, several, or None for all.
        method: what to take of the two elements that a quantile lies between: "linear", "lower", "higher", "midpoint"
            or "nearest" (halfway, the one at an even position).
        keepdims: whether the axes stay, with size 1.

    Returns:
        Floats; the shape of `q`, then what is left of the shape of `x`.

    Raises:
        ValueError: for another method, or numbers outside of [0, 1].

    Example:
        >>> quantile(np.array([0.0, 1.0, 2.0]), 0.25)
        array(0.5)
    """
    return _quantile("quantile", x, q, axis, method, keepdims)


@accepts_symbolic
def nanquantile(x, q, axis=None, method="linear", keepdims=False):
    """Quantiles over axes of what is not NaN; NaN where all are. Arguments as of `quantile`.

    Example:
        >>> nanquantile(np.array([0.0, np.nan, 1.0, 2.0]), 0.25)
        array(0.5)
    """
    return _quantile("nanquantile", x, q, axis, method, keepdims, skips_nan=True)


@accepts_symbolic
def percentile(x, q, axis=None, method="linear", keepdims=False):
    """Percentiles over axes: `quantile` with `q` in [0, 100].

    Example:
        >>> percentile(np.array([0.0, 1.0, 2.0]), 25)
        array(0.5)
    """
    return _quantile("percentile", x, q, axis, method, keepdims, scale=100)


@accepts_symbolic
def nanpercentile(x, q, axis=None, method="linear", keepdims=False):
    """Percentiles over axes of what is not NaN: `nanquantile` with `q` in [0, 100].

    Example:
        >>> nanpercentile(np.array([0.0, np.nan, 1.0, 2.0]), 25)
        array(0.5)
    """
    return _quantile("nanpercentile", x, q, axis, method, keepdims, skips_nan=True, scale=100)


@as_one_plan
@accepts_symbolic
def median(x, axis=None, keepdims=False):
    """The median over axes; NaN where there is one.

    Args:
        x: array.
        axis: an axis, several, or None for all.
        keepdims: whether the axes stay, with size 1.

    Example:
        >>> median(np.array([3.0, 1.0, 2.0]))
        array(2.)
    """
    return _quantile("median", x, 0.5, axis, "midpoint", keepdims)


@as_one_plan
@accepts_symbolic
def nanmedian(x, axis=None, keepdims=False):
    """The median over axes of what is not NaN; NaN where all are.

    Args:
        x: array.
        axis: an axis, several, or None for all.
        keepdims: whether the axes stay, with size 1.

    Example:
        >>> nanmedian(np.array([3.0, np.nan, 1.0]))
        array(2.)
    """
    return _quantile("nanmedian", x, 0.5, axis, "midpoint", keepdims, skips_nan=True)
