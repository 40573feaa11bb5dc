"""From losses per sample to a number: matching ranks, weighting, reducing.

Axes: `n` batch, `...` any further ones, `c` classes. Metrics use the same helpers.
"""

import math

import numpy as np

from fastnn import ops
from fastnn._kernels._engine import is_taped
from fastnn.graph.masks import carry_mask
from fastnn.ops.elementwise import cast_op
from fastnn.ops.record import as_array, dtype_of

REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


def check_reduction(reduction) -> None:
    """Raises ValueError for what is no reduction."""
    if reduction not in REDUCTIONS:
        raise ValueError(
            f"Invalid value for argument `reduction`. Expected one of {REDUCTIONS}. Received: reduction={reduction}"
        )


def as_tensor(x, dtype=None):
    """`x` as an array or traced value, in `dtype` if it is given."""
    if not hasattr(x, "shape") or not hasattr(x, "dtype"):
        x = as_array(x)
    found = dtype_of(x)
    # One that was watched and is plain goes through an op in any case.
    needs_op = (dtype or found) != found or (type(x) is np.ndarray and is_taped(x))
    return carry_mask(x, cast_op(x, dtype=dtype or found)) if needs_op else x


def same_rank(x, y, expand_rank_1=True):
    """`x` and `y` with a last axis of size 1 dropped from, or added to, one of them so that their ranks agree.

    (n, 1) with (n,) become (n, 1) both, or (n,) both when `expand_rank_1` is False; any other pair is returned as is.
    """
    if len(x.shape) == len(y.shape) + 1:
        y, x = _shrink_or_expand(y, x, expand_rank_1)
    elif len(y.shape) == len(x.shape) + 1:
        x, y = _shrink_or_expand(x, y, expand_rank_1)
    return x, y


def _shrink_or_expand(small, large, expand_rank_1):
    if large.shape[-1] == 1:
        if len(small.shape) == 1 and expand_rank_1:
            return ops.expand_dims(small, -1), large
        return small, ops.squeeze(large, -1)
    return small, large


def weighted(values, sample_weight):
    """`values` times `sample_weight`, and the weights, in matching ranks; (n,) weights act on (n, ...) values."""
    sample_weight = as_tensor(sample_weight, dtype_of(values))
    values, sample_weight = same_rank(values, sample_weight)
    return values * sample_weight, sample_weight


def masked_weights(mask, sample_weight, reduction):
    """Weights that leave out the samples where `mask` is False; means are then over those that count."""
    weights = ops.cast(mask, "float32")
    if reduction not in ("sum", "none", None):
        weights = weights * ops.divide_no_nan(float(math.prod(mask.shape)), ops.sum(weights))
    return weights if sample_weight is None else weighted(as_tensor(sample_weight, "float32"), weights)[0]


def reduce_values(values, sample_weight=None, reduction="sum_over_batch_size"):
    """`values` (already weighted) reduced to a scalar; as they are for "none", for scalars and for values (0,).

    "sum_over_batch_size" and "mean" divide by the number of values, "mean_with_sample_weight" by the sum of weights.
    """
    if reduction in ("none", None) or tuple(values.shape) in ((), (0,)):
        return values
    total = ops.sum(values)
    if reduction == "sum":
        return total
    if reduction == "mean_with_sample_weight" and sample_weight is not None:
        return ops.divide_no_nan(total, ops.sum(sample_weight))
    size = math.prod(values.shape)
    return ops.divide(total, size) if size else total
