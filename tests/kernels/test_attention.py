"""Attention kernels against whole matrices of scores in higher precision, on every instruction set.

Bounds are per element and derived from those of their parts: a score is a chain of `depth` products; a weight is an
exponential of it; the running softmax rounds a few times for each block of keys.
"""

from dataclasses import astuple, dataclass

import numpy as np
import pytest

from fastnn import _kernels
from fastnn._kernels import _engine
from fastnn.ops.attention import attention_grad_op, attention_op
from fastnn.ops.random import random_bernoulli_op
from tests.kernels.guarded import Guarded
from tests.kernels.remembered import remembered

ISAS = _engine.isas()
FLOATS = {"f32": np.float32, "f64": np.float64}
WIDE = np.longdouble
einsum, reference, grad_reference = map(remembered, (np.einsum, attention_op.reference, attention_grad_op.reference))


@dataclass(frozen=True)
class Problem:
    batch: int
    queries: int
    keys: int
    heads: int
    key_heads: int
    depth: int
    value_depth: int
    causal: bool = False
    bias: tuple | None = None  # its shape
    mask: tuple | None = None
    dropout: float = 0.0

    @property
    def shapes(self):
        """Of q, k, v and y."""
        b, t, s, h, key_heads, d, e = astuple(self)[:7]
        return (b, t, h, d), (b, s, key_heads, d), (b, s, key_heads, e), (b, t, h, e)

    @property
    def ints(self):
        def strides(shape):
            return [0 if n == 1 else int(np.prod(shape[k + 1 :])) for k, n in enumerate(shape or ())] or [0] * 4

        return [*astuple(self)[:7], int(self.causal), *strides(self.bias), *strides(self.mask), int(self.dropout > 0)]

    @property
    def params(self):
        extras = {"has_bias": self.bias is not None, "has_mask": self.mask is not None}
        return {"scale": self.depth**-0.5, "is_causal": self.causal, "dropout": self.dropout, **extras}

    @property
    def reals(self):
        return [self.params["scale"], 1 - self.dropout, 1 / (1 - self.dropout) if self.dropout < 1 else 0.0]

    @property
    def state(self):
        return np.array([7, 3], np.uint32) if self.dropout else None

    @property
    def keep(self):
        """What the weights (b, h, t, s) are multiplied by."""
        shape = (self.batch, self.heads, self.queries, self.keys)
        if not self.dropout:
            return np.ones(shape)
        params = {"probability": self.reals[1], "scale": self.reals[2]}
        return random_bernoulli_op.reference(self.state, shape=shape, dtype="float64", **params)[0]


PROBLEMS = [
    Problem(1, 1, 1, 1, 1, 1, 1),
    Problem(2, 3, 5, 4, 2, 4, 6),
    Problem(1, 47, 49, 1, 1, 16, 16),
    Problem(2, 48, 48, 2, 1, 17, 33, causal=True),
    Problem(1, 49, 97, 3, 3, 64, 65),
    Problem(1, 63, 65, 1, 1, 16, 16),
    Problem(2, 64, 127, 2, 1, 5, 33, causal=True),
    Problem(1, 129, 96, 1, 1, 20, 4, causal=True, mask=(1, 1, 1, 96)),
    Problem(1, 5, 200, 2, 2, 7, 5, causal=True),
    Problem(1, 200, 5, 2, 2, 3, 80, causal=True),
    Problem(2, 7, 50, 2, 2, 8, 8, bias=(2, 2, 7, 50)),
    Problem(2, 50, 7, 4, 2, 8, 9, bias=(1, 4, 1, 7), mask=(2, 1, 50, 7)),
    Problem(2, 53, 61, 1, 1, 5, 5, causal=True, bias=(1, 1, 53, 1), mask=(2, 1, 1, 61)),
    Problem(1, 1, 300, 8, 2, 16, 16),
    Problem(1, 1, 515, 2, 1, 37, 32, bias=(1, 2, 1, 515), mask=(1, 1, 1, 515)),
    Problem(2, 1, 77, 2, 2, 33, 20, causal=True, bias=(2, 1, 1, 1)),
    Problem(2, 3, 300, 6, 3, 33, 20, bias=(2, 6, 3, 300), mask=(2, 1, 3, 300)),
    Problem(1, 4, 270, 19, 19, 16, 35, causal=True, mask=(1, 1, 1, 270)),
    Problem(3, 2, 261, 5, 1, 20, 16, mask=(1, 5, 2, 1)),
    Problem(2, 5, 70, 4, 2, 65, 66, causal=True),
    Problem(1, 5, 21, 3, 3, 112, 104),
    Problem(2, 5, 9, 2, 2, 72, 80, bias=(2, 2, 5, 9), dropout=0.2),
    Problem(2, 2, 2, 3, 3, 16, 16),
    Problem(2, 3, 4, 3, 1, 16, 17, bias=(2, 3, 3, 4)),
    Problem(2, 6, 12, 2, 2, 33, 20, mask=(2, 1, 6, 12), dropout=0.2),
    Problem(2, 8, 100, 3, 3, 32, 33),
    Problem(1, 8, 300, 2, 1, 40, 40, bias=(1, 2, 1, 300), mask=(1, 1, 8, 300)),
    Problem(2, 8, 8, 4, 2, 48, 48, causal=True, dropout=0.3),
    Problem(2, 10, 16, 2, 2, 64, 70, causal=True, bias=(2, 2, 10, 16)),
    Problem(2, 10, 8, 2, 1, 65, 64, mask=(2, 1, 1, 8)),
    Problem(1, 3, 21, 16, 16, 64, 64),
    Problem(1, 6, 30, 16, 16, 64, 64, bias=(1, 16, 6, 1), dropout=0.2),
    Problem(1, 6, 37, 32, 16, 64, 128, mask=(1, 1, 6, 37)),  # copies of keys, not of values
    Problem(3, 70, 20, 48, 24, 40, 33),  # so many elements that tiles ask for what comes next
    Problem(1, 30, 70, 8, 8, 512, 512, causal=True),  # the same, with two ranges of keys
    Problem(2, 96, 65, 4, 4, 16, 24, bias=(2, 4, 96, 65), mask=(2, 1, 1, 65)),  # heads enough for blocks of 96
    Problem(1, 77, 193, 16, 8, 20, 17, dropout=0.2),
    Problem(4, 197, 95, 2, 2, 9, 8, mask=(4, 2, 197, 95)),
    Problem(66, 5, 250, 4, 4, 32, 32),  # so many keys and values that they are asked for
    Problem(1, 193, 300, 1, 1, 16, 16, causal=True, mask=(1, 1, 193, 300)),
    Problem(0, 5, 5, 1, 1, 3, 3),
    Problem(1, 5, 3, 1, 1, 4, 4, dropout=0.5),
    Problem(9, 8, 8, 2, 1, 8, 8, dropout=0.1),
    Problem(2, 63, 29, 1, 1, 3, 20, dropout=0.2),
    Problem(1, 100, 75, 1, 1, 4, 4, causal=True, dropout=0.2),
    Problem(2, 64, 64, 2, 1, 16, 16, dropout=0.3),
    Problem(1, 100, 100, 3, 3, 16, 16, dropout=0.1),
    Problem(1, 67, 130, 1, 1, 5, 17, causal=True, bias=(1, 1, 67, 130), mask=(1, 1, 1, 130), dropout=0.2),
    Problem(1, 200, 200, 2, 1, 20, 4, causal=True, dropout=0.6),
    Problem(1, 33, 1700, 1, 1, 3, 4, dropout=0.1),
    Problem(2, 1, 1100, 2, 1, 16, 20, mask=(2, 1, 1, 1100), dropout=0.2),
    Problem(3, 4, 270, 5, 5, 17, 35, causal=True, dropout=0.2),
    Problem(2, 3, 300, 6, 3, 33, 20, bias=(2, 6, 3, 300), dropout=0.2),
    Problem(1, 50, 50, 1, 1, 4, 4, dropout=1.0),
    Problem(1, 50, 50, 1, 1, 4, 4, dropout=1e-17),
]
pytestmark = pytest.mark.parametrize("isa", ISAS)
each_problem = pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: "-".join(map(str, astuple(p))))
each_float = pytest.mark.parametrize("suffix", FLOATS)


def run(name, suffix, isa, problem, inputs, extras, outputs):
    """The outputs for one thread, after a check that more give the same bits and write nothing else."""
    bits = []
    for threads in (1, 2, 3):
        guarded = [Guarded.unwritten(shape, FLOATS[suffix]) for shape in outputs]
        buffers = [*inputs, *extras, problem.state, *(g.array for g in guarded)]
        _kernels.run(f"{name}_{suffix}", buffers, problem.ints, problem.reals, threads, isa)
        for g in guarded:
            g.assert_canaries()
        bits.append([g.array.tobytes() for g in guarded])
    assert bits[0] == bits[1] == bits[2]
    return [g.array for g in guarded]


def drawn(problem, dtype, seed=0):
    """q, k, v and [bias, mask], with None for an absent one; each query may see a key (see test_blind_queries)."""
    rng = np.random.default_rng(seed)
    q, k, v, _ = (Guarded(rng.standard_normal(shape), dtype).array for shape in problem.shapes)
    bias = None if problem.bias is None else Guarded(rng.standard_normal(problem.bias), dtype).array
    mask = None if problem.mask is None else (rng.random(problem.mask) < 0.4) | (np.arange(problem.mask[3]) == 0)
    return [q, k, v], [bias, mask]


def wide(arrays):
    return [a.astype(WIDE) if a.dtype.kind == "f" else a for a in arrays if a is not None]


class Exact:
    """Scores and weights in extended precision, with bounds of what a kernel makes of them."""

    def __init__(self, problem, inputs, extras, eps):
        p = problem
        q, k, self.v = wide(inputs)
        group = p.heads // p.key_heads if p.key_heads else 1
        self.k, self.v = (np.repeat(x, group, axis=2) for x in (k, self.v))
        scale = WIDE(p.params["scale"])
        scores = einsum("bthd,bshd->bhts", q, self.k) * scale
        error = einsum("bthd,bshd->bhts", np.abs(q), np.abs(self.k)) * scale * (p.depth + 2)
        bias, mask = extras
        if bias is not None:
            scores = scores + bias
            error = error + 2 * (np.abs(scores) + np.abs(bias.astype(WIDE)))
        sees = np.ones(scores.shape, bool) if mask is None else np.broadcast_to(mask, scores.shape)
        if p.causal:
            sees = sees & (np.arange(p.keys) <= np.arange(p.queries)[:, None])
        self.sees = sees
        scores = np.where(sees, scores, -np.inf)
        self.top = scores.max(-1, initial=-np.inf, keepdims=True)
        weights = np.exp(scores - self.top)
        self.total = weights.sum(-1, keepdims=True)
        self.weights = weights / self.total
        self.keep = p.keep
        self.score_error = eps * np.where(sees, error, 0).max(-1, initial=0, keepdims=True)
        spread = np.where(sees, self.top - scores, 0).max(-1, initial=0, keepdims=True)
        # Of a weight before it is divided by the sum: exp is good to 2 ulp, its argument was rounded once.
        self.weight_error = 2 * self.score_error + eps * (spread + 4)


@each_problem
@each_float
def test_attention(problem, suffix, isa):
    dtype, eps = FLOATS[suffix], np.finfo(FLOATS[suffix]).eps
    inputs, extras = drawn(problem, dtype)
    exact = Exact(problem, inputs, extras, eps)
    rows = exact.top.shape[:3]
    y, top, inverse = run("attention", suffix, isa, problem, inputs, extras, [problem.shapes[3], rows, rows])
    block = 96 if problem.batch * problem.key_heads >= 8 and not problem.causal else 64  # at most, of keys
    blocks = -(-problem.keys // block)
    # The running sums are scaled once a block, by an exponential; they add up a block's keys in a chain, then blocks.
    error = exact.weight_error * 2 + eps * (8 * blocks + block + 4)
    error_of_kept = error + eps * (problem.keys + 2 * (problem.dropout > 0))  # the factor, and a product with it
    kept = exact.weights * exact.keep
    bound = einsum("bhts,bshd->bthd", kept * error_of_kept, np.abs(exact.v))
    wanted = einsum("bhts,bshd->bthd", kept, exact.v)
    assert (np.abs(y - wanted) <= bound).all(), np.max(np.abs(y - wanted) / bound)
    assert (np.abs(top - exact.top[..., 0]) <= exact.score_error[..., 0]).all()
    assert (np.abs(inverse * exact.total[..., 0] - 1) <= error[..., 0]).all()


@each_problem
@each_float
def test_attention_grad(problem, suffix, isa):
    p, dtype, eps = problem, FLOATS[suffix], np.finfo(FLOATS[suffix]).eps
    inputs, extras = drawn(p, dtype, seed=1)
    exact = Exact(p, inputs, extras, eps)
    dy = Guarded(np.random.default_rng(2).standard_normal(p.shapes[3]), dtype).array
    given = [np.ascontiguousarray(x, dtype) for x in reference(*wide([*inputs, *extras, p.state]), **p.params)]
    found = run("attention_grad", suffix, isa, p, [dy, *inputs, *given], extras, p.shapes[:3])
    wanted = grad_reference(*wide([dy, *inputs, *given, *extras, p.state]), **p.params)

    q, wide_dy, scale = inputs[0].astype(WIDE), dy.astype(WIDE), p.params["scale"]
    d, d_error = (
        exact.keep * einsum("bthe,bshe->bhts", wide_dy, exact.v),
        exact.keep * einsum("bthe,bshe->bhts", abs(wide_dy), abs(exact.v)),
    )
    dropping = 2 * (p.dropout > 0)  # roundings: the factor, and a product with it
    mean, mean_error = ((f(wide_dy) * f(given[0])).sum(-1).swapaxes(1, 2)[..., None] for f in (lambda x: x, np.abs))
    weights = np.where(exact.sees, exact.weights, 0)
    ds = weights * np.abs(d - mean)
    ds_error = weights * eps * (p.value_depth + 2 + dropping) * (d_error + mean_error) + ds * (
        exact.weight_error + 4 * eps
    )
    key_heads, group = p.key_heads, p.heads // p.key_heads

    def of_keys(x):
        return x.reshape(*x.shape[:2], key_heads, group, x.shape[3]).sum(3)

    # A sum is a chain over keys or queries (and the heads of a group), and one over the ranges of keys.
    terms = {"keys": eps * (p.keys + 4), "queries": eps * (p.queries * group + 4)}
    dv_error = exact.weight_error + terms["queries"] + eps * dropping
    bounds = [
        scale * einsum("bhts,bshd->bthd", ds_error + terms["keys"] * ds, np.abs(exact.k)),
        scale * of_keys(einsum("bhts,bthd->bshd", ds_error + terms["queries"] * ds, np.abs(q))),
        of_keys(einsum("bhts,bthe->bshe", weights * exact.keep * dv_error, abs(wide_dy))),
    ]
    for name, x, expected, bound in zip(("dq", "dk", "dv"), found, wanted, bounds, strict=True):
        assert (np.abs(x - expected) <= bound).all(), (name, np.max(np.abs(x - expected) / bound))


@each_float
@pytest.mark.parametrize("causal", [False, True])
def test_blind_queries(suffix, causal, isa):
    """A query that may see no key takes the mean of all values, also of those that causality hides; only the values
    get a gradient from it."""
    p = Problem(1, 70, 130, 1, 1, 8, 8, causal=causal, mask=(1, 1, 70, 130))
    dtype = FLOATS[suffix]
    (q, k, v), (_, mask) = drawn(p, dtype)
    blind = [0, 20, 69]
    mask[0, 0, blind] = False
    y, top, inverse = run("attention", suffix, isa, p, [q, k, v], [None, mask], [q.shape, (1, 1, 70), (1, 1, 70)])
    wanted = v.astype(WIDE).mean(1, keepdims=True)
    np.testing.assert_allclose(y[:, blind].astype(WIDE), np.repeat(wanted, 3, axis=1), atol=40 * np.finfo(dtype).eps)
    dy = np.zeros_like(y)
    dy[:, blind] = 1
    dq, dk, dv = run(
        "attention_grad", suffix, isa, p, [dy, q, k, v, y, top, inverse], [None, mask], [q.shape, k.shape, v.shape]
    )
    assert (dq == 0).all() and (dk == 0).all()
    np.testing.assert_allclose(dv, np.full(v.shape, 3 / 130), rtol=8 * np.finfo(dtype).eps)


@each_float
def test_a_single_blind_query(suffix, isa):
    p = Problem(1, 1, 300, 2, 1, 16, 16, mask=(1, 1, 1, 300))
    (q, k, v), (_, mask) = drawn(p, FLOATS[suffix])
    mask[...] = False
    y, _, _ = run("attention", suffix, isa, p, [q, k, v], [None, mask], [q.shape, (1, 2, 1), (1, 2, 1)])
    wanted = v.astype(WIDE).mean(1, keepdims=True).repeat(2, axis=2)
    np.testing.assert_allclose(y.astype(WIDE), wanted, atol=40 * np.finfo(FLOATS[suffix]).eps)


@each_float
def test_a_blind_head_leaves_others_alone(suffix, isa):
    """The blind head needs the values of all keys; one that is later than what the others see is not theirs."""
    p = Problem(1, 1, 40, 4, 4, 16, 16, causal=True, mask=(1, 4, 1, 40))
    inputs, (_, mask) = drawn(p, FLOATS[suffix])
    mask[:] = True
    mask[0, 2] = False
    inputs[2][0, 20] = np.inf
    y, _, _ = run("attention", suffix, isa, p, inputs, [None, mask], [p.shapes[3], (1, 4, 1), (1, 4, 1)])
    np.testing.assert_array_equal(y[0, 0, [0, 1, 3]], inputs[2][0, 0, [0, 1, 3]])
    assert not np.isfinite(y[0, 0, 2]).any()


@each_float
def test_strides_of_a_transposed_mask(suffix, isa):
    """The mask's strides are what counts, not its shape."""
    p = Problem(2, 20, 60, 2, 1, 4, 4, mask=(2, 2, 20, 60))
    inputs, (_, mask) = drawn(p, FLOATS[suffix])
    rows = (2, 2, 20)
    expected = run("attention", suffix, isa, p, inputs, [None, mask], [inputs[0].shape, rows, rows])
    turned = np.ascontiguousarray(mask.transpose(3, 0, 2, 1))
    strides = [turned.strides[axis] for axis in (1, 3, 2, 0)]
    results = [np.empty_like(x) for x in expected]
    ints = [*p.ints[:12], *strides, 0]
    _kernels.run(f"attention_{suffix}", [*inputs, None, turned, None, *results], ints, p.reals, 1, isa)
    for result, wanted in zip(results, expected, strict=True):
        np.testing.assert_array_equal(result, wanted)


@each_float
def test_special_values(suffix, isa):
    """Scores that overflow an exponential, biases of minus infinity (a whole block of them), and NaN."""
    p = Problem(1, 4, 100, 1, 1, 2, 3, bias=(1, 1, 4, 100))
    (q, k, v), (bias, _) = drawn(p, FLOATS[suffix])
    bias[0, 0, 0] += 1e4
    bias[0, 0, 1, :60] = -np.inf
    bias[0, 0, 2] = -np.inf
    bias[0, 0, 3, 70] = np.nan
    y, _, _ = run("attention", suffix, isa, p, [q, k, v], [bias, None], [(1, 4, 1, 3), (1, 1, 4), (1, 1, 4)])
    with np.errstate(invalid="ignore"):
        wanted, _, _ = attention_op.reference(*wide([q, k, v, bias]), **p.params)
    assert np.isnan(y[0, 2:]).all()
    tolerance = 1e-2 if suffix == "f32" else 1e-10  # a score of 1e4 has a rounding error of 1e4 eps
    np.testing.assert_allclose(y[0, 0], wanted[0, 0].astype(float), atol=tolerance)
    np.testing.assert_allclose(y[0, 1], wanted[0, 1].astype(float), atol=200 * np.finfo(FLOATS[suffix]).eps)
