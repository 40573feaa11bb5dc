"""DepthwiseConv1D: a convolution of each channel of sequences by itself."""

from fastnn.layers.convolutional.base_depthwise_conv import BaseDepthwiseConv


class DepthwiseConv1D(BaseDepthwiseConv):
    """Each channel convolved with `depth_multiplier` windows of its own; output channel `c * depth_multiplier + k` is
    channel c with window k.

    Args:
        kernel_size: int: size of the window.
        strides: int: steps of the window.
        padding: "valid" (no padding) or "same" (output size = input size / stride, rounded up).
        depth_multiplier: positive int: how many output channels each input channel gives.
        data_format: "channels_last" or "channels_first"; None is `fastnn.config.image_data_format()`.
        dilation_rate: int: distance between the places of the window.
        activation: name, function or None.
        use_bias: whether there is a bias.
        depthwise_initializer, bias_initializer: of the weights.
        depthwise_regularizer, bias_regularizer: of the weights.
        activity_regularizer: of the outputs.
        depthwise_constraint, bias_constraint: of the weights.

    Input shape:
        (batch, steps, channels); (batch, channels, steps) with "channels_first"

    Output shape:
        (batch, new steps, channels * depth_multiplier), likewise

    Weights: kernel (size, channels, depth_multiplier), bias (channels * depth_multiplier,).

    Raises:
        ValueError: for sizes that are not positive or do not fit.

    Example:
        >>> fastnn.layers.DepthwiseConv1D(3)(np.zeros((2, 6, 3), "float32")).shape
        (2, 4, 3)
    """

    def __init__(
        self, kernel_size, strides=1, padding="valid", depth_multiplier=1, data_format=None, dilation_rate=1,
        activation=None, use_bias=True, depthwise_initializer="glorot_uniform", bias_initializer="zeros",
        depthwise_regularizer=None, bias_regularizer=None, activity_regularizer=None, depthwise_constraint=None,
        bias_constraint=None, **kwargs,
    ):  # fmt: skip
        super().__init__(
            1, depth_multiplier, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
            depthwise_initializer, bias_initializer, depthwise_regularizer, bias_regularizer, activity_regularizer,
            depthwise_constraint, bias_constraint, **kwargs,
        )  # fmt: skip
