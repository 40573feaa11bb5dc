"""Core layers."""

import numpy as np

from tests.tables import BadCase, LayerCase, MaskCase, rows

IMAGES = rows(2, 6, 5, 4)
SEQUENCES = rows(2, 7, 3)
ROWS = rows(3, 4)
INDICES = np.array([[0, 3, 1], [2, 2, 0]])

# Indices given as floats are cut off to integers: differences see the jumps, the rule is zero.
LAYERS = [
    LayerCase("Dense", {"units": 3}, ROWS),
    LayerCase("Dense", {"units": 3, "activation": "tanh", "use_bias": False, "kernel_regularizer": "l2"}, SEQUENCES),
    LayerCase(
        "Dense", {"units": 2, "activity_regularizer": "l1", "kernel_constraint": "max_norm", "name": "d"}, IMAGES
    ),
    LayerCase("Embedding", {"input_dim": 5, "output_dim": 3}, INDICES),
    LayerCase(
        "Embedding",
        {"input_dim": 5, "output_dim": 3, "embeddings_regularizer": "l2"},
        INDICES.astype("float32"),
        gradient=False,
    ),
    LayerCase("Dense", {"units": 3, "lora_rank": 2, "kernel_regularizer": "l2"}, SEQUENCES),
    LayerCase("Embedding", {"input_dim": 5, "output_dim": 3, "lora_rank": 2}, INDICES),
    LayerCase("EinsumDense", {"equation": "ab,bc->ac", "output_shape": 5, "bias_axes": "c"}, ROWS),
    LayerCase("EinsumDense", {"equation": "ab,bc->ac", "output_shape": 5, "lora_rank": 2, "lora_alpha": 8}, ROWS),
    LayerCase(
        "EinsumDense",
        {"equation": "abc,cde->abde", "output_shape": (None, 3, 2), "bias_axes": "d", "activation": "tanh"},
        SEQUENCES,
    ),
    LayerCase("EinsumDense", {"equation": "abc,bd->adc", "output_shape": (4, None), "bias_axes": "d"}, SEQUENCES),
    LayerCase("EinsumDense", {"equation": "...x,xy->...y", "output_shape": 5, "bias_axes": "y"}, SEQUENCES),
    LayerCase("EinsumDense", {"equation": "ab...,bc->ac...", "output_shape": 5, "bias_axes": "c"}, IMAGES),
    LayerCase("EinsumDense", {"equation": "btnh,nhd->btd", "output_shape": (None, 8), "bias_axes": "d"}, IMAGES),
    LayerCase("EinsumDense", {"equation": "...bc,cde->...bde", "output_shape": (5, 3, 2), "bias_axes": "de"}, IMAGES),
    LayerCase("ReversibleEmbedding", {"input_dim": 5, "output_dim": 3}, INDICES),
    LayerCase("ReversibleEmbedding", {"input_dim": 5, "output_dim": 3}, SEQUENCES, {"reverse": True}),
    LayerCase(
        "ReversibleEmbedding",
        {"input_dim": 5, "output_dim": 3, "tie_weights": False, "logit_soft_cap": 0.5, "embeddings_regularizer": "l2"},
        SEQUENCES,
        {"reverse": True},
    ),
    LayerCase("Identity", {}, ROWS),
    LayerCase("Masking", {}, SEQUENCES),
    LayerCase("Masking", {"mask_value": 1}, INDICES.astype("float32"), gradient=False),
]

STEPS = np.array([[1, 1, 0, 1, 0, 0, 0], [1, 0, 0, 0, 0, 1, 1]], bool)

MASKS = [
    MaskCase("Dense", {"units": 3}, SEQUENCES, STEPS),
    MaskCase("Dense", {"units": 3}, SEQUENCES, None),
    MaskCase("Embedding", {"input_dim": 5, "output_dim": 3, "mask_zero": True}, INDICES, None),
    MaskCase("Embedding", {"input_dim": 5, "output_dim": 3}, INDICES, INDICES > 1),
    MaskCase("Identity", {}, SEQUENCES, STEPS),
    MaskCase("EinsumDense", {"equation": "abc,cd->abd", "output_shape": (None, 3)}, SEQUENCES, STEPS),
    MaskCase("ReversibleEmbedding", {"input_dim": 5, "output_dim": 3, "mask_zero": True}, INDICES, None),
    MaskCase(
        "ReversibleEmbedding", {"input_dim": 5, "output_dim": 3, "mask_zero": True}, SEQUENCES, STEPS, {"reverse": True}
    ),
    MaskCase("Lambda", lambda k: {"function": lambda x: x * 2, "mask": lambda x, mask: mask}, SEQUENCES, STEPS),
    MaskCase("Lambda", lambda k: {"function": lambda x: x * 2}, SEQUENCES, STEPS),
    MaskCase(
        "Lambda",
        lambda k: {"function": lambda x, mask=None: x if mask is None else x * 3},
        SEQUENCES,
        STEPS,
    ),
    MaskCase("Masking", {}, SEQUENCES * STEPS[..., None], None),
    MaskCase("Masking", {}, SEQUENCES * STEPS[..., None], ~STEPS),
    MaskCase("Masking", {"mask_value": 2.0}, np.float32([[[2, 2], [2, 1]], [[0, 0], [2, 2]]]), None),
]


def _einsum(k, equation, output_shape):
    layer = k.layers.EinsumDense(equation, output_shape, bias_axes="z" if output_shape == 3 else None)
    layer.build((2, 5, 4) if equation.startswith("abc") else (2, 3))


BAD = [
    BadCase("Dense units", lambda k: k.layers.Dense(0), "units"),
    BadCase("LoRA before build", lambda k: k.layers.Dense(3).enable_lora(2), "built"),
    BadCase("LoRA and a constraint", lambda k: k.layers.Dense(3, kernel_constraint="non_neg").enable_lora(2), "constr"),
    BadCase(
        "LoRA twice", lambda k: (d := k.layers.Dense(3, lora_rank=2), d.build((2, 4)), d.enable_lora(2)), "already"
    ),
    BadCase("Wrapper of no layer", lambda k: k.layers.Wrapper(3), "Wrapper"),
    *(
        BadCase(f"EinsumDense {equation} {shape}", lambda k, a=(equation, shape): _einsum(k, *a), mentions)
        for equation, shape, mentions in [
            ("abc->a", 3, "equation"),
            ("ab,bc->ca", 4, "dimension 'a'"),
            ("abc,cd->ab", (None,), "'d'"),
            ("ab,bc->ac", 3, "'z'"),
            ("abc,cd->abd", (3, 3), "dimension 'b'"),
        ]
    ),
]
