"""Input: where a functional model begins."""

from fastnn.graph.dtypes import standardize_dtype
from fastnn.graph.symbolic import KerasTensor, symbolic_call
from fastnn.layers.layer import Layer


class InputLayer(Layer):
    """The layer behind an `Input`.

    Args:
        shape: tuple without the batch.
        batch_size: int or None.
        dtype: of the input; `floatx()` by default.
        sparse, ragged: only False; there are no sparse or ragged arrays here.
        batch_shape: tuple with the batch, instead of `shape` and `batch_size`.
        input_tensor: a KerasTensor to use instead of a new one.
        optional: whether None may be passed for it.
        name: defaults to "input_layer", numbered.

    Raises:
        ValueError: without `shape` or `batch_shape`, or with both.

    Example:
        >>> fastnn.layers.InputLayer(shape=(3,)).batch_shape
        (None, 3)
    """

    def __init__(
        self, shape=None, batch_size=None, dtype=None, sparse=None, ragged=None, batch_shape=None, input_tensor=None,
        optional=False, name=None, **kwargs,
    ):  # fmt: skip
        super().__init__(name=name)
        if kwargs.pop("input_shape", None) is not None:
            raise ValueError("Do not use `input_shape` with InputLayer: the argument is named `shape`.")
        if kwargs:
            raise ValueError(f"Unrecognized keyword arguments passed to InputLayer: {kwargs}")
        if sparse or ragged:
            raise ValueError(f"InputLayer {self.name!r}: sparse and ragged inputs are not supported by fastnn.")
        if input_tensor is not None:
            batch_shape, dtype = input_tensor.shape, dtype or input_tensor.dtype
        elif (shape is None) == (batch_shape is None):
            raise ValueError(
                "You must pass a `shape` argument, or a `batch_shape` argument, and not both. Received: "
                f"shape={shape}, batch_shape={batch_shape}"
            )
        elif batch_shape is None:
            batch_shape = (batch_size, *_sizes(shape))
        self._dtype = standardize_dtype(dtype)
        self.batch_shape = _sizes(batch_shape)
        self.sparse, self.ragged, self.optional = bool(sparse), bool(ragged), optional
        if input_tensor is None:
            input_tensor = KerasTensor(self.batch_shape, self._dtype, name=self.name)
        symbolic_call(self, (), {}, input_tensor)
        self._inbound.append((input_tensor.call, input_tensor))
        self.built = True

    def call(self):
        raise NotImplementedError("An InputLayer is where a model begins; it cannot be called.")

    @property
    def dtype(self):
        return self._dtype

    def get_config(self):
        return {
            "batch_shape": self.batch_shape,
            "dtype": self.dtype,
            "sparse": self.sparse,
            "ragged": self.ragged,
            "name": self.name,
            "optional": self.optional,
        }


def Input(
    shape=None, batch_size=None, dtype=None, sparse=None, ragged=None, batch_shape=None, name=None, tensor=None,
    optional=False,
):  # fmt: skip
    """A KerasTensor from which a model is built.

    Args:
        shape: tuple without the batch, None for sizes that vary.
        batch_size: int or None.
        dtype: of the input; `floatx()` by default.
        sparse, ragged: only False.
        batch_shape: tuple with the batch, instead of `shape` and `batch_size`.
        name: defaults to "input_layer", numbered.
        tensor: a KerasTensor to use instead of a new one.
        optional: whether None may be passed for it.

    Raises:
        ValueError: without `shape` or `batch_shape`, or with both.

    Example:
        >>> fastnn.Input((28, 28, 1)).shape
        (None, 28, 28, 1)
    """
    layer = InputLayer(
        shape=shape, batch_size=batch_size, dtype=dtype, sparse=sparse, ragged=ragged, batch_shape=batch_shape,
        input_tensor=tensor, optional=optional, name=name,
    )  # fmt: skip
    return layer.output


def _sizes(shape) -> tuple[int | None, ...]:
    if isinstance(shape, int):
        raise ValueError(f"The shape of an Input should be a tuple of sizes, such as ({shape},). Received: {shape}")
    return tuple(None if size is None or size == -1 else int(size) for size in shape)
