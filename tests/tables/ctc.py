"""Connectionist temporal classification: targets that fit, that fill all steps, that are empty, that are too long."""

import numpy as np

from tests.tables import OpCase, rows

LABELS = np.array([[1, 2, 2], [3, 0, 0], [1, 1, 1]], "int32")
LOGITS = rows(3, 6, 5)


def loss(label_counts, steps, gradient=True, **kwargs):
    counts = np.array(label_counts, "int32"), np.array(steps, "int32")
    return OpCase("ctc_loss", (LABELS, LOGITS, *counts), kwargs, gradient=gradient)


def decode(inputs, steps, **kwargs):
    return OpCase("ctc_decode", (inputs, np.array(steps, "int32")), kwargs)


OPS = [
    loss([3, 1, 3], [6, 6, 5]),
    loss([3, 1, 2], [4, 1, 4], mask_index=4),
    loss([0, 0, 3], [6, 0, 6]),
    loss([3, 1, 3], [2, 6, 4], gradient=False),  # near 1e5, where Keras's float32 has a step of 0.008
    decode(LOGITS, [6, 4, 1]),
    decode(LOGITS, [6, 6, 3], merge_repeated=False, mask_index=2),
    decode(LOGITS, [6, 4, 1], strategy="beam_search"),
    decode(LOGITS, [6, 4, 5], strategy="beam_search", beam_width=3, top_paths=2, mask_index=4),
    decode(rows(2, 9, 3), [9, 8], strategy="beam_search", beam_width=2, top_paths=2, merge_repeated=False),
]
