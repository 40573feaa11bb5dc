"""Histograms of images, as sums of ones over segments, which is a kernel; and reading tables of values."""

import numpy as np

from fastnn import ops


def bin_of(x, bins):
    """The bin of each value of x in [0, 255], of which 255 has the last for itself: int32."""
    return ops.cast(ops.clip(ops.floor(ops.multiply(x, (bins - 1) / 255)), 0, bins - 1), "int32")


def histograms(rows, bins):
    """How often each of `bins` numbers occurs in each row.

    Args:
        rows: int32, shape (m, n).
        bins: how many.

    Returns:
        float32, shape (m, bins); the numbers of times are exact below 2^24.
    """
    m, n = rows.shape
    ids = ops.add(rows, np.arange(m, dtype=np.int32)[:, None] * bins)
    counts = ops.segment_sum(np.ones(m * n, np.float32), ops.reshape(ids, (m * n,)), m * bins)
    return ops.reshape(counts, (m, bins))


def cumulated(counts):
    """Sums of the entries up to each, along the last axis: a product with a triangle of ones."""
    bins = counts.shape[-1]
    return ops.matmul(counts, np.triu(np.ones((bins, bins), np.float32)))


def looked_up(tables, rows, at):
    """`tables[rows, at]` for tables (m, bins) and int32 arrays of one shape."""
    flat = ops.reshape(tables, (-1,))
    return ops.take(flat, ops.add(ops.multiply(rows, tables.shape[-1]), at))
