"""EinsumDense: a product with a weight along any axes."""

import math
import re

from fastnn import activations, constraints, initializers, ops, regularizers
from fastnn.graph.symbolic import infer_outputs
from fastnn.layers.core.quantized import Kept, Quantized
from fastnn.layers.input_spec import InputSpec
from fastnn.layers.layer import Layer


class EinsumDense(Quantized, Layer):
    """`activation(einsum(equation, inputs, kernel) + bias)`.

    Args:
        equation: a letter an axis, such as "abc,cd->abd"; inputs and outputs may both begin or both end with "...".
        output_shape: int or tuple: the sizes of the outputs without the batch and what "..." stands for; None for a
            size that is the input's, or not known.
        activation: name, function or None.
        bias_axes: the letters of the outputs that the bias has, such as "d"; None for no bias.
        kernel_initializer, bias_initializer: of the weights.
        kernel_regularizer, bias_regularizer: of the weights.
        kernel_constraint, bias_constraint: of the weights.
        lora_rank: int: the kernel is frozen, and a product of two matrices of this rank trained instead; see
            `enable_lora`.
        lora_alpha: the product is scaled by `lora_alpha / lora_rank`; `lora_rank` by default.
        gptq_unpacked_column_size: kept for Keras's signature.
        quantization_config: a `QuantizationConfig`: how a quantized `dtype`, such as "int8_from_float32", keeps weights
            and rounds inputs; see `quantize`.

    Input shape:
        (batch, ...), an axis for each letter of the first term

    Output shape:
        (batch, ...), an axis for each letter of the result

    Weights: kernel, an axis for each letter of the second term; bias, the axes of the outputs from the first of
        `bias_axes` on, 1 for those that it does not have.

    Raises:
        ValueError: for an equation that is no such product, or sizes that contradict each other.

    Example:
        >>> fastnn.layers.EinsumDense("abc,cd->abd", (None, 8), bias_axes="d")(np.ones((2, 3, 4), "float32")).shape
        (2, 3, 8)
    """

    _modes = ("int8", "int4", "float8")

    def __init__(
        self, equation, output_shape, activation=None, bias_axes=None, kernel_initializer="glorot_uniform",
        bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None, kernel_constraint=None,
        bias_constraint=None, lora_rank=None, lora_alpha=None, gptq_unpacked_column_size=None,
        quantization_config=None, **kwargs,
    ):  # fmt: skip
        super().__init__(**kwargs)
        self.equation = equation
        self.partial_output_shape = (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)
        self.bias_axes = bias_axes
        self.activation = activations.get(activation)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self._set_lora(lora_rank, lora_alpha)
        self._set_quantization(quantization_config)

    def build(self, input_shape):
        self._kernel_shape, bias_shape, _ = self._shapes(input_shape)
        self.input_spec = InputSpec(ndim=len(input_shape))
        self._build_weight(
            self._kernel_shape, self.kernel_initializer, name="kernel", regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )  # fmt: skip
        self.bias = None
        if bias_shape is not None:
            self.bias = self.add_weight(
                bias_shape, self.bias_initializer, name="bias", regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )  # fmt: skip
        self._build_lora()

    @property
    def kernel(self):
        """The weight of the product: with LoRA, as it acts; a quantized one as integers."""
        return self._merged_weight()

    def call(self, inputs, training=None):
        if self.quantization_mode is not None:
            given, _, result, front, _ = self._terms(inputs.ndim)
            axes = tuple(front + k for k, letter in enumerate(given) if letter not in result)
            return self.activation(self._quantized_product(inputs, axes, training))
        x = self._product(inputs, self.kernel)
        return self.activation(x if self.bias is None else x + self.bias)

    def _product(self, inputs, kernel):
        return ops.einsum(self.equation, inputs, kernel)

    def _kept_weights(self):
        _, weight, result, _, back = self._terms(self.input_spec.ndim)
        sizes = dict(zip(weight, self._kernel_shape, strict=True))
        axes = tuple(k for k, letter in enumerate(weight) if letter not in result)
        rows = math.prod(self._kernel_shape[k] for k in axes)
        # The scale of int8 has the letters of the result, as the product that it divides in Keras.
        left, shared = ([x for x in letters if x in weight and x in result] for letters in (weight, result))
        kept = tuple(sizes.get(letter, 1) for letter in result) + (1,) * back

        def from_weight(scale):
            return scale.reshape([sizes[x] for x in left]).transpose([left.index(x) for x in shared]).reshape(kept)

        def to_weight(scale):
            scale = ops.transpose(ops.reshape(scale, [sizes[x] for x in shared]), [shared.index(x) for x in left])
            return ops.reshape(scale, [sizes[x] if x in result else 1 for x in weight])

        matrix = (rows, math.prod(self._kernel_shape) // rows)
        return [
            Kept("kernel", "_weight", self._kernel_shape, axes, matrix, from_weight=from_weight, to_weight=to_weight)
        ]

    def compute_output_shape(self, input_shape):
        return self._shapes(input_shape)[2]

    def compute_output_spec(self, inputs, training=None):
        # By tracing: `compute_output_shape` leaves what `output_shape` does open, as Keras's.
        return infer_outputs(self._call_for_shapes, (inputs,), {})

    def _shapes(self, input_shape):
        """The shapes of kernel, bias (None without one) and outputs."""
        given, weight, result, front, back = self._terms(len(input_shape))
        if front + len(given) + back != len(input_shape):
            raise ValueError(
                f"EinsumDense {self.name!r}: equation '{self.equation}' does not fit an input of shape "
                f"{tuple(input_shape)}."
            )
        of_inputs = dict(zip(given, input_shape[front:], strict=False))
        # Without "..." in front, the first letter of the outputs is the batch.
        is_open = self.equation.startswith("...")
        named = self.partial_output_shape if is_open else (input_shape[0], *self.partial_output_shape)
        if len(named) != len(result):
            raise ValueError(
                f"EinsumDense {self.name!r}: `output_shape` {self.partial_output_shape} does not fit the outputs "
                f"'{result}' of equation '{self.equation}'."
            )
        of_outputs = dict(zip(result, named, strict=True))
        for letter in given:
            sizes = of_inputs[letter], of_outputs.get(letter)
            if None not in sizes and sizes[0] != sizes[1]:
                raise ValueError(
                    f"Input shape and output shape do not match at shared dimension '{letter}'. Input shape is "
                    f"{sizes[0]}, and output shape is {sizes[1]}."
                )
        for letter in weight:
            if letter not in of_inputs and letter not in of_outputs:
                raise ValueError(
                    f"Weight dimension '{letter}' did not have a match in either the input spec '{given}' or the "
                    f"output spec '{result}'. For this layer, the weight must be fully specified."
                )
        kernel_shape = tuple(of_inputs.get(letter, of_outputs.get(letter)) for letter in weight)
        output_shape = (*input_shape[:front], *named, *input_shape[len(given) + front :])
        return kernel_shape, self._bias_shape(of_outputs, back), output_shape

    def _terms(self, ndim: int):
        """The letters of inputs, kernel and outputs, and for inputs of `ndim` axes how many "..." stands for in front
        and at the end."""
        form = re.fullmatch(r"(\.\.\.)?([a-zA-Z]+)(\.\.\.)?,([a-zA-Z]+)->(\.\.\.)?([a-zA-Z]+)(\.\.\.)?", self.equation)
        if form is None or (form[1], form[3]) != (form[5], form[7]) or (form[1] and form[3]):
            raise ValueError(
                f"Invalid einsum equation '{self.equation}'. Equations must be in the form [X],[Y]->[Z], "
                "...[X],[Y]->...[Z], or [X]...,[Y]->[Z]...."
            )
        elided = max(ndim - len(form[2]), 0)
        return form[2], form[4], form[6], elided if form[1] else 0, elided if form[3] else 0

    def _bias_shape(self, of_outputs: dict, elided_at_end: int):
        if self.bias_axes is None:
            return None
        for letter in self.bias_axes:
            if letter not in of_outputs:
                raise ValueError(
                    f"Bias dimension '{letter}' was requested, but is not part of the output spec "
                    f"'{''.join(of_outputs)}'"
                )
        letters = "".join(of_outputs)
        first = min(letters.index(letter) for letter in self.bias_axes)
        sizes = tuple(of_outputs[letter] if letter in self.bias_axes else 1 for letter in letters[first:])
        return sizes + (1,) * elided_at_end

    def get_config(self):
        return {
            **super().get_config(),
            "equation": self.equation,
            "output_shape": self.partial_output_shape,
            "activation": activations.serialize(self.activation),
            "bias_axes": self.bias_axes,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
            **self._quantization_config(),
            **self._lora_config(),
        }
