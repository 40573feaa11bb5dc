"""Layers whose weights are kept in few bits: how they are quantized, what is kept, and what they stand for."""

from __future__ import annotations

import numpy as np

from fastnn import dtype_policy, ops, quantizers
from fastnn.graph import trace
from fastnn.layers import core, weight_lists
from fastnn.layers.core.lora import LoRA
from fastnn.ops.record import dtype_of
from fastnn.serialization import deserialize_keras_object, serialize_keras_object

MODES = ("int8", "float8", "int4", "gptq", "awq")
# By name, as who quantizes nothing loads none of them.
_CONFIGS = {"int8": "Int8QuantizationConfig", "int4": "Int4QuantizationConfig", "float8": "Float8QuantizationConfig"}


class Kept:
    """How one weight is kept.

    Attributes:
        name: of the weight.
        attribute: of the layer that holds it.
        shape: of the weight in floats.
        axes: those of `shape` whose numbers share a scale: they are summed over.
        matrix: `shape` as a matrix, in which int4 is kept.
        axis: of the matrix: along which blocks share a scale.
        packed: axis of the matrix along which two numbers share a byte.
        from_weight, to_weight: the scale of int8 from the shape that broadcasts against the weight to that in which it
            is kept, and back; by default without `axes`.
        zero_dtype: of the zero points.
        group_index: whether it is kept to which block a position belongs.
    """

    __slots__ = (
        "attribute", "axes", "axis", "from_weight", "group_index", "matrix", "name", "packed", "shape", "to_weight",
        "zero_dtype",
    )  # fmt: skip

    def __init__(
        self, name, attribute, shape, axes, matrix, axis=0, packed=1, from_weight=None, to_weight=None,
        zero_dtype="int8", group_index=True,
    ):  # fmt: skip
        self.name, self.attribute, self.shape, self.axes = name, attribute, shape, axes
        self.matrix, self.axis, self.packed = matrix, axis, packed
        self.from_weight, self.to_weight = from_weight, to_weight
        self.zero_dtype, self.group_index = zero_dtype, group_index

    def scale_from_weight(self, scale):
        return np.squeeze(scale, self.axes) if self.from_weight is None else self.from_weight(scale)

    def scale_to_weight(self, scale):
        return ops.expand_dims(scale, self.axes[0]) if self.to_weight is None else self.to_weight(scale)

    def int8(self, weight, quantizer) -> dict:
        """What is kept of the float `weight` in int8: arrays by the ends of their names."""
        quantizer = quantizer or quantizers.AbsMaxQuantizer(axis=self.axes)
        numbers, scale = quantizer(weight, to_numpy=True)
        return {"": numbers, "_scale": self.scale_from_weight(scale)}

    def from_int8(self, kept: dict, dtype):
        return ops.cast(kept[""], dtype) * self.scale_to_weight(ops.reciprocal(ops.cast(kept["_scale"], dtype)))

    def rows(self, kept: dict, mode: str, indices, dtype):
        """The rows at `indices` of the floats for which it stands, where scales and groups are those of rows."""
        of_rows = {end: part if end == "g_idx" else ops.take(part, indices, axis=0) for end, part in kept.items()}
        if mode == "int4":
            return core.int4.floats_of_rows(self, of_rows, dtype)
        scale = ops.reciprocal(ops.cast(of_rows["_scale"], dtype))
        return ops.cast(of_rows[""], dtype) * ops.expand_dims(scale, -1)


class Quantized(LoRA):
    """The part of a layer that keeps weights in few bits.

    A subclass describes its weights in `_kept_weights`, calls `_set_quantization` in `__init__`, makes its weights by
    `_add_kept`, and computes with `_float_weight` and `_quantized_inputs`. LoRA is not quantized: it comes on top.
    """

    _modes = ("int8", "int4")

    def _set_quantization(self, config) -> None:
        self.quantization_config = deserialize_keras_object(config) if isinstance(config, dict) else config

    def _kept_weights(self) -> list[Kept]:
        """How each weight is kept, once their shapes are known."""
        raise NotImplementedError

    def quantize(self, mode=None, type_check=True, config=None) -> None:
        """Keeps the weights in few bits from now on. A compiled model is to be compiled again.

        Args:
            mode: "int8", "int4" or "float8" (which needs ml_dtypes, the extra `bfloat16`); that of `config` by default.
            type_check: whether subclasses are refused, whose `call` may be another.
            config: a `QuantizationConfig`; by default that of the mode.

        Raises:
            ValueError: for another mode, a config of another mode, or a layer that is not built or quantized already.
            NotImplementedError: for a subclass, and for a mode that the layer has not.

        Example:
            >>> layer = fastnn.layers.Dense(3); layer.build((None, 4)); layer.quantize("int8")
            >>> [(w.name, w.dtype) for w in layer.weights]
            [('bias', 'float32'), ('kernel', 'int8'), ('kernel_scale', 'float32')]
        """
        config = config_of(mode, config)
        self.check_quantizable(config.mode, type_check)
        policy = dtype_policy.get(f"{config.dtype_policy_string()}_from_{self.dtype_policy.name}")
        if config.mode == "float8":
            core.float8.add_weights(self, policy.amax_history_length)
        weights = [] if config.mode == "float8" else self._kept_weights()
        arrays = [_keep(kept, np.array(getattr(self, kept.attribute)), config) for kept in weights]
        for kept, parts in zip(weights, arrays, strict=True):
            self._add_kept(kept, parts)
        self.quantization_config = config
        self.dtype_policy = policy

    def check_quantizable(self, mode: str, type_check: bool = True) -> None:
        """Raises what `quantize` raises."""
        name = type(self).__name__
        if type_check and "_kept_weights" not in vars(type(self)):
            raise NotImplementedError(f"Layer {name} does not have a `quantize` method implemented.")
        if not self.built:
            raise ValueError(
                f"Cannot quantize a layer that isn't yet built. Layer '{self.name}' (of type '{name}') is not built "
                "yet."
            )
        if self.quantization_mode is not None:
            raise ValueError(
                f"Layer '{self.name}' is already quantized with dtype_policy='{self.dtype_policy.name}'. Received: "
                f"mode={mode}"
            )
        self._check_mode(mode)

    def _check_mode(self, mode: str) -> None:
        if mode not in self._modes:
            raise NotImplementedError(
                f"Invalid quantization mode. Expected one of {self._modes}. Received: quantization_mode={mode}"
            )

    def _add_kept(self, kept: Kept, arrays: dict) -> None:
        """Makes the variables of a quantized weight, with the numbers of `arrays`, as attributes."""
        for end, array in arrays.items():
            name = end if end == "g_idx" else kept.name + end
            if end == "g_idx" and not kept.group_index:
                continue
            dtype = {"_scale": self.variable_dtype, "_zero": kept.zero_dtype}.get(end, array.dtype)
            # Half precision could not count the blocks.
            autocast = end != "g_idx"
            variable = self.add_weight(array.shape, "zeros", dtype, False, autocast=autocast, name=name)
            variable.assign(array)
            variable.path = f"{self.path}/{name}"
            setattr(self, name if end else kept.attribute, variable)

    def _build_weight(self, shape, initializer, **arguments) -> None:
        """Makes a weight, in floats or, for a quantized dtype policy, as zeros with scales of one."""
        kept = next(kept for kept in self._kept_weights() if kept.name == arguments["name"])
        mode = self.quantization_mode
        if mode is not None:
            self._check_mode(mode)
        if mode == "float8":
            core.float8.add_weights(self, self.dtype_policy.amax_history_length)
        if mode in (None, "float8"):
            setattr(self, kept.attribute, self.add_weight(shape, initializer, **arguments))
            return
        arrays = _keep(kept, np.zeros(kept.shape, "float32"), self._config_in_use())
        ends = {"": 0, "_scale": 1, "_zero": 0}
        self._add_kept(kept, {end: np.full_like(a, ends[end]) if end in ends else a for end, a in arrays.items()})

    def _config_in_use(self):
        """The config by which it is quantized, for a dtype policy that came without one too."""
        config, policy = self.quantization_config, self.dtype_policy
        if config is not None and config.mode == policy.quantization_mode:
            return config
        if policy.quantization_mode == "int4":
            return quantizers.Int4QuantizationConfig(block_size=getattr(policy, "block_size", None))
        return config_of(policy.quantization_mode, None)

    def _parts(self, kept: Kept) -> dict:
        """The variables of a quantized weight."""
        parts = {"": getattr(self, kept.attribute), "_scale": getattr(self, f"{kept.name}_scale")}
        zero = getattr(self, f"{kept.name}_zero", None)
        return parts if zero is None else {**parts, "_zero": zero, "g_idx": self.g_idx}

    def _float_weight(self, kept: Kept):
        """The floats for which a quantized weight stands, without LoRA."""
        parts, dtype = self._parts(kept), self.compute_dtype
        if self.quantization_mode == "int8":
            return kept.from_int8(parts, dtype)
        return core.int4.floats(kept, parts, dtype)

    def _quantized_inputs(self, inputs, axis):
        """`inputs` as they come back from the activation quantizer, which takes scales over `axis`. Gradients pass."""
        quantizer = self._config_in_use().activation_quantizer
        if quantizer is None:
            return inputs

        @ops.custom_gradient
        def rounded(x):
            numbers, scale = quantizer(x, axis=axis)
            return ops.cast(numbers, dtype_of(x)) / scale, lambda dy: dy

        return rounded(inputs)

    def _adapted_shape(self) -> tuple[int, ...]:
        return self._kept_weights()[0].shape  # the weight itself may be packed

    def _merged_weight(self):
        """The weight as it acts; a quantized one without LoRA as its integers."""
        if self.quantization_mode in (None, "float8"):
            return super()._merged_weight()
        kept = self._kept_weights()[0]
        if self.lora_enabled:
            return self._float_weight(kept) + self._lora_product()
        if self.quantization_mode == "int8":
            return self._weight
        return ops.cast(ops.reshape(core.int4.numbers(kept, self._parts(kept)), kept.shape), "int8")

    def _quantized_product(self, inputs, axis, training):
        """What `_product` makes of the inputs and the weight, with LoRA and bias."""
        if self.quantization_mode == "float8":
            y = core.float8.product(self, inputs, self._weight.value, training)
        else:
            y = self._product(self._quantized_inputs(inputs, axis), self._float_weight(self._kept_weights()[0]))
        if self.lora_enabled:
            y = y + self._product(inputs, self._lora_product())
        if self.bias is None:
            return y
        return y + (core.float8.bias_of(self.bias) if self.quantization_mode == "float8" else self.bias)

    def _lora_product(self):
        return self._lora_scale() * ops.matmul(self._lora_a, self._lora_b)

    def _saved_variables(self) -> list:
        """What is written into files, in order."""
        bias = getattr(self, "bias", None)
        if self.quantization_mode in (None, "float8"):
            weights = [getattr(self, kept.attribute) for kept in self._kept_weights()]
            weights += core.float8.weights(self) if self.quantization_mode else []
            return weights if bias is None else [weights[0], bias, *weights[1:]]
        saved = []
        for kept in self._kept_weights():
            parts = list(self._parts(kept).values())
            saved += parts if kept.group_index else parts[:3]
            if kept.attribute == "_weight" and bias is not None:
                saved.insert(1, bias)
        return saved

    def save_own_variables(self, store) -> None:
        saved = [variable.array for variable in self._saved_variables()]
        if self.lora_enabled:
            saved = self._with_lora_merged(saved)
        for k, array in enumerate(saved):
            store[str(k)] = array

    def _with_lora_merged(self, saved: list) -> list:
        merged = np.asarray(self._merged_weight())
        if self.quantization_mode in (None, "float8"):
            return [merged, *saved[1:]]
        kept = self._kept_weights()[0]
        parts = _keep(kept, merged, self._config_in_use())
        replaced = {id(part.array): parts[end] for end, part in self._parts(kept).items()}
        return [replaced.get(id(array), array) for array in saved]

    def load_own_variables(self, store) -> None:
        """Reads what a layer with or without LoRA saved; the product starts again from zero."""
        weight_lists.assign_all(self.name, self._saved_variables(), store)
        if self.lora_enabled:
            for weight in (self._lora_a, self._lora_b):
                weight.assign(np.zeros(weight.shape, weight.dtype))

    def _quantization_config(self) -> dict:
        return {"quantization_config": serialize_keras_object(self.quantization_config)}


def config_of(mode, config):
    """The config that `quantize(mode, config)` means.

    Raises:
        ValueError: for neither, for two of different modes, or an unknown mode.
    """
    if mode is None and config is None:
        raise ValueError("You must provide either `mode` or `config` to `quantize`.")
    if mode is None:
        if not isinstance(config, quantizers.QuantizationConfig):
            raise ValueError(f"`config` must be a `QuantizationConfig`. Received: config={config}")
        mode = config.mode
    if mode not in MODES:
        raise ValueError(f"Invalid quantization mode. Expected one of {MODES}. Received: mode={mode}")
    if config is None:
        if mode not in _CONFIGS:
            raise ValueError(
                f"For {mode.upper()}, you must pass a `{mode.upper()}Config` object in the `config` argument."
            )
        return getattr(quantizers, _CONFIGS[mode])()
    if config.mode != mode:
        raise ValueError(f"Contradictory arguments: mode='{mode}' but config.mode='{config.mode}'")
    return config


def _keep(kept: Kept, weight: np.ndarray, config) -> dict:
    """What is kept of the float `weight`: arrays by the ends of their names."""
    with trace.eager():
        if config.mode == "int8":
            return kept.int8(weight, config.weight_quantizer)
        block_size = -1 if config.block_size is None else config.block_size
        return core.int4.quantized(kept, weight, config.weight_quantizer, block_size)
