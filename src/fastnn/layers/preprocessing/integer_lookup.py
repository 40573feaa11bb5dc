"""IntegerLookup: integers of any size to indices, and back."""

import numpy as np

from fastnn import ops
from fastnn.layers.preprocessing.index_lookup import DROPPED, IndexLookup


class IntegerLookup(IndexLookup):
    """The index of each integer in a vocabulary.

    Args:
        max_tokens: how many indices there may be, those of special tokens included; None for any number.
        num_oov_indices: how many indices unknown integers share (see `oov_method`); with 0 they are an error.
        mask_token: an integer that stands for nothing: it gets index 0, or counts for nothing in vectors.
        oov_token: what `invert` makes of indices of unknown integers.
        vocabulary: list or array of integers, or the path of a text file with one a line; else call `adapt`.
        vocabulary_dtype: only "int64".
        idf_weights: what each integer of `vocabulary` counts for "tf_idf".
        invert: whether indices go in and the integers come out.
        output_mode: "int" gives indices; "one_hot", "multi_hot" and "count" vectors as `CategoryEncoding` does, int64;
            "tf_idf" counts times `idf_weights`.
        sparse: only False.
        pad_to_max_tokens: whether vectors have `max_tokens` places, whatever the vocabulary.
        oov_method: how unknown integers share several indices: "floormod" by their remainder, "farmhash" by FarmHash64.
        salt: an integer or two, for "farmhash": SipHash with this key.

    Input shape: any; integers.

    Raises:
        ValueError: for arguments that do not fit.
        RuntimeError: when it is called before it has a vocabulary.

    Example:
        >>> layer = fastnn.layers.IntegerLookup(vocabulary=[12, 36, 1138])
        >>> layer([[12, 1138], [7, 36]])
        array([[1, 3],
               [0, 2]])
    """

    def __init__(
        self, max_tokens=None, num_oov_indices=1, mask_token=None, oov_token=-1, vocabulary=None,
        vocabulary_dtype="int64", idf_weights=None, invert=False, output_mode="int", sparse=False,
        pad_to_max_tokens=False, oov_method="floormod", salt=None, name=None, **kwargs,
    ):  # fmt: skip
        if vocabulary_dtype != "int64":
            raise ValueError(
                "Only `vocabulary_dtype='int64'` is supported at this time. Received: "
                f"vocabulary_dtype={vocabulary_dtype}"
            )
        super().__init__(
            max_tokens=max_tokens, num_oov_indices=num_oov_indices, mask_token=mask_token, oov_token=oov_token,
            vocabulary=vocabulary, idf_weights=idf_weights, invert=invert, output_mode=output_mode, sparse=sparse,
            pad_to_max_tokens=pad_to_max_tokens, oov_method=oov_method, salt=salt, name=name, **kwargs,
        )  # fmt: skip

    def _check_salt(self, salt, oov_method):
        if salt is not None and oov_method != "farmhash":
            raise ValueError(f"`salt` can only be used when `oov_method='farmhash'`. Received: oov_method={oov_method}")

    def _as_ops(self):
        if not self._vocabulary:
            return None
        if self.invert:
            return self._invert_by_ops
        # Without a place for unknown numbers they are an error, and FarmHash is no arithmetic.
        is_known = self.num_oov_indices == 1 or (self.num_oov_indices > 1 and self.oov_method == "floormod")
        return self._indices_by_ops if is_known else None

    def _indices_by_ops(self, values):
        """`indices`, by a search among the sorted tokens."""
        keys = ops.cast(values, "int64")
        tokens = np.asarray(self._vocabulary.tokens, np.int64)
        order = np.argsort(tokens)
        place = ops.minimum(ops.searchsorted(tokens[order], keys), len(tokens) - 1)
        is_token = ops.equal(ops.take(tokens[order], place), keys)
        index = ops.take(order.astype(np.int64) + self._token_start, place)
        bucket = ops.mod(keys, self.num_oov_indices) + np.int64(self._oov_start)
        index = ops.where(is_token, index, bucket)
        if self.mask_token is not None:
            index = ops.where(keys == self.mask_token, 0 if self.output_mode == "int" else DROPPED, index)
        return ops.cast(index, "int64")

    def _invert_by_ops(self, indices):
        """`_invert`, by taking from a table whose last entry is for indices without a token."""
        size = self._oov_start + self.num_oov_indices + len(self._vocabulary)
        table = self._invert(np.arange(size + 1))
        is_known = ops.logical_and(ops.greater_equal(indices, 0), ops.less(indices, size))
        return ops.take(table, ops.where(is_known, indices, size))

    def _keys(self, values):
        return np.asarray(values).astype(np.int64)

    def _token(self, key):
        return int(key)

    def get_config(self):
        config = super().get_config()
        if config["vocabulary"] is not None:
            config["vocabulary"] = [int(token) for token in config["vocabulary"]]
        return config
