"""Attention: the op and the layers."""

import numpy as np

from tests.tables import BadCase, LayerCase, MaskCase, OpCase, rows

QUERY, KEY, VALUE = rows(2, 3, 2, 4), rows(2, 5, 2, 4), rows(2, 5, 2, 4, seed=8)
SEEN = rows(2, 1, 3, 5) < 0.3
BLIND = np.zeros((1, 1, 3, 5), bool)


def attention(*args, **kwargs):
    return OpCase("dot_product_attention", args or (QUERY, KEY, VALUE), kwargs, gradient=True)


OPS = [
    attention(),
    attention(is_causal=True),
    attention(scale=0.3, flash_attention=False),
    attention(mask=SEEN),
    attention(mask=SEEN[0, 0], is_causal=True),
    attention(mask=BLIND),
    attention(mask=BLIND, is_causal=True),
    attention(bias=rows(2, 1, 5)),
    attention(bias=rows(2, 2, 3, 5), mask=SEEN),
    attention(QUERY, QUERY, QUERY, is_causal=True),
]

X, Y, KEYS = rows(2, 3, 6), rows(2, 5, 6), rows(2, 5, 6, seed=9)
VALUES = rows(2, 5, 7)
FRAMES, OTHERS = rows(2, 3, 4, 6), rows(2, 3, 5, 6)
SEES = (rows(2, 3, 5) < 0.3) | (np.arange(5) == 1)
BLIND_ROW = SEES & (np.arange(3) != 1)[:, None]
KNOWN = (rows(2, 5, seed=3) < 0.5) | (np.arange(5) == 0)


def heads(name, arguments, query, value, call, gradient=True):
    # A bias of the keys adds the same to all scores of a query.
    call = {"value": value, **call}
    return LayerCase(name, arguments, query, call, gradient=gradient, flat=("/key/bias",))


def multi_head(arguments, query=X, value=Y, gradient=True, **call):
    return heads("MultiHeadAttention", {"num_heads": 2, "key_dim": 3, **arguments}, query, value, call, gradient)


def grouped(arguments, query=X, value=Y, **call):
    sizes = {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}
    return heads("GroupQueryAttention", {**sizes, **arguments}, query, value, call)


LAYERS = [
    LayerCase("Attention", {}, [X, Y]),
    LayerCase("Attention", {"use_scale": True}, [X, VALUES, Y], {"use_causal_mask": True}),
    LayerCase("Attention", {"use_scale": True, "score_mode": "concat"}, [X, Y, KEYS]),
    LayerCase("Attention", {"score_mode": "concat", "seed": 3, "dropout": 0.5}, [X, Y], {"use_causal_mask": True}),
    LayerCase("Attention", {"dropout": 0.5}, [X, Y], {"return_attention_scores": True}),
    LayerCase("Attention", {}, [X, Y], {"mask": [SEES[:, :, 0], KNOWN]}),
    # By a blind query's scores Keras has a gradient, although they change nothing that is seen.
    LayerCase("Attention", {}, [X, Y], {"mask": [None, KNOWN & False], "use_causal_mask": True}, gradient=False),
    LayerCase("Attention", {}, [X, Y], {"mask": [SEES[:, :, 0], KNOWN], "return_attention_scores": True}),
    LayerCase("Attention", {}, [FRAMES, OTHERS]),
    LayerCase("AdditiveAttention", {}, [X, Y]),
    LayerCase("AdditiveAttention", {"use_scale": False}, [X, VALUES, KEYS], {"return_attention_scores": True}),
    LayerCase("AdditiveAttention", {"dropout": 0.5}, [X, Y], {"mask": [SEES[:, :, 0], KNOWN], "use_causal_mask": True}),
    multi_head({}),
    # Keras on JAX has no such attention unless it returns scores.
    multi_head({"value_dim": 5}, X, VALUES, gradient=False, key=KEYS),
    multi_head({"value_dim": 5, "kernel_regularizer": "l2"}, X, VALUES, key=KEYS, return_attention_scores=True),
    multi_head({"use_bias": False}, X, VALUES, key=KEYS),
    multi_head({"output_shape": 4, "bias_initializer": "ones"}, use_causal_mask=True),
    multi_head({"output_shape": (2, 4), "use_gate": True}),
    multi_head({"activity_regularizer": "l2", "kernel_constraint": "max_norm"}),
    multi_head({"dropout": 0.5, "seed": 4}, attention_mask=SEES),
    multi_head({}, attention_mask=SEES, value_mask=KNOWN),
    multi_head({}, key=KEYS, key_mask=KNOWN, query_mask=SEES[:, :, 0]),
    multi_head({}, return_attention_scores=True, attention_mask=SEES[:, None], use_causal_mask=True),
    multi_head({}, attention_mask=BLIND_ROW),
    multi_head({"dropout": 0.5}, attention_mask=BLIND_ROW),
    multi_head({}, attention_mask=BLIND_ROW, return_attention_scores=True),
    multi_head({"sliding_window": 2}, Y, Y),
    multi_head({"sliding_window": 3}, Y, Y, use_causal_mask=True, return_attention_scores=True),
    multi_head({"attention_axes": (2,)}, FRAMES, OTHERS),
    multi_head({"attention_axes": 2}, FRAMES, OTHERS, return_attention_scores=True),
    multi_head({"attention_axes": 1}, rows(2, 3, 4, 6), rows(2, 5, 4, 6), attention_mask=rows(2, 4, 3, 5) > 0),
    multi_head({}, FRAMES, rows(2, 2, 4, 6), return_attention_scores=True),
    multi_head({}, FRAMES, rows(2, 2, 4, 6), attention_mask=rows(2, 3, 4, 2, 4) > 0),
    grouped({}),
    grouped({"num_key_value_heads": 1, "use_bias": False, "seed": 2}, X, VALUES, key=KEYS),
    grouped({"use_gate": True, "dropout": 0.5, "bias_regularizer": "l1"}, attention_mask=SEES, use_causal_mask=True),
    grouped({"activity_regularizer": "l2"}, value_mask=KNOWN),
    grouped({"sliding_window": 2}, Y, Y, return_attention_scores=True),
    grouped({}, attention_mask=BLIND_ROW, return_attention_scores=True),
    grouped({}, attention_mask=BLIND_ROW),
]

MASKS = [
    MaskCase("Attention", {}, [X, Y], [SEES[:, :, 0], KNOWN]),
    MaskCase("Attention", {}, [X, Y], [None, KNOWN]),
    MaskCase("AdditiveAttention", {}, [X, Y], [SEES[:, :, 0], None]),
]

BAD = [
    BadCase(
        "dot_product_attention rank", lambda k: k.ops.dot_product_attention(QUERY[0], KEY[0], VALUE[0]), "4D inputs"
    ),
    BadCase(
        "dot_product_attention soft cap",
        lambda k: k.ops.dot_product_attention(QUERY, KEY, VALUE, attn_logits_soft_cap=1.0),
        "attn_logits_soft_cap",
    ),
    BadCase(
        "dot_product_attention depth", lambda k: k.ops.dot_product_attention(QUERY[..., :3], KEY, VALUE), "dimensions"
    ),
    BadCase("Attention score_mode", lambda k: k.layers.Attention(score_mode="sum"), "score_mode=sum"),
    BadCase("Attention of an array", lambda k: k.layers.Attention()(X), "[query, value, key]"),
    BadCase("Attention of one", lambda k: k.layers.Attention()([X]), "Received length: 1"),
    BadCase("Attention mask", lambda k: k.layers.Attention()([X, Y], mask=KNOWN), "mask must be a list"),
    BadCase("Attention masks", lambda k: k.layers.Attention()([X, Y], mask=[KNOWN]), "mask list of length"),
    BadCase("AdditiveAttention of one", lambda k: k.layers.AdditiveAttention()([X]), "Received length: 1"),
    BadCase("MultiHeadAttention num_heads", lambda k: k.layers.MultiHeadAttention(0, 3), "num_heads=0"),
    BadCase("MultiHeadAttention key_dim", lambda k: k.layers.MultiHeadAttention(2, 0), "key_dim=0"),
    BadCase("MultiHeadAttention value_dim", lambda k: k.layers.MultiHeadAttention(2, 3, value_dim=0), "value_dim=0"),
    BadCase("MultiHeadAttention output_shape", lambda k: k.layers.MultiHeadAttention(2, 3, output_shape=0.5), "0.5"),
    BadCase("MultiHeadAttention axes", lambda k: k.layers.MultiHeadAttention(2, 3, attention_axes="x"), "axes=x"),
    BadCase(
        "MultiHeadAttention window",
        lambda k: k.layers.MultiHeadAttention(2, 3, sliding_window=1.5),
        "sliding_window=1.5",
    ),
    BadCase(
        "MultiHeadAttention flash dropout",
        lambda k: k.layers.MultiHeadAttention(2, 3, flash_attention=True, dropout=0.1),
        "Dropout",
    ),
    BadCase(
        "MultiHeadAttention flash scores",
        lambda k: k.layers.MultiHeadAttention(2, 3, flash_attention=True)(X, Y, return_attention_scores=True),
        "scores",
    ),
    BadCase("MultiHeadAttention key", lambda k: k.layers.MultiHeadAttention(2, 3)(X, Y, X), "value_shape=(2, 5, 6)"),
    BadCase(
        "MultiHeadAttention mask", lambda k: k.layers.MultiHeadAttention(2, 3)(X, Y, attention_mask=SEES[:, :2]), ""
    ),
    BadCase("GroupQueryAttention heads", lambda k: k.layers.GroupQueryAttention(3, 4, 3), "divisible"),
    BadCase("GroupQueryAttention key", lambda k: k.layers.GroupQueryAttention(3, 4, 2)(X, Y, X), "(2, 3, 6)"),
]
