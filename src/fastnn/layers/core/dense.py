"""Dense: a matrix product."""

import math

from fastnn import activations, constraints, initializers, ops, regularizers
from fastnn.layers.core.quantized import Kept, Quantized
from fastnn.layers.input_spec import InputSpec
from fastnn.layers.layer import Layer
from fastnn.ops.matmul import linear


class Dense(Quantized, Layer):
    """`activation(inputs @ kernel + bias)` over the last axis.

    Args:
        units: positive int: size of the last axis of the outputs.
        activation: name, function or None.
        use_bias: whether there is a bias.
        kernel_initializer, bias_initializer: of the weights.
        kernel_regularizer, bias_regularizer: of the weights.
        activity_regularizer: of the outputs.
        kernel_constraint, bias_constraint: of the weights.
        lora_rank: int: the kernel is frozen, and a product of two matrices of this rank trained instead; see
            `enable_lora`.
        lora_alpha: the product is scaled by `lora_alpha / lora_rank`; `lora_rank` by default.
        quantization_config: a `QuantizationConfig`: how a quantized `dtype`, such as "int8_from_float32", keeps weights
            and rounds inputs; see `quantize`.

    Input shape:
        (batch, ..., inputs)

    Output shape:
        (batch, ..., units)

    Weights: kernel (inputs, units), bias (units,).

    Raises:
        ValueError: for a `units` that is no positive int, or inputs of another size than it was built for.

    Example:
        >>> fastnn.layers.Dense(3)(np.zeros((2, 4), "float32")).shape
        (2, 3)
    """

    _modes = ("int8", "int4", "float8")

    def __init__(
        self, units, activation=None, use_bias=True, kernel_initializer="glorot_uniform", bias_initializer="zeros",
        kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None, kernel_constraint=None,
        bias_constraint=None, lora_rank=None, lora_alpha=None, quantization_config=None, **kwargs,
    ):  # fmt: skip
        if not isinstance(units, int) or units <= 0:
            raise ValueError(
                f"Received an invalid value for `units`, expected a positive integer. Received: units={units}"
            )
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units = units
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.input_spec = InputSpec(min_ndim=2)
        self.supports_masking = True
        self._set_lora(lora_rank, lora_alpha)
        self._set_quantization(quantization_config)

    def build(self, input_shape):
        inputs = input_shape[-1]
        self._kernel_shape = (inputs, self.units)
        self._build_weight(
            self._kernel_shape, self.kernel_initializer, name="kernel", regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )  # fmt: skip
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                (self.units,), self.bias_initializer, name="bias", regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )  # fmt: skip
        self.input_spec = InputSpec(min_ndim=2, axes={-1: inputs})
        self._build_lora()

    @property
    def kernel(self):
        """The matrix (inputs, units): with LoRA, as it acts; a quantized one as integers."""
        return self._merged_weight()

    def call(self, inputs, training=None):
        if self.quantization_mode is not None:
            return self.activation(self._quantized_product(inputs, -1, training))
        if self.lora_enabled and self._adds_apart(math.prod(inputs.shape[:-1]), training):
            added = ops.matmul(ops.matmul(inputs, self._lora_a), self._lora_b)
            return self.activation(linear(inputs, self._weight, self.bias) + self._lora_scale() * added)
        return self.activation(linear(inputs, self.kernel, self.bias))

    def _product(self, inputs, kernel):
        return ops.matmul(inputs, kernel)

    def _kept_weights(self):
        return [Kept("kernel", "_weight", self._kernel_shape, (0,), self._kernel_shape)]

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
            **self._quantization_config(),
            **self._lora_config(),
        }
