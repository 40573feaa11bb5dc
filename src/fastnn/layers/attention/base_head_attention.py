"""BaseHeadAttention: what MultiHeadAttention and GroupQueryAttention share.

Inputs are projected to heads, heads attend, and what they take is projected back. Axes in comments and names: B all
batch axes, T the attended axes of the query, S those of key and value, H heads, D depth.
"""

import math
import string

import numpy as np

from fastnn import config, constraints, initializers, ops, regularizers
from fastnn.graph.symbolic import infer_outputs
from fastnn.layers.activations.softmax import Softmax
from fastnn.layers.core.einsum_dense import EinsumDense
from fastnn.layers.layer import Layer
from fastnn.layers.regularization.dropout import Dropout
from fastnn.ops.attention import attend


class BaseHeadAttention(Layer):
    """Projections around attention. A subclass gives the sizes.

    Args:
        query_heads, key_heads: numbers of heads; the first is a multiple of the second.
        key_dim, value_dim: depths of a head.
        output_dims: sizes of the outputs' features as a tuple, or None for those of the query.
        attention_axes: tuple of the query's axes that are attended over, or None for all but the first and last.
        dropout, use_bias, sliding_window, flash_attention, use_gate, seed: as of `MultiHeadAttention`.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint:
            of each projection.
        projection_regularizer: of what each projection gives.
    """

    # Before the names of the attributes that hold the projections: they are names in files of weights.
    _prefix = ""

    def __init__(
        self, *, query_heads, key_heads, key_dim, value_dim, output_dims, attention_axes, dropout, use_bias,
        sliding_window, flash_attention, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
        kernel_constraint, bias_constraint, projection_regularizer, use_gate, seed, **kwargs,
    ):  # fmt: skip
        super().__init__(**kwargs)
        if sliding_window is not None and (not isinstance(sliding_window, int) or sliding_window < 1):
            raise ValueError(
                f"`sliding_window` must be `None` or a positive integer. Received: sliding_window={sliding_window}"
            )
        self._flash_attention = config.is_flash_attention_enabled() if flash_attention is None else flash_attention
        if self._flash_attention and dropout > 0:
            raise ValueError(
                "Dropout is not supported when flash attention is enabled. Please set dropout to 0.0 to use flash "
                "attention."
            )
        self._heads = query_heads, key_heads
        self._depths = key_dim, value_dim
        self._output_dims = output_dims
        self._attention_axes = attention_axes
        self.dropout = dropout
        self.use_bias = use_bias
        self.sliding_window = sliding_window
        self.use_gate = use_gate
        self.seed = seed
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self._projection_regularizer = regularizers.get(projection_regularizer)
        self.supports_masking = True

    # -- weights -------------------------------------------------------------------------------------------------------

    def build(self, query_shape, value_shape, key_shape=None):
        key_shape = value_shape if key_shape is None else key_shape
        _check_shapes(value_shape, key_shape)
        rank = len(query_shape)
        axes = range(1, rank - 1) if self._attention_axes is None else self._attention_axes
        self._attention_axes = tuple(axis % rank for axis in axes)
        (query_heads, key_heads), (key_dim, value_dim) = self._heads, self._depths
        self._project("query", query_shape, query_heads, key_dim)
        self._project("key", key_shape, key_heads, key_dim)
        if self.use_gate:
            self._project("gate", query_shape, query_heads, value_dim)
        self._project("value", value_shape, key_heads, value_dim)
        self._softmax = Softmax(dtype=self.dtype_policy)
        self._dropout_layer = Dropout(self.dropout, seed=self.seed, dtype=self.dtype_policy)
        self._project_back(query_shape, query_heads, value_dim)

    def _project(self, name, shape, heads, depth):
        """(B, ..., features) to (B, ..., heads, depth)."""
        lead, (features, h, d) = _letters(len(shape) - 1, 3)
        equation = f"{lead}{features},{features}{h}{d}->{lead}{h}{d}"
        dense = self._dense(name, equation, (*[None] * (len(shape) - 2), heads, depth), h + d)
        dense.build(shape)
        # A gate has no public name.
        setattr(self, f"{self._prefix if name != 'gate' else '_'}{name}_dense", dense)

    def _project_back(self, query_shape, heads, depth):
        """(B, ..., heads, depth) to (B, ..., *output_dims)."""
        sizes = query_shape[-1:] if self._output_dims is None else self._output_dims
        lead, (h, d, *features) = _letters(len(query_shape) - 1, 2 + len(sizes))
        features = "".join(features)
        equation = f"{lead}{h}{d},{h}{d}{features}->{lead}{features}"
        dense = self._dense("attention_output", equation, (*[None] * (len(lead) - 1), *sizes), features)
        dense.build((*query_shape[:-1], heads, depth))
        setattr(self, f"{self._prefix}output_dense", dense)

    def _dense(self, name, equation, output_shape, bias_axes):
        def another(initializer):  # each weight has its own: a seed belongs to one
            return initializers.get(initializers.serialize(initializer))

        dense = EinsumDense(
            equation, output_shape=output_shape, bias_axes=bias_axes if self.use_bias else None, name=name,
            kernel_initializer=another(self.kernel_initializer), bias_initializer=another(self.bias_initializer),
            kernel_regularizer=self.kernel_regularizer, bias_regularizer=self.bias_regularizer,
            kernel_constraint=self.kernel_constraint, bias_constraint=self.bias_constraint,
            activity_regularizer=self._projection_regularizer, dtype=self.dtype_policy,
        )  # fmt: skip
        dense.supports_masking = True  # the attention itself has taken the masks that its inputs still carry
        return dense

    def _projection(self, name):
        return getattr(self, f"{self._prefix}{name}_dense")

    # -- computation ---------------------------------------------------------------------------------------------------

    def call(
        self, query, value, key=None, query_mask=None, value_mask=None, key_mask=None, attention_mask=None,
        return_attention_scores=False, training=None, use_causal_mask=False,
    ):  # fmt: skip
        if return_attention_scores and self._flash_attention:
            raise ValueError(
                "Returning attention scores is not supported when flash attention is enabled. Please disable flash "
                "attention to access attention scores."
            )
        key = value if key is None else key
        lengths = [math.prod(x.shape[axis] for axis in self._attention_axes) for x in (query, key)]
        mask = self._mask(lengths, value_mask, key_mask, attention_mask)
        if mask is not None:
            mask = self._merged_mask(mask, query.shape, key.shape)
        q, k, v = (
            self._merged(self._projection(name)(x)) for name, x in (("query", query), ("key", key), ("value", value))
        )
        if return_attention_scores:
            y, weights = self._attend_by_weights(q, k, v, mask, use_causal_mask, training)
        else:
            # A layer that may drop weights, or attends over axes of more than three, multiplies weights in Keras, which
            # are zero for a blind query; otherwise `dot_product_attention` gives it the mean of all values.
            is_masked_softmax = self.dropout > 0 or len(query.shape) > 3
            y = attend(
                q, k, v, mask, is_causal=use_causal_mask, zeros_where_blind=is_masked_softmax,
                dropout=self.dropout if training else 0.0, seed_generator=self._dropout_layer.seed_generator,
            )  # fmt: skip
        y = self._apart(y, query.shape)
        if self.use_gate:
            y = y * ops.sigmoid(self._gate_dense(query))
        y = self._projection("output")(y)
        return (y, self._weights_apart(weights, query.shape, key.shape)) if return_attention_scores else y

    def _attend_by_weights(self, q, k, v, mask, is_causal, training):
        """(B, T, H, D), and the weights (B, H, T, S) before dropout."""
        group = q.shape[2] // k.shape[2]
        if group > 1:
            k, v = ops.repeat(k, group, axis=2), ops.repeat(v, group, axis=2)
        scores = ops.einsum("bthd,bshd->bhts", q * (1 / math.sqrt(q.shape[3])), k)
        if is_causal:
            earlier = np.tri(*scores.shape[2:], dtype=bool)[None, None]
            mask = earlier if mask is None else ops.logical_and(mask, earlier)
        weights = self._softmax(scores, mask=mask)
        return ops.einsum("bhts,bshd->bthd", self._dropout_layer(weights, training=training), v), weights

    # -- masks ---------------------------------------------------------------------------------------------------------

    def _mask(self, lengths, value_mask, key_mask, attention_mask):
        """All masks but the causal one together, (B, T, S) or what broadcasts to it; None when there is none. The
        query's mask goes to the outputs and hides nothing."""
        masks = [ops.expand_dims(ops.cast(m, "bool"), -2) for m in (value_mask, key_mask) if m is not None]
        if self.sliding_window is not None:
            distance = np.abs(np.arange(lengths[0])[:, None] - np.arange(lengths[1]))
            masks.append((distance < self.sliding_window)[None])
        if attention_mask is not None:
            masks.append(ops.cast(attention_mask, "bool"))
        together = None
        for mask in masks:
            together = mask if together is None else ops.logical_and(together, mask)
        return together

    def _merged_mask(self, mask, query_shape, key_shape):
        """A mask of scores of all axes, or of fewer before the attended ones, as one of (B, H, T, S)."""
        parts = self._parts(query_shape, key_shape)
        attended = 2 * len(self._attention_axes)
        while len(mask.shape) < sum(len(part) for part in parts):
            mask = ops.expand_dims(mask, len(mask.shape) - attended)
        shape, at, wide, merged = tuple(mask.shape), 0, [], []
        for part in parts:
            sizes = shape[at : at + len(part)]
            at += len(part)
            sizes = sizes if all(size == 1 for size in sizes) else part
            wide += sizes
            merged.append(math.prod(sizes))
        return ops.reshape(ops.broadcast_to(mask, wide), merged)

    def _parts(self, query_shape, key_shape):
        """Sizes of the scores' axes: those of the batch, of heads, the query's attended ones, the key's."""
        batch = [query_shape[axis] for axis in self._batch_axes(len(query_shape))]
        return batch, [1], *([shape[axis] for axis in self._attention_axes] for shape in (query_shape, key_shape))

    # -- axes ----------------------------------------------------------------------------------------------------------

    def _batch_axes(self, rank: int) -> list[int]:
        return [axis for axis in range(rank - 1) if axis not in self._attention_axes]

    def _order(self, rank: int) -> list[int]:
        """The axes of inputs of `rank` after projection, the batch before what is attended."""
        return [*self._batch_axes(rank), *self._attention_axes, rank - 1, rank]

    def _merged(self, x):
        """A projection (axes as in the inputs, H, D) as (B, T, H, D)."""
        rank = len(x.shape) - 1
        batch = math.prod(x.shape[axis] for axis in self._batch_axes(rank))
        length = math.prod(x.shape[axis] for axis in self._attention_axes)
        return ops.reshape(ops.transpose(x, self._order(rank)), (batch, length, *x.shape[-2:]))

    def _apart(self, y, query_shape):
        """(B, T, H, D) as (axes as in the query, H, D)."""
        order = self._order(len(query_shape))
        sizes = [query_shape[axis] for axis in order[:-2]]
        return ops.transpose(ops.reshape(y, (*sizes, *y.shape[-2:])), [int(axis) for axis in np.argsort(order)])

    def _weights_apart(self, weights, query_shape, key_shape):
        batch, _, queries, keys = self._parts(query_shape, key_shape)
        return ops.reshape(weights, (*batch, weights.shape[1], *queries, *keys))

    # -- shapes and config ---------------------------------------------------------------------------------------------

    def compute_output_shape(self, query_shape, value_shape, key_shape=None):
        _check_shapes(value_shape, value_shape if key_shape is None else key_shape)
        return (*query_shape[:-1], *(query_shape[-1:] if self._output_dims is None else self._output_dims))

    def compute_output_spec(
        self, query, value, key=None, query_mask=None, value_mask=None, key_mask=None, attention_mask=None,
        return_attention_scores=False, training=None, use_causal_mask=False,
    ):  # fmt: skip
        arguments = {name: value for name, value in locals().items() if name not in ("self", "__class__")}
        return infer_outputs(self._call_for_shapes, (), arguments)

    def get_config(self):
        return {
            **super().get_config(),
            "use_bias": self.use_bias,
            "use_gate": self.use_gate,
            "dropout": self.dropout,
            "sliding_window": self.sliding_window,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "activity_regularizer": regularizers.serialize(self._projection_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
            "seed": self.seed,
        }


def _letters(lead: int, more: int):
    """Letters for einsum: `lead` of them as a string, and `more` others."""
    return string.ascii_lowercase[:lead], string.ascii_lowercase[lead : lead + more]


def _check_shapes(value_shape, key_shape):
    if tuple(value_shape[1:-1]) != tuple(key_shape[1:-1]):
        raise ValueError(
            "All dimensions of `value` and `key`, except the last one, must be equal. Received: "
            f"value_shape={tuple(value_shape)} and key_shape={tuple(key_shape)}"
        )
