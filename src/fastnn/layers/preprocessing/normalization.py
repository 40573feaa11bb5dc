"""Normalization: features with mean 0 and variance 1, by what was seen of them."""

import numpy as np

from fastnn import config, ops
from fastnn.layers.call_signature import is_array
from fastnn.layers.layer import Layer
from fastnn.layers.preprocessing.host_layer import iterated


class Normalization(Layer):
    """`(inputs - mean) / sqrt(variance)`, with the mean and variance that `adapt` found in data, or that were given.

    Args:
        axis: the axis, or axes, that keep a mean and variance for each position: -1 for features, None for one mean of
            all numbers.
        mean, variance: numbers, or arrays for the positions of `axis`; both or neither.
        invert: whether the layer does the reverse, `mean + inputs * sqrt(variance)`.

    Input shape and output shape: any, the same.

    Raises:
        ValueError: for one of mean and variance alone, shapes that do not fit, and axes that the inputs do not have.

    Example:
        >>> layer = fastnn.layers.Normalization()
        >>> layer.adapt(np.array([[0.0, 7.0], [2.0, 9.0]]))
        >>> layer(np.array([[1.0, 7.0]], "float32"))
        array([[ 0., -1.]], dtype=float32)
    """

    def __init__(self, axis=-1, mean=None, variance=None, invert=False, **kwargs):
        super().__init__(**kwargs)
        self.axis = () if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        self.input_mean = mean
        self.input_variance = variance
        self.invert = invert
        self.supports_masking = True
        self._shape: tuple | None = None
        if (mean is None) != (variance is None):
            raise ValueError(
                "When setting values directly, both `mean` and `variance` must be set. Received: "
                f"mean={mean} and variance={variance}"
            )
        if np.shape(mean) != np.shape(variance):
            raise ValueError(
                "When setting values directly, `mean` and `variance` must have the same shape. Received: mean shape "
                f"{np.shape(mean)} and variance shape {np.shape(variance)}"
            )
        if len(np.shape(mean)) > len(self.axis):
            raise ValueError(
                f"The rank of `mean` must be less than or equal to the number of axes ({len(self.axis)}). Received: "
                f"mean shape {np.shape(mean)} for axis {self.axis}"
            )

    def build(self, input_shape):
        if input_shape is None:
            return
        ndim = len(input_shape)
        if any(not -ndim <= axis < ndim for axis in self.axis):
            raise ValueError(
                f"All `axis` values must be in the range [-ndim, ndim). Received inputs with ndim={ndim}, while "
                f"axis={self.axis}"
            )
        kept = self._kept_axes(ndim)
        if any(input_shape[k] is None for k in kept):
            raise ValueError(
                f"All `axis` values to be kept must have a known shape. Received axis={self.axis}, "
                f"inputs.shape={input_shape}"
            )
        self._shape = tuple(size if k in kept else 1 for k, size in enumerate(input_shape))
        if self.input_mean is None:
            shape = tuple(input_shape[k] for k in kept)
            self.adapt_mean = self.add_weight(name="mean", shape=shape, initializer="zeros", trainable=False)
            self.adapt_variance = self.add_weight(name="variance", shape=shape, initializer="ones", trainable=False)
            # Nothing counts here: files of Keras hold it.
            self.count = self.add_weight(name="count", shape=(), dtype="int", initializer="zeros", trainable=False)

    def _kept_axes(self, ndim: int) -> list[int]:
        return sorted(axis % ndim for axis in self.axis)

    def _broadcast(self, value):
        """A given mean or variance in the shape of `mean`: its axes are the last of those that are kept."""
        value = np.asarray(value, self.compute_dtype)
        kept = self._kept_axes(len(self._shape))[len(self.axis) - value.ndim :]
        shape = [1] * len(self._shape)
        for k, size in zip(kept, value.shape, strict=True):
            shape[k] = size
        return np.broadcast_to(value.reshape(shape), self._shape)

    def _statistics(self):
        if self.input_mean is not None:
            return self._broadcast(self.input_mean), self._broadcast(self.input_variance)
        return tuple(
            ops.cast(ops.reshape(variable, self._shape), self.compute_dtype)
            for variable in (self.adapt_mean, self.adapt_variance)
        )

    @property
    def mean(self):
        """The mean, with axes of 1 where all positions share it; None before the layer is built."""
        return None if self._shape is None else self._statistics()[0]

    @property
    def variance(self):
        """The variance, in the shape of `mean`."""
        return None if self._shape is None else self._statistics()[1]

    @property
    def _learns(self) -> bool:
        return self.input_mean is None

    def adapt(self, data) -> None:
        """Finds the mean and variance of data, and forgets what was found before.

        Args:
            data: an array; or a `PyDataset`, a list or another iterable of batches (or of tuples that begin with one).

        Raises:
            TypeError: for anything else.
            ValueError: for no data, and for shapes that do not fit.
        """
        count, mean, squares = 0, 0.0, 0.0
        data = np.asarray(data) if hasattr(data, "__array__") else data
        for batch in [data] if is_array(data) else iterated(data):
            batch = batch[0] if isinstance(batch, tuple) else batch
            if not is_array(batch):
                raise TypeError(
                    "adapt() expects an iterable that yields arrays with a `.shape` attribute. Got an element of type "
                    f"{type(batch).__name__}."
                )
            self._check_batch(batch.shape)
            reduced = tuple(set(range(batch.ndim)) - set(self._kept_axes(batch.ndim)))
            batch = np.asarray(batch, np.float64)
            added = int(np.prod([batch.shape[k] for k in reduced]))
            own = batch.mean(axis=reduced, keepdims=True)
            deviations = batch - own
            change = np.squeeze(own, reduced) - mean
            # Two sets of numbers as one (Chan, Golub and LeVeque 1979).
            squares += np.square(deviations, out=deviations).sum(axis=reduced)
            squares += change**2 * count * added / (count + added)
            count += added
            mean += change * added / count
        if not count:
            raise ValueError("adapt() received no data: expected an array with rows, or at least one batch.")
        if self.input_mean is None:
            self.adapt_mean.assign(mean)
            self.adapt_variance.assign(squares / count)

    def finalize_state(self) -> None:
        """Kept for Keras's callers: what `adapt` or `set_weights` sets counts at once."""

    def _check_batch(self, shape) -> None:
        if not self.built:
            self.build(tuple(shape))
        if len(shape) != len(self._shape) or any(shape[k] != self._shape[k] for k in self._kept_axes(len(shape))):
            raise ValueError(
                f"adapt(): the layer was built for axes of sizes {self._shape} (1 where any size fits), but the data "
                f"has an incompatible shape, {tuple(shape)}."
            )

    def call(self, inputs):
        inputs = ops.cast(inputs, self.compute_dtype)
        mean, variance = self._statistics()
        deviation = ops.maximum(ops.sqrt(variance), config.epsilon())
        return ops.add(mean, ops.multiply(inputs, deviation)) if self.invert else (inputs - mean) / deviation

    def get_config(self):
        return {
            **super().get_config(),
            "axis": self.axis,
            "invert": self.invert,
            "mean": np.array(self.input_mean).tolist(),
            "variance": np.array(self.input_variance).tolist(),
        }
