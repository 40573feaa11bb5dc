"""ConvLSTM: what ConvLSTM1D, ConvLSTM2D and ConvLSTM3D share."""

from fastnn.layers.recurrent.conv_lstm_cell import ConvLSTMCell
from fastnn.layers.recurrent.single_cell_rnn import SHARED_ARGUMENTS, SingleCellRNN, shared_by


class ConvLSTM(SingleCellRNN):
    """A long short-term memory whose products are convolutions over `rank` axes. A subclass says the rank."""

    rank = 0
    cell_arguments = (
        "filters kernel_size strides padding data_format dilation_rate recurrent_activation unit_forget_bias seed "
        f"{SHARED_ARGUMENTS}"
    )

    def __init__(
        self, filters, kernel_size, strides=1, padding="valid", data_format=None, dilation_rate=1, activation="tanh",
        recurrent_activation="sigmoid", use_bias=True, kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal", bias_initializer="zeros", unit_forget_bias=True, kernel_regularizer=None,
        recurrent_regularizer=None, bias_regularizer=None, activity_regularizer=None, kernel_constraint=None,
        recurrent_constraint=None, bias_constraint=None, dropout=0.0, recurrent_dropout=0.0, seed=None,
        return_sequences=False, return_state=False, go_backwards=False, stateful=False, **kwargs,
    ):  # fmt: skip
        cell = ConvLSTMCell(
            self.rank, filters, kernel_size, strides, padding, data_format, dilation_rate, recurrent_activation,
            unit_forget_bias, activation=activation, use_bias=use_bias, kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer, bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer, recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer, kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint, bias_constraint=bias_constraint, dropout=dropout,
            recurrent_dropout=recurrent_dropout, seed=seed, name="conv_lstm_cell", **shared_by(kwargs),
        )  # fmt: skip
        super().__init__(
            cell, ndim=self.rank + 3, return_sequences=return_sequences, return_state=return_state,
            go_backwards=go_backwards, stateful=stateful, activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip

    def compute_output_shape(self, sequences_shape, initial_state_shape=None):
        batch, time, *step = sequences_shape
        state = self.cell.output_shape_for((batch, *step))
        output = (batch, time, *state[1:]) if self.return_sequences else state
        return (output, state, state) if self.return_state else output
