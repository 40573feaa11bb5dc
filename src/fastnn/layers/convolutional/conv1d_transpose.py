"""Conv1DTranspose: the transpose of a convolution of sequences."""

from fastnn.layers.convolutional.base_conv_transpose import BaseConvTranspose


class Conv1DTranspose(BaseConvTranspose):
    """`activation(conv_transpose(inputs, kernel) + bias)`: each step of a sequence adds the kernel, times what stands
    there, to the output. It goes from the shape of a `Conv1D`'s output to that of its input.

    Args:
        filters: positive int: how many output channels.
        kernel_size: int: size of the window.
        strides: int: distance between neighbouring windows in the output.
        padding: "valid" (output size = (input size - 1) * stride + the larger of kernel size and stride) or "same"
            (output size = input size * stride).
        output_padding: int, less than the strides: places to add behind;
            None for the sizes under `padding`.
        data_format: "channels_last" or "channels_first"; None is `fastnn.config.image_data_format()`.
        dilation_rate: int: distance between the places of the window; not together with strides.
        activation: name, function or None.
        use_bias: whether there is a bias.
        kernel_initializer, bias_initializer: of the weights.
        kernel_regularizer, bias_regularizer: of the weights.
        activity_regularizer: of the outputs.
        kernel_constraint, bias_constraint: of the weights.

    Input shape:
        (batch, steps, channels); (batch, channels, steps) with "channels_first"

    Output shape:
        (batch, new steps, filters), likewise

    Weights: kernel (size, filters, channels), bias (filters,).

    Raises:
        ValueError: for sizes that are not positive or do not fit.

    Example:
        >>> fastnn.layers.Conv1DTranspose(8, 3, strides=2)(np.zeros((2, 6, 3), "float32")).shape
        (2, 13, 8)

    Paper: Zeiler et al., Deconvolutional Networks, CVPR 2010.
    """

    def __init__(
        self, filters, kernel_size, strides=1, padding="valid", output_padding=None, data_format=None,
        dilation_rate=1,
        activation=None, use_bias=True, kernel_initializer="glorot_uniform", bias_initializer="zeros",
        kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None, kernel_constraint=None,
        bias_constraint=None, **kwargs,
    ):  # fmt: skip
        super().__init__(
            1, filters, kernel_size, strides, padding, output_padding, data_format, dilation_rate, activation, use_bias,
            kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
            kernel_constraint, bias_constraint, **kwargs,
        )  # fmt: skip
