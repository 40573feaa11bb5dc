"""LSTMCell: one step of a long short-term memory."""

from fastnn import activations, initializers, ops
from fastnn.layers.recurrent.recurrent_cell import UnitsCell
from fastnn.ops.matmul import linear
from fastnn.ops.recurrent import lstm


class LSTMCell(UnitsCell):
    """One step of a long short-term memory (Hochreiter and Schmidhuber 1997, with forget gates).

    With z = inputs @ kernel + h @ recurrent_kernel + bias of four parts: i, f, o = recurrent_activation of parts 0, 1
    and 3, c = f c + i activation(part 2), h = o activation(c).

    Args:
        units: positive int: size of h and c.
        activation: of part 2 and of c: name, function or None.
        recurrent_activation: of the gates.
        use_bias: whether there is a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: of the weights.
        unit_forget_bias: whether the bias of the forget gate begins as 1 (Jozefowicz et al. 2015).
        kernel_regularizer, recurrent_regularizer, bias_regularizer: of the weights.
        kernel_constraint, recurrent_constraint, bias_constraint: of the weights.
        dropout: share of the inputs that is dropped in training, the same inputs at every step.
        recurrent_dropout: share of the state that is dropped in training, the same units at every step.
        seed: int or None: of the dropout.

    Call arguments:
        inputs: (batch, features) of one step.
        states: list of h and c (batch, units).

    Returns of a call:
        h, and the list of h and c.

    Weights: kernel (features, 4 units), recurrent_kernel (units, 4 units), bias (4 units,).

    Raises:
        ValueError: for a `units` that is not positive.

    Example:
        >>> h, states = fastnn.layers.LSTMCell(3)(np.ones((2, 4), "float32"), [np.zeros((2, 3), "float32")] * 2)
        >>> [state.shape for state in states]
        [(2, 3), (2, 3)]
    """

    def __init__(
        self, units, activation="tanh", recurrent_activation="sigmoid", use_bias=True,
        kernel_initializer="glorot_uniform", recurrent_initializer="orthogonal", bias_initializer="zeros",
        unit_forget_bias=True, kernel_regularizer=None, recurrent_regularizer=None, bias_regularizer=None,
        kernel_constraint=None, recurrent_constraint=None, bias_constraint=None, dropout=0.0, recurrent_dropout=0.0,
        seed=None, **kwargs,
    ):  # fmt: skip
        super().__init__(
            units, activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
            kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
            bias_constraint, dropout, recurrent_dropout, seed, **kwargs,
        )  # fmt: skip
        self.recurrent_activation = activations.get(recurrent_activation)
        self.unit_forget_bias = unit_forget_bias
        self.state_size = [units, units]

    def build(self, input_shape):
        width = 4 * self.units
        initializer = forget_bias(self.bias_initializer) if self.unit_forget_bias else None
        self.add_weights((input_shape[-1], width), (self.units, width), (width,), initializer)

    def project(self, inputs):
        return linear(inputs, self.kernel, self.bias)

    def step(self, z, states, training):
        h, c = states
        z = z + ops.matmul(self.dropped_state(h, training), self.recurrent_kernel)
        h, c = lstm_step(z, c, self.activation, self.recurrent_activation)
        return h, [h, c]

    def all_steps(self, z, states, mask, backwards=False):
        """The outputs (batch, time, units) and the last states, from `project` of all steps, by one kernel."""
        y, h, c = lstm(z, self.recurrent_kernel, *states, mask, backwards=backwards)
        return y, [h, c]

    def get_config(self):
        return {
            **super().get_config(),
            "recurrent_activation": activations.serialize(self.recurrent_activation),
            "unit_forget_bias": self.unit_forget_bias,
        }


def lstm_step(z, c, activation, recurrent_activation, axis=-1):
    """h and c from the four parts of z along `axis`."""
    i, f, g, o = ops.split(z, 4, axis=axis)
    c = recurrent_activation(f) * c + recurrent_activation(i) * activation(g)
    return recurrent_activation(o) * activation(c), c


def forget_bias(initializer):
    """An initializer of a bias of four gates: `initializer`, but 1 for the second gate."""

    def of_gates(shape, dtype=None):
        units = shape[0] // 4
        ones = initializers.Ones()((units,), dtype=dtype)
        parts = [initializer((units,), dtype=dtype), ones, initializer((2 * units,), dtype=dtype)]
        return ops.concatenate(parts, axis=0)

    return of_gates
