"""ReversibleEmbedding: a vector for each index, and the way back from vectors to a score for each index."""

from fastnn import ops
from fastnn.graph.masks import set_keras_mask
from fastnn.graph.symbolic import KerasTensor
from fastnn.layers.core.embedding import Embedding
from fastnn.layers.core.quantized import Kept


class ReversibleEmbedding(Embedding):
    """An `Embedding` whose table also projects back: `inputs @ transpose(embeddings)` (Press and Wolf 2016).

    Args:
        input_dim: int: how many rows the table has; indices are below it.
        output_dim: int: the size of a row.
        tie_weights: whether the way back uses the same table; otherwise it has a weight of its own.
        embeddings_initializer, embeddings_regularizer, embeddings_constraint: of the tables.
        mask_zero: whether index 0 stands for "nothing here": the outputs get a mask that says where.
        reverse_dtype: in which the way back is computed; the layer's by default.
        logit_soft_cap: the scores are kept below it in size: `tanh(scores / cap) * cap`; None for no cap.

    Call arguments:
        inputs: indices, or vectors when `reverse`.
        reverse: whether to go back.

    Input shape:
        (batch, ...): integers; (batch, ..., output_dim) when `reverse`

    Output shape:
        (batch, ..., output_dim); (batch, ..., input_dim) when `reverse`

    Weights: embeddings (input_dim, output_dim), reverse_embeddings (output_dim, input_dim) unless tied.

    Example:
        >>> layer = fastnn.layers.ReversibleEmbedding(10, 4)
        >>> vectors = layer(np.array([[1, 2, 3]]))
        >>> layer(vectors, reverse=True).shape
        (1, 3, 10)
    """

    def __init__(
        self, input_dim, output_dim, tie_weights=True, embeddings_initializer="uniform", embeddings_regularizer=None,
        embeddings_constraint=None, mask_zero=False, reverse_dtype=None, logit_soft_cap=None, **kwargs,
    ):  # fmt: skip
        super().__init__(
            input_dim, output_dim, embeddings_initializer=embeddings_initializer,
            embeddings_regularizer=embeddings_regularizer, embeddings_constraint=embeddings_constraint,
            mask_zero=mask_zero, **kwargs,
        )  # fmt: skip
        self.tie_weights = tie_weights
        self.reverse_dtype = reverse_dtype
        self.logit_soft_cap = logit_soft_cap

    def build(self, input_shape=None):
        super().build(input_shape)
        if not self.tie_weights:
            self._build_weight(
                (self.output_dim, self.input_dim), self.embeddings_initializer, name="reverse_embeddings",
                regularizer=self.embeddings_regularizer, constraint=self.embeddings_constraint,
            )  # fmt: skip

    def call(self, inputs, reverse=False):
        if not reverse:
            outputs = super().call(inputs)
            if self.mask_zero:
                set_keras_mask(outputs, super().compute_mask(inputs))
            return outputs
        dtype = self.reverse_dtype or self.compute_dtype
        if self.quantization_mode is not None:
            inputs = self._quantized_inputs(inputs, -1)
            kernel = self._float_weight(self._kept_weights()[-1])
            if self.tie_weights:
                kernel = ops.transpose(kernel)
        else:
            kernel = ops.transpose(self.embeddings) if self.tie_weights else self.reverse_embeddings
        logits = ops.matmul(ops.cast(inputs, dtype), ops.cast(kernel, dtype))
        if self.logit_soft_cap is not None:
            logits = ops.tanh(logits / self.logit_soft_cap) * self.logit_soft_cap
        return logits

    def _kept_weights(self):
        kept, shape = super()._kept_weights(), (self.output_dim, self.input_dim)
        if not self.tie_weights:
            # As Keras keeps it: zero points in floats; the blocks are those of `embeddings`.
            names = "reverse_embeddings", "reverse_embeddings"
            kept.append(Kept(*names, shape, (0,), shape, packed=0, zero_dtype="float32", group_index=False))
        return kept

    def compute_mask(self, inputs, mask=None):
        return None  # `call` sets it, where it goes forward

    def compute_output_shape(self, input_shape, reverse=False):
        return (*input_shape[:-1], self.input_dim) if reverse else (*input_shape, self.output_dim)

    def compute_output_spec(self, inputs, reverse=False):
        shape = self.compute_output_shape(inputs.shape, reverse)
        return KerasTensor(shape, (self.reverse_dtype or self.compute_dtype) if reverse else self.compute_dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "tie_weights": self.tie_weights,
            "reverse_dtype": self.reverse_dtype,
            "logit_soft_cap": self.logit_soft_cap,
        }
