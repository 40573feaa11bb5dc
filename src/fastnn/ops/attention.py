"""Scaled dot-product attention, without the matrix of scores.

Letters: b batch, t queries, s keys, h heads, d depth. The kernel goes block by block over the keys with a running
softmax; its gradient computes a block's scores again, from each query's greatest score and sum of exponentials.
With `dropout` > 0 the last input is a random state: weights are multiplied by what `random_bernoulli` gives for it,
which the kernels draw again where they need it.
"""

import math

import numpy as np

from fastnn.graph.symbolic import accepts_symbolic
from fastnn.graph.value import Value
from fastnn.ops import elementwise as ew
from fastnn.ops import reduce
from fastnn.ops.layout import expand_dims, reshape, transpose
from fastnn.ops.logic import greater, logical_not, logical_or, where
from fastnn.ops.matmul import in_one_dtype, matmul_op
from fastnn.ops.normalization import gradient_by_composition
from fastnn.ops.random import random_bernoulli_op
from fastnn.ops.record import Op, Spec, as_operand, dtype_of, shape_of, uniform


def hidden_score(dtype: str) -> float:
    """The score of a key that is not seen: finite, so that a query that sees none takes the mean of all values."""
    return -0.7 * float(np.finfo(dtype).max)


def _later(queries: int, keys: int) -> np.ndarray:
    """Which keys are behind each query, (t, s)."""
    return np.arange(keys) > np.arange(queries)[:, None]


def _extras(extras, has_bias, has_mask, dropout):
    """Bias, mask and random state of the optional inputs, None where absent."""
    given = iter(extras)
    return [next(given) if has else None for has in (has_bias, has_mask, dropout > 0)]


def _keeping(dropout) -> dict:
    """The parameters of `random_bernoulli` for what weights are multiplied by."""
    return {"probability": 1 - dropout, "scale": 1 / (1 - dropout) if dropout < 1 else 0.0}


def _check(q, k, v, *extras, scale, is_causal, has_bias, has_mask, dropout=0.0):
    shapes = f"query {q.shape}, key {k.shape}, value {v.shape}"
    if len(q.shape) != 4 or len(k.shape) != 4 or len(v.shape) != 4:
        raise ValueError(f"dot_product_attention: the inputs must be (batch, length, heads, dim). Received: {shapes}")
    if q.shape[0] != k.shape[0] or k.shape[:3] != v.shape[:3] or q.shape[3] != k.shape[3]:
        raise ValueError(f"dot_product_attention: batch, lengths or dimensions do not fit. Received: {shapes}")
    if k.shape[2] == 0 or q.shape[2] % k.shape[2]:
        raise ValueError(f"dot_product_attention: the query's {q.shape[2]} heads must be a multiple of the key's "
                         f"{k.shape[2]}. Received: {shapes}")  # fmt: skip
    scores = (q.shape[0], q.shape[2], q.shape[1], k.shape[1])
    for name, extra in zip(("bias", "mask"), _extras(extras, has_bias, has_mask, dropout)[:2], strict=True):
        if extra is not None and not _fits(extra.shape, scores):
            raise ValueError(f"dot_product_attention: the {name} of shape {extra.shape} does not broadcast to the "
                             f"scores (batch, heads, queries, keys) = {scores}.")  # fmt: skip
    return Spec((*q.shape[:3], v.shape[3]), q.dtype), scores


def _fits(shape, target) -> bool:
    return len(shape) == 4 and all(size in (1, wanted) for size, wanted in zip(shape, target, strict=True))


# ---- attention: q (b, t, h, d), k (b, s, h', d), v (b, s, h', e)[, bias][, mask][, state] -> y (b, t, h, e), ... ----


def _attention_shape(q, k, v, *extras, **params):
    y, scores = _check(q, k, v, *extras, **params)
    return y, Spec(scores[:3], q.dtype), Spec(scores[:3], q.dtype)


def _attention_reference(q, k, v, *extras, scale, is_causal, has_bias, has_mask, dropout=0.0):
    bias, mask, state = _extras(extras, has_bias, has_mask, dropout)
    group = q.shape[2] // k.shape[2]
    k, v = np.repeat(k, group, axis=2), np.repeat(v, group, axis=2)
    scores = np.einsum("bthd,bshd->bhts", q, k) * q.dtype.type(scale)
    scores = scores if bias is None else scores + bias
    hides = np.zeros(scores.shape, bool) if mask is None else np.broadcast_to(~mask, scores.shape)
    if is_causal:
        hides = hides | _later(q.shape[1], k.shape[1])
    scores = np.where(hides, q.dtype.type(hidden_score(q.dtype.name)), scores)
    top = scores.max(-1, initial=np.finfo(q.dtype).min)
    weights = np.exp(scores - top[..., None])
    with np.errstate(divide="ignore"):  # without a key the sum is 0, and so is y
        inverse = 1 / weights.sum(-1)
    kept = _kept(state, weights, dropout)
    return np.einsum("bhts,bshd->bthd", kept * weights * inverse[..., None], v), top, inverse


def _kept(state, weights, dropout):
    """What the weights are multiplied by, an array for arrays and a value for values."""
    if state is None:
        return 1
    op = random_bernoulli_op if isinstance(state, Value) else random_bernoulli_op.reference
    return op(state, shape=weights.shape, dtype=weights.dtype, **_keeping(dropout))[0]


def _kernel_arguments(q, k, v, *extras, scale, is_causal, has_bias, has_mask, dropout=0.0):
    """For both kernels: bias, mask and state, the integers (enum attention_ints) and the reals."""
    bias, mask, state = _extras(extras, has_bias, has_mask, dropout)
    (b, t, h, d), (_, s, key_heads, _) = q.shape, k.shape
    ints = [b, t, s, h, key_heads, d, v.shape[3], int(is_causal), *_strides(bias), *_strides(mask), int(dropout > 0)]
    return [bias, mask, state], ints, [scale, *_keeping(dropout).values()]


def _strides(extra):
    """Distances of neighbours along (batch, heads, queries, keys); 0 along what broadcasts."""
    if extra is None:
        return [0] * 4
    return [0 if size == 1 else math.prod(extra.shape[axis + 1 :]) for axis, size in enumerate(extra.shape)]


def _attention_lower(node, b):
    q, k, v, *extras = node.inputs
    y = node.outputs[0]
    if b.suffix(y) is None or y.size == 0 or k.size == 0:
        return False
    given, ints, reals = _kernel_arguments(q, k, v, *extras, **node.params)
    b.step(f"attention_{b.suffix(y)}", [q, k, v, *given, *node.outputs], ints, reals)
    return True


def _attention_grad(dys, ys, q, k, v, *extras, **params):
    (dy, dtop, dinverse), (y, top, inverse) = dys, ys
    if dtop is not None or dinverse is not None:
        return gradient_by_composition(_composed)(dys, ys, q, k, v, *extras, **params)
    dq, dk, dv = attention_grad_op(dy, q, k, v, y, top, inverse, *extras, **params)
    rest = [None] * len(extras)
    if params["has_bias"]:
        rest[0] = _sum_to(_score_gradient(dy, q, k, v, y, top, inverse, *extras, **params)[1], extras[0].shape)
    return dq, dk, dv, *rest


def _attention_rows(node, axes, _rows):
    """Queries, keys and values have rows; a bias and a mask may have one for all. What is dropped is drawn for all."""
    if node.params.get("dropout"):
        return False
    extras = zip(node.inputs[3:], axes[3:], strict=True)
    return axes[:3] == [0, 0, 0] and all(axis == 0 or (axis is None and x.shape[0] == 1) for x, axis in extras)


# top and inverse are the greatest score of each query and 1 / the sum of exp(score - top), both (b, h, t).
attention_op = Op(
    "attention",
    shape=_attention_shape,
    reference=_attention_reference,
    grad=_attention_grad,
    lower=_attention_lower,
    domain=uniform(-1, 1),
    rows=_attention_rows,
)


# ---- the same of products, whole matrices of scores at a time: for second derivatives, and a bias's gradient ----


def _by_head(x, heads: int):
    """(b, n, h', d) as (b, h, n, d), each key head repeated for the query heads that share it."""
    b, n, key_heads, d = x.shape
    group = heads // key_heads
    x = transpose(x, (0, 2, 1, 3))
    if group > 1:
        x = reshape(ew.multiply(expand_dims(x, 2), np.ones((1, 1, group, 1, 1), x.dtype)), (b, heads, n, d))
    return x


def _sum_to(x, shape):
    """`x` summed over the axes along which an input of `shape` was broadcast."""
    axes = tuple(k for k, size in enumerate(shape) if size == 1 and x.shape[k] != 1)
    return reduce.sum(x, axis=axes, keepdims=True) if axes else x


def _ungrouped(dx, key_heads: int):
    """(b, h, n, d) as (b, n, h', d), summed over the query heads that share a key head."""
    b, heads, n, d = dx.shape
    dx = reduce.sum(reshape(dx, (b, key_heads, heads // key_heads, n, d)), axis=2)
    return transpose(dx, (0, 2, 1, 3))


def _scores(q, k, *extras, scale, is_causal, has_bias, has_mask, dropout=0.0):
    """The scores (b, h, t, s), and where they are hidden (None: nowhere)."""
    bias, mask, _ = _extras(extras, has_bias, has_mask, dropout)
    heads = q.shape[2]
    scores = ew.multiply(matmul_op(_by_head(q, heads), _by_head(k, heads), transpose_b=True), scale)
    scores = scores if bias is None else ew.add(scores, bias)
    hides = None if mask is None else logical_not(mask)
    if is_causal:
        later = _later(q.shape[1], k.shape[1])
        hides = later if hides is None else logical_or(hides, later)
    return scores if hides is None else where(hides, hidden_score(q.dtype), scores), hides


def _dropped(x, *extras, scale, is_causal, has_bias, has_mask, dropout=0.0):
    """Values at the weights (b, h, t, s), with the dropout of the weights."""
    return ew.multiply(x, _kept(extras[-1], x, dropout)) if dropout else x


def _composed(q, k, v, *extras, **params):
    scores, _ = _scores(q, k, *extras, **params)
    top = reduce.max(scores, axis=-1)
    weights = ew.exp(ew.subtract(scores, expand_dims(top, -1)))
    inverse = ew.divide(1, reduce.sum(weights, axis=-1))
    p = _dropped(ew.multiply(weights, expand_dims(inverse, -1)), *extras, **params)
    y = matmul_op(p, _by_head(v, q.shape[2]))
    return transpose(y, (0, 2, 1, 3)), top, inverse


def _score_gradient(dy, q, k, v, y, top, inverse, *extras, **params):
    """The softmax P of the scores and the gradient of the scores before they are hidden, both (b, h, t, s):
    dS = P (dY V^T - sum over d of dY Y), and 0 where a score is hidden. dY V^T is by what of P is kept."""
    scores, hides = _scores(q, k, *extras, **params)
    p = ew.multiply(ew.exp(ew.subtract(scores, expand_dims(top, -1))), expand_dims(inverse, -1))
    heads = q.shape[2]
    dp = _dropped(matmul_op(_by_head(dy, heads), _by_head(v, heads), transpose_b=True), *extras, **params)
    mean = transpose(reduce.sum(ew.multiply(dy, y), axis=-1, keepdims=True), (0, 2, 1, 3))
    ds = ew.multiply(p, ew.subtract(dp, mean))
    return p, ds if hides is None else where(hides, 0, ds)


def _grad_composed(dy, q, k, v, y, top, inverse, *extras, **params):
    p, ds = _score_gradient(dy, q, k, v, y, top, inverse, *extras, **params)
    heads, key_heads = q.shape[2], k.shape[2]
    ds, p = ew.multiply(ds, params["scale"]), _dropped(p, *extras, **params)
    dq = transpose(matmul_op(ds, _by_head(k, heads)), (0, 2, 1, 3))
    dk = _ungrouped(matmul_op(ds, _by_head(q, heads), transpose_a=True), key_heads)
    dv = _ungrouped(matmul_op(p, _by_head(dy, heads), transpose_a=True), key_heads)
    return dq, dk, dv


# ---- attention_grad: dy, q, k, v, y, top, inverse[, bias][, mask][, state] -> dq, dk, dv ----


def _attention_grad_reference(dy, q, k, v, y, top, inverse, *extras, scale, is_causal, has_bias, has_mask, dropout=0.0):
    bias, mask, state = _extras(extras, has_bias, has_mask, dropout)
    key_heads, group = k.shape[2], q.shape[2] // k.shape[2]
    wide_k, wide_v = np.repeat(k, group, axis=2), np.repeat(v, group, axis=2)
    scores = np.einsum("bthd,bshd->bhts", q, wide_k) * q.dtype.type(scale)
    scores = scores if bias is None else scores + bias
    sees = np.ones(scores.shape, bool) if mask is None else np.broadcast_to(mask, scores.shape)
    if is_causal:
        sees = sees & ~_later(q.shape[1], k.shape[1])
    scores = np.where(sees, scores, q.dtype.type(hidden_score(q.dtype.name)))
    p = np.exp(scores - top[..., None]) * inverse[..., None]
    kept = _kept(state, p, dropout)
    dp = kept * np.einsum("bthe,bshe->bhts", dy, wide_v)
    ds = sees * p * (dp - (dy * y).sum(-1).swapaxes(1, 2)[..., None]) * q.dtype.type(scale)

    def of_keys(dx):
        return dx.reshape(*dx.shape[:2], key_heads, group, dx.shape[3]).sum(3)

    dk, dv = np.einsum("bhts,bthd->bshd", ds, q), np.einsum("bhts,bthe->bshe", kept * p, dy)
    return np.einsum("bhts,bshd->bthd", ds, wide_k), of_keys(dk), of_keys(dv)


def _attention_grad_lower(node, b):
    dy, q, k, v, y, top, inverse, *extras = node.inputs
    dq = node.outputs[0]
    if b.suffix(dq) is None or y.size == 0 or k.size == 0:
        return False
    given, ints, reals = _kernel_arguments(q, k, v, *extras, **node.params)
    b.step(f"attention_grad_{b.suffix(dq)}", [dy, q, k, v, y, top, inverse, *given, *node.outputs], ints, reals)
    return True


attention_grad_op = Op(
    "attention_grad",
    shape=lambda dy, q, k, v, *rest, **params: (q, k, v),
    reference=_attention_grad_reference,
    grad=gradient_by_composition(_grad_composed),
    lower=_attention_grad_lower,
)


# ---- what layers use ----


def attend(
    query, key, value, mask=None, scale=None, is_causal=False, zeros_where_blind=False, dropout=0.0, seed_generator=None
):
    """`dot_product_attention` of values that are being traced or arrays, with a choice of what a blind query gets, and
    dropout of the weights.

    Args:
        query, key, value, scale, is_causal: as of `dot_product_attention`.
        mask: bools of four dimensions that broadcast to (batch, heads, queries, keys), or None.
        zeros_where_blind: whether a query that may see no key gets zeros, as from a masked softmax whose weights are
            all zero, and not the mean of all values.
        dropout: the share of weights that are set to zero; the others are divided by `1 - dropout`. Which ones is as
            `random.dropout` of all weights, (batch, heads, queries, keys), has it.
        seed_generator: of the dropout; it is advanced.
    """
    query, key, value = in_one_dtype(query, key, value)
    scale = 1 / math.sqrt(max(shape_of(query)[3], 1)) if scale is None else float(scale)
    extras = [] if mask is None else [mask]
    if dropout:
        extras.append(seed_generator.next())
    y, top, _ = attention_op(
        query, key, value, *extras, scale=scale, is_causal=bool(is_causal), has_bias=False, has_mask=mask is not None,
        dropout=float(dropout),
    )  # fmt: skip
    if mask is None or not zeros_where_blind:
        return y
    sees = greater(top, hidden_score(dtype_of(top)))
    return where(expand_dims(transpose(sees, (0, 2, 1)), -1), y, 0)


# ---- Keras's function ----


def _in_four_dimensions(extra):
    """A bias or mask with axes of size 1 before its own."""
    shape = shape_of(extra)
    return extra if len(shape) >= 4 else reshape(extra, (*[1] * (4 - len(shape)), *shape))


@accepts_symbolic
def dot_product_attention(
    query, key, value, bias=None, mask=None, scale=None, is_causal=False, flash_attention=None,
    attn_logits_soft_cap=None,
):  # fmt: skip
    """`softmax(scale * query key^T + bias) value` for each head (Vaswani et al. 2017), with no whole matrix of scores.

    Scores are computed block by block and summed with a running softmax (Dao et al. 2022); the gradient computes them
    again. The gradient by `bias` alone does make the matrix, as large as the bias that it is for.

    Args:
        query: array of shape (batch, queries, heads, dim).
        key: array of shape (batch, keys, key_heads, dim), where `heads` is a multiple of `key_heads`: each key head
            serves as many neighbouring heads of the query.
        value: array of shape (batch, keys, key_heads, value_dim).
        bias: array that broadcasts to (batch, heads, queries, keys), or None; added to the scores.
        mask: array of bools that broadcasts likewise, or None: True where a query may see a key. A query that may see
            none takes the mean of all values.
        scale: number; `1 / sqrt(dim)` by default.
        is_causal: whether query number t sees keys 0 to t only.
        flash_attention: kept for Keras's signature; what is computed does not depend on it.
        attn_logits_soft_cap: must be None, as in Keras on a CPU.

    Returns:
        Array of shape (batch, queries, heads, value_dim).

    Raises:
        ValueError: when shapes do not fit, or for an `attn_logits_soft_cap`.

    Example:
        >>> x = np.ones((1, 3, 2, 4), "float32")
        >>> dot_product_attention(x, x, x, is_causal=True).shape
        (1, 3, 2, 4)
    """
    if attn_logits_soft_cap is not None:
        raise ValueError("dot_product_attention: `attn_logits_soft_cap` is only supported on TPUs; set it to None. "
                         f"Received: {attn_logits_soft_cap}")  # fmt: skip
    shapes = tuple(shape_of(x) for x in (query, key, value))
    if any(len(shape) != 4 for shape in shapes):
        raise ValueError("`dot_product_attention` only supports 4D inputs. Received: query.shape={}, key.shape={}, "
                         "value.shape={}.".format(*shapes))  # fmt: skip
    query, key, value = in_one_dtype(query, key, value)
    extras = []
    if bias is not None:
        extras.append(_in_four_dimensions(ew.cast(bias, query.dtype)))
    if mask is not None:
        extras.append(_in_four_dimensions(ew.cast(as_operand(mask), "bool")))
    scale = 1 / math.sqrt(max(shapes[0][3], 1)) if scale is None else float(scale)
    return attention_op(
        query, key, value, *extras, scale=scale, is_causal=bool(is_causal), has_bias=bias is not None,
        has_mask=mask is not None,
    )[0]  # fmt: skip
