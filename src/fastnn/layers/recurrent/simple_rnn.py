"""SimpleRNN: a fully connected recurrence over a sequence."""

from fastnn.layers.recurrent.simple_rnn_cell import SimpleRNNCell
from fastnn.layers.recurrent.single_cell_rnn import SHARED_ARGUMENTS, SingleCellRNN, shared_by


class SimpleRNN(SingleCellRNN):
    """`h = activation(inputs[:, t] @ kernel + h @ recurrent_kernel + bias)` for each step t; h is the output.

    Args:
        units, activation, use_bias: as in `SimpleRNNCell`.
        kernel_initializer, recurrent_initializer, bias_initializer: of the weights.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: of the weights.
        kernel_constraint, recurrent_constraint, bias_constraint: of the weights.
        dropout: share of the inputs that is dropped in training, the same inputs at every step.
        recurrent_dropout: share of the state that is dropped in training, the same units at every step.
        activity_regularizer: of the outputs.
        return_sequences, return_state, go_backwards, stateful, unroll: as in `RNN`.
        seed: int or None: of the dropout.

    Input shape, output shape and call arguments: as in `RNN`.

    Weights: those of `SimpleRNNCell`.

    Raises:
        ValueError: for a `units` that is not positive, and as `RNN` does.

    Example:
        >>> fastnn.layers.SimpleRNN(3, return_sequences=True)(np.ones((2, 5, 4), "float32")).shape
        (2, 5, 3)
    """

    cell_arguments = f"units {SHARED_ARGUMENTS}"

    def __init__(
        self, units, activation="tanh", use_bias=True, kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal", bias_initializer="zeros", kernel_regularizer=None,
        recurrent_regularizer=None, bias_regularizer=None, activity_regularizer=None, kernel_constraint=None,
        recurrent_constraint=None, bias_constraint=None, dropout=0.0, recurrent_dropout=0.0, return_sequences=False,
        return_state=False, go_backwards=False, stateful=False, unroll=False, seed=None, **kwargs,
    ):  # fmt: skip
        cell = SimpleRNNCell(
            units, activation=activation, use_bias=use_bias, kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer, bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer, recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer, kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint, bias_constraint=bias_constraint, dropout=dropout,
            recurrent_dropout=recurrent_dropout, seed=seed, name="simple_rnn_cell", **shared_by(kwargs),
        )  # fmt: skip
        super().__init__(
            cell, return_sequences=return_sequences, return_state=return_state, go_backwards=go_backwards,
            stateful=stateful, unroll=unroll, activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
