"""Configs: with which quantizers, or by which method, a layer or model is quantized."""

from fastnn.quantizers.abs_max import AbsMaxQuantizer
from fastnn.serialization import deserialize_keras_object, serialize_keras_object


class QuantizationConfig:
    """Base of what `quantize(config=...)` takes. A subclass has the property `mode`.

    Args:
        weight_quantizer: a quantizer of weights; None for the one of the mode.
        activation_quantizer: of the inputs of layers; None leaves them as they are.

    Example:
        >>> fastnn.quantizers.QuantizationConfig().get_config()
        {'weight_quantizer': None, 'activation_quantizer': None}
    """

    def __init__(self, weight_quantizer=None, activation_quantizer=None):
        self.weight_quantizer = weight_quantizer
        self.activation_quantizer = activation_quantizer

    @property
    def mode(self) -> str:
        """The mode of `quantize` that it is for."""
        raise NotImplementedError(
            "Subclasses must implement this property. Do not instantiate QuantizationConfig directly."
        )

    def dtype_policy_string(self) -> str:
        """How a dtype policy's name begins, before "_from_float32"."""
        return self.mode

    def get_config(self) -> dict:
        return {
            "weight_quantizer": serialize_keras_object(self.weight_quantizer),
            "activation_quantizer": serialize_keras_object(self.activation_quantizer),
        }

    @classmethod
    def from_config(cls, config):
        """The config that `get_config` described."""
        return cls(**{name: deserialize_keras_object(value) for name, value in config.items()})

    @staticmethod
    def weight_quantizer_or_default(config, default):
        """The weight quantizer of `config`; `default` without either."""
        return default if config is None or config.weight_quantizer is None else config.weight_quantizer

    @staticmethod
    def activation_quantizer_or_default(config, default):
        """The activation quantizer of `config`, which may be None; `default` without a config."""
        return default if config is None else config.activation_quantizer


class Int8QuantizationConfig(QuantizationConfig):
    """Weights in int8, with a scale for each output.

    Args:
        weight_quantizer: a quantizer of weights; by default the largest over the inputs becomes 127.
        activation_quantizer: of the inputs of layers; "default" is an `AbsMaxQuantizer`, None leaves them in floats.

    Raises:
        ValueError: for a `weight_quantizer` whose numbers are not int8.

    Example:
        >>> fastnn.quantizers.Int8QuantizationConfig().activation_quantizer.value_range
        (-127, 127)
    """

    def __init__(self, weight_quantizer=None, activation_quantizer="default"):
        if activation_quantizer == "default":
            activation_quantizer = AbsMaxQuantizer()
        _check_output_dtype(self, weight_quantizer)
        super().__init__(weight_quantizer, activation_quantizer)

    @property
    def mode(self) -> str:
        return "int8"


class Int4QuantizationConfig(QuantizationConfig):
    """Weights in int4, two in a byte, with a scale and a zero point for each output and block of inputs.

    Args:
        weight_quantizer: a quantizer of weights; only with one block.
        activation_quantizer: of the inputs of layers; only with one block. "default" and None leave them in floats.
        block_size: how many inputs share a scale. None and -1: all, and then there is no zero point.

    Raises:
        ValueError: for another `block_size`, for quantizers together with blocks, or a `weight_quantizer` whose numbers
            are not int8.

    Example:
        >>> fastnn.quantizers.Int4QuantizationConfig(block_size=32).dtype_policy_string()
        'int4/32'
    """

    def __init__(self, weight_quantizer=None, activation_quantizer="default", block_size=128):
        if activation_quantizer == "default":
            activation_quantizer = None
        if block_size is not None and block_size != -1 and block_size <= 0:
            raise ValueError(f"block_size must be None, -1, or a positive integer. Received: block_size={block_size}")
        if block_size not in (None, -1) and not weight_quantizer is activation_quantizer is None:
            raise ValueError(
                "Int4 sub-channel quantization (block_size > 0) does not support custom quantizers. Either set "
                "block_size to None or -1 for per-channel quantization, or remove the custom quantizer arguments. "
                f"Received: block_size={block_size}"
            )
        _check_output_dtype(self, weight_quantizer)
        super().__init__(weight_quantizer, activation_quantizer)
        self.block_size = block_size

    @property
    def mode(self) -> str:
        return "int4"

    def dtype_policy_string(self) -> str:
        return f"int4/{-1 if self.block_size is None else self.block_size}"

    def get_config(self) -> dict:
        return {**super().get_config(), "block_size": self.block_size}


class Float8QuantizationConfig(QuantizationConfig):
    """Training in float8: inputs, kernels and gradients are rounded to it, with scales that follow their sizes.

    Example:
        >>> fastnn.quantizers.Float8QuantizationConfig().mode
        'float8'
    """

    def __init__(self):
        super().__init__()

    @property
    def mode(self) -> str:
        return "float8"

    def get_config(self) -> dict:
        return {}


class _CalibratedConfig(QuantizationConfig):
    """What GPTQ and AWQ share: they look at what the model computes on a data set."""

    def __init__(self, dataset, tokenizer, weight_bits, num_samples, sequence_length, group_size, one_group, structure):
        _check_positive(num_samples=num_samples, sequence_length=sequence_length)
        if group_size < -1 or group_size == 0:
            raise ValueError(
                f"Invalid group_size. Supported values are -1 ({one_group}) or a positive integer, but got "
                f"{group_size}."
            )
        super().__init__()
        self.dataset = dataset
        self.tokenizer = tokenizer
        self.weight_bits = weight_bits
        self.num_samples = num_samples
        self.sequence_length = sequence_length
        self.group_size = group_size
        self.quantization_layer_structure = structure

    def dtype_policy_string(self) -> str:
        return f"{self.mode}/{self.weight_bits}/{self.group_size}"

    def _config_of(self, *names) -> dict:
        """The attributes `names`; data set and tokenizer are not written into configs."""
        return {"dataset": None, "tokenizer": None, **{name: getattr(self, name) for name in names}}


class GPTQConfig(_CalibratedConfig):
    """Weights of few bits by GPTQ (Frantar et al. 2022, arXiv:2210.17323), as data: `quantize` cannot do it yet, and
    raises `NotImplementedError`.

    Args:
        dataset: strings, or arrays of tokens: what the model is shown.
        tokenizer: makes tokens of the strings.
        weight_bits: 2, 3, 4 or 8.
        num_samples: how many samples of the data set are used.
        per_channel: whether each output has a scale of its own.
        sequence_length: of a sample, in tokens.
        hessian_damping: added to the diagonal of the Hessian, as a share of its mean.
        group_size: how many inputs share a scale; -1 for all.
        symmetric: whether zero stays in the middle of the range.
        activation_order: whether inputs are quantized in the order of their importance.
        quantization_layer_structure: dict of "pre_block_layers" and "sequential_blocks"; else the model has a method
            `get_quantization_layer_structure`.

    Raises:
        ValueError: for numbers outside of what is said here.

    Example:
        >>> fastnn.quantizers.GPTQConfig(["a text"], None).dtype_policy_string()
        'gptq/4/128'
    """

    def __init__(
        self, dataset, tokenizer, *, weight_bits: int = 4, num_samples: int = 128, per_channel: bool = True,
        sequence_length: int = 512, hessian_damping: float = 0.01, group_size: int = 128, symmetric: bool = False,
        activation_order: bool = False, quantization_layer_structure: dict | None = None,
    ):  # fmt: skip
        if weight_bits not in (2, 3, 4, 8):
            raise ValueError(f"Unsupported weight_bits {weight_bits}. Supported values are 2, 3, 4, and 8.")
        if not 0 <= hessian_damping <= 1:
            raise ValueError("hessian_damping must be between 0 and 1.")
        super().__init__(
            dataset, tokenizer, weight_bits, num_samples, sequence_length, group_size, "whole-tensor",
            quantization_layer_structure,
        )  # fmt: skip
        self.per_channel = per_channel
        self.hessian_damping = hessian_damping
        self.symmetric = symmetric
        self.activation_order = activation_order

    @property
    def mode(self) -> str:
        return "gptq"

    def get_config(self) -> dict:
        return self._config_of(
            "weight_bits", "num_samples", "per_channel", "sequence_length", "hessian_damping", "group_size",
            "symmetric", "activation_order", "quantization_layer_structure",
        )  # fmt: skip


class AWQConfig(_CalibratedConfig):
    """Weights of four bits by AWQ (Lin et al. 2023, arXiv:2306.00978), as data: `quantize` cannot do it yet, and raises
    `NotImplementedError`.

    Args:
        dataset: strings, or arrays of tokens: what the model is shown.
        tokenizer: makes tokens of the strings.
        weight_bits: 4.
        num_samples: how many samples of the data set are used.
        sequence_length: of a sample, in tokens.
        group_size: how many inputs share a scale; -1 for all.
        num_grid_points: how many scales are tried.
        quantization_layer_structure: dict of "pre_block_layers" and "sequential_blocks"; else the model has a method
            `get_quantization_layer_structure`.

    Raises:
        ValueError: for numbers outside of what is said here.

    Example:
        >>> fastnn.quantizers.AWQConfig(["a text"], None).dtype_policy_string()
        'awq/4/128'
    """

    def __init__(
        self, dataset, tokenizer, *, weight_bits: int = 4, num_samples: int = 128, sequence_length: int = 512,
        group_size: int = 128, num_grid_points: int = 20, quantization_layer_structure: dict | None = None,
    ):  # fmt: skip
        if weight_bits != 4:
            raise ValueError(f"AWQ only supports 4-bit quantization. Received weight_bits={weight_bits}.")
        _check_positive(num_grid_points=num_grid_points)
        super().__init__(
            dataset, tokenizer, weight_bits, num_samples, sequence_length, group_size, "per-channel",
            quantization_layer_structure,
        )  # fmt: skip
        self.num_grid_points = num_grid_points

    @property
    def mode(self) -> str:
        return "awq"

    def get_config(self) -> dict:
        return self._config_of(
            "weight_bits", "num_samples", "sequence_length", "group_size", "num_grid_points",
            "quantization_layer_structure",
        )  # fmt: skip


def _check_output_dtype(config, quantizer) -> None:
    if quantizer is not None and quantizer.output_dtype != "int8":
        raise ValueError(
            f"{type(config).__name__} requires a weight_quantizer with output_dtype='int8'. Received: "
            f"output_dtype={quantizer.output_dtype}"
        )


def _check_positive(**numbers) -> None:
    for name, number in numbers.items():
        if number <= 0:
            raise ValueError(f"{name} must be a positive integer.")
