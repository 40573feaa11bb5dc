"""GRU: a gated recurrent unit over a sequence."""

from fastnn.layers.recurrent.gru_cell import GRUCell
from fastnn.layers.recurrent.lstm import check_use_cudnn
from fastnn.layers.recurrent.single_cell_rnn import SHARED_ARGUMENTS, SingleCellRNN, shared_by


class GRU(SingleCellRNN):
    """A gated recurrent unit over a sequence (Cho et al. 2014).

    With the default activations, `reset_after` and no recurrent dropout, all steps are one kernel; otherwise a loop
    over `GRUCell`.

    Args:
        units, activation, recurrent_activation, use_bias: as in `GRUCell`.
        kernel_initializer, recurrent_initializer, bias_initializer: of the weights.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: of the weights.
        kernel_constraint, recurrent_constraint, bias_constraint: of the weights.
        dropout: share of the inputs that is dropped in training, the same inputs at every step.
        recurrent_dropout: share of the state that is dropped in training, the same units at every step.
        seed: int or None: of the dropout.
        activity_regularizer: of the outputs.
        return_sequences, return_state, go_backwards, stateful, unroll: as in `RNN`.
        reset_after: as in `GRUCell`.
        use_cudnn: kept for Keras's signature; True raises, as there is no GPU.

    Input shape, output shape and call arguments: as in `RNN`.

    Weights: those of `GRUCell`.

    Raises:
        ValueError: for a `units` that is not positive, and as `RNN` does.

    Example:
        >>> fastnn.layers.GRU(3)(np.ones((2, 5, 4), "float32")).shape
        (2, 3)
    """

    cell_arguments = f"units recurrent_activation reset_after seed {SHARED_ARGUMENTS}"

    def __init__(
        self, units, activation="tanh", recurrent_activation="sigmoid", use_bias=True,
        kernel_initializer="glorot_uniform", recurrent_initializer="orthogonal", bias_initializer="zeros",
        kernel_regularizer=None, recurrent_regularizer=None, bias_regularizer=None, activity_regularizer=None,
        kernel_constraint=None, recurrent_constraint=None, bias_constraint=None, dropout=0.0, recurrent_dropout=0.0,
        seed=None, return_sequences=False, return_state=False, go_backwards=False, stateful=False, unroll=False,
        reset_after=True, use_cudnn="auto", **kwargs,
    ):  # fmt: skip
        cell = GRUCell(
            units, activation=activation, recurrent_activation=recurrent_activation, use_bias=use_bias,
            kernel_initializer=kernel_initializer, recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer, kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer, bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint, recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint, dropout=dropout, recurrent_dropout=recurrent_dropout,
            reset_after=reset_after, seed=seed, name="gru_cell", **shared_by(kwargs),
        )  # fmt: skip
        super().__init__(
            cell, return_sequences=return_sequences, return_state=return_state, go_backwards=go_backwards,
            stateful=stateful, unroll=unroll, activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self.use_cudnn = use_cudnn

    def inner_loop(self, sequences, initial_state, mask, training=False):
        check_use_cudnn(self.use_cudnn)
        return super().inner_loop(sequences, initial_state, mask, training)
