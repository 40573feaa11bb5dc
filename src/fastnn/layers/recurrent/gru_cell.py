"""GRUCell: one step of a gated recurrent unit."""

from fastnn import activations, ops, tree
from fastnn.layers.recurrent.recurrent_cell import UnitsCell
from fastnn.ops.matmul import linear
from fastnn.ops.recurrent import gru


class GRUCell(UnitsCell):
    """One step of a gated recurrent unit (Cho et al. 2014).

    With x = inputs @ kernel + bias[0] and m = h @ recurrent_kernel + bias[1], each of three parts: z and r =
    recurrent_activation of parts 0 and 1 of x + m, g = activation(x2 + r m2), h = z h + (1 - z) g. Without
    `reset_after`, m2 is (r h) @ (the third part of recurrent_kernel), and there is one bias.

    Args:
        units: positive int: size of h.
        activation: of g: name, function or None.
        recurrent_activation: of the gates.
        use_bias: whether there is a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: of the weights.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: of the weights.
        kernel_constraint, recurrent_constraint, bias_constraint: of the weights.
        dropout: share of the inputs that is dropped in training, the same inputs at every step.
        recurrent_dropout: share of the state that is dropped in training, the same units at every step.
        reset_after: whether the reset gate is applied after the product with the recurrent kernel.
        seed: int or None: of the dropout.

    Call arguments:
        inputs: (batch, features) of one step.
        states: h (batch, units), or a list with it.

    Returns of a call:
        h, and h again (in a list, if states is one).

    Weights: kernel (features, 3 units), recurrent_kernel (units, 3 units), bias (2, 3 units), without `reset_after`
    (3 units,).

    Raises:
        ValueError: for a `units` that is not positive.

    Example:
        >>> h, states = fastnn.layers.GRUCell(3)(np.ones((2, 4), "float32"), [np.zeros((2, 3), "float32")])
        >>> h.shape
        (2, 3)
    """

    def __init__(
        self, units, activation="tanh", recurrent_activation="sigmoid", use_bias=True,
        kernel_initializer="glorot_uniform", recurrent_initializer="orthogonal", bias_initializer="zeros",
        kernel_regularizer=None, recurrent_regularizer=None, bias_regularizer=None, kernel_constraint=None,
        recurrent_constraint=None, bias_constraint=None, dropout=0.0, recurrent_dropout=0.0, reset_after=True,
        seed=None, **kwargs,
    ):  # fmt: skip
        super().__init__(
            units, activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
            kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
            bias_constraint, dropout, recurrent_dropout, seed, **kwargs,
        )  # fmt: skip
        self.recurrent_activation = activations.get(recurrent_activation)
        self.reset_after = reset_after

    def build(self, input_shape):
        width = 3 * self.units
        bias_shape = (2, width) if self.reset_after else (width,)
        self.add_weights((input_shape[-1], width), (self.units, width), bias_shape)

    def biases(self):
        """The biases of the inputs' product and of the state's, (3 units,) each, or None."""
        if self.bias is None:
            return None, None
        return (self.bias[0], self.bias[1]) if self.reset_after else (self.bias, None)

    def project(self, inputs):
        return linear(inputs, self.kernel, self.biases()[0])

    def step(self, z, states, training):
        h = tree.flatten(states)[0]
        x0, x1, x2 = ops.split(z, 3, axis=-1)
        h_in = self.dropped_state(h, training)
        if self.reset_after:
            m0, m1, m2 = ops.split(linear(h_in, self.recurrent_kernel, self.biases()[1]), 3, axis=-1)
        else:
            m0, m1 = ops.split(ops.matmul(h_in, self.recurrent_kernel[:, : 2 * self.units]), 2, axis=-1)
        update, r = self.recurrent_activation(x0 + m0), self.recurrent_activation(x1 + m1)
        inner = r * m2 if self.reset_after else ops.matmul(r * h_in, self.recurrent_kernel[:, 2 * self.units :])
        h = update * h + (1 - update) * self.activation(x2 + inner)
        return h, [h] if tree.is_nested(states) else h

    def has_kernel(self, training) -> bool:
        return self.reset_after and super().has_kernel(training)

    def all_steps(self, z, states, mask, backwards=False):
        """As `LSTMCell.all_steps`."""
        y, h = gru(z, self.recurrent_kernel, self.biases()[1], states[0], mask, backwards=backwards)
        return y, [h]

    def get_config(self):
        return {
            **super().get_config(),
            "recurrent_activation": activations.serialize(self.recurrent_activation),
            "reset_after": self.reset_after,
        }
