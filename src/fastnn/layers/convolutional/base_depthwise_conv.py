"""What the depthwise convolutions share."""

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
from fastnn.layers.input_spec import InputSpec
from fastnn.layers.layer import Layer


class BaseDepthwiseConv(Layer):
    """A convolution of each channel by itself: `activation(depthwise_conv(inputs, kernel) + bias)`.

    Args:
        rank: 1 for sequences, 2 for images.
        depth_multiplier: how many output channels each input channel gives.

    The other arguments are those of `DepthwiseConv2D`.
    """

    def __init__(
        self, rank, depth_multiplier, kernel_size, strides=1, padding="valid", data_format=None, dilation_rate=1,
        activation=None, use_bias=True, depthwise_initializer="glorot_uniform", bias_initializer="zeros",
        depthwise_regularizer=None, bias_regularizer=None, activity_regularizer=None, depthwise_constraint=None,
        bias_constraint=None, trainable=True, name=None, **kwargs,
    ):  # fmt: skip
        super().__init__(trainable=trainable, name=name, activity_regularizer=activity_regularizer, **kwargs)
        self.rank = rank
        self.depth_multiplier = check_positive("depth_multiplier", depth_multiplier)
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.depthwise_constraint = constraints.get(depthwise_constraint)
        set_window(
            self, rank, kernel_size, strides, padding, data_format, dilation_rate, allow_causal=False, allow_both=True
        )
        set_bias_and_activation(self, activation, use_bias, bias_initializer, bias_regularizer, bias_constraint)

    def build(self, input_shape):
        channels = channels_of(self, input_shape)
        self.kernel = self.add_weight(
            (*self.kernel_size, channels, self.depth_multiplier), self.depthwise_initializer, name="kernel",
            regularizer=self.depthwise_regularizer, constraint=self.depthwise_constraint,
        )  # fmt: skip
        self.bias = add_bias(self, channels * self.depth_multiplier)
        self.input_spec = InputSpec(min_ndim=self.rank + 2, axes={channel_axis(self): channels})

    def call(self, inputs):
        outputs = ops.depthwise_conv(
            inputs, self.kernel, strides=self.strides, padding=self.padding, dilation_rate=self.dilation_rate,
            data_format=self.data_format,
        )  # fmt: skip
        return finish(self, outputs)

    def get_config(self):
        return {
            **super().get_config(),
            "depth_multiplier": self.depth_multiplier,
            **window_config(self),
            **bias_and_activation_config(self),
            "depthwise_initializer": initializers.serialize(self.depthwise_initializer),
            "depthwise_regularizer": regularizers.serialize(self.depthwise_regularizer),
            "depthwise_constraint": constraints.serialize(self.depthwise_constraint),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
        }
