"""InputSpec: what a layer asks of its inputs' shapes, and the check."""

from fastnn import tree


class InputSpec:
    """What a layer asks of one input: None asks nothing.

    Args:
        dtype: its dtype (recorded, not checked, as in Keras).
        shape: tuple, None for sizes that may be anything.
        ndim: number of axes.
        max_ndim, min_ndim: bounds on the number of axes.
        axes: dict from axis to the size it must have.
        allow_last_axis_squeeze: whether a last axis of 1 may be there or not.
        name: the key under which the input is found when inputs are a dict.
        optional: whether the input may be None.

    Example:
        >>> fastnn.layers.InputSpec(min_ndim=2, axes={-1: 3})
        <InputSpec min_ndim=2, axes={-1: 3}>
    """

    def __init__(
        self, dtype=None, shape=None, ndim=None, max_ndim=None, min_ndim=None, axes=None,
        allow_last_axis_squeeze=False, name=None, optional=False,
    ):  # fmt: skip
        self.dtype = dtype
        self.shape = None if shape is None else tuple(shape)
        self.ndim = len(self.shape) if self.shape is not None else ndim
        self.max_ndim = max_ndim
        self.min_ndim = min_ndim
        self.axes = {int(axis): size for axis, size in (axes or {}).items()}
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        self.name = name
        self.optional = optional
        limit = self.ndim or self.max_ndim
        if self.axes and limit and max(self.axes) >= limit:
            raise ValueError(f"Axis {max(self.axes)} is greater than the maximum allowed value: {limit - 1}")

    def get_config(self) -> dict:
        return {
            "dtype": self.dtype,
            "shape": self.shape,
            "ndim": self.ndim,
            "max_ndim": self.max_ndim,
            "min_ndim": self.min_ndim,
            "axes": self.axes,
        }

    @classmethod
    def from_config(cls, config: dict) -> "InputSpec":
        return cls(**config)

    def mismatch(self, shape: tuple[int | None, ...]) -> str | None:
        """What is wrong with an input of `shape`, or None."""
        ndim = len(shape)
        if self.shape is not None:
            return None if _fits(shape, self.shape, self.allow_last_axis_squeeze) else (
                f"expected shape={self.shape}, found shape={shape}"
            )  # fmt: skip
        if self.ndim is not None and ndim != self.ndim:
            return f"expected ndim={self.ndim}, found ndim={ndim}. Full shape received: {shape}"
        if self.max_ndim is not None and ndim > self.max_ndim:
            return f"expected max_ndim={self.max_ndim}, found ndim={ndim}"
        if self.min_ndim is not None and ndim < self.min_ndim:
            return f"expected min_ndim={self.min_ndim}, found ndim={ndim}. Full shape received: {shape}"
        for axis, size in self.axes.items():
            if size is None:
                continue
            if not -ndim <= axis < ndim:
                return (
                    f"expected axis {axis} of input shape to have value {size}, but received input with shape {shape}"
                )
            if shape[axis] not in (size, None):
                return (
                    f"expected axis {axis} of input shape to have value {size}, but received input with shape {shape}"
                )
        return None

    def __repr__(self) -> str:
        fields = {
            "dtype": self.dtype, "shape": self.shape, "ndim": None if self.shape is not None else self.ndim,
            "max_ndim": self.max_ndim, "min_ndim": self.min_ndim, "axes": self.axes or None,
        }  # fmt: skip
        return f"<InputSpec {', '.join(f'{k}={v}' for k, v in fields.items() if v is not None)}>"


def _fits(shape, wanted, allow_squeeze: bool) -> bool:
    if allow_squeeze and len(shape) != len(wanted):
        shape = shape[:-1] if shape and shape[-1] == 1 else shape
        wanted = wanted[:-1] if wanted and wanted[-1] == 1 else wanted
    return len(shape) == len(wanted) and all(
        a == b or a is None or b is None for a, b in zip(shape, wanted, strict=True)
    )


def assert_input_compatibility(input_spec, inputs, layer_name: str) -> None:
    """Raises ValueError unless `inputs` (a structure of arrays) satisfy `input_spec` (a structure of InputSpecs).

    The error says which input, of which layer, what was expected and what arrived.
    """
    if not input_spec:
        return
    specs = tree.flatten(input_spec)
    if isinstance(inputs, dict) and all(spec.name is not None for spec in specs):
        missing = [spec.name for spec in specs if spec.name not in inputs and not spec.optional]
        if missing:
            raise ValueError(
                f'Missing data for input "{missing[0]}" of layer {layer_name!r}. You passed a data dictionary with '
                f"keys {list(inputs)}. Expected the following keys: {[spec.name for spec in specs]}"
            )
        found = [inputs.get(spec.name) for spec in specs]
    else:
        found = tree.flatten(inputs)
    if len(found) != len(specs):
        raise ValueError(f'Layer "{layer_name}" expects {len(specs)} input(s), but it received {len(found)}.')
    for k, (spec, x) in enumerate(zip(specs, found, strict=True)):
        if spec is None or (x is None and spec.optional):
            continue
        if not hasattr(x, "shape"):
            raise ValueError(
                f"Inputs to a layer should be arrays. Got {x!r} ({type(x).__name__}) as input {k} of {layer_name!r}."
            )
        check_shape(spec, x, k, layer_name)


def check_shape(spec: InputSpec, x, k: int, layer_name: str) -> None:
    """Raises ValueError unless the shape of `x`, input number `k` of a layer, is what `spec` asks."""
    problem = spec.mismatch(tuple(x.shape))
    if problem:
        named = f" with name {spec.name!r}" if spec.name else ""
        raise ValueError(f"Input {k}{named} of layer {layer_name!r} is incompatible with the layer: {problem}")
