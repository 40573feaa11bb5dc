"""Conv3D: a convolution of volumes."""

from fastnn.layers.convolutional.base_conv import BaseConv


class Conv3D(BaseConv):
    """`activation(conv(inputs, kernel) + bias)` over the places of volumes (a cross-correlation, in the
    terms of signal processing).

    Args:
        filters: positive int: how many output channels.
        kernel_size: int or (depth, height, width): size of the window.
        strides: int or (depth, height, width): steps of the window.
        padding: "valid" (no padding) or "same" (output size = input size / stride, rounded up).
        data_format: "channels_last" or "channels_first"; None is `fastnn.config.image_data_format()`.
        dilation_rate: int or (depth, height, width): distance between the places of the window; not together with
            strides.
        groups: channels are split into so many groups, convolved separately; it divides channels and filters.
        activation: name, function or None.
        use_bias: whether there is a bias.
        kernel_initializer, bias_initializer: of the weights.
        kernel_regularizer, bias_regularizer: of the weights.
        activity_regularizer: of the outputs.
        kernel_constraint, bias_constraint: of the weights.

    Input shape:
        (batch, depth, height, width, channels);
        (batch, channels, depth, height, width) with "channels_first"

    Output shape:
        (batch, new depth, new height, new width, filters), likewise

    Weights: kernel (depth, height, width, channels / groups, filters), bias (filters,).

    Raises:
        ValueError: for sizes that are not positive or do not fit.

    Example:
        >>> fastnn.layers.Conv3D(8, 3)(np.zeros((2, 6, 6, 6, 3), "float32")).shape
        (2, 4, 4, 4, 8)
    """

    def __init__(
        self, filters, kernel_size, strides=(1, 1, 1), padding="valid", data_format=None, dilation_rate=(1, 1, 1),
        groups=1, activation=None, use_bias=True, kernel_initializer="glorot_uniform", bias_initializer="zeros",
        kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None, kernel_constraint=None,
        bias_constraint=None, **kwargs,
    ):  # fmt: skip
        super().__init__(
            3, filters, kernel_size, strides, padding, data_format, dilation_rate, groups, activation, use_bias,
            kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
            kernel_constraint, bias_constraint, **kwargs,
        )  # fmt: skip
