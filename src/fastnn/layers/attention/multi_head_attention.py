"""MultiHeadAttention: several attentions side by side, each on its own projections."""

from fastnn.layers.attention.base_head_attention import BaseHeadAttention


class MultiHeadAttention(BaseHeadAttention):
    """Projects query, key and value to heads, lets each head attend, and projects what they take back (Vaswani et al.
    2017). With `query` and `value` the same array it is self-attention.

    Scores are made block by block and never all at once (`ops.dot_product_attention`), unless they are returned.

    Args:
        num_heads: int: number of heads.
        key_dim: int: depth of a head's query and key.
        value_dim: int: depth of a head's value; `key_dim` by default.
        dropout: in training, the share of attention weights that are set to zero.
        use_bias: whether projections have biases.
        output_shape: int or tuple: the outputs' features; those of the query by default.
        attention_axes: int or tuple: the axes that are attended over; by default all between the first and the last.
        sliding_window: int or None: queries see keys less than this many positions away only.
        flash_attention: True refuses dropout and returned scores; else nothing depends on it. By default what
            `fastnn.config.is_flash_attention_enabled` says.
        kernel_initializer, bias_initializer: of the projections.
        kernel_regularizer, bias_regularizer: of the projections.
        activity_regularizer: of what each projection gives.
        kernel_constraint, bias_constraint: of the projections.
        use_gate: whether what heads take is multiplied by the sigmoid of one more projection of the query.
        seed: int or None, of the dropout.

    Call arguments:
        query: array (batch, queries, features).
        value: array (batch, keys, features).
        key: array (batch, keys, features); `value` by default.
        query_mask: bools (batch, queries); they become the outputs' mask.
        value_mask, key_mask: bools (batch, keys): where False, nobody sees the position.
        attention_mask: bools (batch, queries, keys) or what broadcasts: who sees whom.
        return_attention_scores: whether the weights are returned too.
        training: whether dropout is on.
        use_causal_mask: whether query number t sees keys 0 to t only.

    Output shape:
        (batch, queries, *output_shape); then, if asked for, the weights (batch, num_heads, queries, keys)

    Weights: query, key, gate (with `use_gate`), value and attention_output, each a kernel and, with `use_bias`, a bias.

    Raises:
        ValueError: for sizes that are no positive ints, or shapes that do not fit.

    Example:
        >>> layer = fastnn.layers.MultiHeadAttention(num_heads=2, key_dim=4)
        >>> layer(np.ones((1, 3, 8), "float32"), np.ones((1, 5, 8), "float32"), use_causal_mask=True).shape
        (1, 3, 8)
    """

    def __init__(
        self, num_heads, key_dim, value_dim=None, dropout=0.0, use_bias=True, output_shape=None, attention_axes=None,
        sliding_window=None, flash_attention=None, kernel_initializer="glorot_uniform", bias_initializer="zeros",
        kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None, kernel_constraint=None,
        bias_constraint=None, use_gate=False, seed=None, **kwargs,
    ):  # fmt: skip
        _check_positive("num_heads", num_heads)
        _check_positive("key_dim", key_dim)
        if value_dim is not None:
            _check_positive("value_dim", value_dim, " or `None`")
        super().__init__(
            query_heads=num_heads, key_heads=num_heads, key_dim=key_dim, value_dim=value_dim or key_dim,
            output_dims=_as_dims(output_shape), attention_axes=_as_axes(attention_axes), dropout=dropout,
            use_bias=use_bias, sliding_window=sliding_window, flash_attention=flash_attention,
            kernel_initializer=kernel_initializer, bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer, bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint, bias_constraint=bias_constraint,
            projection_regularizer=activity_regularizer, use_gate=use_gate, seed=seed, **kwargs,
        )  # fmt: skip
        self.num_heads = num_heads
        self.key_dim = key_dim
        self.value_dim = value_dim or key_dim

    @property
    def attention_axes(self):
        """The axes that are attended over; None before the layer is built, for all between the first and the last."""
        return self._attention_axes

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "key_dim": self.key_dim,
            "value_dim": self.value_dim,
            "output_shape": self._output_dims,
            "attention_axes": self._attention_axes,
        }


def _check_positive(name: str, value, otherwise: str = "") -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise ValueError(
            f"Received an invalid value for argument `{name}`, expected a positive integer{otherwise}. Received: "
            f"{name}={value}"
        )


def _as_dims(output_shape):
    if output_shape is None or isinstance(output_shape, int):
        return None if output_shape is None else (output_shape,)
    if not isinstance(output_shape, (tuple, list)):
        raise ValueError(
            f"Invalid `output_shape`: {output_shape}. When specified, the `output_shape` should be of type tuple, "
            "list, or int."
        )
    return tuple(output_shape)


def _as_axes(attention_axes):
    if attention_axes is None or isinstance(attention_axes, int):
        return None if attention_axes is None else (attention_axes,)
    if not isinstance(attention_axes, (tuple, list)):
        raise ValueError(f"`attention_axes` must be an int, list, or tuple. Received: attention_axes={attention_axes}")
    return tuple(attention_axes)
