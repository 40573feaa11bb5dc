"""Attention: the op and the layers."""

import numpy as np

from tests.tables import BadCase, OpCase, rows

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
]
