"""SeparableConv2D: a convolution of images in two steps, each channel by itself and then across channels."""

from fastnn.layers.convolutional.base_separable_conv import BaseSeparableConv


class SeparableConv2D(BaseSeparableConv):
    """Each channel convolved with `depth_multiplier` windows of its own, then the channels at each place mixed by a
    matrix: `activation(conv(depthwise_conv(inputs, depthwise_kernel), pointwise_kernel) + bias)`.

    Args:
        filters: positive int: how many output channels.
        kernel_size: int or (height, width): size of the window.
        strides: int or (height, width): steps of the window.
        padding: "valid" (no padding) or "same" (output size = input size / stride, rounded up).
        data_format: "channels_last" or "channels_first"; None is `fastnn.config.image_data_format()`.
        dilation_rate: int or (height, width): distance between the places of the window.
        depth_multiplier: positive int: how many channels the depthwise step makes of each.
        activation: name, function or None.
        use_bias: whether there is a bias.
        depthwise_initializer, pointwise_initializer, bias_initializer: of the weights.
        depthwise_regularizer, pointwise_regularizer, bias_regularizer: of the weights.
        activity_regularizer: of the outputs.
        depthwise_constraint, pointwise_constraint, bias_constraint: of the weights.

    Input shape:
        (batch, height, width, channels); (batch, channels, height, width) with "channels_first"

    Output shape:
        (batch, new height, new width, filters), likewise

    Weights: depthwise_kernel (height, width, channels, depth_multiplier), pointwise_kernel
    (1, 1, channels * depth_multiplier, filters), bias (filters,).

    Raises:
        ValueError: for sizes that are not positive or do not fit.

    Example:
        >>> fastnn.layers.SeparableConv2D(8, 3)(np.zeros((2, 6, 6, 3), "float32")).shape
        (2, 4, 4, 8)

    Paper: Chollet, Xception: Deep Learning with Depthwise Separable Convolutions, CVPR 2017 (arXiv:1610.02357).
    """

    def __init__(
        self, filters, kernel_size, strides=(1, 1), padding="valid", data_format=None, dilation_rate=(1, 1),
        depth_multiplier=1, activation=None, use_bias=True, depthwise_initializer="glorot_uniform",
        pointwise_initializer="glorot_uniform", bias_initializer="zeros", depthwise_regularizer=None,
        pointwise_regularizer=None, bias_regularizer=None, activity_regularizer=None, depthwise_constraint=None,
        pointwise_constraint=None, bias_constraint=None, **kwargs,
    ):  # fmt: skip
        super().__init__(
            2, depth_multiplier, filters, kernel_size, strides, padding, data_format, dilation_rate, activation,
            use_bias, depthwise_initializer, pointwise_initializer, bias_initializer, depthwise_regularizer,
            pointwise_regularizer, bias_regularizer, activity_regularizer, depthwise_constraint, pointwise_constraint,
            bias_constraint, **kwargs,
        )  # fmt: skip
