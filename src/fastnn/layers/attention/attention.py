"""Attention: each query takes a mean of the values, weighted by how well their keys fit."""

import math

from fastnn import ops, random
from fastnn.layers.layer import Layer
from fastnn.ops.attention import attend, hidden_score


class Attention(Layer):
    """`softmax(scores) value`, with `scores = scale * query key^T` (Luong et al. 2015) or, with `score_mode="concat"`,
    `scores = weight * sum(tanh(scale * (query + key)))`.

    The scores of "dot" are made block by block and never all at once, unless they are returned.

    Args:
        use_scale: whether there is a trained scale, which begins at 1.
        score_mode: "dot" or "concat".
        dropout: in training, the share of weights that are set to zero.
        seed: int or None, of the dropout.

    Call arguments:
        inputs: list of query (batch, queries, dim), value (batch, keys, value_dim) and, unless it is the value, key
            (batch, keys, dim).
        mask: list of masks of query (batch, queries) and value (batch, keys); each may be None. Where the query's is
            False the output is zero, where the value's is False nobody sees the value.
        training: whether dropout is on.
        return_attention_scores: whether the weights are returned too.
        use_causal_mask: whether query number t sees keys 0 to t only.

    Output shape:
        (batch, queries, value_dim); then, if asked for, the weights (batch, queries, keys)

    Weights: scale: () with `use_scale`; concat_score_weight: () with "concat".

    Raises:
        ValueError: for another score_mode, inputs that are no list of two or three, or other masks.

    Example:
        >>> query, value = np.zeros((1, 2, 3), "float32"), np.eye(3, dtype="float32")[None]
        >>> fastnn.layers.Attention()([query, value]).round(2)
        array([[[0.33, 0.33, 0.33],
                [0.33, 0.33, 0.33]]], dtype=float32)
    """

    def __init__(self, use_scale=False, score_mode="dot", dropout=0.0, seed=None, **kwargs):
        super().__init__(**kwargs)
        if score_mode not in ("dot", "concat"):
            raise ValueError(
                f"Invalid value for argument score_mode. Expected one of ('dot', 'concat'). Received: "
                f"score_mode={score_mode}"
            )
        self.use_scale = use_scale
        self.score_mode = score_mode
        self.dropout = dropout
        self.seed = seed
        self.seed_generator = random.SeedGenerator(seed) if dropout > 0 else None
        self.supports_masking = True
        self.scale = self.concat_score_weight = None

    def build(self, input_shape):
        self._check_inputs(input_shape)
        if self.use_scale:
            self.scale = self.add_weight((), "ones", name="scale")
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight((), "ones", name="concat_score_weight")

    def call(self, inputs, mask=None, training=False, return_attention_scores=False, use_causal_mask=False):
        self._check_inputs(inputs, mask)
        query, value = inputs[:2]
        key = inputs[-1]
        query_mask, value_mask = (None, None) if mask is None else mask[:2]
        dropout = self.dropout if training else 0.0
        if self._needs_scores() or return_attention_scores:
            weights = self._weights(query, key, value_mask, use_causal_mask)
            if dropout:
                weights = random.dropout(weights, dropout, seed=self.seed_generator)
            y = ops.matmul(weights, value)
        else:
            weights, y = None, self._attend(query, key, value, value_mask, use_causal_mask, dropout)
        if query_mask is not None:
            y = y * ops.expand_dims(ops.cast(query_mask, y.dtype), -1)
        return (y, weights) if return_attention_scores else y

    def _needs_scores(self) -> bool:
        return self.score_mode != "dot"

    def _attend(self, query, key, value, value_mask, is_causal, dropout):
        """Without scores in memory: one head, and the leading axes as one batch."""
        query = query if self.scale is None else query * self.scale
        lead = query.shape[:-2]
        query, key, value = (
            ops.reshape(x, (math.prod(x.shape[:-2]), x.shape[-2], 1, x.shape[-1])) for x in (query, key, value)
        )
        if value_mask is not None:
            value_mask = ops.reshape(ops.cast(value_mask, "bool"), (key.shape[0], 1, 1, key.shape[1]))
        y = attend(
            query, key, value, value_mask, scale=1.0, is_causal=is_causal, dropout=dropout,
            seed_generator=self.seed_generator,
        )  # fmt: skip
        return ops.reshape(y, (*lead, y.shape[1], y.shape[3]))

    def _weights(self, query, key, value_mask, is_causal):
        scores = self._scores(query, key)
        if value_mask is not None:
            seen = ops.expand_dims(ops.cast(value_mask, "bool"), -2)
            scores = ops.where(seen, scores, hidden_score(scores.dtype))
        if is_causal:
            earlier = ops.tril(ops.ones(scores.shape[-2:], "bool"))
            scores = ops.where(earlier, scores, hidden_score(scores.dtype))
        return ops.softmax(scores)

    def _scores(self, query, key):
        """(..., queries, keys)"""
        if self.score_mode == "dot":
            scores = ops.matmul(query, ops.swapaxes(key, -1, -2))
            return scores if self.scale is None else scores * self.scale
        both = ops.expand_dims(query, -2) + ops.expand_dims(key, -3)
        both = both if self.scale is None else both * self.scale
        return self.concat_score_weight * ops.sum(ops.tanh(both), axis=-1)

    def _check_inputs(self, inputs, mask=None):
        name = type(self).__name__
        expected = "[query, value] or [query, value, key]"
        if not isinstance(inputs, list):
            raise ValueError(
                f"{name} layer must be called on a list of inputs, namely {expected}. Received: inputs={inputs}."
            )
        if len(inputs) not in (2, 3):
            raise ValueError(
                f"{name} layer accepts inputs list of length 2 or 3, namely {expected}. Received length: {len(inputs)}."
            )
        if mask is None:
            return
        if not isinstance(mask, list):
            raise ValueError(
                f"{name} layer mask must be a list, namely [query_mask, value_mask]. Received: mask={mask}."
            )
        if not 2 <= len(mask) <= len(inputs):
            raise ValueError(
                f"{name} layer accepts mask list of length 2 or 3, and no longer than the inputs. Received: "
                f"{len(inputs)} inputs, mask list of length {len(mask)}."
            )

    def compute_mask(self, inputs, mask=None):
        """The query's mask."""
        self._check_inputs(inputs, mask)
        return None if mask is None else mask[0]

    def get_config(self):
        return {
            **super().get_config(),
            "use_scale": self.use_scale,
            "score_mode": self.score_mode,
            "dropout": self.dropout,
            "seed": self.seed,
        }
