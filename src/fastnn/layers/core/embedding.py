"""Embedding: a vector for each index."""

from fastnn import constraints, initializers, ops, regularizers
from fastnn.graph.dtypes import is_integer
from fastnn.layers.core.quantized import Kept, Quantized
from fastnn.layers.layer import Layer
from fastnn.ops.record import dtype_of


class Embedding(Quantized, Layer):
    """Row `inputs[...]` of a table.

    Args:
        input_dim: int: how many rows the table has; indices are below it.
        output_dim: int: the size of a row.
        embeddings_initializer, embeddings_regularizer, embeddings_constraint: of the table.
        mask_zero: whether index 0 stands for "nothing here": `compute_mask` says where.
        weights: a list with the table, instead of the initializer.
        lora_rank: int: the table is frozen, and a product of two matrices of this rank trained instead; see
            `enable_lora`.
        lora_alpha: the product is scaled by `lora_alpha / lora_rank`; `lora_rank` by default.
        quantization_config: a `QuantizationConfig`: how a quantized `dtype`, such as "int8_from_float32", keeps weights
            and rounds inputs; see `quantize`.

    Input shape:
        (batch, ...): integers

    Output shape:
        (batch, ..., output_dim)

    Weights: embeddings (input_dim, output_dim).

    Raises:
        ValueError: for sizes that are no positive ints.

    Example:
        >>> fastnn.layers.Embedding(10, 4)(np.array([[1, 2, 3]])).shape
        (1, 3, 4)
    """

    _adapted = "embeddings"

    def __init__(
        self, input_dim, output_dim, embeddings_initializer="uniform", embeddings_regularizer=None,
        embeddings_constraint=None, mask_zero=False, weights=None, lora_rank=None, lora_alpha=None,
        quantization_config=None, **kwargs,
    ):  # fmt: skip
        input_length = kwargs.pop("input_length", None)  # Keras 2
        if input_length is not None and "input_shape" not in kwargs:
            kwargs["input_shape"] = (input_length,)
        for name, value in (("input_dim", input_dim), ("output_dim", output_dim)):
            if not isinstance(value, int) or value <= 0:
                raise ValueError(
                    f"`{name}` must be a positive integer. Received: {name}={value} (of type {type(value).__name__})."
                )
        super().__init__(**kwargs)
        self.input_dim = input_dim
        self.output_dim = output_dim
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self.mask_zero = mask_zero
        self.supports_masking = mask_zero
        self.autocast = False
        self._set_lora(lora_rank, lora_alpha)
        self._set_quantization(quantization_config)
        if weights is not None:
            self.build()
            self.set_weights(weights if isinstance(weights, list) else [weights])

    def build(self, input_shape=None):
        self._build_weight(
            (self.input_dim, self.output_dim), self.embeddings_initializer, name="embeddings",
            regularizer=self.embeddings_regularizer, constraint=self.embeddings_constraint,
        )  # fmt: skip
        self._build_lora()

    @property
    def embeddings(self):
        """The table (input_dim, output_dim): with LoRA, as it acts; a quantized one as integers."""
        return self._merged_weight()

    def call(self, inputs):
        if not is_integer(dtype_of(inputs)):
            inputs = ops.cast(inputs, "int32")
        if self.quantization_mode is None:
            rows = ops.take(self._weight, inputs, axis=0)
        else:
            kept = self._kept_weights()[0]
            rows = kept.rows(self._parts(kept), self.quantization_mode, inputs, self.compute_dtype)
        if not self.lora_enabled:
            return rows
        # The rows that are asked for, not the whole table.
        return rows + self._lora_scale() * ops.matmul(ops.take(self._lora_a, inputs, axis=0), self._lora_b)

    def _kept_weights(self):
        shape = (self.input_dim, self.output_dim)
        return [Kept("embeddings", "_weight", shape, (1,), shape, axis=1)]

    @property
    def input_dtype(self):
        return "int32"

    def compute_mask(self, inputs, mask=None):
        return ops.not_equal(inputs, 0) if self.mask_zero else None

    def get_config(self):
        return {
            **super().get_config(),
            "input_dim": self.input_dim,
            "output_dim": self.output_dim,
            "embeddings_initializer": initializers.serialize(self.embeddings_initializer),
            "embeddings_regularizer": regularizers.serialize(self.embeddings_regularizer),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "embeddings_constraint": constraints.serialize(self.embeddings_constraint),
            "mask_zero": self.mask_zero,
            **self._quantization_config(),
            **self._lora_config(),
        }
