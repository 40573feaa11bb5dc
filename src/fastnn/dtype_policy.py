"""DTypePolicy: in which dtype a layer computes, and in which it keeps its weights; the policy of new layers."""

from fastnn import config
from fastnn.graph.dtypes import standardize_dtype

_MODES = ("int8", "float8", "int4", "gptq", "awq")


class DTypePolicy:
    """The dtypes of a layer.

    Args:
        name: a dtype, used for computing and for weights; or "mixed_float16" or "mixed_bfloat16": computes in that
            dtype with float32 weights. `floatx()` by default. bfloat16 needs ml_dtypes (the extra `bfloat16`).

    Raises:
        TypeError: for a name that is no string.
        ValueError: for any other name.

    Example:
        >>> policy = fastnn.DTypePolicy("mixed_float16")
        >>> policy.compute_dtype, policy.variable_dtype
        ('float16', 'float32')
    """

    def __init__(self, name: str | None = None):
        if name is None:
            name = config.floatx()
        if not isinstance(name, str):
            raise TypeError(
                f"'name' must be a string, such as 'mixed_float16'. Received: name={name} (of type {type(name)})"
            )
        self._name = name
        self._compute_dtype, self._variable_dtype = _dtypes_of(name)

    @property
    def name(self) -> str:
        """What the policy was made from."""
        return self._name

    @property
    def compute_dtype(self) -> str:
        """The dtype of computations and outputs."""
        return self._compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of weights."""
        return self._variable_dtype

    @property
    def quantization_mode(self) -> str | None:
        """How weights are quantized; None: not."""
        return None

    def get_config(self) -> dict:
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: dict) -> "DTypePolicy":
        return cls(**config)

    def __eq__(self, other) -> bool:
        return type(self) is type(other) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f'<{type(self).__name__} "{self.name}">'


class FloatDTypePolicy(DTypePolicy):
    """An older name of `DTypePolicy`.

    Example:
        >>> fastnn.dtype_policies.FloatDTypePolicy("float64").compute_dtype
        'float64'
    """


class QuantizedDTypePolicy(DTypePolicy):
    """A policy of layers whose weights are kept in few bits; see `Layer.quantize`.

    Args:
        mode: "int8", "int4", "float8", "gptq" or "awq".
        source_name: the policy before quantization; the global one by default.

    Raises:
        ValueError: for another mode.

    Example:
        >>> fastnn.dtype_policies.QuantizedDTypePolicy("int8", "float32").name
        'int8_from_float32'
    """

    def __init__(self, mode, source_name=None):
        kind = str(mode).partition("/")[0]
        if kind not in _MODES:
            raise ValueError(f"Invalid quantization mode. Expected one of {_MODES}. Received: mode={mode}")
        source = dtype_policy().name if source_name is None else source_name
        super().__init__(source)
        if kind == "int8" and self.compute_dtype == "float16":
            raise ValueError(f"Quantization mode='{mode}' doesn't work well with compute_dtype='float16'.")
        self.mode, self._kind, self._source_name = mode, kind, source
        self._name = f"{mode}_from_{source}"

    @property
    def quantization_mode(self) -> str:
        return self._kind

    def get_config(self) -> dict:
        return {"mode": self.mode, "source_name": self._source_name}


class QuantizedFloat8DTypePolicy(QuantizedDTypePolicy):
    """A policy of float8 training; see `QuantizedDTypePolicy`.

    Args:
        mode: "float8".
        source_name: the policy before.
        amax_history_length: how many largest values are remembered for the scales; 1024.

    Raises:
        TypeError: for a length that is no int.

    Example:
        >>> fastnn.dtype_policies.QuantizedFloat8DTypePolicy("float8", "float32").amax_history_length
        1024
    """

    def __init__(self, mode, source_name=None, amax_history_length=1024):
        super().__init__(mode, source_name)
        if not isinstance(amax_history_length, int):
            raise TypeError(
                f"`amax_history_length` must be an integer. Received: amax_history_length={amax_history_length}"
            )
        self.amax_history_length = amax_history_length

    def get_config(self) -> dict:
        return {**super().get_config(), "amax_history_length": self.amax_history_length}


class Int4DTypePolicy(QuantizedDTypePolicy):
    """A policy of int4 weights with a scale for each block; see `QuantizedDTypePolicy`.

    Args:
        mode: "int4/<block_size>"; -1 is one block.
        source_name: the policy before.

    Raises:
        ValueError: for another mode.

    Example:
        >>> fastnn.dtype_policies.Int4DTypePolicy("int4/128", "float32").block_size
        128
    """

    def __init__(self, mode, source_name=None):
        (self.block_size,) = _numbers(type(self), "int4", ("block_size",), mode)
        super().__init__(mode, source_name)


class GPTQDTypePolicy(QuantizedDTypePolicy):
    """A policy of weights quantized by GPTQ; see `QuantizedDTypePolicy`.

    Args:
        mode: "gptq/<weight_bits>/<group_size>": 2, 3, 4 or 8 bits.
        source_name: the policy before.

    Raises:
        ValueError: for another mode.

    Example:
        >>> fastnn.dtype_policies.GPTQDTypePolicy("gptq/4/128", "float32").weight_bits
        4
    """

    def __init__(self, mode, source_name=None):
        self.weight_bits, self.group_size = _numbers(type(self), "gptq", ("weight_bits", "group_size"), mode)
        if self.weight_bits not in (2, 3, 4, 8):
            raise ValueError(
                f"Invalid weight_bits in mode. Supported values are 2, 3, 4, and 8, but got {self.weight_bits} from "
                f"'{mode}'."
            )
        super().__init__(mode, source_name)


class AWQDTypePolicy(QuantizedDTypePolicy):
    """A policy of weights quantized by AWQ; see `QuantizedDTypePolicy`.

    Args:
        mode: "awq/4/<group_size>".
        source_name: the policy before.

    Raises:
        ValueError: for another mode.

    Example:
        >>> fastnn.dtype_policies.AWQDTypePolicy("awq/4/128", "float32").group_size
        128
    """

    def __init__(self, mode, source_name=None):
        self.weight_bits, self.group_size = _numbers(type(self), "awq", ("weight_bits", "group_size"), mode)
        if self.weight_bits != 4:
            raise ValueError(
                "Invalid weight_bits in mode. AWQ only supports 4-bit quantization, but got "
                f"{self.weight_bits} from '{mode}'."
            )
        super().__init__(mode, source_name)


def _dtypes_of(name: str) -> tuple[str, str]:
    """(compute dtype, variable dtype) of the policy `name`."""
    if name in ("mixed_float16", "mixed_bfloat16"):
        return standardize_dtype(name.removeprefix("mixed_")), "float32"
    try:
        dtype = "string" if name == "string" else standardize_dtype(name)
    except ValueError:
        raise ValueError(
            f"Cannot convert '{name}' to a mixed precision DTypePolicy. Valid policies include 'mixed_float16', "
            "'mixed_bfloat16', and the name of any float dtype such as 'float32'."
        ) from None
    return dtype, dtype


def _numbers(cls, kind: str, names: tuple[str, ...], mode) -> list[int]:
    """The numbers in a mode such as "gptq/4/128"."""
    parts = str(mode).split("/")
    form = "/".join([kind, *(f"<{name}>" for name in names)])
    if parts[0] != kind or len(parts) != len(names) + 1:
        raise ValueError(f"Invalid mode for {cls.__name__}. Expected format '{form}', but got '{mode}'.")
    numbers = []
    for name, part in zip(names, parts[1:], strict=True):
        if not part.removeprefix("-").isdecimal():
            raise ValueError(
                f"Invalid mode for {cls.__name__}. <{name}> must be an integer. Expected format '{form}', but got "
                f"'{mode}'."
            )
        numbers.append(int(part))
    return numbers


_QUANTIZED = {"float8": QuantizedFloat8DTypePolicy, "gptq": GPTQDTypePolicy, "awq": AWQDTypePolicy}
_CLASSES = {
    cls.__name__: cls
    for cls in (
        DTypePolicy, FloatDTypePolicy, QuantizedDTypePolicy, QuantizedFloat8DTypePolicy, Int4DTypePolicy,
        GPTQDTypePolicy, AWQDTypePolicy,
    )
}  # fmt: skip


def dtype_policy() -> DTypePolicy:
    """The policy of layers that are not given one: what `set_dtype_policy` set, or `floatx()`.

    Example:
        >>> fastnn.config.dtype_policy()
        <DTypePolicy "float32">
    """
    return config.chosen("dtype_policy") or DTypePolicy()


def set_dtype_policy(policy) -> None:
    """Sets the policy of layers that are not given one.

    Args:
        policy: a `DTypePolicy` or the name of one.

    Raises:
        ValueError: for anything else.

    Example:
        >>> fastnn.config.set_dtype_policy("mixed_float16"); fastnn.layers.Dense(1).compute_dtype
        'float16'
        >>> fastnn.config.set_dtype_policy("float32")
    """
    if not isinstance(policy, (str, DTypePolicy)):
        raise ValueError(
            "Invalid `policy` argument. Expected the string name of a policy (such as 'mixed_float16') or a "
            f"`DTypePolicy` instance. Received: policy={policy} (of type {type(policy)})"
        )
    config.choose("dtype_policy", get(policy))


def get(identifier) -> DTypePolicy:
    """The policy that `identifier` stands for.

    Args:
        identifier: None (the global policy), a policy, its name or config, or a dtype.

    Raises:
        ValueError: for anything else.

    Example:
        >>> fastnn.dtype_policies.get("int8_from_mixed_bfloat16").quantization_mode
        'int8'
    """
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, str):
        if identifier.startswith(_MODES):
            return _quantized(identifier)
        return DTypePolicy(identifier)
    try:
        return DTypePolicy(standardize_dtype(identifier))
    except ValueError:
        raise ValueError(
            "Cannot interpret `dtype` argument. Expected a string or an instance of DTypePolicy. Received: "
            f"dtype={identifier}"
        ) from None


def _quantized(name: str) -> DTypePolicy:
    mode, separator, source = name.partition("_from_")
    if not separator:
        raise ValueError(
            "Cannot convert `policy` into a valid pair (`mode`, `source_name`) to instantiate `QuantizedDTypePolicy`. "
            f"Received: policy={name}"
        )
    kind = mode.partition("/")[0]
    if mode.startswith("int4/"):
        return Int4DTypePolicy(mode, source)
    return _QUANTIZED.get(kind, QuantizedDTypePolicy)(mode, source)


def serialize(dtype_policy) -> dict:
    """The config of a policy; `deserialize` makes it again.

    Example:
        >>> fastnn.dtype_policies.serialize(fastnn.DTypePolicy("float16"))["config"]
        {'name': 'float16'}
    """
    name = type(dtype_policy).__name__
    module = "keras" if name in ("DTypePolicy", "FloatDTypePolicy") else "keras.dtype_policies"
    return {"module": module, "class_name": name, "config": dtype_policy.get_config(), "registered_name": None}


def deserialize(config, custom_objects=None) -> DTypePolicy:
    """The policy that a config describes.

    Args:
        config: from `serialize`.
        custom_objects: `{name: class}` of further policies.

    Raises:
        ValueError: for an unknown class.

    Example:
        >>> fastnn.dtype_policies.deserialize({"class_name": "DTypePolicy", "config": {"name": "float16"}})
        <DTypePolicy "float16">
    """
    classes = {**_CLASSES, **(custom_objects or {})}
    name = config.get("class_name") if isinstance(config, dict) else None
    if name not in classes:
        raise ValueError(f"Cannot interpret a dtype policy from {config}.")
    return classes[name].from_config(config["config"])
