"""Hashing: anything to one of a number of bins."""

import numpy as np

from fastnn import config
from fastnn.layers.preprocessing.categories import check_mode, check_sparse, encode, encoded_shape
from fastnn.layers.preprocessing.host_layer import HostLayer
from fastnn.layers.preprocessing.strings import Strings
from fastnn.layers.text import is_text, to_bytes


class Hashing(HostLayer):
    """The bin of each string or integer, by a hash function whose values never change.

    The function is FarmHash64, with a `salt` SipHash-2-4, of the string (of an integer, as it is written), modulo
    the number of bins: the values of Keras on TensorFlow.

    Args:
        num_bins: how many bins there are, that of `mask_value` included.
        mask_value: what goes into bin 0, which is then for it alone.
        salt: an integer, or two: the key of the hash function.
        output_mode: "int" gives the bins, "one_hot", "multi_hot" and "count" encode them as `CategoryEncoding` does.
        sparse: only False.

    Input shape: any; strings or integers. Floats are cut to integers.

    Raises:
        ValueError: for arguments that do not fit.

    Example:
        >>> fastnn.layers.Hashing(num_bins=3)([["A"], ["B"], ["C"]])
        array([[1],
               [0],
               [1]])
    """

    def __init__(self, num_bins, mask_value=None, salt=None, output_mode="int", sparse=False, **kwargs):
        if kwargs.get("dtype") is None:
            kwargs["dtype"] = "int64" if output_mode == "int" else config.floatx()
        super().__init__(**kwargs)
        if num_bins is None or num_bins <= 0:
            raise ValueError(
                f"The `num_bins` for `Hashing` cannot be `None` or non-positive values. Received: num_bins={num_bins}."
            )
        if output_mode == "int" and self.compute_dtype not in ("int32", "int64"):
            raise ValueError(
                "When `output_mode=\"int\"`, `dtype` should be an integer type, 'int32' or 'int64'. Received: "
                f"dtype={kwargs['dtype']}"
            )
        self.num_bins = num_bins
        self.mask_value = mask_value
        self.output_mode = check_mode("Hashing", output_mode, ("int", "one_hot", "multi_hot", "count"))
        self.sparse = check_sparse("Hashing", sparse)
        self.salt = as_key("Hashing", salt)

    def call(self, inputs):
        bins = self.on_host(self._bins, [inputs], inputs.shape, "int64")
        return encode(bins, self.output_mode, self.num_bins, self.compute_dtype)

    def _as_arrays(self, inputs):
        strings = Strings.of_list(inputs)
        return super()._as_arrays(inputs) if strings is None else strings

    def _bins(self, values: np.ndarray | Strings) -> np.ndarray:
        if isinstance(values, np.ndarray) and values.dtype.kind == "f":
            values = values.astype(np.int64)
        has_mask = self.mask_value is not None and self.num_bins > 1
        strings = values if isinstance(values, Strings) else Strings(values)
        bins = bucket(strings, self.num_bins - has_mask, self.salt)
        if not has_mask:
            return bins
        has_text = isinstance(values, Strings) or is_text(values)
        is_mask = strings.equals(to_bytes(self.mask_value)[()]) if has_text else values == self.mask_value
        bins += 1
        return np.where(is_mask, 0, bins)

    def compute_output_shape(self, input_shape):
        return encoded_shape(input_shape, self.output_mode, self.num_bins)

    def get_config(self):
        return {
            **super().get_config(),
            "num_bins": self.num_bins,
            "salt": self.salt,
            "mask_value": self.mask_value,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
        }


def as_key(layer: str, salt) -> list[int] | None:
    """The key of the hash function that `salt` (None, an integer or two) says.

    Raises:
        ValueError: for anything else.
    """
    if salt is None:
        return None
    if isinstance(salt, (tuple, list)) and len(salt) == 2:
        return list(salt)
    if isinstance(salt, int):
        return [salt, salt]
    raise ValueError(
        f"The `salt` argument for `{layer}` can only be a tuple of 2 integers, or a single integer. Received: "
        f"salt={salt}."
    )


def bucket(strings: Strings, count: int, key) -> np.ndarray:
    """Into which of `count` buckets each string goes, int64.

    Args:
        strings: any.
        count: at least 1.
        key: two integers, or None.
    """
    hashes = strings.hashes(key)
    return np.remainder(hashes, np.uint64(count), out=hashes).view(np.int64)
