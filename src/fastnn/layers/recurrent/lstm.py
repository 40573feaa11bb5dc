"""LSTM: a long short-term memory over a sequence."""

from fastnn.layers.recurrent.lstm_cell import LSTMCell
from fastnn.layers.recurrent.single_cell_rnn import SHARED_ARGUMENTS, SingleCellRNN, shared_by


class LSTM(SingleCellRNN):
    """A long short-term memory over a sequence (Hochreiter and Schmidhuber 1997, with forget gates).

    With the default activations and no recurrent dropout, all steps are one kernel; otherwise a loop over `LSTMCell`.

    Args:
        units, activation, recurrent_activation, use_bias, unit_forget_bias: as in `LSTMCell`.
        kernel_initializer, recurrent_initializer, bias_initializer: of the weights.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: of the weights.
        kernel_constraint, recurrent_constraint, bias_constraint: of the weights.
        dropout: share of the inputs that is dropped in training, the same inputs at every step.
        recurrent_dropout: share of the state that is dropped in training, the same units at every step.
        seed: int or None: of the dropout.
        activity_regularizer: of the outputs.
        return_sequences, return_state, go_backwards, stateful, unroll: as in `RNN`.
        use_cudnn: kept for Keras's signature; True raises, as there is no GPU.

    Input shape, output shape and call arguments: as in `RNN`.

    Weights: those of `LSTMCell`.

    Raises:
        ValueError: for a `units` that is not positive, and as `RNN` does.

    Example:
        >>> fastnn.layers.LSTM(3, return_state=True)(np.ones((2, 5, 4), "float32"))[1].shape
        (2, 3)
    """

    cell_arguments = f"units recurrent_activation unit_forget_bias seed {SHARED_ARGUMENTS}"

    def __init__(
        self, units, activation="tanh", recurrent_activation="sigmoid", use_bias=True,
        kernel_initializer="glorot_uniform", recurrent_initializer="orthogonal", bias_initializer="zeros",
        unit_forget_bias=True, kernel_regularizer=None, recurrent_regularizer=None, bias_regularizer=None,
        activity_regularizer=None, kernel_constraint=None, recurrent_constraint=None, bias_constraint=None, dropout=0.0,
        recurrent_dropout=0.0, seed=None, return_sequences=False, return_state=False, go_backwards=False,
        stateful=False, unroll=False, use_cudnn="auto", **kwargs,
    ):  # fmt: skip
        cell = LSTMCell(
            units, activation=activation, recurrent_activation=recurrent_activation, use_bias=use_bias,
            kernel_initializer=kernel_initializer, recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer, unit_forget_bias=unit_forget_bias, kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer, bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint, recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint, dropout=dropout, recurrent_dropout=recurrent_dropout, seed=seed,
            name="lstm_cell", **shared_by(kwargs),
        )  # fmt: skip
        super().__init__(
            cell, return_sequences=return_sequences, return_state=return_state, go_backwards=go_backwards,
            stateful=stateful, unroll=unroll, activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self.use_cudnn = use_cudnn

    def inner_loop(self, sequences, initial_state, mask, training=False):
        check_use_cudnn(self.use_cudnn)
        return super().inner_loop(sequences, initial_state, mask, training)


def check_use_cudnn(use_cudnn) -> None:
    """Raises for True, as Keras does where there is no cuDNN."""
    if use_cudnn not in ("auto", False):
        raise ValueError(
            f"use_cudnn={use_cudnn} was specified, but there is no cuDNN here. Pass use_cudnn='auto' or False."
        )
