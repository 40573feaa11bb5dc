"""AdditiveAttention: attention whose scores are a sum of tanh."""

from fastnn import ops
from fastnn.layers.attention.attention import Attention


class AdditiveAttention(Attention):
    """`softmax(sum(scale * tanh(query + key))) value` (Bahdanau et al. 2015).

    Args:
        use_scale: whether there is a trained scale for each feature.
        dropout: in training, the share of weights that are set to zero.

    Call arguments: as of `Attention`.

    Output shape:
        (batch, queries, value_dim); then, if asked for, the weights (batch, queries, keys)

    Weights: scale: (dim,) with `use_scale`.

    Raises:
        ValueError: for inputs that are no list of two or three, or masks that do not belong to them.

    Example:
        >>> query, value = np.zeros((1, 2, 3), "float32"), np.zeros((1, 4, 3), "float32")
        >>> fastnn.layers.AdditiveAttention()([query, value]).shape
        (1, 2, 3)
    """

    def __init__(self, use_scale=True, dropout=0.0, **kwargs):
        super().__init__(use_scale=use_scale, dropout=dropout, **kwargs)

    def build(self, input_shape):
        self._check_inputs(input_shape)
        if self.use_scale:
            self.scale = self.add_weight((input_shape[0][-1],), "glorot_uniform", name="scale")

    def _needs_scores(self) -> bool:
        return True

    def _scores(self, query, key):
        both = ops.tanh(ops.expand_dims(query, -2) + ops.expand_dims(key, -3))
        return ops.sum(both if self.scale is None else both * self.scale, axis=-1)

    def get_config(self):
        config = super().get_config()
        del config["score_mode"]
        return config
