"""Keras's random functions, on the records of `ops/random.py`.

`seed` is an integer (the same numbers at every call), a `SeedGenerator` (which is advanced), or None (the global
generator, which `fastnn.utils.set_random_seed` seeds).
"""

import numpy as np

from fastnn import ops
from fastnn.graph.dtypes import is_float, is_integer, standardize_dtype
from fastnn.graph.symbolic import accepts_symbolic
from fastnn.ops import random as records
from fastnn.ops.record import as_array, dtype_of, shape_of
from fastnn.ops.reduce import normalize_axis
from fastnn.plan.function import as_one_plan
from fastnn.random.drawing import draw


def _shape(shape) -> tuple[int, ...]:
    return tuple(int(size) for size in shape)


def _float_dtype(name, dtype) -> str:
    dtype = standardize_dtype(dtype)
    if not is_float(dtype):
        raise ValueError(f"`fastnn.random.{name}` requires a floating point `dtype`. Received: dtype={dtype}")
    return dtype


def _is_number(x) -> bool:
    return isinstance(x, (int, float, np.number)) or (isinstance(x, np.ndarray) and x.ndim == 0)


def _scaled(op, seed, shape, dtype, offset, scale, names, at_scale=lambda offset, scale: scale):
    """Numbers moved and stretched by numbers inside the kernel, by arrays outside it."""
    drawn_dtype = dtype if dtype in ("float32", "float64") else "float32"
    if _is_number(offset) and _is_number(scale):
        params = dict(zip(names, (float(offset), float(scale)), strict=True))
        values = draw(op, seed, shape=_shape(shape), dtype=drawn_dtype, **params)
    else:
        values = draw(op, seed, shape=_shape(shape), dtype=drawn_dtype, **dict(zip(names, (0.0, 1.0), strict=True)))
        values = ops.add(offset, ops.multiply(at_scale(offset, scale), values))
    return ops.cast(values, dtype)


def uniform(shape, minval=0.0, maxval=1.0, dtype=None, seed=None):
    """Uniform numbers in [minval, maxval).

    Args:
        shape: of the result.
        minval: lower bound, included; a number or an array that broadcasts to `shape`.
        maxval: upper bound; rounding may give it itself.
        dtype: a float dtype, by default `floatx()`.
        seed: integer, `SeedGenerator` or None.

    Raises:
        ValueError: for a dtype that is no float, or another kind of seed.

    Example:
        >>> fastnn.random.uniform((2, 3), seed=1).shape
        (2, 3)
    """
    dtype = _float_dtype("uniform", dtype)
    return _scaled(
        records.random_uniform_op, seed, shape, dtype, minval, maxval, ("low", "high"),
        lambda low, high: ops.subtract(high, low),
    )  # fmt: skip


def normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    """Normal numbers.

    Args:
        shape: of the result.
        mean: a number or an array that broadcasts to `shape`.
        stddev: standard deviation, a number or an array that broadcasts to `shape`.
        dtype: a float dtype, by default `floatx()`.
        seed: integer, `SeedGenerator` or None.

    Raises:
        ValueError: for a dtype that is no float, or another kind of seed.

    Example:
        >>> fastnn.random.normal((2, 3), seed=1).shape
        (2, 3)
    """
    dtype = _float_dtype("normal", dtype)
    return _scaled(records.random_normal_op, seed, shape, dtype, mean, stddev, ("mean", "deviation"))


def truncated_normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    """Normal numbers, those beyond two standard deviations drawn again. Arguments as of `normal`.

    Example:
        >>> x = fastnn.random.truncated_normal((1000,), seed=1)
        >>> bool(abs(x).max() <= 2)
        True
    """
    dtype = _float_dtype("truncated_normal", dtype)
    return _scaled(records.random_truncated_normal_op, seed, shape, dtype, mean, stddev, ("mean", "deviation"))


def randint(shape, minval, maxval, dtype="int32", seed=None):
    """Uniform integers from `minval` to `maxval - 1`.

    Args:
        shape: of the result.
        minval: least integer, or an array of such that broadcasts to `shape`.
        maxval: one more than the largest, likewise.
        dtype: an integer dtype.
        seed: integer, `SeedGenerator` or None.

    Raises:
        ValueError: for a dtype that is no integer, an empty range, or another kind of seed.

    Example:
        >>> x = fastnn.random.randint((100,), 0, 5, seed=1)
        >>> int(x.min()), int(x.max())
        (0, 4)
    """
    dtype = standardize_dtype(dtype)
    if not is_integer(dtype):
        raise ValueError(f"`fastnn.random.randint` requires an integer `dtype`. Received: dtype={dtype}")
    if not (_is_number(minval) and _is_number(maxval)):
        share = draw(records.random_uniform_op, seed, shape=_shape(shape), dtype="float64", low=0.0, high=1.0)
        low, high = ops.cast(_operand(minval), "float64"), ops.cast(_operand(maxval), "float64")
        return ops.cast(ops.floor(low + share * (high - low)), dtype)
    low, high = int(minval), int(maxval)
    if low >= high:
        raise ValueError(f"randint: minval={minval} is not below maxval={maxval}.")
    return draw(records.random_integers_op, seed, shape=_shape(shape), dtype=dtype, low=low, high=high)


@accepts_symbolic
def dropout(inputs, rate, noise_shape=None, seed=None):
    """`inputs` with a share `rate` of its elements set to 0 and the others divided by `1 - rate`.

    Args:
        inputs: float array.
        rate: the share to drop, in [0, 1].
        noise_shape: shape of the mask, which broadcasts to `inputs`; None, whole or in places, is that of `inputs`.
        seed: integer, `SeedGenerator` or None.

    Raises:
        ValueError: for a rate outside [0, 1], or a `noise_shape` that does not broadcast.

    Example:
        >>> float(fastnn.random.dropout(np.ones((2, 3), "float32"), 0.0, seed=1).sum())
        6.0
    """
    rate = float(rate)
    if not 0 <= rate <= 1:
        raise ValueError(f"dropout: `rate` must be in [0, 1]; it is {rate}.")
    shape = shape_of(inputs)
    if noise_shape is not None:
        if len(noise_shape) > len(shape) or any(
            size not in (None, 1, of) for size, of in zip(noise_shape[::-1], shape[::-1], strict=False)
        ):
            raise ValueError(f"dropout: noise_shape {tuple(noise_shape)} does not broadcast to {shape}.")
        lead = len(shape) - len(noise_shape)
        shape = tuple(of if size is None else size for size, of in zip(noise_shape, shape[lead:], strict=True))
    dtype = dtype_of(inputs) if is_float(dtype_of(inputs)) else standardize_dtype(None)
    # Bools: which elements are kept is known until the gradient is there.
    keep = draw(records.random_bernoulli_op, seed, shape=shape, dtype="bool", probability=1 - rate, scale=1.0)
    return ops.multiply(ops.where(keep, ops.cast(inputs, dtype), 0), 1 / (1 - rate) if rate < 1 else 0.0)


@accepts_symbolic
def categorical(logits, num_samples, dtype="int32", seed=None):
    """Classes drawn with the probabilities `softmax(logits)`.

    Args:
        logits: array of shape (batch, classes).
        num_samples: draws for each row.
        dtype: of the result.
        seed: integer, `SeedGenerator` or None.

    Returns:
        Array of shape (batch, num_samples).

    Raises:
        ValueError: when `logits` is not 2-D.

    Example:
        >>> fastnn.random.categorical(np.zeros((2, 3), "float32"), 4, seed=1).shape
        (2, 4)
    """
    if len(shape_of(logits)) != 2:
        raise ValueError(
            f"`logits` should be a 2-D tensor with shape [batch_size, num_classes]. Received shape {shape_of(logits)}"
        )
    dtype = standardize_dtype(dtype)
    u = draw(
        records.random_uniform_op,
        seed,
        shape=(shape_of(logits)[0], int(num_samples)),
        dtype="float64",
        low=0.0,
        high=1 - 2.0**-24,
    )
    return _classes_at(logits, u, dtype)


@as_one_plan
def _classes_at(logits, u, dtype):
    """For each row, the classes below whose share of the sum of probabilities the numbers `u` lie."""
    rows, classes = shape_of(logits)
    p = ops.exp(ops.subtract(logits, ops.max(logits, axis=-1, keepdims=True)))
    below = ops.cumsum(ops.cast(p, "float64"), axis=-1)
    below = ops.divide(below, below[:, -1:])
    # One sorted vector of all rows, where row k lies in (k, k + 1]: a sum of k and a draw is never k + 1. NaN in a row
    # would mislead searches for others.
    row = np.arange(rows, dtype="float64")[:, None]
    below = ops.reshape(ops.add(ops.where(ops.isnan(below), 1.0, below), row), (-1,))
    place = ops.searchsorted(below, ops.add(u, row), side="right")
    return ops.cast(ops.clip(ops.subtract(place, row.astype("int32") * classes), 0, classes - 1), dtype)


@accepts_symbolic
def shuffle(x, axis=0, seed=None):
    """`x` with its slices along `axis` in random order.

    Args:
        x: array.
        axis: the axis to shuffle.
        seed: integer, `SeedGenerator` or None.

    Example:
        >>> sorted(fastnn.random.shuffle(np.arange(4), seed=1).tolist())
        [0, 1, 2, 3]
    """
    shape = shape_of(x)
    size = shape[normalize_axis("shuffle", axis, len(shape))]
    order = draw(records.random_permutation_op, seed, shape=(size,), dtype="int32")
    return ops.take(x, order, axis=axis)


def gamma(shape, alpha, dtype=None, seed=None):
    """Gamma numbers of scale 1.

    Args:
        shape: of the result.
        alpha: shape parameter, a number or an array that broadcasts to `shape`.
        dtype: a float dtype, by default `floatx()`.
        seed: integer, `SeedGenerator` or None.

    Example:
        >>> fastnn.random.gamma((2,), 3.0, seed=1).shape
        (2,)
    """
    dtype = _float_dtype("gamma", dtype)
    return draw(records.random_gamma_op, seed, _operand(alpha), shape=_shape(shape), dtype=dtype)


def beta(shape, alpha, beta, dtype=None, seed=None):
    """Beta numbers, in (0, 1).

    Args:
        shape: of the result.
        alpha: first parameter, a number or an array that broadcasts to `shape`.
        beta: second parameter.
        dtype: a float dtype, by default `floatx()`.
        seed: integer, `SeedGenerator` or None.

    Example:
        >>> fastnn.random.beta((2,), 3.0, 2.0, seed=1).shape
        (2,)
    """
    dtype = _float_dtype("beta", dtype)
    return draw(records.random_beta_op, seed, _operand(alpha), _operand(beta), shape=_shape(shape), dtype=dtype)


def binomial(shape, counts, probabilities, dtype=None, seed=None):
    """The number of successes in `counts` trials.

    Args:
        shape: of the result.
        counts: number of trials, a number or an array that broadcasts to `shape`.
        probabilities: of success in each.
        dtype: of the result, by default `floatx()`.
        seed: integer, `SeedGenerator` or None.

    Example:
        >>> fastnn.random.binomial((2,), 10, 0.5, seed=1).shape
        (2,)
    """
    dtype = standardize_dtype(dtype)
    return draw(
        records.random_binomial_op, seed, _operand(counts), _operand(probabilities), shape=_shape(shape), dtype=dtype
    )


def _operand(x):
    return x if hasattr(x, "dtype") else as_array(x)
