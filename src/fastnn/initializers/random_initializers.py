"""Random initializers. One made with a seed, or with none, gives the same numbers at each call, as in Keras: without a
seed the seed is drawn once, when the initializer is made. With a `SeedGenerator` each call gives others."""

import math

import numpy as np

from fastnn import random
from fastnn.graph.dtypes import is_half, standardize_dtype
from fastnn.initializers.initializer import Initializer
from fastnn.random.seed_generator import SeedGenerator, make_default_seed
from fastnn.serialization import deserialize_keras_object, serialize_keras_object

# The standard deviation of a unit normal that is cut off at 2: samples are divided by it to have unit variance.
_TRUNCATED_STDDEV = 0.87962566103423978


class RandomInitializer(Initializer):
    """Base of the random initializers: owns the seed.

    Args:
        seed: int, `SeedGenerator`, or None.

    Raises:
        ValueError: for anything else.
    """

    def __init__(self, seed=None):
        self._init_seed = seed
        if isinstance(seed, dict):
            seed = deserialize_keras_object(seed)
        if seed is None:
            seed = make_default_seed()
        elif not isinstance(seed, (int, np.integer, SeedGenerator)):
            raise ValueError(
                "`seed` argument should be an instance of `fastnn.random.SeedGenerator()` or an integer. Received: "
                f"seed={seed}"
            )
        self.seed = seed

    def get_config(self):
        return {"seed": serialize_keras_object(self._init_seed)}


class RandomNormal(RandomInitializer):
    """Normal numbers.

    Args:
        mean, stddev: of the distribution.
        seed: int, `SeedGenerator`, or None.

    Example:
        >>> fastnn.initializers.RandomNormal(stddev=0.01, seed=1)((2, 3)).shape
        (2, 3)
    """

    def __init__(self, mean=0.0, stddev=0.05, seed=None):
        self.mean = mean
        self.stddev = stddev
        super().__init__(seed)

    def __call__(self, shape, dtype=None):
        return random.normal(shape, self.mean, self.stddev, dtype=standardize_dtype(dtype), seed=self.seed)

    def get_config(self):
        return {**super().get_config(), "mean": self.mean, "stddev": self.stddev}


class TruncatedNormal(RandomNormal):
    """Normal numbers, drawn again while they are more than two standard deviations from the mean.

    Args:
        mean, stddev: of the distribution before it is cut off.
        seed: int, `SeedGenerator`, or None.

    Example:
        >>> bool(abs(fastnn.initializers.TruncatedNormal(stddev=1.0, seed=1)((100,))).max() <= 2)
        True
    """

    def __call__(self, shape, dtype=None):
        return random.truncated_normal(shape, self.mean, self.stddev, dtype=standardize_dtype(dtype), seed=self.seed)


class RandomUniform(RandomInitializer):
    """Uniform numbers in [minval, maxval).

    Args:
        minval, maxval: the bounds.
        seed: int, `SeedGenerator`, or None.

    Example:
        >>> fastnn.initializers.RandomUniform(-1, 1, seed=1)((2, 3)).shape
        (2, 3)
    """

    def __init__(self, minval=-0.05, maxval=0.05, seed=None):
        self.minval = minval
        self.maxval = maxval
        super().__init__(seed)

    def __call__(self, shape, dtype=None):
        return random.uniform(shape, self.minval, self.maxval, dtype=standardize_dtype(dtype), seed=self.seed)

    def get_config(self):
        return {**super().get_config(), "minval": self.minval, "maxval": self.maxval}


class VarianceScaling(RandomInitializer):
    """Random numbers whose variance is `scale / n`: n is how many inputs or outputs a unit has.

    Args:
        scale: positive float.
        mode: "fan_in" (inputs), "fan_out" (outputs) or "fan_avg" (their mean).
        distribution: "truncated_normal", "untruncated_normal" or "uniform".
        seed: int, `SeedGenerator`, or None.
        input_axes, output_axes: lists of the axes whose sizes multiply to the inputs and outputs; when not both are
            given, the last axis but one and the last, each times the product of the axes before.

    Raises:
        ValueError: for other values.

    Example:
        >>> w = fastnn.initializers.VarianceScaling(2.0, "fan_in", "uniform", seed=1)((6, 4))
        >>> bool(abs(w).max() <= 1.0)
        True
    """

    def __init__(
        self, scale=1.0, mode="fan_in", distribution="truncated_normal", seed=None, input_axes=None, output_axes=None
    ):
        distribution = str(distribution).lower()
        # Keras 2 called it "normal".
        distribution = "truncated_normal" if distribution == "normal" else distribution
        if not scale > 0.0:
            raise ValueError(f"Argument `scale` must be positive float. Received: scale={scale}")
        _one_of("mode", mode, ("fan_in", "fan_out", "fan_avg"))
        _one_of("distribution", distribution, ("truncated_normal", "untruncated_normal", "uniform"))
        self.scale = scale
        self.mode = mode
        self.distribution = distribution
        self.input_axes = input_axes
        self.output_axes = output_axes
        super().__init__(seed)

    def __call__(self, shape, dtype=None):
        dtype = standardize_dtype(dtype)
        fan_in, fan_out = self._fans(shape)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, n)
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return random.uniform(shape, -limit, limit, dtype=dtype, seed=self.seed)
        stddev = math.sqrt(variance)
        if self.distribution == "untruncated_normal":
            return random.normal(shape, 0.0, stddev, dtype=dtype, seed=self.seed)
        return random.truncated_normal(shape, 0.0, stddev / _TRUNCATED_STDDEV, dtype=dtype, seed=self.seed)

    def _fans(self, shape) -> tuple[int, int]:
        if self.input_axes is not None and self.output_axes is not None:
            return math.prod(shape[axis] for axis in self.input_axes), math.prod(
                shape[axis] for axis in self.output_axes
            )
        if len(shape) < 2:
            size = shape[0] if shape else 1
            return size, size
        window = math.prod(shape[:-2])
        return window * shape[-2], window * shape[-1]

    def get_config(self):
        return {
            **super().get_config(),
            "scale": self.scale,
            "mode": self.mode,
            "distribution": self.distribution,
            "input_axes": self.input_axes,
            "output_axes": self.output_axes,
        }


class _Scaled(VarianceScaling):
    """A VarianceScaling with a name and fixed arguments."""

    _scaling = (1.0, "fan_in", "uniform")

    def __init__(self, seed=None, input_axes=None, output_axes=None):
        super().__init__(*self._scaling, seed=seed, input_axes=input_axes, output_axes=output_axes)

    def get_config(self):
        return {**RandomInitializer.get_config(self), "input_axes": self.input_axes, "output_axes": self.output_axes}


class GlorotUniform(_Scaled):
    """Uniform in [-limit, limit], limit = sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010, equation 16).

    Args:
        seed: int, `SeedGenerator`, or None.
        input_axes, output_axes: as in `VarianceScaling`.

    Example:
        >>> bool(abs(fastnn.initializers.GlorotUniform(seed=1)((2, 4))).max() <= 1.0)
        True
    """

    _scaling = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Scaled):
    """Truncated normal with variance 2 / (fan_in + fan_out) (Glorot and Bengio 2010).

    Args:
        seed: int, `SeedGenerator`, or None.
        input_axes, output_axes: as in `VarianceScaling`.

    Example:
        >>> fastnn.initializers.GlorotNormal(seed=1)((2, 4)).shape
        (2, 4)
    """

    _scaling = (1.0, "fan_avg", "truncated_normal")


class LecunNormal(_Scaled):
    """Truncated normal with variance 1 / fan_in (LeCun et al. 1998).

    Args:
        seed: int, `SeedGenerator`, or None.
        input_axes, output_axes: as in `VarianceScaling`.

    Example:
        >>> fastnn.initializers.LecunNormal(seed=1)((2, 4)).shape
        (2, 4)
    """

    _scaling = (1.0, "fan_in", "truncated_normal")


class LecunUniform(_Scaled):
    """Uniform in [-limit, limit], limit = sqrt(3 / fan_in) (LeCun et al. 1998).

    Args:
        seed: int, `SeedGenerator`, or None.
        input_axes, output_axes: as in `VarianceScaling`.

    Example:
        >>> bool(abs(fastnn.initializers.LecunUniform(seed=1)((3, 4))).max() <= 1.0)
        True
    """

    _scaling = (1.0, "fan_in", "uniform")


class HeNormal(_Scaled):
    """Truncated normal with variance 2 / fan_in (He et al. 2015, equation 10).

    Args:
        seed: int, `SeedGenerator`, or None.
        input_axes, output_axes: as in `VarianceScaling`.

    Example:
        >>> fastnn.initializers.HeNormal(seed=1)((2, 4)).shape
        (2, 4)
    """

    _scaling = (2.0, "fan_in", "truncated_normal")


class HeUniform(_Scaled):
    """Uniform in [-limit, limit], limit = sqrt(6 / fan_in) (He et al. 2015).

    Args:
        seed: int, `SeedGenerator`, or None.
        input_axes, output_axes: as in `VarianceScaling`.

    Example:
        >>> bool(abs(fastnn.initializers.HeUniform(seed=1)((6, 4))).max() <= 1.0)
        True
    """

    _scaling = (2.0, "fan_in", "uniform")


class Orthogonal(RandomInitializer):
    """A matrix with orthogonal rows or columns (whichever are fewer), times `gain`; axes before the last are one.

    Args:
        gain: a number.
        seed: int, `SeedGenerator`, or None.

    Raises:
        ValueError: for a shape of fewer than two axes.

    Example:
        >>> q = fastnn.initializers.Orthogonal(seed=1)((3, 3)); bool(np.allclose(q @ q.T, np.eye(3), atol=1e-5))
        True
    """

    def __init__(self, gain=1.0, seed=None):
        self.gain = gain
        super().__init__(seed)

    def __call__(self, shape, dtype=None):
        if len(shape) < 2:
            raise ValueError(
                "The tensor to initialize must be at least two-dimensional. Received: "
                f"shape={shape} of rank {len(shape)}."
            )
        dtype = standardize_dtype(dtype)
        rows, columns = math.prod(shape[:-1]), shape[-1]
        tall = (max(rows, columns), min(rows, columns))
        from fastnn import ops  # not in a first import

        # QR is not computed in half precision.
        drawn = random.normal(tall, dtype="float32" if is_half(dtype) else dtype, seed=self.seed)
        q, r = ops.qr(drawn)
        # The signs of R's diagonal are the algorithm's choice; with them taken out, Q is uniform over all rotations.
        q = ops.multiply(q, ops.sign(ops.diagonal(r)))
        q = ops.reshape(q if rows >= columns else ops.transpose(q), shape)
        return ops.cast(ops.multiply(q, self.gain), dtype)

    def get_config(self):
        return {**super().get_config(), "gain": self.gain}


OrthogonalInitializer = Orthogonal


def _one_of(argument: str, value, allowed) -> None:
    if value not in allowed:
        raise ValueError(f"Invalid `{argument}` argument: {value}. Please use one of {allowed}")
