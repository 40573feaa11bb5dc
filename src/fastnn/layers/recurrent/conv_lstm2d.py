"""ConvLSTM2D: a convolutional long short-term memory over images in time."""

from fastnn.layers.recurrent.conv_lstm import ConvLSTM


class ConvLSTM2D(ConvLSTM):
    """An LSTM over time whose products are 2D convolutions (Shi et al. 2015).

    Args:
        filters: int: channels of the outputs and of the states h and c.
        kernel_size, strides, padding, data_format, dilation_rate: of the inputs' convolution, as in `Conv2D`. That of
            the state has the same kernel size and keeps the state's size.
        activation, recurrent_activation, use_bias, unit_forget_bias: as in `LSTMCell`.
        kernel_initializer, recurrent_initializer, bias_initializer: of the weights.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: of the weights.
        activity_regularizer: of the outputs.
        kernel_constraint, recurrent_constraint, bias_constraint: of the weights.
        dropout, recurrent_dropout: share of the inputs and of the state that is dropped in training, the same at every
            step.
        seed: int or None: of the dropout.
        return_sequences, return_state, go_backwards, stateful: as in `RNN`.

    Input shape:
        (batch, time, rows, cols, channels), or with the channels after time.

    Output shape:
        as of `Conv2D`, (batch, ...), with `return_sequences` (batch, time, ...).

    Weights: kernel (*kernel_size, channels, 4 filters), recurrent_kernel (*kernel_size, filters, 4 filters), bias
    (4 filters,).

    Raises:
        ValueError: for arguments that say no window, or a size of the inputs' images that is not known.

    Example:
        >>> fastnn.layers.ConvLSTM2D(2, 3)(np.ones((2, 4, 5, 5, 3), "float32")).shape
        (2, 3, 3, 2)
    """

    rank = 2
