"""GroupedQueryAttention, published as GroupQueryAttention: heads of the query that share heads of key and value."""

from fastnn.layers.attention.base_head_attention import BaseHeadAttention


class GroupedQueryAttention(BaseHeadAttention):
    """`MultiHeadAttention` in which each head of key and value serves several heads of the query (Ainslie et al. 2023).
    With as many key and value heads as query heads it is multi-head, with one it is multi-query attention.

    Args:
        head_dim: int: depth of a head.
        num_query_heads: int: a multiple of `num_key_value_heads`.
        num_key_value_heads: int: number of heads of key and value.
        dropout: in training, the share of attention weights that are set to zero.
        use_bias: whether projections have biases.
        sliding_window: int or None: queries see keys less than this many positions away only.
        flash_attention: True refuses dropout and returned scores; else nothing depends on it. By default what
            `fastnn.config.is_flash_attention_enabled` says.
        kernel_initializer, bias_initializer: of the projections.
        kernel_regularizer, bias_regularizer: of the projections.
        activity_regularizer: of the outputs, and of what each projection gives.
        kernel_constraint, bias_constraint: of the projections.
        use_gate: whether what heads take is multiplied by the sigmoid of one more projection of the query.
        seed: int or None, of the dropout.

    Call arguments: as of `MultiHeadAttention`.

    Output shape:
        (batch, queries, features of the query); then, if asked for, the weights (batch, num_query_heads, queries, keys)

    Weights: query, key, gate (with `use_gate`), value and attention_output, each a kernel and, with `use_bias`, a bias.

    Raises:
        ValueError: when the heads do not divide, or shapes do not fit.

    Example:
        >>> layer = fastnn.layers.GroupQueryAttention(head_dim=4, num_query_heads=4, num_key_value_heads=2)
        >>> layer(np.ones((1, 3, 8), "float32"), np.ones((1, 5, 8), "float32")).shape
        (1, 3, 8)
    """

    _prefix = "_"

    def __init__(
        self, head_dim, num_query_heads, num_key_value_heads, dropout=0.0, use_bias=True, sliding_window=None,
        flash_attention=None, kernel_initializer="glorot_uniform", bias_initializer="zeros", kernel_regularizer=None,
        bias_regularizer=None, activity_regularizer=None, kernel_constraint=None, bias_constraint=None, use_gate=False,
        seed=None, **kwargs,
    ):  # fmt: skip
        if num_query_heads % num_key_value_heads != 0:
            raise ValueError("`num_query_heads` must be divisible by `num_key_value_heads`.")
        super().__init__(
            query_heads=num_query_heads, key_heads=num_key_value_heads, key_dim=head_dim, value_dim=head_dim,
            output_dims=None, attention_axes=(1,), dropout=dropout, use_bias=use_bias, sliding_window=sliding_window,
            flash_attention=flash_attention, kernel_initializer=kernel_initializer, bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer, bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint, bias_constraint=bias_constraint,
            projection_regularizer=activity_regularizer, activity_regularizer=activity_regularizer, use_gate=use_gate,
            seed=seed, **kwargs,
        )  # fmt: skip
        self.head_dim = head_dim
        self.num_query_heads = num_query_heads
        self.num_key_value_heads = num_key_value_heads

    def get_config(self):
        return {
            **super().get_config(),
            "head_dim": self.head_dim,
            "num_query_heads": self.num_query_heads,
            "num_key_value_heads": self.num_key_value_heads,
        }
