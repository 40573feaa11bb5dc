"""Records of random numbers. Each takes a state, uint32[2] of (seed, counter), and gives numbers and the next state.

The same state gives the same numbers, whatever the instruction set (up to rounding) and the number of threads. The
generator and the layout are described in `_kernels/random.c`; the references here are the same in NumPy. Public
functions are in `fastnn.random`.
"""

from __future__ import annotations

import math

import numpy as np

from fastnn._kernels import DTYPE_CODE
from fastnn.graph.value import Spec
from fastnn.ops.record import Op

STATE = Spec((2,), "uint32")
_ROTATIONS = ((10, 26), (11, 21), (13, 27), (23, 5), (6, 20), (17, 11), (25, 10), (18, 20))
_GROUP, _BLOCKS = 64, 16


def threefry(counter: np.ndarray, key: np.ndarray) -> np.ndarray:
    """Threefry4x32-20 of `counter`, uint32[4, n], under `key`, uint32[4]: uint32[4, n]."""
    keys = [np.uint32(k) for k in key]
    keys.append(np.uint32(0x1BD11BDA) ^ keys[0] ^ keys[1] ^ keys[2] ^ keys[3])
    with np.errstate(over="ignore"):
        x = [counter[j] + keys[j] for j in range(4)]
        for r in range(20):
            one, two = (3, 1) if r % 2 else (1, 3)
            for a, b, bits in ((0, one, _ROTATIONS[r % 8][0]), (2, two, _ROTATIONS[r % 8][1])):
                x[a] = x[a] + x[b]
                x[b] = ((x[b] << np.uint32(bits)) | (x[b] >> np.uint32(32 - bits))) ^ x[a]
            if r % 4 == 3:
                injection = r // 4 + 1
                for j in range(4):
                    x[j] = x[j] + keys[(injection + j) % 5]
                x[3] = x[3] + np.uint32(injection)
    return np.stack(x)


def words(state: np.ndarray, n: int) -> np.ndarray:
    """The first `n` words under `state`, rounded up to whole groups: uint32[groups, 4, 16]."""
    groups = -(-n // _GROUP)
    block = np.arange(groups * _BLOCKS, dtype=np.uint64)
    zero = np.zeros_like(block, np.uint32)
    counter = np.stack([block.astype(np.uint32), (block >> np.uint64(32)).astype(np.uint32), zero, zero])
    out = threefry(counter, np.array([state[0], state[1], 0, 0], np.uint32))
    return out.reshape(4, groups, _BLOCKS).transpose(1, 0, 2)


def wide_words(state: np.ndarray, n: int) -> np.ndarray:
    """`n` words of 64 bits: two of a block's words each, the high one first."""
    w = words(state, 2 * n).astype(np.uint64)
    return ((w[:, ::2] << np.uint64(32)) | w[:, 1::2]).reshape(-1)[:n]


def next_state(state: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return np.array([state[0], state[1] + np.uint32(1)], np.uint32)


def _unit_numbers(state, n, dtype):
    if dtype == "float32":
        return (words(state, n).reshape(-1)[:n] >> np.uint32(8)) * 2.0**-24
    return (wide_words(state, n) >> np.uint64(11)) * 2.0**-53


def _uniform(state, shape, dtype, low, high):
    return low + (high - low) * _unit_numbers(state, math.prod(shape), dtype)


def _normal(state, shape, dtype, mean, deviation):
    n = math.prod(shape)
    if dtype == "float32":
        w = words(state, n)
        u = ((w[:, ::2] >> np.uint32(8)) + 1.0) * 2.0**-24
        angle = w[:, 1::2] * (2 * np.pi * 2.0**-32)
    else:
        w = words(state, 2 * n).astype(np.uint64)
        u = ((((w[:, :1] << np.uint64(32)) | w[:, 1:2]) >> np.uint64(11)) + 1.0) * 2.0**-53
        angle = (w[:, 2:3] + w[:, 3:] * 2.0**-32) * (2 * np.pi * 2.0**-32)
    radius = np.sqrt(-2 * np.log(u))
    pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=2)
    return mean + deviation * pairs.reshape(-1)[:n]


def _truncated_normal(state, shape, dtype, mean, deviation):
    """The inverse of erf by bisection: 60 halvings of [-sqrt(2), sqrt(2)]."""
    x = (2 * _unit_numbers(state, math.prod(shape), dtype) - 1) * math.erf(math.sqrt(2))
    erf = np.vectorize(math.erf, otypes=[np.float64])
    low, high = np.full(x.shape, -math.sqrt(2)), np.full(x.shape, math.sqrt(2))
    for _ in range(60 if x.size else 0):
        middle = (low + high) / 2
        is_below = erf(middle) < x
        low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
    return mean + deviation * math.sqrt(2) * (low + high) / 2


def _bernoulli(state, shape, dtype, probability, scale):
    hit = words(state, math.prod(shape)).reshape(-1)[: math.prod(shape)] < int(probability * 2.0**32)
    return np.where(hit, scale, 0.0)


def _integers(state, shape, dtype, low, high):
    x = wide_words(state, math.prod(shape)).astype(object)  # Python's integers: the product has 128 bits
    return (low + ((x * (high - low)) >> 64)).astype(dtype)


def _permutation(state, shape, dtype):
    """Number k takes the place of one of those before it, or its own."""
    y = list(range(shape[0]))
    for k, word in enumerate(wide_words(state, shape[0]).tolist()):
        place = word * (k + 1) >> 64
        y[k], y[place] = y[place], k
    return np.array(y, dtype)


def _lower(kernel, first: str | None = None, second: str | None = None):
    """A kernel of random.c, whose reals are the parameters `first` and `second`."""

    def lower(node, b):
        values, state_after = node.outputs
        if b.suffix(values) is None:
            return False
        reals = [float(node.params[first]), float(node.params[second])]
        b.step(f"{kernel}_{b.suffix(values)}", [node.inputs[0], values, state_after], [values.size], reals)
        return None

    return lower


def _signed(x: int) -> int:
    """The low 64 bits of `x`, as an int64."""
    return (x + 2**63) % 2**64 - 2**63


def _lower_integers(node, b):
    values, state_after = node.outputs
    low, high = node.params["low"], node.params["high"]
    ints = [values.size, _signed(low), _signed(high - low), DTYPE_CODE[values.dtype]]
    b.step("random_integers", [node.inputs[0], values, state_after], ints, [])


def _lower_permutation(node, b):
    values, state_after = node.outputs
    b.step("random_permutation", [node.inputs[0], values, state_after], [values.size, DTYPE_CODE[values.dtype]], [])


def _lower_bernoulli(node, b):
    values, state_after = node.outputs
    suffix = "bool" if values.dtype == "bool" else b.suffix(values)
    if suffix is None:
        return False
    reals = [float(node.params["probability"]), float(node.params["scale"])]
    b.step(f"random_bernoulli_{suffix}", [node.inputs[0], values, state_after], [values.size], reals)
    return None


def _op(name, reference, lower=None) -> Op:
    def apply(state, *inputs, shape, dtype, **params):
        values = np.asarray(reference(state, *inputs, shape=shape, dtype=dtype, **params)).reshape(shape)
        return values.astype(dtype), next_state(state)

    return Op(
        name,
        shape=lambda state, *inputs, shape, dtype, **params: (Spec(tuple(shape), dtype), STATE),
        reference=apply,
        lower=lower,
        aliases=((1, 0),),  # the kernels write the state behind, after all else
    )


random_uniform_op = _op("random_uniform", _uniform, _lower("random_uniform", "low", "high"))
random_normal_op = _op("random_normal", _normal, _lower("random_normal", "mean", "deviation"))
random_truncated_normal_op = _op(
    "random_truncated_normal", _truncated_normal, _lower("random_truncated_normal", "mean", "deviation")
)
random_bernoulli_op = _op("random_bernoulli", _bernoulli, _lower_bernoulli)
random_integers_op = _op("random_integers", _integers, _lower_integers)
random_permutation_op = _op("random_permutation", _permutation, _lower_permutation)


# ---- by NumPy's generators: cold ----


def _generator(state) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=(int(state[0]) << 32) | int(state[1])))


random_gamma_op = _op("random_gamma", lambda state, alpha, shape, dtype: _generator(state).standard_gamma(alpha, shape))
random_beta_op = _op("random_beta", lambda state, alpha, beta, shape, dtype: _generator(state).beta(alpha, beta, shape))
random_binomial_op = _op(
    "random_binomial",
    lambda state, counts, p, shape, dtype: _generator(state).binomial(counts.astype(np.int64), p, shape),
)
