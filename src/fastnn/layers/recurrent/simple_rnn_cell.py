"""SimpleRNNCell: one step of a fully connected recurrence."""

from fastnn import ops, tree
from fastnn.layers.recurrent.recurrent_cell import UnitsCell
from fastnn.ops.matmul import linear


class SimpleRNNCell(UnitsCell):
    """`h = activation(inputs @ kernel + h @ recurrent_kernel + bias)`; h is the output and the state.

    Args:
        units: positive int: size of the state.
        activation: name, function or None.
        use_bias: whether there is a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: of the weights.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: of the weights.
        kernel_constraint, recurrent_constraint, bias_constraint: of the weights.
        dropout: share of the inputs that is dropped in training, the same inputs at every step.
        recurrent_dropout: share of the state that is dropped in training, the same units at every step.
        seed: int or None: of the dropout.

    Call arguments:
        sequence: inputs (batch, features) of one step.
        states: h (batch, units), or a list with it.

    Returns of a call:
        h, and h again (in a list, if states is one).

    Weights: kernel (features, units), recurrent_kernel (units, units), bias (units,).

    Raises:
        ValueError: for a `units` that is not positive.

    Example:
        >>> h, states = fastnn.layers.SimpleRNNCell(3)(np.ones((2, 4), "float32"), [np.zeros((2, 3), "float32")])
        >>> h.shape
        (2, 3)
    """

    def __init__(
        self, units, activation="tanh", use_bias=True, kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal", bias_initializer="zeros", kernel_regularizer=None,
        recurrent_regularizer=None, bias_regularizer=None, kernel_constraint=None, recurrent_constraint=None,
        bias_constraint=None, dropout=0.0, recurrent_dropout=0.0, seed=None, **kwargs,
    ):  # fmt: skip
        super().__init__(
            units, activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
            kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
            bias_constraint, dropout, recurrent_dropout, seed, **kwargs,
        )  # fmt: skip

    def build(self, input_shape):
        self.add_weights((input_shape[-1], self.units), (self.units, self.units), (self.units,))

    def call(self, sequence, states, training=False):
        return super().call(sequence, states, training)

    def project(self, inputs):
        return linear(inputs, self.kernel, self.bias)

    def step(self, z, states, training):
        h = tree.flatten(states)[0]
        h = self.activation(z + ops.matmul(self.dropped_state(h, training), self.recurrent_kernel))
        return h, [h] if tree.is_nested(states) else h
