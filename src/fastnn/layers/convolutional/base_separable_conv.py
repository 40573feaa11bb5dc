"""What the separable convolutions share."""

from fastnn import constraints, initializers, regularizers
from fastnn.layers.convolutional.base_conv import (
    add_bias,
    bias_and_activation_config,
    channel_axis,
    channels_of,
    check_positive,
    set_bias_and_activation,
    set_window,
    window_config,
)
from fastnn.layers.input_spec import InputSpec
from fastnn.layers.layer import Layer
from fastnn.ops.convolution import biased_separable_conv


class BaseSeparableConv(Layer):
    """A depthwise convolution over `rank` axes, then one with a window of size 1 that mixes the channels:
    `activation(separable_conv(inputs, depthwise_kernel, pointwise_kernel) + bias)`.

    Args:
        rank: 1 for sequences, 2 for images.
        depth_multiplier: how many channels the depthwise step makes of each.
        filters: how many output channels.

    The other arguments are those of `SeparableConv2D`.
    """

    def __init__(
        self, rank, depth_multiplier, filters, kernel_size, strides=1, padding="valid", data_format=None,
        dilation_rate=1, activation=None, use_bias=True, depthwise_initializer="glorot_uniform",
        pointwise_initializer="glorot_uniform", bias_initializer="zeros", depthwise_regularizer=None,
        pointwise_regularizer=None, bias_regularizer=None, activity_regularizer=None, depthwise_constraint=None,
        pointwise_constraint=None, bias_constraint=None, trainable=True, name=None, **kwargs,
    ):  # fmt: skip
        super().__init__(trainable=trainable, name=name, activity_regularizer=activity_regularizer, **kwargs)
        self.rank = rank
        self.depth_multiplier = check_positive("depth_multiplier", depth_multiplier)
        self.filters = check_positive("filters", filters)
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.depthwise_constraint = constraints.get(depthwise_constraint)
        self.pointwise_initializer = initializers.get(pointwise_initializer)
        self.pointwise_regularizer = regularizers.get(pointwise_regularizer)
        self.pointwise_constraint = constraints.get(pointwise_constraint)
        set_window(
            self, rank, kernel_size, strides, padding, data_format, dilation_rate, allow_causal=False,
            allow_both=True,
        )  # fmt: skip
        set_bias_and_activation(self, activation, use_bias, bias_initializer, bias_regularizer, bias_constraint)

    def build(self, input_shape):
        channels = channels_of(self, input_shape)
        self.depthwise_kernel = self.add_weight(
            (*self.kernel_size, channels, self.depth_multiplier), self.depthwise_initializer, name="depthwise_kernel",
            regularizer=self.depthwise_regularizer, constraint=self.depthwise_constraint,
        )  # fmt: skip
        self.pointwise_kernel = self.add_weight(
            (*(1,) * self.rank, channels * self.depth_multiplier, self.filters), self.pointwise_initializer,
            name="pointwise_kernel", regularizer=self.pointwise_regularizer, constraint=self.pointwise_constraint,
        )  # fmt: skip
        self.bias = add_bias(self, self.filters)
        self.input_spec = InputSpec(min_ndim=self.rank + 2, axes={channel_axis(self): channels})

    def call(self, inputs):
        outputs = biased_separable_conv(
            inputs, self.depthwise_kernel, self.pointwise_kernel, self.bias, self.strides, self.padding,
            self.data_format, self.dilation_rate,
        )  # fmt: skip
        return self.activation(outputs)

    def get_config(self):
        return {
            **super().get_config(),
            "depth_multiplier": self.depth_multiplier,
            "filters": self.filters,
            **window_config(self),
            **bias_and_activation_config(self),
            "depthwise_initializer": initializers.serialize(self.depthwise_initializer),
            "pointwise_initializer": initializers.serialize(self.pointwise_initializer),
            "depthwise_regularizer": regularizers.serialize(self.depthwise_regularizer),
            "pointwise_regularizer": regularizers.serialize(self.pointwise_regularizer),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "depthwise_constraint": constraints.serialize(self.depthwise_constraint),
            "pointwise_constraint": constraints.serialize(self.pointwise_constraint),
        }
