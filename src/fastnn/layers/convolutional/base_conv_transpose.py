"""What the transposed convolutions share."""

from fastnn import constraints, initializers, ops, regularizers
from fastnn.layers.convolutional.base_conv import (
    add_bias,
    bias_and_activation_config,
    channel_axis,
    channels_of,
    check_positive,
    finish,
    set_bias_and_activation,
    set_window,
    window_config,
)
from fastnn.layers.image_format import standardize_tuple
from fastnn.layers.input_spec import InputSpec
from fastnn.layers.layer import Layer


class BaseConvTranspose(Layer):
    """A transposed convolution over `rank` axes: `activation(conv_transpose(inputs, kernel) + bias)`.

    Args:
        rank: 1 for sequences, 2 for images, 3 for volumes.
        filters: how many output channels.

    The other arguments are those of `Conv2DTranspose`.
    """

    def __init__(
        self, rank, filters, kernel_size, strides=1, padding="valid", output_padding=None, data_format=None,
        dilation_rate=1, activation=None, use_bias=True, kernel_initializer="glorot_uniform", bias_initializer="zeros",
        kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None, kernel_constraint=None,
        bias_constraint=None, trainable=True, name=None, **kwargs,
    ):  # fmt: skip
        super().__init__(trainable=trainable, name=name, activity_regularizer=activity_regularizer, **kwargs)
        self.rank = rank
        self.filters = check_positive("filters", filters)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        set_window(self, rank, kernel_size, strides, padding, data_format, dilation_rate, allow_causal=False)
        self.output_padding = output_padding
        if output_padding is not None:
            self.output_padding = standardize_tuple(output_padding, rank, "output_padding", allow_zero=True)
            if any(extra >= stride for extra, stride in zip(self.output_padding, self.strides, strict=True)):
                raise ValueError(
                    "`output_padding` must be strictly less than `strides` for all dimensions. Received: "
                    f"output_padding={self.output_padding}, strides={self.strides}"
                )
        set_bias_and_activation(self, activation, use_bias, bias_initializer, bias_regularizer, bias_constraint)

    def build(self, input_shape):
        channels = channels_of(self, input_shape)
        self.kernel = self.add_weight(
            (*self.kernel_size, self.filters, channels), self.kernel_initializer, name="kernel",
            regularizer=self.kernel_regularizer, constraint=self.kernel_constraint,
        )  # fmt: skip
        self.bias = add_bias(self, self.filters)
        self.input_spec = InputSpec(min_ndim=self.rank + 2, axes={channel_axis(self): channels})

    def call(self, inputs):
        outputs = ops.conv_transpose(
            inputs, self.kernel, self.strides, self.padding, self.output_padding, self.data_format, self.dilation_rate
        )
        return finish(self, outputs)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            **window_config(self),
            "output_padding": self.output_padding,
            **bias_and_activation_config(self),
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
        }
