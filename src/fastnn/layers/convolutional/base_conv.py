"""What the convolutions share: arguments, checks, weights and configs."""

from fastnn import activations, constraints, initializers, ops, regularizers
from fastnn.layers.core.lora import LoRA
from fastnn.layers.image_format import standardize_data_format, standardize_padding, standardize_tuple
from fastnn.layers.input_spec import InputSpec
from fastnn.layers.layer import Layer
from fastnn.ops.convolution import biased_conv


class BaseConv(LoRA, Layer):
    """A convolution over `rank` axes: `activation(conv(inputs, kernel) + bias)`.

    Args:
        rank: 1 for sequences, 2 for images, 3 for volumes.
        filters: how many output channels.
        lora_rank, lora_alpha: as in `Dense`; None for no LoRA.

    The other arguments are those of `Conv2D`.
    """

    def __init__(
        self, rank, filters, kernel_size, strides=1, padding="valid", data_format=None, dilation_rate=1, groups=1,
        activation=None, use_bias=True, kernel_initializer="glorot_uniform", bias_initializer="zeros",
        kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None, kernel_constraint=None,
        bias_constraint=None, trainable=True, name=None, lora_rank=None, lora_alpha=None, **kwargs,
    ):  # fmt: skip
        super().__init__(trainable=trainable, name=name, activity_regularizer=activity_regularizer, **kwargs)
        self.rank = rank
        self.filters = check_positive("filters", filters)
        self.groups = 1 if groups is None else check_positive("groups", groups)
        if self.filters % self.groups:
            raise ValueError(
                "The number of filters must be evenly divisible by the number of groups. Received: "
                f"groups={groups}, filters={filters}."
            )
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        set_window(self, rank, kernel_size, strides, padding, data_format, dilation_rate, allow_causal=rank == 1)
        set_bias_and_activation(self, activation, use_bias, bias_initializer, bias_regularizer, bias_constraint)
        self._set_lora(lora_rank, lora_alpha)

    def build(self, input_shape):
        axis = channel_axis(self)
        channels = channels_of(self, input_shape)
        if channels % self.groups:
            raise ValueError(
                "The number of input channels must be evenly divisible by the number of groups. Received groups="
                f"{self.groups}, but the input has {channels} channels (full input shape is {tuple(input_shape)})."
            )
        self._weight = self.add_weight(
            (*self.kernel_size, channels // self.groups, self.filters), self.kernel_initializer, name="kernel",
            regularizer=self.kernel_regularizer, constraint=self.kernel_constraint,
        )  # fmt: skip
        self.bias = add_bias(self, self.filters)
        self.input_spec = InputSpec(min_ndim=self.rank + 2, axes={axis: channels})
        self._build_lora()

    @property
    def kernel(self):
        """The weight (*kernel_size, channels / groups, filters); with LoRA, as it acts."""
        return self._merged_weight()

    def call(self, inputs):
        padding = self.padding
        if padding == "causal":
            before = self.dilation_rate[0] * (self.kernel_size[0] - 1)
            widths = [(0, 0)] * 3
            widths[1 if self.data_format == "channels_last" else 2] = (before, 0)
            inputs, padding = ops.pad(inputs, tuple(widths)), "valid"
        outputs = biased_conv(
            inputs, self.kernel, self.bias, self.strides, padding, self.data_format, self.dilation_rate
        )
        return self.activation(outputs)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            **window_config(self),
            "groups": self.groups,
            **bias_and_activation_config(self),
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            **self._lora_config(),
        }


def check_positive(name: str, value) -> int:
    if not isinstance(value, int) or value <= 0:
        raise ValueError(
            f"Invalid value for argument `{name}`. Expected a strictly positive value. Received {name}={value}."
        )
    return value


def set_window(
    layer, rank: int, kernel_size, strides, padding, data_format, dilation_rate, allow_causal: bool,
    allow_both: bool = False,
) -> None:  # fmt: skip
    """Checks and keeps the arguments that say where the window goes; `allow_both`: strides and dilation."""
    layer.kernel_size = standardize_tuple(kernel_size, rank, "kernel_size")
    layer.strides = standardize_tuple(strides, rank, "strides")
    layer.dilation_rate = standardize_tuple(dilation_rate, rank, "dilation_rate")
    layer.padding = standardize_padding(padding, allow_causal)
    layer.data_format = standardize_data_format(data_format)
    if not allow_both and max(layer.strides) > 1 and max(layer.dilation_rate) > 1:
        raise ValueError(
            "`strides > 1` not supported in conjunction with `dilation_rate > 1`. Received: "
            f"strides={layer.strides} and dilation_rate={layer.dilation_rate}"
        )
    layer.input_spec = InputSpec(min_ndim=rank + 2)


def set_bias_and_activation(layer, activation, use_bias, initializer, regularizer, constraint) -> None:
    """Checks and keeps the arguments that say what happens after the products."""
    layer.activation = activations.get(activation)
    layer.use_bias = use_bias
    layer.bias_initializer = initializers.get(initializer)
    layer.bias_regularizer = regularizers.get(regularizer)
    layer.bias_constraint = constraints.get(constraint)


def channel_axis(layer) -> int:
    """The axis of the channels of the layer's inputs."""
    return -1 if layer.data_format == "channels_last" else 1


def channels_of(layer, input_shape) -> int:
    """How many channels inputs of `input_shape` have.

    Raises:
        ValueError: when that is not known.
    """
    channels = input_shape[channel_axis(layer)]
    if channels is None:
        raise ValueError(
            f"The channel dimension of the inputs of layer {layer.name!r} should be defined. Found None in "
            f"input_shape={tuple(input_shape)}."
        )
    return channels


def add_bias(layer, channels: int):
    """The bias, (channels,), or None."""
    if not layer.use_bias:
        return None
    return layer.add_weight(
        (channels,), layer.bias_initializer, name="bias", regularizer=layer.bias_regularizer,
        constraint=layer.bias_constraint,
    )  # fmt: skip


def finish(layer, outputs):
    """Bias and activation."""
    if layer.use_bias:
        bias = layer.bias
        if layer.data_format == "channels_first":
            bias = ops.reshape(bias, (1, bias.shape[0], *(1,) * layer.rank))
        outputs = ops.add(outputs, bias)
    return layer.activation(outputs)


def window_config(layer) -> dict:
    """What `set_window` keeps, as a config."""
    return {
        "kernel_size": layer.kernel_size,
        "strides": layer.strides,
        "padding": layer.padding,
        "data_format": layer.data_format,
        "dilation_rate": layer.dilation_rate,
    }


def bias_and_activation_config(layer) -> dict:
    """What `set_bias_and_activation` keeps, as a config."""
    return {
        "activation": activations.serialize(layer.activation),
        "use_bias": layer.use_bias,
        "bias_initializer": initializers.serialize(layer.bias_initializer),
        "bias_regularizer": regularizers.serialize(layer.bias_regularizer),
        "bias_constraint": constraints.serialize(layer.bias_constraint),
    }
