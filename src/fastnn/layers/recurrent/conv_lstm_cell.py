"""ConvLSTMCell: one step of a convolutional long short-term memory."""

import math

from fastnn import activations, ops
from fastnn.layers.convolutional.base_conv import channel_axis, channels_of, set_window, window_config
from fastnn.layers.recurrent.lstm_cell import forget_bias, lstm_step
from fastnn.layers.recurrent.recurrent_cell import RecurrentCell
from fastnn.ops.convolution import biased_conv, geometry


class ConvLSTMCell(RecurrentCell):
    """`LSTMCell` with convolutions over `rank` axes for its products (Shi et al. 2015).

    The convolution of the inputs has `strides`, `padding` and `dilation_rate`; that of the state keeps its size.
    """

    def __init__(
        self, rank, filters, kernel_size, strides, padding, data_format, dilation_rate, recurrent_activation,
        unit_forget_bias, **kwargs,
    ):  # fmt: skip
        super().__init__(**kwargs)
        self.rank = rank
        self.filters = filters
        set_window(self, rank, kernel_size, strides, padding, data_format, dilation_rate, allow_causal=False)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.unit_forget_bias = unit_forget_bias
        self.state_size = [filters, filters]
        self.state_shape = None

    def build(self, input_shape):
        channels, width = channels_of(self, input_shape), 4 * self.filters
        self.state_shape = self.output_shape_for(input_shape)[1:]
        if None in self.state_shape:
            raise ValueError(
                "ConvLSTM layers only support static input shapes for the spatial dimension. Received invalid input "
                f"shape: input_shape={tuple(input_shape)}"
            )
        self.add_weights(
            (*self.kernel_size, channels, width),
            (*self.kernel_size, self.filters, width),
            (width,),
            forget_bias(self.bias_initializer) if self.unit_forget_bias else None,
        )

    def output_shape_for(self, input_shape):
        """The shape of a step's outputs and states; None for sizes that are not known."""
        batch, *sizes = input_shape
        sizes.pop(channel_axis(self) - 1 if channel_axis(self) > 0 else -1)
        windows = zip(sizes, self.kernel_size, self.strides, self.dilation_rate, strict=True)
        out = [
            None if size is None else geometry(self.name, (1, size, 1), (k,), s, self.padding, d).out[0]
            for size, k, s, d in windows
        ]
        return (batch, *out, self.filters) if self.data_format == "channels_last" else (batch, self.filters, *out)

    def get_initial_state(self, batch_size=None):
        """Zeros for h and c."""
        return [ops.zeros((batch_size, *self.state_shape), dtype=self.compute_dtype) for _ in range(2)]

    def project(self, inputs):
        lead = tuple(inputs.shape)[: -self.rank - 1]
        x = ops.reshape(inputs, (math.prod(lead), *inputs.shape[len(lead) :]))
        z = biased_conv(x, self.kernel, self.bias, self.strides, self.padding, self.data_format, self.dilation_rate)
        return ops.reshape(z, (*lead, *z.shape[1:]))

    def step(self, z, states, training):
        h, c = states
        z = z + ops.conv(
            self.dropped_state(h, training), self.recurrent_kernel, padding="same", data_format=self.data_format
        )
        h, c = lstm_step(z, c, self.activation, self.recurrent_activation, channel_axis(self))
        return h, [h, c]

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            **window_config(self),
            "recurrent_activation": activations.serialize(self.recurrent_activation),
            "unit_forget_bias": self.unit_forget_bias,
        }
