"""HashedCrossing: which values come together, as one of a number of bins."""

import functools

import numpy as np

from fastnn.layers.call_signature import is_array
from fastnn.layers.preprocessing.categories import check_mode, check_sparse, encode, encoded_shape
from fastnn.layers.preprocessing.host_layer import HostLayer
from fastnn.layers.preprocessing.strings import Strings
from fastnn.layers.text import is_text

_SEED = np.uint64(0xDECAFCAFFE)  # TensorFlow's, so that the bins are Keras's
_MURMUR = np.uint64(0xC6A4A7935BD1E995)  # MurmurHash's constant


class HashedCrossing(HostLayer):
    """The bin of each combination of values: a hash of all of them, modulo the number of bins.

    Args:
        num_bins: how many bins there are.
        output_mode: "int" gives the bins, "one_hot" vectors with a one at the bin.
        sparse: only False.

    Input shape: a list of two or more arrays of strings or integers, each (), (n,) or (n, 1).
    Output shape: that of an input, int64; with "one_hot" (n, num_bins).

    Raises:
        ValueError: for arguments or inputs that do not fit.

    Example:
        >>> layer = fastnn.layers.HashedCrossing(num_bins=5)
        >>> layer((np.array(["A", "B", "A", "B", "A"]), np.array([101, 101, 101, 102, 102])))
        array([1, 4, 1, 1, 3])
    """

    def __init__(self, num_bins, output_mode="int", sparse=False, name=None, dtype=None, **kwargs):
        super().__init__(name=name, dtype="int64" if output_mode == "int" and dtype is None else dtype)
        self.num_bins = num_bins
        self.output_mode = check_mode("HashedCrossing", output_mode, ("int", "one_hot"))
        self.sparse = check_sparse("HashedCrossing", sparse)

    def _as_arrays(self, inputs):
        if not isinstance(inputs, (list, tuple)):
            raise ValueError(f"`HashedCrossing` should be called on a list or tuple of inputs. Received: {inputs}")
        return [x if is_array(x) else np.asarray(x) for x in inputs]

    def call(self, inputs):
        self._check(inputs)
        bins = self.on_host(self._bins, list(inputs), inputs[0].shape, "int64")
        return encode(bins, self.output_mode, self.num_bins, self.compute_dtype)

    def _bins(self, *columns: np.ndarray) -> np.ndarray:
        numbers = [_numbers(column) for column in columns]
        crossed = functools.reduce(_cat64, numbers, np.full(numbers[0].shape, _SEED))
        return (crossed % np.uint64(self.num_bins)).astype(np.int64)

    def _check(self, inputs) -> None:
        if not isinstance(inputs, (list, tuple)) or len(inputs) < 2:
            raise ValueError(f"`HashedCrossing` should be called on at least two inputs. Received: inputs={inputs}")
        shapes = [tuple(x.shape) for x in inputs]
        if len(shapes[0]) > 2 or (len(shapes[0]) == 2 and shapes[0][-1] != 1):
            raise ValueError(
                "All `HashedCrossing` inputs should have shape `()`, `(batch_size)` or `(batch_size, 1)`. Received: "
                f"shapes={shapes}"
            )
        if any(shape != shapes[0] for shape in shapes):
            raise ValueError(f"All `HashedCrossing` inputs should have equal shape. Received: shapes={shapes}")
        for x in inputs:
            if not is_text(x) and np.dtype(x.dtype).kind not in "iu":
                raise ValueError(
                    f"All `HashedCrossing` inputs should have an integer or string dtype. Received: dtype={x.dtype}"
                )

    def compute_output_shape(self, input_shape):
        shapes = [tuple(shape) for shape in input_shape]
        if shapes[0][-1:] != shapes[1][-1:]:
            raise ValueError(
                f"Expected the two input tensors to have identical shapes. Received input_shape={input_shape}"
            )
        return encoded_shape(shapes[0], self.output_mode, self.num_bins)

    def get_config(self):
        return {
            "num_bins": self.num_bins,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
            "name": self.name,
            "dtype": self.dtype,
        }


def _numbers(column: np.ndarray) -> np.ndarray:
    """What is hashed of each value: the fingerprint of a string, an integer itself. uint64."""
    if is_text(column):
        return Strings(column).hashes()
    return column.astype(np.int64).view(np.uint64)


def _cat64(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The fingerprint of two fingerprints, as TensorFlow makes it. uint64, elementwise."""
    with np.errstate(over="ignore"):
        mixed = (first ^ _MURMUR ^ (_mix(second * _MURMUR) * _MURMUR)) * _MURMUR
        return _mix(_mix(mixed) * _MURMUR)


def _mix(x: np.ndarray) -> np.ndarray:
    return x ^ (x >> np.uint64(47))
